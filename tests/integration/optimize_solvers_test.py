#!/usr/bin/python3
"""The optimiser's answers held against SciPy's on the very same problem: `potline optimize --export` says what the objective, the
constraints and their slopes are at points that SciPy (SLSQP, trust-constr) asks for, through a pipe. Both have to come to the same
optimum; the ratio of times is told and judges nothing, as theirs is mostly the pipe's, and so are evaluations. Skipped (77) where
SciPy is not there."""
import json
import os
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
    from scipy.optimize import Bounds, NonlinearConstraint, minimize
except ImportError:
    print("skipped: SciPy is not there")
    sys.exit(77)

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
LONG, BRIEF = os.environ.get("POTLINE_LONG") == "1", os.environ.get("POTLINE_BRIEF") == "1"
FREE = ["acd_move=-3..3:0", "current=170..190:0"]
# Parameters of a pot, and more of what potline optimize is asked.
POTS = [
    ({"distance": 0.043, "alumina": 2.45}, ["--limit", "acd_move=-1..1:0"]),
    ({"distance": 0.045, "alumina": 2.8, "superheat": 10, "excess_fluoride": 11}, ["--limit", FREE[0]]),
    ({"distance": 0.044, "top": 205, "superheat": 8}, ["--limit", FREE[0], "--limit", "bath=6100..6500"]),
    ({"distance": 0.043, "efficiency": 0.92}, ["--limit", FREE[0], "--limit", FREE[1], "--set", "current=free"]),
    ({"distance": 0.046, "alumina": 2.2}, ["--limit", FREE[0], "--set", "objective={energy: 0, cost: 1}", "--limit", "impurity=0..0.09"]),
    ({"distance": 0.042, "superheat": 12}, ["--limit", FREE[0], "--set", "scenarios=2"]),
]


class Problem:
    """A pot's, asked point by point; what was asked last is remembered, as a solver wants parts of it one by one."""

    def __init__(self, state, how):
        self.process = subprocess.Popen([POTLINE, "optimize", "--state", state, "--export", *how], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.answer = json.loads(self.process.stdout.readline())
        self.known, self.asked = {}, 0
        self.about = self.ask(np.array(self.answer["x"]))
        self.low, self.high = np.array(self.about["low"]), np.array(self.about["high"])

    def ask(self, x):
        key = tuple(x)
        if key not in self.known:
            self.asked += 1
            self.process.stdin.write(json.dumps(list(map(float, x))) + "\n")
            self.process.stdin.flush()
            self.known[key] = json.loads(self.process.stdout.readline())
        return self.known[key]

    def close(self):
        self.process.stdin.close()
        if self.process.wait(timeout=60):
            sys.exit("optimize solvers: potline optimize --export has failed")


def solve(problem, method, start):
    """Over those variables that are not held."""
    free = problem.high > problem.low

    def at(z):
        x = problem.low.copy()
        x[free] = np.clip(z, problem.low[free], problem.high[free])
        told = problem.ask(x)
        if not told["defined"]:
            raise ArithmeticError("no state there")
        return told

    def slopes(told):
        return np.array(told["jacobian"]).reshape(-1, len(problem.low))[:, free]

    how = {"fun": lambda z: 1000 * at(z)["objective"], "x0": start[free], "jac": lambda z: 1000 * np.array(at(z)["gradient"])[free], "method": method,
           "bounds": Bounds(problem.low[free], problem.high[free])}
    if method == "SLSQP":
        how["constraints"] = [{"type": "ineq", "fun": lambda z: -np.array(at(z)["constraint"]), "jac": lambda z: -slopes(at(z))}]
        how["options"] = {"ftol": 1e-10, "maxiter": 200}
    else:
        how["constraints"] = [NonlinearConstraint(lambda z: np.array(at(z)["constraint"]), -np.inf, 0, jac=lambda z: slopes(at(z)))]
        how["options"] = {"gtol": 1e-9, "xtol": 1e-10, "maxiter": 400}
    try:
        found = minimize(**how)
        told = at(found.x)
    except ArithmeticError:
        return None
    return told if max(told["constraint"], default=0) <= 1e-5 else None


def compare(work, number, parameters, how):
    state = f"{work}/pot{number}.json"
    with open(state, "w") as file:
        json.dump({"cell": {"bath": 6200, "metal": 15000, **parameters}}, file)
    problem = Problem(state, how)
    if problem.answer["outcome"] != "optimal":
        sys.exit(f"optimize solvers: {parameters}: {problem.answer}")
    ours = problem.about["objective"]
    starts = [np.clip(np.array(problem.about["from"]), problem.low, problem.high), 0.5 * (problem.low + problem.high)]
    methods = ["SLSQP", "trust-constr"] if LONG or number == 1 else ["SLSQP"]  # it asks for hundreds of points
    for method in methods:
        asked, begun = problem.asked, time.monotonic()
        found = [told for told in (solve(problem, method, start) for start in starts) if told]
        seconds = time.monotonic() - begun
        if not found:
            sys.exit(f"optimize solvers: {parameters}: {method} has come to nothing feasible")
        best = min(found, key=lambda told: told["objective"])
        # Neither is better by more than a millionth; trust-constr ends a little inside of its limits.
        if ours > best["objective"] * (1 + 1e-6) or best["objective"] > ours * (1 + (1e-6 if method == "SLSQP" else 1e-4)):
            sys.exit(f"optimize solvers: {parameters} {how}: ours {ours} at {problem.answer['x']}, {method} {best['objective']} at {best['x']}")
        print(f"pot {number}, {method}: {best['objective']:.8f}, ours {ours:.8f}; {problem.asked - asked} points in {1000 * seconds:.0f} ms, ours "
              f"{problem.answer['evaluations']} in {1000 * problem.answer['seconds']:.1f} ms: 1/{seconds / problem.answer['seconds']:.0f} of the time")
    problem.close()


def main():
    with tempfile.TemporaryDirectory() as work:
        for number, (parameters, how) in enumerate(POTS[:3] if BRIEF else POTS):
            compare(work, number + 1, parameters, how)


if __name__ == "__main__":
    main()

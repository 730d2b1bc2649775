#!/usr/bin/python3
"""The closed loop on the simulated plant, in lockstep with its time (tests/bench/closed_loop): what was written depends on seed and
graph alone, not on the machine; it moves anodes, and the line's current where that
is a lever; and whatever the sensors say and however wrong the twin's model is, nothing unsafe
arrives at the plant by the plant's own log, and its pots are at no limit that they are not at without the loop."""
import contextlib
import fnmatch
import importlib.machinery
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile

BIN = os.environ["POTLINE_BIN"]
BENCH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench", "closed_loop")
LONG, BRIEF = os.environ.get("POTLINE_LONG") == "1", os.environ.get("POTLINE_BRIEF") == "1"
HOURS, POTS = ("24", 4) if LONG else ("2", 2)
PLANT = ["--seeds", "11", "--practice", "good", "--superheat", "7.5"]  # room enough that anodes are moved within two hours

# Names of a scenario, faults of the plant's instruments (kind:tags:from:for:argument), what the twin is told of its pots, and whether the
# line's current is decided: not where too few of its pots are believed (of four, one may be in doubt), or where they have another one
# than stands in the set point.
HOSTILE = [
    ("values that are no numbers", ["dropout:line1.pot*.noise:20m:2h:0.9", "dropout:line1.pot*.bath_temp:20m:2h:0.9", "dropout:line1.pot01.voltage:40m:2h:"],
     [], LONG),
    ("sensors that stand still", ["frozen:line1.pot*.noise:15m:-:", "frozen:line1.pot*.bath_temp:15m:-:", "frozen:line1.pot*.voltage:15m:-:"], [], False),
    ("sensors that contradict each other", ["offset:line1.pot01.voltage:10m:-:0.4", "offset:line1.pot02.current:10m:-:-25",
                                            "stuck:line1.pot02.bath_temp:10m:-:940"], [], LONG),
    ("sensors that drift", ["drift:line1.pot*.bath_temp:0s:-:12", "drift:line1.pot*.voltage:0s:-:-0.1"], [], True),
    ("noise and spikes", ["noise:line1.pot*.voltage:0s:-:0.2", "spike:line1.pot*.bath_temp:0s:-:60,0.05"], [], True),
    ("a line whose current is not what its pots have", ["offset:line1.pot*.current:0s:-:-25", "offset:line1.line_current:0s:-:-25"], [], False),
    ("a line current that is 4 % off, and passes for what its pots have", ["offset:line1.pot*.current:0s:-:-7.2", "offset:line1.line_current:0s:-:-7.2"],
     [], True),
    ("a line current that comes and goes", ["dropout:line1.line_current:10m:2h:0.7", "spike:line1.pot*.current:0s:-:40,0.05"], [], True),
    ("a model 20 % too high", [], ["bath=7440", "metal=18000", "bath_film=1440", "metal_film=1440", "dissolution=0.0048"], True),
    ("a model 20 % too low", [], ["bath=4960", "metal=12000", "bath_film=960", "metal_film=960", "dissolution=0.0032"], True),
]


def run(folder, *more, arm="acd"):
    command = [sys.executable, BENCH, "--bin", BIN, "--out", folder, "--hours", HOURS, "--from", "0", "--pots", str(POTS), "--step", "10s",
               *PLANT, "--arms", arm, "--jobs", "2", *more]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "POTLINE_HTTP": "off"})
    if done.returncode:
        sys.exit(f"closed loop: {' '.join(command)}: {done.stdout[-2000:]} {done.stderr[-3000:]}")
    results = []
    for kind in ("baseline", arm):
        with open(os.path.join(folder, f"good-{kind}-seed11.json")) as file:
            results.append(json.load(file))
    return results


def expect(condition, text):
    if not condition:
        sys.exit(f"closed loop: {text}")


def check_folder(folder):
    """What is there is not done again, is told as a table, and is no pair of a run with another set-up."""
    def bench(*more):
        command = [sys.executable, BENCH, "--bin", BIN, "--out", folder, "--from", "0", "--pots", str(POTS), "--step", "10s", *PLANT, "--table",
                   *more]
        return subprocess.run(command, capture_output=True, text=True)
    told = bench("--hours", HOURS)
    for needed in ("kWh/t", "kg CO2e/t", "anode effects/pot-day", "t/pot-day", "current efficiency %", "95 % CI", "outside of limits by truth, baseline",
                   "outside of limits by truth, with it"):
        expect(needed in told.stdout, f"the table has no {needed}: {told.stdout} {told.stderr}")
    other = bench("--hours", "3")
    expect(other.returncode == 1 and "use another folder" in other.stderr, f"another set-up in the same folder: {other}")
    with open(os.path.join(folder, "good-acd-seed11.json")) as file:
        result = json.load(file)
    days = {round(pot["days"] * 24, 1) for pot in result["truth"].values()}
    expect(days == {float(HOURS)}, f"a run of {HOURS} h has {days} h of each pot")


def broken(result):
    return {(pot, name): minutes for pot, figures in result["truth"].items() for name, minutes in figures["broken"].items()}


def check_bench(folder):
    """What it judges by: the guard's row of the current that counts, minutes beyond limits of each pot for itself, and quantiles."""
    loader = importlib.machinery.SourceFileLoader("closed_loop", BENCH)
    sys.path.insert(0, os.path.dirname(BENCH))
    sys.dont_write_bytecode = True
    bench = importlib.util.module_from_spec(importlib.util.spec_from_loader("closed_loop", loader))
    loader.exec_module(bench)
    import closed_loop_table as table
    for practice in ("good", "ordinary"):
        bench.write_graph(f"{folder}/graph.yaml", practice, ("acd", "current"), {}, None, None, None)
        with open(f"{folder}/graph.yaml.limits.csv") as file:
            first = next(row.split(",") for row in file if fnmatch.fnmatch("line1.current_set", row.split(",")[0]))
        low, high, step = bench.WRITTEN["current_set"]
        expect([float(first[i]) for i in (1, 2, 4)] == [low, high, step], f"the guard's limits of the current: {first}")

    def run_of(**pots):
        return {"truth": {pot: {"days": 1, "broken": {"superheat": minutes}} for pot, minutes in pots.items()}}
    with contextlib.redirect_stdout(io.StringIO()):
        beyond = [table.print_broken(pairs) for pairs in ([(run_of(a=5, b=0), run_of(a=0, b=3))], [(run_of(a=9), run_of(a=0)), (run_of(a=1), run_of(a=2))],
                                                          [(run_of(a=5, b=0), run_of(a=5, b=0))])]
    expect(beyond == [3, 1, 0], f"pot-minutes beyond limits: {beyond}")
    for freedom, quantile in ((1, 12.7062), (2, 4.3027), (3, 3.1824), (19, 2.0930), (20, 2.0860), (59, 2.0010)):
        expect(abs(table.student(freedom) - quantile) < 1e-4, f"Student's quantile of {freedom}: {table.student(freedom)}")


def with_current(folder):
    """The line's current besides, and the metal as pure as the baseline's: set for all pots at once, within contract and steps."""
    alone, loop = run(folder, "--check", "--impurity", "0.1", arm="acd+current")
    expect(loop["runs"].get("optimize.line"), f"no current was decided: {loop['runs']}")
    expect(not loop["writes"]["unsafe"], f"unsafe: {loop['writes']['unsafe'][:5]}")
    worse = {k: m for k, m in broken(loop).items() if m > broken(alone).get(k, 0)}
    expect(not worse, f"the line's current: pots beyond limits more often than without the loop: {worse}")
    expect(any(abs(f["current"] - alone["truth"][pot]["current"]) > 0.05 for pot, f in loop["truth"].items()), "the current has not been moved")
    return f"the current too: {loop['runs']['optimize.line']} times decided"


def main():
    with tempfile.TemporaryDirectory() as work:
        os.makedirs(f"{work}/1")
        check_bench(work)
        before, after = run(f"{work}/1", "--check")
        _, again = run(f"{work}/2", "--check")
        expect(after["writes"]["log"] == again["writes"]["log"], f"what was written differs between two runs: {after['writes']}, {again['writes']}")
        expect(after["writes"]["count"] >= 2 * POTS and not after["writes"]["refused"], f"anodes should have been moved: {after['writes']}")
        for pot, figures in after["truth"].items():
            expect(figures["acd"] < before["truth"][pot]["acd"], f"{pot}: the anodes are no lower than without the loop: {figures}")
        check_folder(f"{work}/1")
        told = [] if BRIEF else [with_current(f"{work}/3")]
        for i, (name, faults, model, decides) in enumerate(HOSTILE[:2] if BRIEF else HOSTILE):
            more = [part for fault in faults for part in ("--fault", fault)] + [part for value in model for part in ("--model", value)]
            alone, loop = run(f"{work}/h{i}", *more, arm="acd+current")
            writes = loop["writes"]
            expect(not writes["unsafe"], f"{name}: unsafe: {writes['unsafe'][:5]}")
            worse = {k: m for k, m in broken(loop).items() if m > broken(alone).get(k, 0)}
            expect(not worse, f"{name}: pots beyond limits more often than without the loop: {worse}")
            decided = loop["runs"].get("optimize.line", 0)
            expect((decided > 0) == decides, f"{name}: the line's current was decided {decided} times: {loop['runs']}")
            told.append(f"{name}: {writes['count']} written, {decided} currents decided")
        print(f"{after['writes']['count']} set points, the same twice; nothing unsafe. " + "; ".join(told))


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Repair on recordings whose truth is known (graphs/bench/repair.yaml), scored as the root of the mean square distance
between what leaves and the truth, over all rows; beside what others have published for the same recording.

The options are those of the graph and of SETS below, the same for every row. `repair` looks `delay` ahead, never at the
truth, and never at the recording as a whole. The recordings are found by POTLINE_TEST_DATA; else the test is skipped.
"""

import csv
import math
import os
import subprocess
import sys
import tempfile

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
DATA = os.environ.get("POTLINE_TEST_DATA", "")
SECOND = 10**9

# file, columns observed, columns of truth, environment of the graph, published, the most we may score
SETS = {
    "gps-walk": ("gps-walk/walk_final_xy-e4.data", (1, 2), (3, 4), {},
                 [("MTCSC-C", 0.339), ("MTCSC-Uni", 0.410), ("MTCSC-G", 0.412), ("SpeedAcc", 0.907), ("SCREEN", 0.908),
                  ("LsGreedy", 0.917), ("EWMA", 2.086)], 0.339),
    "intel-lab": ("intel-lab/ild3k.data", (1,), (3,),
                  {"Y": "2", "NOISE": "0.1", "SPEED": "0.05", "MEMORY": "10s", "LONGEST": "200s"}, [], 0.1),
}


def distance(a, b):
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b)))


def repair(path, columns, env):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.csv")
        done = subprocess.run([POTLINE, "run", "graphs/bench/repair.yaml", "--until-eof", "-q"],
                              env=dict(os.environ, IN=path, OUT=out, LOG="none", **env), capture_output=True, text=True,
                              timeout=200)
        if done.returncode:
            sys.exit(f"potline ended with {done.returncode}\n{done.stderr}")
        values, flags = {}, {}
        with open(out, newline="") as file:
            for row in csv.DictReader(file):
                column = int(row["tag"].rsplit(".")[-1]) - 1
                values.setdefault(int(row["time_ns"]), {})[column] = float(row["value"])
                flags[int(row["time_ns"])] = flags.get(int(row["time_ns"]), False) or "replaced" in row["quality"]
    return {at: tuple(point[c] for c in columns) for at, point in values.items()}, flags


def score(name):
    file, observed, truth, env, published, limit = SETS[name]
    path = os.path.join(DATA, file)
    with open(path, newline="") as lines:
        rows = [row for row in csv.reader(lines) if row]
    repaired, flags = repair(path, observed, env)
    assert len(repaired) == len(rows), f"{name}: {len(repaired)} rows, not {len(rows)}"
    before = after = 0.0
    wrong = found = spoiled = 0
    for row in rows:
        at = int(float(row[0]) * SECOND)
        seen = tuple(float(row[c]) for c in observed)
        true = tuple(float(row[c]) for c in truth)
        was, now = distance(seen, true), distance(repaired[at], true)
        before += was**2
        after += now**2
        wrong += was > 1e-9
        found += was > 1e-9 and flags[at]
        spoiled += was <= 1e-9 and now > 1e-9
        if not flags[at]:
            assert repaired[at] == seen, f"{name}: a value was changed without a flag at {row[0]}"
    before, after = math.sqrt(before / len(rows)), math.sqrt(after / len(rows))
    print(f"{name}: {len(rows)} rows, {wrong} wrong")
    print(f"  {'no repair':<12} RMS {before:.3f}")
    print(f"  {'ours':<12} RMS {after:.3f}   {found} of the wrong rows replaced, {spoiled} right rows spoiled")
    for method, value in published:
        print(f"  {method:<12} RMS {value:.3f}   (published)")
    assert after < limit, f"{name}: RMS {after:.3f} is not below {limit}"
    assert spoiled <= 0.002 * len(rows), f"{name}: {spoiled} right rows spoiled"


def main():
    if not DATA or not os.path.isdir(os.path.join(DATA, "gps-walk")):
        print("skipped: POTLINE_TEST_DATA names no folder with the recordings")
        sys.exit(77)
    for name in SETS:
        score(name)


main()

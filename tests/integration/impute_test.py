#!/usr/bin/python3
"""How good the fills of `cleanse` are: known values of two recordings are hidden in gaps of one to six rows, filled by
hold, linear and seasonal, and compared with what they were: RMSE over the column's standard deviation.

No figure of others is known for this; hold is what one has without a fill. What must hold: every hidden value is filled,
nothing else is changed, and linear is better than hold over all columns. The recordings are found by POTLINE_TEST_DATA;
else the test is skipped.
"""

import csv
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
DATA = os.environ.get("POTLINE_TEST_DATA", "")
HOUR = 3600 * 10**9
GRAPH = """
potline: 1
name: impute
log: { kind: none }
nodes:
  in: { op: source.csv, path: "${IN}", layout: wide, time: time_s }
  fill: { op: cleanse, from: in, gaps: { max: 12h, fill: "${FILL}", interval: 1h } }
  out: { op: sink.csv, from: fill, path: "${OUT}", columns: [time_ns, tag, value, quality] }
"""


def read(path, missing, columns):
    """The columns as lists; None where the recording itself has nothing."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return {c: [None if row[c] in (missing, "") else float(row[c]) for row in rows] for c in columns}


def hide(values, seed):
    """Row numbers of known values to hide: gaps of 1 to 6 rows, with known values on either side."""
    random.seed(seed)
    hidden, at = set(), 48
    while at < len(values) - 8:
        length = random.randint(1, 6)
        if all(v is not None for v in values[at - 1:at + length + 1]):
            hidden.update(range(at, at + length))
        at += length + random.randint(20, 60)
    return hidden


def fill(table, hidden, how):
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: os.path.join(folder, name) for name in ("in.csv", "out.csv", "graph.yaml")}
        with open(paths["graph.yaml"], "w") as file:
            file.write(GRAPH)
        names = list(table)
        with open(paths["in.csv"], "w") as file:
            file.write(",".join(["time_s"] + [f"c{i}" for i in range(len(names))]) + "\n")
            for row in range(len(table[names[0]])):
                cells = ["" if row in hidden[n] or table[n][row] is None else repr(table[n][row]) for n in names]
                file.write(",".join([str(row * 3600)] + cells) + "\n")
        env = dict(os.environ, IN=paths["in.csv"], OUT=paths["out.csv"], FILL=how)
        done = subprocess.run([POTLINE, "run", paths["graph.yaml"], "--until-eof", "-q"], env=env, capture_output=True,
                              text=True, timeout=200)
        if done.returncode:
            sys.exit(f"potline ended with {done.returncode}\n{done.stderr}")
        filled = {n: {} for n in names}
        with open(paths["out.csv"], newline="") as file:
            for row in csv.DictReader(file):
                name, at = names[int(row["tag"][1:])], int(row["time_ns"]) // HOUR
                if row["quality"] == "uncertain|replaced|backfilled":
                    filled[name][at] = float(row["value"])
                elif row["value"]:
                    assert float(row["value"]) == table[name][at] and at not in hidden[name], (name, row)
        return filled


def score(title, table):
    hidden = {name: hide(values, name) for name, values in table.items()}
    errors = {}
    for how in ("hold", "linear", "seasonal"):
        filled = fill(table, hidden, how)
        for name, values in table.items():
            missing = hidden[name] - set(filled[name])
            assert not missing, f"{title}: {how} left {len(missing)} of {name}"
            spread = statistics.stdev(v for v in values if v is not None)
            square = sum((filled[name][row] - values[row]) ** 2 for row in hidden[name])
            errors[how, name] = math.sqrt(square / len(hidden[name])) / spread
    print(f"{title:<16}{'hidden':>8}{'hold':>10}{'linear':>10}{'seasonal':>10}   RMSE / standard deviation")
    for name in table:
        print(f"  {name:<14}{len(hidden[name]):>8}" + "".join(
            f"{errors[how, name]:>10.3f}" for how in ("hold", "linear", "seasonal")))
    mean = {how: statistics.mean(errors[how, name] for name in table) for how in ("hold", "linear", "seasonal")}
    print(f"  {'mean':<14}{'':>8}" + "".join(f"{mean[how]:>10.3f}" for how in mean))
    assert mean["linear"] < mean["hold"], f"{title}: {mean}"


def main():
    if not DATA or not os.path.isdir(os.path.join(DATA, "beijing-air")):
        print("skipped: POTLINE_TEST_DATA names no folder with the recordings")
        sys.exit(77)
    score("beijing", read(f"{DATA}/beijing-air/PRSA_Data_Dongsi_20130301-20170228.csv", "NA",
                          ["PM2.5", "PM10", "SO2", "NO2", "CO", "O3", "TEMP", "PRES", "DEWP", "WSPM"]))
    score("air quality", read(f"{DATA}/air-quality-uci/AirQualityUCI.csv", "-200",
                              ["CO(GT)", "PT08.S1(CO)", "C6H6(GT)", "PT08.S2(NMHC)", "NOx(GT)", "NO2(GT)", "T", "RH", "AH"]))


main()

#!/usr/bin/python3
"""graphs/power.yaml over rows of two pots, held against the same computed here; with one partition and with two."""

import collections
import os
import random
import subprocess
import sys
import tempfile

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
SECOND = 10**9
START = 1_700_000_000 * SECOND


def make_rows():
    random.seed(5)
    rows = []
    for i in range(4000):
        time = START + i // 3 * SECOND // 4
        pot = random.choice(["line1.pot1", "line2.pot1"])
        signal = random.choice(["voltage", "current"])
        rows.append((time, pot, signal, round(random.uniform(3, 6) if signal == "voltage" else random.uniform(100, 300), 3)))
    return rows


def expected(rows):
    out, held, windows = {}, {}, collections.defaultdict(list)
    for time, pot, signal, value in rows:
        held[pot, signal] = value
        if signal == "voltage":
            windows[(time // (10 * SECOND) + 1) * 10 * SECOND, pot].append(value)
        if (pot, "voltage") in held and (pot, "current") in held:
            out[time, pot + ".power"] = held[pot, "voltage"] * held[pot, "current"]  # the last of a time counts
    for (end, pot), values in windows.items():
        out[end, pot + ".spread"] = max(values) - min(values)
    return out


def run(folder, graph):
    env = dict(os.environ, IN=os.path.join(folder, "in.csv"), OUT=os.path.join(folder, "out.csv"), LOG="none")
    done = subprocess.run([POTLINE, "run", graph, "--until-eof", "-q"], env=env, capture_output=True, text=True, timeout=100)
    if done.returncode:
        sys.exit(f"potline ended with {done.returncode}\n{done.stderr}")
    with open(env["OUT"]) as lines:
        rows = [line.strip().split(",") for line in lines]
    found = {(int(time), tag): float(value) for time, tag, value in rows}
    assert len(found) == len(rows), "a tag has two rows of one time"
    return found


def main():
    with tempfile.TemporaryDirectory() as folder:
        rows = make_rows()
        with open(os.path.join(folder, "in.csv"), "w") as file:
            file.writelines(f"{time},{pot}.{signal},{value}\n" for time, pot, signal, value in rows)
        with open("graphs/power.yaml") as file, open(os.path.join(folder, "two.yaml"), "w") as two:
            two.write(file.read().replace("name: power\n", "name: power\npartitions: 2\n"))
        truth = expected(rows)
        for graph in ["graphs/power.yaml", os.path.join(folder, "two.yaml")]:
            found = run(folder, graph)
            assert found.keys() == truth.keys(), sorted(found.keys() ^ truth.keys())[:5]
            for key, value in truth.items():
                assert abs(found[key] - value) < 1e-9 * max(1, abs(value)), (key, found[key], value)
            print(f"{os.path.basename(graph)}: {len(found)} rows agree")


main()

#!/usr/bin/python3
"""graphs/bath.yaml over rows of two lines and their analyses, held against the same computed here: with one partition and
with three, and with the whole plant's values under `broadcast`."""

import bisect
import collections
import math
import os
import random
import subprocess
import sys
import tempfile

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
START = 1_700_000_000 * SECOND // MINUTE * MINUTE
POTS = ["line1.pot1", "line1.pot2", "line2.pot1"]
STALE, MISSING = "bad|missing|stale", "bad|missing"
PLANT = """  air: { op: join, from: { left: in, right: in }, each: "*.current", take: plant.air, tolerance: 1h }
  sun: { op: join, from: { left: in, right: in }, each: plant.air, take: plant.sun, tolerance: 1h }
  felt:
    op: map
    from: in
    values: [ { tag: "line*.felt", expr: "current + plant.air" }, { tag: plant.both, expr: "plant.air + plant.sun" } ]
    max_age: 30d
  out: { op: sink.csv, from: [bath, line, air, sun, felt], """


def make_rows():
    random.seed(11)
    rows, lab = [], []
    for i in range(6000):
        time = START + i * 20 * SECOND // 3 * 2 - random.randrange(4) * SECOND
        kind = random.random()
        if kind < 0.7:
            rows.append((time, random.choice(POTS) + ".voltage", round(random.uniform(3.9, 4.6), 3)))
        elif kind < 0.9:
            rows.append((time, random.choice(["line1.current", "line2.current"]), round(random.uniform(340, 360), 2)))
        else:
            rows.append((time, random.choice(["plant.air", "plant.sun"]), round(random.uniform(-5, 30), 1)))
    for hour in range(1, 24):
        for pot in POTS[:2]:  # the third is never analysed
            if random.random() < 0.2:
                lab.append((START + hour * HOUR + random.randrange(30) * MINUTE, pot + ".alf3", round(random.uniform(9, 13), 2)))
            if random.random() < 0.1:
                lab.append((START + hour * HOUR, pot + ".bath_temp", round(random.uniform(950, 970), 1)))
    return rows, sorted(lab)


class Signals:
    """Values by tag, by time; of equal times the last one counts."""

    def __init__(self, rows):
        by_tag = collections.defaultdict(dict)
        for time, tag, value in rows:
            by_tag[tag][time] = value
        self.values = by_tag
        self.times = {tag: sorted(of) for tag, of in by_tag.items()}

    def as_of(self, tag, time, tolerance):
        times = self.times.get(tag, [])
        at = bisect.bisect_right(times, time)
        if at == 0:
            return math.nan, MISSING
        if time - times[at - 1] > tolerance:
            return math.nan, STALE
        return self.values[tag][times[at - 1]], "good"


def expected(rows, lab, plant):
    out, signals, analyses = {}, Signals(rows), Signals(lab)
    for time, tag, _ in rows:
        asset, signal = tag.rsplit(".", 1)
        if signal == "voltage":
            end = (time // MINUTE + 1) * MINUTE
            for taken in ["alf3", "bath_temp"]:
                out[end, f"{asset}.{taken}"] = analyses.as_of(f"{asset}.{taken}", end, 8 * HOUR)
            out[time, asset + ".line_current"] = signals.as_of(asset.split(".")[0] + ".current", time, 24 * HOUR)
        if not plant:
            continue
        if signal == "current":
            out[time, asset + ".air"] = signals.as_of("plant.air", time, HOUR)
        if tag == "plant.air":
            value, quality = signals.as_of("plant.sun", time, HOUR)
            if quality != MISSING:  # a tag of every partition gives rows where the other has had one
                out[time, "plant.sun"] = value, quality
        if asset == "plant":
            both = [signals.as_of(of, time, math.inf)[0] for of in ["plant.air", "plant.sun"]]
            if not math.isnan(sum(both)):
                out[time, "plant.both"] = sum(both), "good"
        if signal == "current" or tag == "plant.air":
            for line in [asset] if signal == "current" else ["line1", "line2"]:
                both = [signals.as_of(of, time, math.inf)[0] for of in [line + ".current", "plant.air"]]
                if not math.isnan(sum(both)):
                    out[time, line + ".felt"] = sum(both), "good"
    return out


def run(folder, graph):
    env = dict(os.environ, LOG="none", IN=os.path.join(folder, "in.csv"), LAB=os.path.join(folder, "lab.csv"))
    env["OUT"] = os.path.join(folder, "out.csv")
    done = subprocess.run([POTLINE, "run", graph, "--until-eof", "-q"], env=env, capture_output=True, text=True, timeout=100)
    if done.returncode:
        sys.exit(f"potline ended with {done.returncode}\n{done.stderr}")
    with open(env["OUT"]) as lines:
        rows = [line.rstrip("\n").split(",") for line in lines]
    found = {(int(time), tag): (float(value or "nan"), quality) for time, tag, value, quality in rows}
    assert len(found) == len(rows), "a tag has two rows of one time"
    return found


def compare(found, truth, name):
    assert found.keys() == truth.keys(), (name, len(found), len(truth), sorted(found.keys() ^ truth.keys())[:5])
    for key, (value, quality) in truth.items():
        same = math.isnan(found[key][0]) if math.isnan(value) else abs(found[key][0] - value) < 1e-9
        assert same and found[key][1] == quality, (name, key, found[key], (value, quality))
    counts = collections.Counter(quality for _, quality in found.values())
    assert all(counts[quality] > 50 for quality in ["good", STALE, MISSING]), counts
    print(f"{name}: {len(found)} rows agree")


def main():
    with tempfile.TemporaryDirectory() as folder:
        rows, lab = make_rows()
        for name, of in [("in.csv", rows), ("lab.csv", lab)]:
            with open(os.path.join(folder, name), "w") as file:
                file.writelines(f"{time},{tag},{value}\n" for time, tag, value in of)
        with open("graphs/bath.yaml") as file:
            graph = file.read().replace("header: false }", "header: false, disorder: 10s }")
        more = graph.replace("  out: { op: sink.csv, from: [bath, line], ", PLANT)
        for name, text, partitions in [("bath", graph, 1), ("bath", graph, 3), ("plant", more, 1), ("plant", more, 3)]:
            head = f"name: bath\npartitions: {partitions}\nbroadcast: plant.*\n"
            path = os.path.join(folder, f"{name}-{partitions}.yaml")
            with open(path, "w") as file:
                file.write(text.replace("name: bath\n", head))
            compare(run(folder, path), expected(rows, lab, name == "plant"), f"{name} in {partitions} partitions")


main()

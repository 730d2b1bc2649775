#!/usr/bin/python3
"""Another number of partitions over the same data folder: 1, 4, 2, 1, with windows open and rows waiting across each change.

The input grows between the runs, so each goes on in the middle of what the one before it has left; the end is compared,
row for row, with a run that has seen all of it at once.
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
BEGIN, SECOND = 1735689600, 10**9
LINES = [f"line{n:02}" for n in range(1, 14)]
GRAPH = """
potline: 1
name: shared
partitions: {partitions}
checkpoint: {every}
broadcast: ["plant.*"]
tags:
  - {{ match: "*.voltage", unit: V, range: [0, 10] }}
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", header: false, disorder: 5s, rate: "{rate}/s", batch: 256 }}
  {behind}
  clean: {{ op: cleanse, from: in, range: true, spike: {{ method: hampel, window: 11, k: 3.5 }}, gaps: {{ max: 5s, fill: linear }} }}
  volts: {{ op: filter, from: clean, include: "*.voltage" }}
  amps: {{ op: filter, from: clean, include: "*.current" }}
  power: {{ op: map, from: [volts, amps], values: [ {{ tag: "*.power", expr: "voltage * current / 1000" }} ] }}
  tenths: {{ op: window.tumbling, from: [clean, power], size: 10s, aggregates: [count, mean, min, max, last] }}
  minutes: {{ op: window.tumbling, from: tenths, size: 1m, aggregates: [count, mean, last] }}
  sliding: {{ op: window.sliding, from: clean, size: 30s, slide: 10s, aggregates: [count, mean] }}
  both: {{ op: window.tumbling, from: [{both}], size: 20s, aggregates: [count, last] }}
  high: {{ op: threshold, from: clean, rules: [ {{ name: volts-high, tags: "*.voltage", above: 4.5, hysteresis: 0.1, for: 3s }} ] }}
  out: {{ op: sink.csv, from: [tenths, minutes], path: "{out}/windows.csv", columns: [start_ns, tag, count, mean, min, max, last] }}
  outs: {{ op: sink.csv, from: sliding, path: "{out}/sliding.csv", columns: [start_ns, tag, count, mean] }}
  outb: {{ op: sink.csv, from: both, path: "{out}/both.csv", columns: [start_ns, tag, count, last] }}
  plain: {{ op: sink.csv, from: amps, path: "{out}/plain.csv" }}
  alarms: {{ op: sink.ndjson, from: high, path: "{out}/high.ndjson" }}
  gold: {{ op: sink.lake, zone: gold, from: tenths }}
"""
FILES = ("windows.csv", "sliding.csv", "both.csv", "plain.csv", "high.ndjson")


def rows_of(first, count, seed, disorder=3):
    """Rows a second over all lines, some of a tag that every partition gets, some late by a few seconds."""
    dice = random.Random(seed)
    made = []
    for second in range(first, first + count):
        for line in LINES:
            at = (BEGIN + second) * SECOND + dice.randrange(SECOND)
            made.append((at, f"{line}.pot01.voltage", 4.2 + dice.gauss(0, 0.3)))
            if dice.random() < 0.9:
                made.append((at, f"{line}.pot01.current", 180 + dice.gauss(0, 5)))
        if second % 5 == 0:
            made.append(((BEGIN + second) * SECOND, "plant.ambient.voltage", 20 + dice.random()))
    made.sort(key=lambda row: row[0] // SECOND // disorder)
    return "".join(f"{at},{tag},{value:.4f}\n" for at, tag, value in made)


BEHIND = 'behind: {{ op: source.csv, path: "{work}/behind.csv", header: false, rate: "700/s" }}'


class Job:
    """With `behind`, a second file far behind the first one, so that rows of that wait for it at every stop."""

    def __init__(self, root, name, behind=False):
        self.behind = behind
        self.work = os.path.join(root, name)
        self.data = os.path.join(self.work, "data")
        os.makedirs(self.work)
        self.graph = os.path.join(self.work, "graph.yaml")

    def add(self, name, text):
        with open(os.path.join(self.work, name), "a") as file:
            file.write(text)

    def command(self, partitions, *more, rate=1000000, every="200ms"):
        with open(self.graph, "w") as file:
            file.write(GRAPH.format(partitions=partitions, every=every, work=self.work, out=self.work, rate=rate,
                                    behind=BEHIND.format(work=self.work) if self.behind else "",
                                    both="in, behind" if self.behind else "in"))
        return [POTLINE, "run", self.graph, "--data", self.data, "--quiet", *more]

    def run(self, partitions, *more, code=0, said=(), **options):
        done = subprocess.run(self.command(partitions, "--until-eof", *more, **options), capture_output=True, text=True,
                              timeout=240)
        assert done.returncode == code, (partitions, done)
        for text in [said] if isinstance(said, str) else said:
            assert text in done.stderr, (text, done.stderr)
        return done.stderr

    def wait_for_rows(self, process, rows):
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            done = subprocess.run([POTLINE, "shell", "--data", self.data, "--json", "-c", "status"], capture_output=True,
                                  text=True)
            if done.returncode == 0 and json.loads(done.stdout)["rows_in"] >= rows:
                return
            time.sleep(0.05)
        sys.exit(f"{rows} rows never came in")

    def results(self):
        found = {}
        for name in FILES:
            with open(os.path.join(self.work, name)) as file:
                found[name] = file.read().splitlines()
        done = subprocess.run([POTLINE, "export", "--data", self.data, "--zone", "gold"], capture_output=True, text=True)
        assert done.returncode == 0, done
        found["gold"] = done.stdout.splitlines()[1:]
        done = subprocess.run([POTLINE, "ledger", "--data", self.data, "--json"], capture_output=True, text=True)
        assert done.returncode == 0, done
        # How many of a tag came in, and how many of them twice; what is late depends on how rows came to be read.
        found["ledger"] = [f'{row["source"]},{row["tag"]},{row["expected"]},{row["duplicate"]},{row["adds_up"]}'
                           for row in json.loads(done.stdout)["tags"]]
        # A broadcast tag is worked on in every partition, as often as there are.
        return {name: sorted([row for row in rows if "plant." not in row] + list({row for row in rows if "plant." in row}))
                for name, rows in found.items()}


def compare(calm, wild):
    expected, found = calm.results(), wild.results()
    for name, rows in expected.items():
        if rows != found[name]:
            missing, extra = sorted(set(rows) - set(found[name]))[:5], sorted(set(found[name]) - set(rows))[:5]
            sys.exit(f"{name}: {len(rows)} rows expected, {len(found[name])} found; missing {missing}; extra {extra}")
        assert len(rows) > 10, name


PARTS = [(0, 130), (130, 117), (247, 133), (380, 121), (501, 99)]


def inputs(job, part):
    first, count = part
    job.add("in.csv", rows_of(first, count, first))
    if job.behind:
        job.add("behind.csv", "".join(f"{(BEGIN + s // 2) * SECOND},{line}.pot02.level,{s % 17}\n"
                                      for s in range(first, first + count) for line in LINES))


def grows(root, calm):
    wild = Job(root, "grows")
    for part, partitions in zip(PARTS, (1, 4, 2, 8, 1)):
        inputs(wild, part)
        said = wild.run(partitions)
        assert part[0] == 0 or f"to {partitions}" in said, said
    compare(calm, wild)
    print("1, 4, 2, 8, 1 partitions, the input growing between: every row is the same")


def stopped(root, calm):
    """Stopped in good order in the middle of a file, by a signal."""
    wild = Job(root, "stopped", behind=True)
    for part in PARTS:
        inputs(wild, part)
    for partitions in (4, 1, 3):
        process = subprocess.Popen(wild.command(partitions, rate=6000), stderr=subprocess.PIPE, text=True)
        wild.wait_for_rows(process, 2500)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 0, said
    wild.run(2)
    compare(calm, wild)
    print("4, 1, 3, 2 partitions, stopped in the middle: every row is the same")


def killed(root, calm):
    """Rows behind the last checkpoint: refused, and nothing is touched; the old number works them off."""
    wild = Job(root, "killed", behind=True)
    for part in PARTS:
        inputs(wild, part)
    process = subprocess.Popen(wild.command(4, rate=1000, every="1h"), stderr=subprocess.PIPE, text=True)
    wild.wait_for_rows(process, 1500)
    process.kill()
    process.communicate()
    wild.run(2, code=1, said=["behind the last checkpoint", "start once with the old graph", "until now 4"])
    process = subprocess.Popen(wild.command(4, rate=6000), stderr=subprocess.PIPE, text=True)
    wild.wait_for_rows(process, 1000)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[1] is not None and process.returncode == 0
    wild.run(2)
    compare(calm, wild)
    print("killed with 4 partitions: 2 are refused, 4 work it off, 2 go on: every row is the same")


def killed_meanwhile(root, calm):
    """Killed while state is being shared out, at each step of it: as it was, or as it is to be."""
    wild = Job(root, "meanwhile")
    inputs(wild, PARTS[0])
    wild.run(1)
    deaths = 0
    for partitions, fault in ((4, "regroup.stage:1"), (4, "regroup.stage:200"), (2, "regroup.switch:1"),
                              (4, "regroup.switched:1"), (2, "regroup.move:1"), (3, "regroup.move:90")):
        done = subprocess.run(wild.command(partitions, "--until-eof"), capture_output=True, text=True, timeout=120,
                              env={**os.environ, "POTLINE_FAULT": fault})
        deaths += done.returncode < 0
        # Another number right behind it: what was switched goes on, what was not is not there.
        wild.run(partitions if "switched" in fault or "move" in fault else 3)
    assert deaths >= 5, deaths
    for part in PARTS[1:]:
        inputs(wild, part)
    wild.run(2)
    compare(calm, wild)
    print(f"killed {deaths} times while state was shared out: every row is the same")


def refused(root):
    """What cannot be shared out is named: state of another number that was lost is not made up."""
    job = Job(root, "refused")
    inputs(job, PARTS[0])
    job.run(1)
    said = job.run(4, "--reset", "minutes")
    assert "shared out to 4" in said, said
    print("a node may be reset on the way")


def main():
    with tempfile.TemporaryDirectory() as root:
        calm, two = Job(root, "calm"), Job(root, "two", behind=True)
        for job in (calm, two):
            for part in PARTS:
                inputs(job, part)
            job.run(1)
        grows(root, calm)
        stopped(root, two)
        killed(root, two)
        killed_meanwhile(root, calm)
        refused(root)


if __name__ == "__main__":
    main()

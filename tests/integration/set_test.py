#!/usr/bin/python3
"""What is set on a running engine is part of its state: each row is worked off with one value, the same in every
partition's order, and a SIGKILL right behind the answer takes nothing back; the orderly end of a run does."""
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
ROWS, KILLS = 240_000, 12
# Odd rows always come through; even ones while `at_least` is 1.
GRAPH = """
potline: 1
name: set
partitions: {partitions}
checkpoint: 100ms
checkpoint_timeout: 300ms
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, rate: 6000/s }}
  some: {{ op: filter, from: in, at_least: {least} }}
  all: {{ op: filter, from: [some, in], at_least: 1 }}
  out: {{ op: sink.csv, from: some, path: out.csv }}
"""


def fail(text):
    sys.exit(f"set: {text}")


class Run:
    def __init__(self, folder, partitions):
        self.folder, self.data, self.partitions = folder, os.path.join(folder, "data"), partitions
        self.process = None
        with open(os.path.join(folder, "rows.csv"), "w") as file:
            for i in range(ROWS):
                file.write(f"{1_700_000_000 + i / 1000:.3f},line{i // 2 % 4 + 1}.pot1.volt,{1 + i % 2}\n")
        self.graph(1)

    def graph(self, least):
        with open(os.path.join(self.folder, "graph.yaml"), "w") as file:
            file.write(GRAPH.format(partitions=self.partitions, least=least))

    def start(self, *more):
        self.process = subprocess.Popen([f"{BIN}/potline", "run", "graph.yaml", "--data", self.data, "--quiet", *more],
                                        cwd=self.folder, stderr=subprocess.PIPE, text=True)
        self.socket_is_there()

    def socket_is_there(self):
        end = time.monotonic() + 60
        while self.shell("options some") is None:  # which a node answers that is open
            if self.process.poll() is not None:
                fail(f"it ended: {self.process.stderr.read()}")
            if time.monotonic() > end:
                fail("nobody answers")
            time.sleep(0.02)

    def shell(self, *words):
        done = subprocess.run([f"{BIN}/potline", "shell", "--data", self.data, "--json", "-c", " ".join(words)],
                              capture_output=True, text=True, timeout=60)
        self.said = done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else None

    def value(self):
        return next(row["value"] for row in self.shell("options some") or fail("no options") if row["option"] == "at_least")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def end(self):
        said = self.process.communicate(timeout=120)[1]
        if self.process.returncode:
            fail(f"exit code {self.process.returncode}: {said}")
        return said


def switches(path):
    """Per line, that is, per partition: odd rows are there once each, and even ones in stretches; how many ends of them."""
    seen, found = {}, 0
    with open(path, newline="") as file:
        reader = csv.reader(file)
        next(reader)
        for time_text, tag, value, *_ in reader:
            seen.setdefault(tag, []).append((time_text, float(value)))
    for tag, rows in seen.items():
        odd = [when for when, value in rows if value == 2]
        if len(odd) != ROWS // 8 or len(set(rows)) != len(rows) or [r[0] for r in rows] != sorted(r[0] for r in rows):
            fail(f"{tag}: {len(odd)} of {ROWS // 8} rows that always come through; {len(rows) - len(set(rows))} are doubled")
        passes, ends = True, 0
        for before, after in zip(rows, rows[1:]):
            if after[1] == 2:
                now = before[1] == 1
                ends += passes != now
                passes = now
        found = max(found, ends)
    return found


def exact(folder, partitions):
    run, dice = Run(folder, partitions), random.Random(partitions)
    run.start()
    done = 0
    for _ in range(KILLS):
        value = str(1 + (done + 1) % 2)
        time.sleep(dice.uniform(0, 0.25))
        if run.shell(f"set some.at_least {value}") is None:
            fail(f"it is refused: {run.said}")
        done += 1
        run.kill()
        run.start()
        if run.value() != value:
            fail(f"{value} was set, and after a death it is {run.value()}")
    run.kill()
    run.start("--until-eof", "--set", "in.rate=100000/s")  # what is left
    said = run.end()
    found = switches(os.path.join(folder, "out.csv"))
    if found != done:
        fail(f"{done} values were set, {found} are seen in the rows; {said}")
    print(f"{partitions} partitions: {done} values set, each from one row on, through {KILLS + 1} deaths")


def ends(folder):
    run = Run(folder, 2)
    run.start()
    run.shell("set some.at_least 2") or fail(f"it is refused: {run.said}")
    run.process.send_signal(signal.SIGTERM)
    run.end()
    run.start()
    if run.value() != "1":
        fail(f"an orderly end takes back what was set; it is {run.value()}")
    run.shell("set some.at_least 2") or fail(f"it is refused: {run.said}")
    run.kill()
    run.graph(1.5)
    run.start()
    if run.value() != "1.5":
        fail(f"the graph file says 1.5 now; it is {run.value()}")
    run.process.send_signal(signal.SIGTERM)
    if "the graph file has another value now" not in run.end():
        fail("nobody says that what was set has ended")
    print("the end of a run, and a changed graph file, take it back")


def overdue(folder):
    """A node that takes nothing in holds up what is to be kept, which is said, with its name."""
    run = Run(folder, 2)
    run.start()
    run.shell("pause some") is not None or fail("it is not paused")
    end = time.monotonic() + 60
    while not run.shell("status")[0]["checkpoints_overdue"]:
        if time.monotonic() > end:
            fail("no checkpoint is overdue beside a paused node")
        time.sleep(0.05)
    asked = subprocess.Popen([f"{BIN}/potline", "shell", "--data", run.data, "-c", "set some.at_least 2"], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(0.3)
    if asked.poll() is not None:
        fail(f"it is answered before it is kept: {asked.communicate()[0]}")
    run.shell("resume some") is not None or fail("it is not resumed")
    if asked.wait(timeout=60):
        fail(f"it is refused: {asked.communicate()[0]}")
    run.process.send_signal(signal.SIGTERM)
    said = run.end()
    if "it waits for some/0, some/1" not in said or "is done, after" not in said:
        fail(f"nobody says which node holds up a checkpoint: {said}")
    print("who holds up a checkpoint is named")


def too_late(folder):
    """What is kept after its asker has been told that the time was up is in the audit as what it is: done."""
    run = Run(folder, 1)
    with open(os.path.join(folder, "graph.yaml")) as file:
        slower = file.read().replace("30000/s", "100/s")
    with open(os.path.join(folder, "graph.yaml"), "w") as file:
        file.write(slower)
    run.start()

    def outcomes():
        done = subprocess.run([f"{BIN}/potline", "audit", "query", "--data", run.data, "--action", "set", "--json"],
                              capture_output=True, text=True, timeout=60)
        return [record["outcome"] for record in json.loads(done.stdout)]

    def await_outcome(count, last):
        end = time.monotonic() + 30
        while len(outcomes()) < count:
            if time.monotonic() > end:
                fail(f"the audit has no record {count}, that it is {last}")
            time.sleep(0.1)
        if outcomes()[count - 1] != last:
            fail(f"the audit: {outcomes()}")

    run.shell("pause out") is not None or fail("it is not paused")
    if run.shell("set some.at_least 2") is not None:
        fail("it is answered before it is kept")
    await_outcome(1, "no answer within ten seconds: it is done at the next checkpoint, which has not come: is a node paused?")
    run.shell("resume out") is not None or fail("it is not resumed")
    await_outcome(2, "done, after the time was up")
    run.kill()
    run.start()
    if run.value() != "2":
        fail("it was done, and after a death it is not")
    run.kill()
    print("what is kept too late for an answer is in the audit")


def main():
    for partitions in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            exact(folder, partitions)
    with tempfile.TemporaryDirectory() as folder:
        ends(folder)
    with tempfile.TemporaryDirectory() as folder:
        overdue(folder)
    with tempfile.TemporaryDirectory() as folder:
        too_late(folder)


main()

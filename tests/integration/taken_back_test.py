#!/usr/bin/python3
"""A sink of a file that leaves a running graph and comes back, by a rollback or by itself, finds its file as it left it:
no row that stood there goes, none stands there twice; and a place in one file is never taken for a place in another."""
import os
import signal
import tempfile

from applying import Run, fail, wait

ROWS, PROBATION = 60_000, "3s"
RAW = "  raw: { op: sink.csv, from: in, path: raw.csv }\n"


class Taken(Run):
    def change(self, name, raw, checkpoint="200ms", more="", partitions=2):
        """The graph of the start with another line for the sink."""
        with open(os.path.join(self.folder, "a.yaml")) as file:
            text = file.read()
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text.replace(RAW, raw + more).replace("200ms", checkpoint)
                       .replace("partitions: 2", f"partitions: {partitions}"))

    def size(self, name="raw.csv"):
        path = os.path.join(self.folder, name)
        return os.path.getsize(path) if os.path.exists(path) else 0

    def wait_for_rows(self, name="raw.csv", more_than=200):
        wait(lambda: self.size(name) > more_than or self.process.poll() is not None, f"no rows come into {name}")

    def bytes(self, name="raw.csv"):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def expect_begins(self, before, name="raw.csv"):
        if not self.bytes(name).startswith(before):
            fail(f"of {len(before)} bytes that stood in {name} {self.size(name)} are there, or others\n{self.text()}")

    def lines_of(self, *names):
        return [",".join(line.split(",")[:3]) for name in names for line in self.read(name) if line[0].isdigit()]

    def expect_once(self, *names):
        lines = self.lines_of(*names)
        if len(set(lines)) != len(lines):
            fail(f"{len(lines) - len(set(lines))} rows stand twice in {names}\n{self.text()}")

    def rollback(self):
        return {row["node"]: row["state"] for row in self.shell("graph rollback") or fail(self.said + self.text())}


def begun(folder, checkpoint="200ms", partitions=2):
    run = Taken(folder, ROWS)
    run.change("a.yaml", RAW, checkpoint, partitions=partitions)
    run.start()
    run.wait_for_rows()
    return run


def test_removed(folder):
    run = begun(folder)
    run.change("gone.yaml", "")
    run.apply("gone.yaml")
    before = run.bytes()
    run.rollback()
    run.wait_for_rows(more_than=len(before))
    run.expect_begins(before)
    run.end()
    run.expect_once("raw.csv")
    if sum(line.startswith("time") for line in run.read("raw.csv")) != 1:
        fail("the header stands there again")


def test_killed(folder):
    """Before the first checkpoint that knows of it: what it wrote since it came back comes again, once."""
    run = begun(folder, "1h")
    run.change("gone.yaml", "", "1h")
    run.apply("gone.yaml")
    before = run.bytes()
    run.rollback()
    run.wait_for_rows(more_than=len(before))
    run.end(signal.SIGKILL)
    run.start()
    run.wait_for_rows(more_than=len(before))
    run.expect_begins(before)
    run.end()
    run.expect_once("raw.csv")


def test_relapse(folder):
    run = begun(folder)
    run.change("gone.yaml", "", more="  far: { op: source.zmq, connect: \"tcp://127.0.0.1:9\" }\n"
               "  void: { op: sink.null, from: far }\n")
    run.apply("gone.yaml", f"--yes --probation {PROBATION}")
    before = run.bytes()
    wait(lambda: "raw" in run.nodes(), "it is not taken back")
    run.wait_for_rows(more_than=len(before))
    run.expect_begins(before)
    run.end()
    run.expect_once("raw.csv")


def test_another_path(folder):
    """Refused without --reset, by the plan too; with it, and back again, each row stands in one of the two files. (Of
    several partitions, rows that wait for each other in front of a node would be forgotten with it.)"""
    run = begun(folder, partitions=1)
    run.change("moved.yaml", RAW.replace("raw.csv", "moved.csv"))
    run.refused("moved.yaml", "--reset", "--yes --probation 0s")
    run.refused("moved.yaml", "--reset", "--dry-run")
    if run.size("moved.csv") or os.path.exists(os.path.join(folder, "moved.csv")):
        fail("what was refused has left a file")
    run.apply("moved.yaml", "--yes --reset [raw] --probation 0s")
    run.wait_for_rows("moved.csv")
    before = run.bytes()
    states = run.rollback()
    if states["raw"] != "none":
        fail(f"the place in another file is {states['raw']}")
    run.wait_for_rows(more_than=len(before))
    run.expect_begins(before)
    run.end()
    run.finish()
    run.expect_once("raw.csv", "moved.csv")
    if len(run.lines_of("raw.csv", "moved.csv")) != len(run.lines):
        fail(f"{len(run.lines_of('raw.csv', 'moved.csv'))} of {len(run.lines)} rows are in one of the files")


def test_another_operator(folder):
    run = begun(folder)
    before = run.bytes()
    run.change("json.yaml", RAW.replace("sink.csv", "sink.ndjson"))
    run.apply("json.yaml", "--yes --reset [raw] --probation 0s")
    run.wait_for_rows(more_than=run.size())
    states = run.rollback()
    if states["raw"] != "none":
        fail(f"what another operator knew is {states['raw']}")
    run.expect_begins(before)
    run.wait_for_rows(more_than=run.size())
    run.end()
    run.expect_once("raw.csv")


for test in (test_removed, test_killed, test_relapse, test_another_path, test_another_operator):
    with tempfile.TemporaryDirectory() as place:
        test(place)
        print(f"{test.__name__}: well")

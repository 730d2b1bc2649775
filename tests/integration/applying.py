"""What the tests of live changes share: a graph at work, and what they ask of it."""
import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

ROWS = 60_000  # more than are read while a test lasts
BIN = os.environ["POTLINE_BIN"]
LONG = bool(os.environ.get("POTLINE_LONG"))
PATIENCE = 120

GRAPH = """
potline: 1
name: apply
partitions: 2
checkpoint: 200ms
checkpoint_timeout: 10s
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, rate: {rate}/s }}
  win: {{ op: window.tumbling, from: in, size: {size} }}
  out: {{ op: sink.csv, from: win, path: out.csv }}
  raw: {{ op: sink.csv, from: {raw}, path: raw.csv }}
{more}
"""
EXTRA = [
    "",
    "  high: { op: filter, from: in, above: 3 }\n  highs: { op: sink.csv, from: high, path: highs.csv }\n",
    "  high: { op: filter, from: in, above: 4 }\n  highs: { op: sink.csv, from: high, path: highs.csv }\n",
    "  low: { op: filter, from: win, above: -1 }\n  both: { op: sink.csv, from: [low.out, win], path: both.csv }\n",
    "  both: { op: sink.csv, from: [win], path: both.csv }\n",
    "  mins: { op: window.tumbling, from: in, size: 1m }\n  mean: { op: window.tumbling, from: mins, size: 5m }\n"
    "  means: { op: sink.csv, from: mean, path: means.csv }\n",
]


def fail(text):
    sys.exit(f"apply: {text}")


def wait(what, why, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > end:
            fail(why)
        time.sleep(0.02)
    return found


class Run:
    def __init__(self, folder, rows, rate=1000):
        self.folder, self.rows, self.rate = folder, rows, rate
        self.data = os.path.join(folder, "data")
        self.lines = [f"{1_700_000_000 + i / 100:.2f},line{i // 2 % 4 + 1}.pot1.volt,{i % 7}" for i in range(rows)]
        with open(os.path.join(folder, "rows.csv"), "w") as file:
            file.write("\n".join(self.lines) + "\n")
        self.graph("a.yaml")

    def graph(self, name, more="", size="10s", raw="in", rate=None):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(GRAPH.format(rate=rate or self.rate, size=size, raw=raw, more=more))

    def start(self, *more, file="a.yaml", **env):
        self.log = open(os.path.join(self.folder, "said"), "a")
        self.out = open(os.path.join(self.folder, "summary"), "w+")
        self.process = subprocess.Popen([f"{BIN}/potline", "run", file, "--data", self.data, "--quiet", *more],
                                        cwd=self.folder, stdout=self.out, stderr=self.log,
                                        env={**os.environ, **env})
        atexit.register(self.process.kill)  # one that is left by a test that fails
        wait(lambda: self.process.poll() is not None or self.shell("options win") is not None, "nobody answers")
        if self.process.poll() is not None:
            fail(f"it ended: {self.text()}")

    def text(self):
        with open(os.path.join(self.folder, "said")) as file:
            return file.read()

    def shell(self, words):
        done = subprocess.run([f"{BIN}/potline", "shell", "--data", self.data, "--json", "--timeout", "60s", "-c", words],
                              capture_output=True, text=True, timeout=PATIENCE)
        self.said = done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else None

    def do(self, words):
        if self.shell(words) is None:
            fail(f"{words}: {self.said}")

    def apply(self, file, more="--yes --probation 0s"):
        rows = self.shell(f"graph apply {file} {more}")
        if rows is None:
            fail(f"graph apply {file} {more}: {self.said}\n{self.text()}")
        return {row["node"]: row["becomes"] for row in rows}

    def refused(self, file, why, more="--yes --probation 0s"):
        if self.shell(f"graph apply {file} {more}") is not None:
            fail(f"{file} was run, though it is {why}")
        if why not in self.said:
            fail(f"{file}: {self.said!r} does not say {why!r}\n{self.text()}")

    def nodes(self):
        return {row["node"]: row for row in self.shell("nodes") or fail(f"no nodes: {self.said}")}

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(PATIENCE)
        self.log.close()
        if how == signal.SIGTERM and self.process.returncode:
            fail(f"exit code {self.process.returncode}: {self.text()}")

    def finish(self, file="a.yaml"):
        """To the end of the data, and what has come of it."""
        with open(os.path.join(self.folder, "said"), "a") as log:
            code = subprocess.run([f"{BIN}/potline", "run", file, "--data", self.data, "--quiet", "--until-eof",
                                   "--set", "in.rate=1000000/s"],
                                  cwd=self.folder, stderr=log, timeout=PATIENCE).returncode
        if code:
            fail(f"to the end: {self.text()}")

    def read(self, name):
        with open(os.path.join(self.folder, name)) as file:
            return file.read().splitlines()

    def check_raw(self):
        """Every row is there, once."""
        def plain(line):
            fields = line.split(",")
            return fields[1], float(fields[2])
        rows = sorted(plain(line) for line in self.read("raw.csv")[1:])
        wanted = sorted((line.split(",")[1], float(line.split(",")[2])) for line in self.lines)
        if rows != wanted:
            fail(f"{len(rows)} rows of {len(wanted)} are in raw.csv\n{self.text()}")

    def check_windows(self, reference):
        if sorted(self.read("out.csv")) != reference:
            fail(f"other windows than of an undisturbed run: {len(self.read('out.csv'))} of {len(reference)}")


REFERENCE = {}


def reference_of(rows):
    if rows not in REFERENCE:
        REFERENCE[rows] = make_reference(rows)
    return REFERENCE[rows]


def make_reference(rows):
    with tempfile.TemporaryDirectory(prefix="potline-apply-") as folder:
        run = Run(folder, rows, rate=10_000_000)
        run.finish()
        return sorted(run.read("out.csv"))


def open_files(pid):
    """But for those of the database, which come and go with what is written."""
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            path = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            continue
        if "/store/" not in path:
            yield path


def held(process):
    """Bytes in memory, files and threads."""
    pid = process.pid
    with open(f"/proc/{pid}/status") as file:
        status = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
    return int(status["VmRSS"].split()[0]), len(list(open_files(pid))), int(status["Threads"])

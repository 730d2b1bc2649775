"""What the tests of this folder share: a job over a paced file, started, disturbed, and held against an undisturbed run."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("POTLINE_BIN", os.path.join(ROOT, "build", "release", "bin"))
SHIM = os.path.join(os.environ.get("POTLINE_BUILD", os.path.dirname(BIN)), "tests", "fault_shim.so")
LONG = bool(os.environ.get("POTLINE_LONG"))
BRIEF = bool(os.environ.get("POTLINE_BRIEF"))
PATIENCE = 300  # seconds; longer is a hang


def times(usual, long):
    """How often something is done: with a sanitizer, which makes all of it several times as long, a third of what is usual."""
    return long if LONG else max(1, usual // 3) if BRIEF else usual


GRAPH = """
potline: 1
name: fault
partitions: {partitions}
checkpoint: 200ms
hold: 64KiB
tags:
  - {{ match: "*.voltage", unit: V, range: [0, 10] }}
  - {{ match: "*.current", unit: A, range: [0, 400] }}
  - {{ match: "*.bath_temp", unit: degC, range: [800, 1100] }}
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", header: false, rate: "{rate}/s", batch: 1024 }}
  alone: {{ op: source.generator, tags: "alone.{{a,b}}", count: {alone}, rate: "{alone_rate}/s" }}
  clean: {{ op: cleanse, from: in, range: true, spike: {{ method: hampel, window: 11, k: 3.5 }}, gaps: {{ max: 5s, fill: linear }} }}
  # A diamond: two ways that meet again and wait for each other.
  volts: {{ op: filter, from: clean, include: "*.voltage" }}
  amps: {{ op: filter, from: clean, include: "*.current" }}
  power: {{ op: map, from: [volts, amps], values: [ {{ tag: "*.power", expr: "voltage * current / 1000" }} ] }}
  tenths: {{ op: window.tumbling, from: [clean, power], size: 10s, aggregates: [count, mean, min, max, last] }}
  minutes: {{ op: window.tumbling, from: tenths, size: 1m, aggregates: [count, mean, min, max, last], isolate: process }}
  high: {{ op: threshold, from: clean, rules: [ {{ name: volts-high, tags: "*.voltage", above: 4.5, hysteresis: 0.1, for: 1s }} ] }}
  out: {{ op: sink.csv, from: tenths, path: "{out}/tenths.csv" }}
  lines: {{ op: sink.ndjson, from: high, path: "{out}/high.ndjson" }}
  silver: {{ op: sink.lake, zone: silver, from: clean }}
  gold: {{ op: sink.lake, zone: gold, from: [tenths, minutes] }}
"""
FILES = ("tenths.csv", "high.ndjson")
ZONES = ("bronze", "silver", "gold")


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


@contextlib.contextmanager
def folder(keep=False):
    """A folder for the test; it stays when the test has failed there and POTLINE_KEEP is set."""
    path = tempfile.mkdtemp(prefix="potline-fault-")
    try:
        yield path
    finally:
        if keep or os.environ.get("POTLINE_KEEP"):
            print(path)
        else:
            shutil.rmtree(path)


class Job:
    """A graph with its input, a data folder and its output files."""

    def __init__(self, work, name, rows, rate, partitions):
        self.out = os.path.join(work, name)
        self.data = os.path.join(self.out, "data")
        self.graph = os.path.join(self.out, "graph.yaml")
        os.makedirs(self.out)
        with open(self.graph, "w") as file:
            file.write(GRAPH.format(work=work, out=self.out, partitions=partitions, rate=rate, alone=rows // 10,
                                    alone_rate=max(rate // 10, 1)))

    def start(self, until_eof=True, **env):
        options = ["--until-eof"] if until_eof else []
        return subprocess.Popen([f"{BIN}/potline", "run", self.graph, "--data", self.data, "--quiet"] + options,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment(**env))

    def finish(self, **env):
        """Runs to the end, which has to be a good one; returns what was said."""
        process = self.start(**env)
        try:
            said = process.communicate(timeout=PATIENCE)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            fail(f"{self.out}: hangs")
        if process.returncode:
            fail(f"{self.out}: exit code {process.returncode}: {said}")
        return said

    def log_size(self):
        """Bytes of RocksDB's write-ahead logs and files, which every append makes longer."""
        store, size = os.path.join(self.data, "store"), 0
        for name in os.listdir(store) if os.path.isdir(store) else []:
            if name.endswith((".log", ".sst")):
                with contextlib.suppress(FileNotFoundError):
                    size += os.path.getsize(os.path.join(store, name))
        return size

    def lines(self, name):
        with open(os.path.join(self.out, name)) as file:
            return file.read().splitlines()

    def rows(self, zone):
        """A zone's rows, sorted: where batches are cut, and how sources take turns (a sequence), is not what is promised."""
        code, out, said = export(self.data, zone)
        if code:
            fail(f"export {zone}: exit code {code}: {said}")
        return comparable(zone, out)


def comparable(zone, text):
    lines = text.splitlines()
    return sorted(line.rpartition(",")[0] if zone == "bronze" else line for line in lines)


def run(*arguments, timeout=PATIENCE, **env):
    """Exit code (negative: died of that signal), standard output and error; None as the code: it hangs."""
    try:
        done = subprocess.run([f"{BIN}/potline", *arguments], capture_output=True, text=True, errors="replace",
                              timeout=timeout, env=environment(**env))
    except subprocess.TimeoutExpired:
        return None, "", "hangs"
    return done.returncode, done.stdout, done.stderr


def json_row(text):
    row = json.loads(text)
    return row[0] if isinstance(row, list) else row


def export(data, zone, **env):
    return run("export", "--data", data, "--zone", zone, **env)


def environment(**extra):
    """The environment with more in it; with SHIM rules the shim is preloaded."""
    env = dict(os.environ, **{name: value for name, value in extra.items() if value is not None})
    if any(name.startswith("POTLINE_SHIM") for name in extra):
        env["LD_PRELOAD"] = SHIM
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    return env


def make_input(work, rows):
    subprocess.run([f"{BIN}/bench_gen", "-n", str(rows), "-o", f"{work}/in.csv"], check=True, stderr=subprocess.DEVNULL)


def undisturbed(work, rows, partitions, name="calm"):
    """The same job as fast as it goes."""
    job = Job(work, name, rows, 100000000, partitions)
    job.finish()
    return job


def compare_lines(name, expected, found):
    if expected == found:
        return
    for i, (a, b) in enumerate(zip(expected, found)):
        if a != b:
            fail(f"{name}: row {i} differs:\n  expected {a}\n  found    {b}\n"
                 f"  {len(expected)} rows expected, {len(found)} found")
    fail(f"{name}: {len(expected)} rows expected, {len(found)} found")


def compare(calm, wild):
    """The files are the same byte for byte, the zones hold the same rows, each once."""
    for name in FILES:
        compare_lines(name, calm.lines(name), wild.lines(name))
    for zone in ZONES:
        compare_lines(zone, calm.rows(zone), wild.rows(zone))


def processes(*what):
    """The processes of isolated nodes that are at work for engines of this test."""
    found = subprocess.run(["pgrep", *what, "-f", "^potline node-process "], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def expect_no_orphans(pids):
    """They end with the engine that they belong to."""
    end = time.monotonic() + 30
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > end:
            fail(f"processes {pids} outlive their engine")
        time.sleep(0.01)


def was_killed(process):
    return process.returncode == -signal.SIGKILL

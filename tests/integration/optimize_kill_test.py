#!/usr/bin/python3
"""An optimiser that dies between two solves goes on as if nothing had been: set points renewed, the next solves when they are due, the
twins believed for as long as they have followed, to the byte what it tells undisturbed.

Rows of a simulated line go through twin, optimiser (pots and the line's current) and out. The engine dies by SIGKILL when some of the
solves have been told and an epoch is durable behind them, and is started again on its folder."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KILLS = 1 if os.environ.get("POTLINE_BRIEF") else 5 if os.environ.get("POTLINE_LONG") else 2
PATIENCE = 120
FILES = ("set.ndjson", "told.ndjson")
GRAPH = """
potline: 1
name: optimizer
checkpoint: 100ms
tags: {root}/graphs/maps/tags.csv
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", layout: long, time: time_ns, batch: 64, rate: "{rate}/s" }}
  tenths: {{ op: window.tumbling, from: in, size: 10s, aggregates: [count, mean, min, max, stddev, last] }}
  twin: {{ op: twin.cell, from: tenths, every: 1m, state: 1m, model: {{ bath: 6200, metal: 15000, excess_fluoride: 12.3, alumina: 2.45 }} }}
  best:
    op: optimize.setpoints
    from: [twin, twin.events, in]
    every: 10m
    settle: 12m
    renew: 1m
    deadline: 10m
    current: line
    line_every: 15m
    line_deadline: 100s
    lease: 3m
    baseline: {{ current: 180 }}
    limits: [ {{ of: current, low: 175, high: 185, rank: 0 }} ]
  set: {{ op: sink.ndjson, from: best, path: "{out}/set.ndjson" }}
  told: {{ op: sink.ndjson, from: best.events, path: "{out}/told.ndjson" }}
"""


def make_input(work):
    """What the registers of two pots showed, and what stood in the set points, each five seconds for 50 minutes."""
    subprocess.run([f"{BIN}/potline-plant", "--no-server", "--quiet", "--lines", "1", "--pots", "2", "--seed", "7", "--for", "50m",
                    "--emitted", f"{work}/all.csv", "--emitted-every", "5s"], check=True)
    wanted = ("voltage", "current", "bath_temp", "noise", "line_current", "acd_set", "current_set")
    with open(f"{work}/all.csv") as file, open(f"{work}/in.csv", "w") as out:
        out.write(next(file))
        rows = [line for line in file if line.split(",")[1].rsplit(".", 1)[1] in wanted]
        begin = min(int(row.split(",")[0]) for row in rows)
        known = {row.split(",")[1] for row in rows}
        for second in range(0, 3000, 5):
            at = begin + second * 10**9
            rows += [f"{at},{tag},{value},\n" for tag, value in (("line1.pot01.acd_set", 43), ("line1.pot02.acd_set", 43), ("line1.current_set", 180))
                     if tag not in known]
        out.writelines(sorted(rows, key=lambda row: int(row.split(",")[0])))


class Job:
    def __init__(self, work, name, rate):
        self.out = os.path.join(work, name)
        os.makedirs(self.out)
        self.graph, self.data = os.path.join(self.out, "graph.yaml"), os.path.join(self.out, "data")
        with open(self.graph, "w") as file:
            file.write(GRAPH.format(root=ROOT, work=work, out=self.out, rate=rate))

    def start(self):
        return subprocess.Popen([f"{BIN}/potline", "run", self.graph, "--data", self.data, "--until-eof", "-q"], stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "POTLINE_HTTP": "off"})

    def finish(self):
        process = self.start()
        said = process.communicate(timeout=PATIENCE)[1]
        if process.returncode:
            sys.exit(f"optimize kill: {self.out}: exit code {process.returncode}: {said}")

    def read(self, name):
        path = os.path.join(self.out, name)
        with open(path) as file:
            return file.read()

    def solves(self):
        path = os.path.join(self.out, "told.ndjson")
        return self.read("told.ndjson").count('"optimize.run"') if os.path.exists(path) else 0

    def kill_after(self, solves):
        """When so many solves have been told, and set points renewed behind them: False, it was done before."""
        process, end = self.start(), time.monotonic() + PATIENCE
        enough = None
        while process.poll() is None:
            if time.monotonic() > end:
                process.kill()
                sys.exit("optimize kill: nothing is told")
            if enough is None and self.solves() >= solves:
                enough = os.path.getsize(os.path.join(self.out, "set.ndjson"))
            if enough is not None and os.path.getsize(os.path.join(self.out, "set.ndjson")) > enough:
                break
            time.sleep(0.005)
        process.kill()
        process.communicate()
        return process.returncode == -signal.SIGKILL


def check(calm):
    """That the undisturbed run is one in which something would be missed."""
    events = [json.loads(line) for line in calm.read("told.ndjson").splitlines()]
    kinds = {}
    for event in events:
        kinds.setdefault(event["kind"], []).append(event)
    assert any("has followed the pot for" in event["body"]["reason"] for event in kinds.get("optimize.held", [])), kinds.keys()
    assert len(kinds["optimize.run"]) >= 6 and kinds["optimize.line"], {kind: len(of) for kind, of in kinds.items()}
    sets = [json.loads(line) for line in calm.read("set.ndjson").splitlines()]
    renewed = [row for row in sets if row["reason"] == "renewed"]
    assert renewed and {row["tag"] for row in renewed} >= {"line1.pot01.acd_set", "line1.pot02.acd_set", "line1.current_set"}, renewed[:3]
    return len(kinds["optimize.run"])


def main():
    with tempfile.TemporaryDirectory(prefix="potline-optimize-") as work:
        make_input(work)
        calm, wild = Job(work, "calm", 1_000_000), Job(work, "wild", 3000)
        calm.finish()
        solves = check(calm)
        kills = sum(wild.kill_after(2 + n * (solves - 3) // KILLS) for n in range(KILLS))
        wild.finish()
        assert kills, "it was over before it could be killed"
        for name in FILES:
            assert calm.read(name) == wild.read(name), f"{name} differs after {kills} kills"
        print(f"{solves} solves of pots, {kills} kills between them: set points and events are the same to the byte")


if __name__ == "__main__":
    main()

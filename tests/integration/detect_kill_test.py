#!/usr/bin/python3
"""All detectors of a graph, killed in the middle and started again, say what they say undisturbed; and so does a replay.

A pump's signals go through change points, discords, a spectrum, coherence, a robust process model, residuals and the
ensemble, with a checkpoint every 100 ms. The engine dies by SIGKILL when it has said a part of what it will say."""
import filecmp
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
KILLS = 1 if os.environ.get("POTLINE_BRIEF") else 6 if os.environ.get("POTLINE_LONG") else 2
PATIENCE = 120
ROWS = 2500
FILES = ("verdict.csv", "members.csv", "events.ndjson")
GRAPH = """
potline: 1
name: detectors
checkpoint: 100ms
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", layout: wide, prefix: unit.pump., batch: 64, rate: "{rate}/s" }}
  steps: {{ op: detect.change, from: in, window: 32 }}
  shape: {{ op: detect.discord, from: in, include: ["*.pressure"], window: 40, every: 4, history: 1000 }}
  noise: {{ op: detect.spectral, from: in, include: ["*.flow"], interval: 1s, size: 64, bands: [ {{ name: fast, low: 0.1, high: 0.5 }}, {{ name: slow, low: 0.01, high: 0.1 }} ] }}
  drive: {{ op: detect.coherence, from: in, pairs: [ {{ name: drive, of: flow, with: power }} ], interval: 1s, size: 64, bands: [ {{ name: all, low: 0.01, high: 0.5 }} ] }}
  together: {{ op: detect.process, from: in, exclude: ["*.innovation"], signals: 4, train: 300, scatter: {{ robust: true }} }}
  residual: {{ op: detect.residual, from: in }}
  verdict: {{ op: detect, from: [in, steps, shape, noise, drive, together, residual], window: 32, threshold: 3 }}
  out: {{ op: sink.csv, from: verdict, path: "{out}/verdict.csv" }}
  members: {{ op: sink.csv, from: [steps, shape, noise, drive, together, residual], path: "{out}/members.csv" }}
  events: {{ op: sink.ndjson, from: [steps.events, shape.events, together.events, residual.events, verdict.events], path: "{out}/events.ndjson" }}
  gold: {{ op: sink.lake, zone: gold, from: [verdict, steps, shape, noise, drive, together, residual] }}
"""


def make_input(path):
    dice = random.Random(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("time,flow,power,pressure,innovation\n")
        for row in range(ROWS):
            upset, load = row >= 2000, dice.gauss(0, 1)
            cycle = (39 - row % 40 if 1800 <= row < 1840 else row % 40) / 40
            file.write(f"2026-01-01T{row // 3600:02}:{row // 60 % 60:02}:{row % 60:02}Z,{100 + load + 6 * upset:.6f},"
                       f"{50 + load + 0.1 * dice.gauss(0, 1) - 5 * upset:.6f},{5 + cycle + 0.02 * dice.gauss(0, 1):.6f},"
                       f"{dice.gauss(3 if upset else 0, 1):.6f}\n")


class Job:
    def __init__(self, work, name, rate):
        self.out = os.path.join(work, name)
        os.makedirs(self.out)
        self.graph, self.data = os.path.join(self.out, "graph.yaml"), os.path.join(self.out, "data")
        with open(self.graph, "w", encoding="utf-8") as file:
            file.write(GRAPH.format(work=work, out=self.out, rate=rate))

    def start(self):
        return subprocess.Popen([POTLINE, "run", self.graph, "--data", self.data, "--until-eof", "-q"],
                                stderr=subprocess.PIPE, text=True, env=dict(os.environ, POTLINE_HTTP="off"))

    def finish(self):
        process = self.start()
        said = process.communicate(timeout=PATIENCE)[1]
        if process.returncode:
            sys.exit(f"{self.out}: exit code {process.returncode}: {said}")

    def said(self):
        path = os.path.join(self.out, "verdict.csv")
        return os.path.getsize(path) if os.path.exists(path) else 0

    def kill_at(self, size):
        """False: it was done before."""
        process, until = self.start(), time.monotonic() + PATIENCE
        while process.poll() is None and self.said() < size:
            if time.monotonic() > until:
                process.kill()
                sys.exit("nothing is said")
            time.sleep(0.005)
        process.kill()
        process.communicate()
        return process.returncode == -signal.SIGKILL


def main():
    with tempfile.TemporaryDirectory(prefix="potline-detect-") as work:
        make_input(os.path.join(work, "in.csv"))
        calm, wild = Job(work, "calm", 1_000_000), Job(work, "wild", 4000)
        calm.finish()
        with open(os.path.join(calm.out, "events.ndjson"), encoding="utf-8") as file:
            began = {json.loads(line)["tag"] for line in file if "detect.began" in line}
        assert {"unit.pump", "unit.pump.flow", "unit.pump.pressure", "unit.pump.innovation"} <= began, began
        whole, dice = calm.said(), random.Random(2)
        kills = sum(wild.kill_at(whole * (n + dice.random()) / (KILLS + 1)) for n in range(KILLS))
        wild.finish()
        for name in FILES:
            assert filecmp.cmp(os.path.join(calm.out, name), os.path.join(wild.out, name), shallow=False), name
        done = subprocess.run([POTLINE, "replay", wild.graph, "--data", wild.data, "--diff"], capture_output=True,
                              text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        print(f"{ROWS} rows, {kills} kills: verdicts, members' scores and events are the same; replay: "
              f"{done.stdout.strip().splitlines()[-1] if done.stdout.strip() else 'the same'}")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""All detectors of a graph, killed in the middle and started again, say what they say undisturbed; and so does a replay.

A pump's signals go through every detector there is and their ensemble, with a checkpoint every 100 ms. The engine dies by SIGKILL when it has said a part of what it will say."""
import filecmp
import json
import math
import os
import random
import signal
import struct
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
  steps: {{ op: detect.change, from: in, exclude: ["*.valve"], window: 32 }}
  shape: {{ op: detect.discord, from: in, include: ["*.pressure"], window: 40, every: 4, history: 1000 }}
  noise: {{ op: detect.spectral, from: in, include: ["*.flow"], interval: 1s, size: 64, bands: [ {{ name: fast, low: 0.1, high: 0.5 }}, {{ name: slow, low: 0.01, high: 0.1 }} ] }}
  drive: {{ op: detect.coherence, from: in, pairs: [ {{ name: drive, of: flow, with: power }} ], interval: 1s, size: 64, bands: [ {{ name: all, low: 0.01, high: 0.5 }} ] }}
  together: {{ op: detect.process, from: in, exclude: ["*.innovation", "*.valve"], signals: 4, train: 300, scatter: {{ robust: true, forget: 400, every: 20 }}, drift: {{ window: 150 }} }}
  follow: {{ op: detect.process, from: in, include: ["*.flow", "*.power"], signals: 2, level: {{ side: above }}, scatter: {{ lags: 2, components: 0.8, forget: 600, every: 50 }}, local: true }}
  each: {{ op: detect.univariate, from: in, include: ["*.flow", "*.power"], history: 400, accept: 50 }}
  flags: {{ op: detect.state, from: in, include: ["*.valve"] }}
  network: {{ op: detect.recurrent, from: in, include: ["*.flow", "*.power"], model: "{work}/net.safetensors", inputs: [flow, power], drift: {{ window: 150 }} }}
  residual: {{ op: detect.residual, from: in }}
  verdict: {{ op: detect, from: [in, steps, shape, noise, drive, together, residual], exclude: ["*.alarm", "*.changepoint", "*.valve"], window: 32, threshold: 3 }}
  out: {{ op: sink.csv, from: verdict, path: "{out}/verdict.csv" }}
  members: {{ op: sink.csv, from: [steps, shape, noise, drive, together, follow, each, flags, network, network.forecast, residual], path: "{out}/members.csv" }}
  events: {{ op: sink.ndjson, from: [steps.events, shape.events, together.events, residual.events, verdict.events], path: "{out}/events.ndjson" }}
  others: {{ op: sink.ndjson, from: [follow.events, each.events, flags.events, network.events], path: "{out}/others.ndjson" }}
  gold: {{ op: sink.lake, zone: gold, from: [verdict, steps, shape, noise, drive, together, residual] }}
"""


def make_network(path):
    """An LSTM of four units with weights of nobody's making, and what it was given, in the form that training leaves."""
    dice, header, data = random.Random(3), {}, b""
    for name, shape, form in (("rnn.weight_ih_l0", (16, 2), "f"), ("rnn.weight_hh_l0", (16, 4), "f"), ("rnn.bias_ih_l0", (16,), "f"),
                              ("rnn.bias_hh_l0", (16,), "f"), ("head.weight", (2, 4), "f"), ("head.bias", (2,), "f"),
                              ("input_mean", (2,), "d"), ("drift", (3, 24), "d")):
        numbers = [dice.uniform(-0.5, 0.5) for _ in range(math.prod(shape))]
        if name == "input_mean":
            numbers = [100, 50]
        if name == "drift":
            numbers = ([k - 5 for k in range(11)] + [0.001, 0.01, 0.03, 0.06, 0.15, 0.25, 0.25, 0.15, 0.06, 0.03, 0.01, 0.001] + [0]) * 3
        raw = struct.pack(f"<{len(numbers)}{form}", *numbers)
        header[name] = {"dtype": {"f": "F32", "d": "F64"}[form], "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def make_input(path):
    dice = random.Random(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("time,flow,power,pressure,innovation,valve\n")
        for row in range(ROWS):
            upset, load = row >= 2000, dice.gauss(0, 1)
            cycle = (39 - row % 40 if 1800 <= row < 1840 else row % 40) / 40
            file.write(f"2026-01-01T{row // 3600:02}:{row // 60 % 60:02}:{row % 60:02}Z,{100 + load + 6 * upset:.6f},"
                       f"{50 + load + 0.1 * dice.gauss(0, 1) - 5 * upset:.6f},{5 + cycle + 0.02 * dice.gauss(0, 1):.6f},"
                       f"{dice.gauss(3 if upset else 0, 1):.6f},{int(not upset)}\n")


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

    def others(self):
        """In an order of its own: that an alarm is over is told late, among whatever comes by then."""
        with open(os.path.join(self.out, "others.ndjson"), encoding="utf-8") as file:
            return sorted(file)

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
        make_network(os.path.join(work, "net.safetensors"))
        calm, wild = Job(work, "calm", 1_000_000), Job(work, "wild", 4000)
        calm.finish()
        with open(os.path.join(calm.out, "events.ndjson"), encoding="utf-8") as file:
            began = {json.loads(line)["tag"] for line in file if "detect.began" in line}
        assert {"unit.pump", "unit.pump.flow", "unit.pump.pressure", "unit.pump.innovation"} <= began, began
        said = [json.loads(line) for line in calm.others()]
        models = {event["body"]["model"].split()[0] for event in said if event["kind"] == "detect.began"}
        assert {"detect.process", "detect.univariate", "detect.state", "detect.recurrent"} <= models, models
        assert "detect.drifted" in {event["kind"] for event in said}, "no drift"
        whole, dice = calm.said(), random.Random(2)
        kills = sum(wild.kill_at(whole * (n + dice.random()) / (KILLS + 1)) for n in range(KILLS))
        wild.finish()
        for name in FILES:
            assert filecmp.cmp(os.path.join(calm.out, name), os.path.join(wild.out, name), shallow=False), name
        assert calm.others() == wild.others(), "others.ndjson"
        done = subprocess.run([POTLINE, "replay", wild.graph, "--data", wild.data, "--diff"], capture_output=True,
                              text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        print(f"{ROWS} rows, {kills} kills: verdicts, members' scores and events are the same; replay: "
              f"{done.stdout.strip().splitlines()[-1] if done.stdout.strip() else 'the same'}")


if __name__ == "__main__":
    main()

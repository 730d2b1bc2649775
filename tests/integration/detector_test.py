#!/usr/bin/python3
"""detect.recurrent from training to ticket, as people use it.

A model is trained on recorded rows, interrupted and gone on with, put to work; a fault opens a ticket, which people close from
the shell; the engine is killed right behind their answers."""
import fcntl
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
PATIENCE = 60


def call(*arguments, code=0, **environment):
    done = subprocess.run([POTLINE, *map(str, arguments)], capture_output=True, text=True, timeout=200, check=False,
                          env=dict(os.environ, **environment))
    if done.returncode != code:
        sys.exit(f"potline {' '.join(map(str, arguments))}: {done.returncode}, not {code}\n{done.stderr}{done.stdout[-2000:]}")
    return done


# ---- Training on what was recorded ----

PLANT = """
potline: 1
name: pumps
checkpoint: 100ms
nodes:
  in: { op: source.csv, path: "${IN}", header: false, follow: "${FOLLOW}" }
  watch:
    op: detect.recurrent
    from: in
    model: "${WORK}/trained/models"
    training: { units: 12, rounds: 30, lanes: 4, rate: 0.01 }
  work:
    op: tickets
    from: watch.events
    actions: [ { signals: pressure, action: "look at the suction side" } ]
  told: { op: sink.ndjson, from: work, path: "${WORK}/told.ndjson" }
"""
FRAMES, BASE = 2000, 1_700_000_000 * 10**9


class Pumps:
    """Rows of two pumps; `wrong` is added to the pressure of the second one."""

    def __init__(self):
        self.dice, self.frame = random.Random(5), 0
        self.state = [[0.0, 0.0], [2.0, 1.0]]

    def rows(self, count, wrong=0.0):
        text = []
        for _ in range(count):
            for k, state in enumerate(self.state):
                state[0] += 0.25 + self.dice.uniform(-0.01, 0.01)
                state[1] += 0.3 * (math.sin(state[0]) - state[1])
                flow = 40 + 10 * state[1] + self.dice.uniform(-0.1, 0.1)
                pressure = 3 + 0.5 * state[1] + self.dice.uniform(-0.005, 0.005) + (wrong if k else 0)
                text += [f"{BASE + self.frame * 10**9},w.p{k + 1}.flow,{flow:.4f}\n",
                         f"{BASE + self.frame * 10**9},w.p{k + 1}.pressure,{pressure:.5f}\n"]
            self.frame += 1
        return "".join(text)


def train(graph, data, work, *more, stop_at=None):
    environment = dict(os.environ, IN="unused", WORK=work, FOLLOW="false")
    command = [POTLINE, "train", graph, "--data", data, "--json", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    said = ""
    for line in process.stderr:
        said += line
        if stop_at and line.startswith(f"round {stop_at} of"):
            process.send_signal(signal.SIGINT)
    out = process.stdout.read()
    code = process.wait()
    if stop_at:
        assert code == 1 and "interrupted" in said, f"{code}: {said}"
        return None
    assert code == 0, said
    return json.loads(out) | {"said": said}


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def worse_than_none(graph, data, work, cut):
    """One round is too little: the version is kept, people are told, and no node begins with it by itself."""
    hasty, given = os.path.join(work, "hasty.yaml"), os.path.join(work, "some.csv")
    with open(hasty, "w", encoding="utf-8") as file:
        file.write(PLANT.replace("rounds: 30", "rounds: 1").replace("rate: 0.01", "rate: 0.00001").replace("trained/models", "hasty").replace("/told", "/hasty-told"))
    os.mkdir(os.path.join(work, "hasty"))
    shutil.copy(os.path.join(work, "training.safetensors"), os.path.join(work, "hasty"))  # of a training with other options
    one = train(hasty, data, work, *cut)
    assert "other rows or options: what it had learned is dropped" in one["said"], one
    assert one["error"] >= one["unchanged"] and "no node begins with it by itself" in one["said"], one
    with open(given, "w", encoding="utf-8") as file:
        file.write(Pumps().rows(20))
    run = call("run", hasty, "--data", os.path.join(work, "hasty-data"), "--until-eof", "-q", IN=given, WORK=work, FOLLOW="false")
    for said in ("version 1 of", "forecasts worse than that nothing changes", "there is no model in", "rows are only counted"):
        assert said in run.stderr, run.stderr


SILENT = """
potline: 1
name: silent
log: { kind: none }
nodes:
  in: { op: source.csv, path: "${IN}", header: false }
  each: { op: detect.univariate, from: in, include: ["*.voltage"] }
  all: { op: detect, from: in, include: ["*.voltage"] }
  steps: { op: detect.change, from: in, include: ["*.voltage"] }
  flags: { op: detect.state, from: in, include: ["*.voltage"] }
  apart: { op: detect.process, from: in, include: ["*.voltage"] }
  tests: { op: detect.residual, from: in }
  blind: { op: detect.process, from: in, train: 2, level: false, scatter: { lags: 2 } }
  full: { op: detect.process, from: in, signals: 1 }
  well: { op: detect.univariate, from: in, include: ["*.flow"], history: 0 }
  watch: { op: detect.recurrent, from: in, model: "${WORK}/net.safetensors", inputs: [flow, pressure, level], signals: 3, state: 16 }
  out: { op: sink.csv, from: [each, all, steps, flags, apart, tests, blind, full, well, watch], path: "${WORK}/silent.csv" }
"""


def three_inputs(path):
    """A network of three inputs and two units that forecasts nothing of use, with PyTorch's names."""
    header, data = {}, b""
    for name, shape in (("rnn.weight_ih_l0", (8, 3)), ("rnn.weight_hh_l0", (8, 2)), ("rnn.bias_ih_l0", (8,)),
                        ("rnn.bias_hh_l0", (8,)), ("head.weight", (3, 2)), ("head.bias", (3,))):
        raw = bytes(4 * math.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


def judging_nothing(work):
    """A node that judges nothing looks like one that finds nothing: each says so, and one at work does not."""
    graph, given = os.path.join(work, "silent.yaml"), os.path.join(work, "silent-in.csv")
    with open(graph, "w", encoding="utf-8") as file:
        file.write(SILENT)
    with open(given, "w", encoding="utf-8") as file:
        file.write(Pumps().rows(60))
    three_inputs(os.path.join(work, "net.safetensors"))
    run = call("run", graph, "--until-eof", "-q", IN=given, WORK=work)
    for node in ("each", "all", "steps", "flags", "apart", "tests"):
        assert re.search(rf"\b{node}/0: none of its \d+ rows is of a tag to judge", run.stderr), f"{node}: {run.stderr}"
    assert "scatter judges nothing of w.p" in run.stderr, run.stderr
    assert "has more signals than `signals` allows, 1" in run.stderr, run.stderr
    assert "1 of the 3 inputs of its model have not come: level" in run.stderr, run.stderr
    assert not re.search(r"\bwell/0: ", run.stderr), run.stderr


TOLD = """
potline: 1
name: told
log: { kind: none }
tags: [ { match: "*.voltage", unit: V } ]
nodes:
  in: { op: source.csv, path: "${IN}", header: false }
  each: { op: detect.univariate, from: in, history: 0 }
  all: { op: detect, from: in }
  steps: { op: detect.change, from: in }
  level: { op: detect.process, from: in, level: { smooth: 10, freedom: 4 } }
  out: { op: sink.ndjson, from: [each.events, all.events, steps.events, level.events], path: "${WORK}/told-events.ndjson" }
"""


def what_is_told(work):
    """Each detector tells what a signal is, what it usually is, and in which unit."""
    graph, given, dice = os.path.join(work, "told.yaml"), os.path.join(work, "told-in.csv"), random.Random(3)
    with open(graph, "w", encoding="utf-8") as file:
        file.write(TOLD)
    with open(given, "w", encoding="utf-8") as file:
        for row in range(1500):
            file.write(f"{BASE + row * 10**9},l.p.voltage,{4.2 + dice.gauss(0, 0.01) + (0.3 if row >= 1400 else 0):.4f}\n")
    call("run", graph, "--until-eof", "-q", IN=given, WORK=work)
    with open(os.path.join(work, "told-events.ndjson"), encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    said = [event["body"]["explanation"] for event in events if event["kind"] == "detect.began"
            and event["time"] >= "2023-11-14T22:36:40"]  # the step
    for words in (r"^higher than it has been: 4\.\d+ V, usually 4\.2\d* V$", r"^l\.p\.voltage: .* V\b.* \(1 of 1 signals are surprised\)$",
                  r"^its mean has gone from 4\.\d+ to 4\.\d+ V, some ", r"learned: l\.p\.voltage 4\.\d+ V, usually 4\.\d+ V$"):
        assert any(re.search(words, text) for text in said), f"{words}: {said}"


def trained(work):
    graph, data, given = (os.path.join(work, name) for name in ("pumps.yaml", "history", "history.csv"))
    pumps = Pumps()
    for name, text in ((graph, PLANT), (given, pumps.rows(FRAMES) + pumps.rows(200, 3.0))):
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    call("run", graph, "--data", data, "--until-eof", "-q", IN=given, WORK=work, FOLLOW="false")
    cut = ("--to", str(BASE + FRAMES * 10**9))
    one = train(graph, data, work, *cut)
    assert one["signals"] == 2 and one["assets"] == 2 and one["taught"] + one["judged"] == 2 * FRAMES, one
    assert one["error"] < 0.7 * one["unchanged"], one
    with open(os.path.join(work, "trained", "models", "training.lock"), "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as another training has it
        second = call("train", graph, "--data", data, *cut, code=1, IN="unused", WORK=work, FOLLOW="false")
        assert "another training writes into" in second.stderr, second.stderr
    train(graph, data, work, *cut, stop_at=4)
    shutil.copy(os.path.join(work, "trained", "models", "training.safetensors"), work)
    two = train(graph, data, work, *cut)
    assert two["model"].endswith("/2.safetensors") and 4 <= two["resumed"] < 30, two
    assert f"goes on behind round {two['resumed']} of" in two["said"], two
    assert contents(one["model"]) == contents(two["model"]), "an interrupted training gives another model"
    refused = call("train", graph, "--data", data, "--node", "in", code=2, IN="unused", WORK=work, FOLLOW="false")
    assert "does not learn" in refused.stderr, refused.stderr
    nothing = call("train", graph, "--data", data, "--from", str(BASE + 10**18), code=1, IN="x", WORK=work, FOLLOW="false")
    assert "no row" in nothing.stderr, nothing.stderr
    worse_than_none(graph, data, work, cut)
    print(f"trained: error {one['error']:.4f} (that nothing changes: {one['unchanged']:.4f}), resumed at {two['resumed']}")
    return graph, pumps


# ---- At work ----

class Life:
    def __init__(self, graph, work, given):
        self.data = os.path.join(work, "data")
        environment = dict(os.environ, IN=given, WORK=work, FOLLOW="true")
        self.process = subprocess.Popen([POTLINE, "run", graph, "--data", self.data, "--quiet"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, env=environment)
        self.until(lambda: self.process.poll() is not None or self.shell("version").returncode == 0, "it does not answer")

    def shell(self, command):
        return subprocess.run([POTLINE, "shell", "--data", self.data, "--json", "-c", command], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)

    def rows(self, command):
        done = self.shell(command)
        assert done.returncode == 0, f"{command}: {done.stderr}{self.process.stderr.read() if self.process.poll() else ''}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    @staticmethod
    def until(what, why):
        end = time.monotonic() + PATIENCE
        while not what():
            assert time.monotonic() < end, why
            time.sleep(0.05)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def judged(life):
    return sum(row["value"] for row in life.rows("stats watch") if row.get("counter") == "judged")


def at_work(graph, pumps, work):
    given = os.path.join(work, "live.csv")

    def append(text):
        with open(given, "a", encoding="utf-8") as file:
            file.write(text)

    pumps.rows(50)
    append(pumps.rows(300) + pumps.rows(60, 0.25) + pumps.rows(60))
    life = Life(graph, work, given)
    life.until(lambda: life.rows("tickets list"), "the fault opens no ticket")
    ticket = life.rows("tickets list")[0]["ticket"]
    shown = life.rows(f"tickets show {ticket}")[0]
    assert ticket == "1@w.p2" and shown["tags"][0]["tag"] == "w.p2.pressure", shown
    assert shown["action"] == "look at the suction side" and shown["detector"] == "watch", shown
    assert [row["role"] for row in life.rows("detector models")] == ["", "active"]
    life.rows("detector promote 1")
    life.kill()
    life = Life(graph, work, given)
    assert [row["role"] for row in life.rows("detector models")] == ["active", "before"]
    life.rows(f"tickets assign {ticket} Ann")
    life.rows(f"tickets false-alarm {ticket} 'they cleaned it'")
    life.kill()
    life = Life(graph, work, given)
    closed = life.rows("tickets list --state all")
    assert [(row["ticket"], row["state"], row["reason"]) for row in closed] == [(ticket, "false-alarm", "they cleaned it")], closed
    assert life.rows("anomalies list")[0]["ticket"] == ticket
    life.rows("detector rollback")
    assert [row["role"] for row in life.rows("detector models")] == ["before", "active"]
    wrong = life.shell("detector promote 9")
    assert wrong.returncode and "9.safetensors" in wrong.stderr, wrong.stderr
    life.kill()


def warned(work):
    """A window of more than half of what teaches is taken, and said to be one; half of it is not."""
    for window, words in ((151, "more than half of the 300 frames"), (150, "")):
        graph = os.path.join(work, "window.yaml")
        with open(graph, "w", encoding="utf-8") as file:
            file.write(f"""potline: 1
name: window
nodes:
  in: {{ op: source.csv, path: in.csv, layout: long }}
  watch: {{ op: detect.process, from: in, train: 300, drift: {{ window: {window} }} }}
  out: {{ op: sink.csv, from: watch, path: out.csv }}
""")
        said = call("check", graph).stdout
        assert ("drift.window" in said) == bool(words) and words in said, said
    print("detect.process: a window that is too long for what teaches is warned of")


def main():
    with tempfile.TemporaryDirectory(prefix="potline-detector-") as work:
        warned(work)
        judging_nothing(work)
        what_is_told(work)
        at_work(*trained(work), work)


if __name__ == "__main__":
    main()

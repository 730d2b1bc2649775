#!/usr/bin/python3
"""detect.recurrent from training to ticket, as people use it.

A model is trained on recorded rows, interrupted and gone on with, put to work; a fault opens a ticket, which people close from
the shell; the engine is killed right behind their answers."""
import fcntl
import json
import math
import os
import random
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
    return json.loads(out)


def contents(path):
    with open(path, "rb") as file:
        return file.read()


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
    two = train(graph, data, work, *cut)
    assert two["model"].endswith("/2.safetensors") and 4 <= two["resumed"] < 30, two
    assert contents(one["model"]) == contents(two["model"]), "an interrupted training gives another model"
    refused = call("train", graph, "--data", data, "--node", "in", code=2, IN="unused", WORK=work, FOLLOW="false")
    assert "does not learn" in refused.stderr, refused.stderr
    nothing = call("train", graph, "--data", data, "--from", str(BASE + 10**18), code=1, IN="x", WORK=work, FOLLOW="false")
    assert "no row" in nothing.stderr, nothing.stderr
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
        at_work(*trained(work), work)


if __name__ == "__main__":
    main()

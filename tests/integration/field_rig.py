"""The simulated plant, an engine that writes to it, and who judges between them: the plant's own log of what it received."""
import calendar
import csv
import ctypes
import glob
import json
import os
import random
import re
import signal
import socket
import subprocess
import time

import zmq

BIN = os.environ["POTLINE_BIN"]
POTLINE = os.path.join(BIN, "potline")
PLANT = os.path.join(BIN, "potline-plant")
PATIENCE = 60
LOW, HIGH = 36, 50
POTS = [f"line1.pot{i:02}" for i in range(1, 21)]
GRAPH = """
potline: 1
name: field
checkpoint: 500ms
nodes:
  wishes: {{ op: source.zmq, socket: pull, bind: "tcp://127.0.0.1:{port}", encoding: json, kind: setpoints }}
  plc: {live}
  safe:
    op: guard
    {isolate}
    from: [wishes, plc]
    mode: auto
    fresh: 60s
    {pulse}
    override_file: "{folder}/stop"
    override_signals: ["*.manual"]
    limits:
      - {{ tags: "*.acd_set", low: {low}, high: {high} }}
      - {{ tags: "*.feed_set", low: 60, high: 140 }}
    interlocks: [ {{ name: warm, when: bath_temp < 985 }} ]
  write:
    from: safe
    {write}
  decided: {{ op: sink.ndjson, from: safe.events, path: "{folder}/decided.ndjson" }}
  told: {{ op: sink.ndjson, from: write, path: "{folder}/told.ndjson" }}
"""


LIVE = """{{ op: source.modbus, endpoint: "{plant}", registers: "{folder}/live.csv", poll: 50ms, timeout: 50ms, backoff: 20ms,
         backoff_max: 200ms }}"""
WRITE = """op: sink.modbus
    {isolate}
    endpoint: "{plant}"
    registers: "{folder}/targets.csv"
    deadline: 1s
    timeout: 200ms
    backoff_max: 200ms
    heartbeats: [ {{ address: 2 }} ]
    heartbeat: 100ms
    pulse: safe.pulse"""


def dies_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def wait(what, why, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, why() if callable(why) else why
        time.sleep(0.01)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def print_map(path, part, keep, lines=1):
    text = subprocess.run([PLANT, f"--print-map={part}", "--lines", str(lines), "--pots", "20"], check=True, capture_output=True, text=True)
    rows = text.stdout.splitlines()
    with open(path, "w") as file:
        file.write("\n".join(rows[:1] + [row for row in rows[1:] if keep(row)]) + "\n")


def nanoseconds(text):
    """Of an RFC 3339 time, which has more digits than Python's own reader keeps."""
    whole, _, part = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(part.ljust(9, "0") or 0)


def write_whole(path, text):
    """It is there at once, or not: an override file that is still empty speaks of everything."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


class Plant:
    """The peer on Modbus TCP. Others (field_ways.py) have the same methods."""
    protocol = "Modbus TCP"
    faults = ("refuse 700ms", "hang 700ms", "slow 700ms 300ms", "garble 500ms 0.5", "flood 300ms", "freeze 700ms", "restart")
    alarm = "modbus.disconnected"  # when it is lost
    patience = PATIENCE
    early = 0  # ns that its clock may be behind
    brief = False  # but with POTLINE_LONG

    def __init__(self, folder, *more, lines=1):
        self.folder, self.more = folder, ("--lines", str(lines), *more)
        self.logs = []  # of what it has received: one a life
        self.fifo = os.path.join(folder, "trouble")
        self.run(0)

    def run(self, port):
        address = os.path.join(self.folder, "address")
        if os.path.exists(address):
            os.unlink(address)
        self.logs.append(os.path.join(self.folder, f"writes{len(self.logs)}.csv"))
        self.process = subprocess.Popen(
            [PLANT, "--quiet", "--port", str(port), "--step", "100ms", "--pots", "20", "--address-file", address,
             "--trouble", self.fifo, "--writes", self.logs[-1], "--events", os.path.join(self.folder, "events.csv"), *self.more],
            preexec_fn=dies_with_us)
        def served():
            if os.path.exists(address):
                with open(address) as file:
                    return re.fullmatch(r"(\S+)\n", file.read())
        self.address = wait(served, "the plant does not serve").group(1)

    def nodes(self, isolate):
        """What the graph reads it by, and what writes to it."""
        print_map(f"{self.folder}/live.csv", "all",
                  lambda line: any(f".{name}," in line for name in ("bath_temp", "manual", "watchdog_ok")))
        print_map(f"{self.folder}/targets.csv", "targets", lambda line: ".acd_set," in line or ".feed_set," in line)
        values = {"plant": self.address, "folder": self.folder, "isolate": isolate}
        return LIVE.format(**values), WRITE.format(**values)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def come_back(self):
        self.run(int(self.address.rpartition(":")[2]))

    def trouble(self, line):
        with open(self.fifo, "w") as file:
            file.write(line + "\n")

    def writes(self):
        """What it received for set points: [(wall ns, tag, value, outcome)], whole lines only."""
        found = []
        for path in self.logs:
            with open(path) as file:
                text = file.read()
            rows = csv.DictReader(text[:text.rfind("\n") + 1].splitlines())
            found += [(int(row["wall_ns"]), row["register"], float(row["value"]), row["outcome"]) for row in rows
                      if row["register"].endswith("_set") or not row["register"]]
        return found

    def beats(self):
        count = 0
        for path in self.logs:
            with open(path) as file:
                count += file.read().count(".watchdog,")
        return count

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0

    def close(self):
        if self.process.poll() is None:
            self.stop()


class Engine:
    def __init__(self, graph, data, **environment):
        self.graph, self.data, self.environment = graph, data, environment
        self.said = data + ".said"
        self.start()

    def start(self):
        with open(self.said, "a") as said:
            self.process = subprocess.Popen([POTLINE, "run", self.graph, "--data", self.data, "--quiet"], stderr=said,
                                            env={**os.environ, **self.environment}, preexec_fn=dies_with_us)
        wait(lambda: self.alive() and self.shell("version").returncode == 0, self.text)

    def alive(self):
        assert self.process.poll() is None, self.text()
        return True

    def text(self):
        with open(self.said) as file:
            return file.read()

    def shell(self, command):
        return subprocess.run([POTLINE, "shell", "--data", self.data, "--json", "-c", command], capture_output=True, text=True,
                              timeout=PATIENCE)

    def ask(self, command):
        done = self.shell(command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def unended(self):
        """Set points that have left by the audit, and have no end there: {(tag, id)}."""
        written, ended = ({(record["object"], re.search(r"set point (\d+)", record["reason"])[1]) for record in self.audit(action)}
                          for action in ("setpoint write", "setpoint result"))
        return written - ended

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, self.text()

    def audit(self, action="setpoint write"):
        """Records of writes that were about to leave, or of how they ended."""
        done = subprocess.run([POTLINE, "audit", "query", "--data", self.data, "--json", "--action", action],
                              capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


class Optimiser:
    """Sends set points, as a program beside the engine does."""

    def __init__(self, endpoint, generation=1, pack=lambda batch: json.dumps(batch).encode()):
        self.pack = pack
        self.socket = zmq.Context.instance().socket(zmq.PUSH)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.setsockopt(zmq.SNDTIMEO, PATIENCE * 1000)
        self.socket.connect(endpoint)
        self.generation, self.count = generation, 0

    def send(self, wishes, lasts=10.0, generation=None):
        """{tag: value}; returns their ids, by tag."""
        now, n = time.time_ns(), len(wishes)
        ids = {tag: str(now + self.count + i) for i, tag in enumerate(wishes)}
        self.count += n
        columns = {"time": [now] * n, "id": [int(number) for number in ids.values()], "tag": list(wishes), "value": list(wishes.values()),
                   "lower": [0] * n, "upper": [0] * n, "expiry": [now + int(lasts * 1e9)] * n,
                   "token": [generation or self.generation] * n, "origin": ["optimiser"] * n, "reason": ["test"] * n}
        self.socket.send(self.pack({"kind": "setpoints", "columns": columns}))
        return ids

    def close(self):
        self.socket.close()


class Told:
    """The events that the engine has written, as they come. A file that an engine has gone back in is read anew; what was there
    before is remembered."""

    def __init__(self, pattern):
        self.pattern, self.seen, self.events = pattern, set(), []

    def read(self):
        for path in sorted(glob.glob(self.pattern)):
            with open(path) as file:
                lines = file.read().split("\n")[:-1]
            for line in lines:
                if line not in self.seen:
                    self.seen.add(line)
                    self.events.append(json.loads(line))
        return self.events

    def end_of(self, number, seconds=PATIENCE):
        """The event that says how a set point ended."""
        ends = ("setpoint.", "guard.refused")
        def found():
            return [e for e in self.read() if e["kind"].startswith(ends) and e["body"]["id"] == number]
        return wait(found, lambda: f"set point {number} has no end: {self.events[-5:]}", seconds)[0]

    def kinds(self):
        return [e["kind"] for e in self.read()]


class Rig:
    """The plant, an engine with guard and sink, and who recommends."""

    def __init__(self, folder, isolate="", peer=Plant, **environment):
        self.folder = folder
        self.plant = peer(folder)
        self.patience = self.plant.patience
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        graph = f"{folder}/field.yaml"
        live, write = self.plant.nodes(isolate)
        with open(graph, "w") as file:
            file.write(GRAPH.format(folder=folder, port=self.endpoint.rpartition(":")[2], low=LOW, high=HIGH, isolate=isolate, live=live,
                                    write=write, pulse="pulse: 100ms" if "pulse" in write else ""))
        self.engine = Engine(graph, f"{folder}/data", **environment)
        self.told = Told(f"{folder}/*.ndjson")
        self.optimiser = Optimiser(self.endpoint)
        self.dice = random.Random(5)

    def until_it_works(self, seconds=None, release=False):
        """Until a set point is verified again."""
        def verified():
            for row in self.engine.ask("override list") if release else []:
                self.engine.shell(f"override release {row['scope']} --reason 'a bit was turned'")
            ids = self.optimiser.send({"line1.pot01.feed_set": round(self.dice.uniform(70, 130), 3)})
            return self.told.end_of(*ids.values(), self.patience)["kind"] == "setpoint.verified"
        wait(verified, lambda: f"nothing is verified: {self.told.events[-3:]} {self.engine.text()}", seconds or self.patience)

    def value(self, tag):
        return next(row for row in self.engine.ask("setpoints list") if row["tag"] == tag)

    def judge(self, late=0):
        """Against what the plant has received: nothing out of limits, nothing that the audit did not know of before. From a process
        of its own a record comes over a link, a little `late`."""
        noted = {}
        for record in self.engine.audit():
            noted.setdefault((record["object"], float(record["to"])), []).append(nanoseconds(record["time"]))
        received = self.plant.writes()
        for wall, tag, value, outcome in received:
            low, high = (LOW, HIGH) if tag.endswith(".acd_set") else (60, 140)
            assert tag and low - 1e-3 <= value <= high + 1e-3, (tag, value, outcome)
            near = [times for (name, noted_value), times in noted.items() if name == tag and abs(noted_value - value) < 1e-4]
            assert any(min(times) <= wall + late for times in near), f"{tag} = {value} was written and is not in the audit"
        return len(received)

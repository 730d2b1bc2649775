"""An engine that takes samples and events over ZeroMQ and gives them out again in every encoding, and what is sent."""
import json
import os
import random
import signal
import struct
import subprocess
import time

import msgpack
import zmq

GRAPH = """
potline: 1
name: zmq-subscribers
nodes:
  rows:       { op: source.zmq, socket: pull, connect: "$ROWS", encoding: msgpack }
  happenings: { op: source.zmq, socket: pull, connect: "$HAPPENINGS", encoding: json, kind: events }
  capnp:      { op: sink.zmq, from: [rows, happenings], bind: "ipc://$DIR/capnp", topic: clean, hwm: 10000, on_full: block }
  msgpack:    { op: sink.zmq, from: [rows, happenings], bind: "ipc://$DIR/msgpack", topic: clean, hwm: 10000, on_full: block,
                encoding: msgpack, split: asset }
  json:       { op: sink.zmq, from: [rows, happenings], bind: "ipc://$DIR/json", topic: clean, hwm: 10000, on_full: block,
                encoding: json, curve: { secret_key: "${SUBSCRIBERS_SECRET}" } }
"""
TAGS = ["line1.pot01.voltage", "line1.pot01.noise", "line1.pot02.voltage", "line2.current", "bare", "l\u00e4nge.\"x\"",
        "\u6e29\u5ea6.a b"]
START = 1_700_000_000_000_000_000  # of the rows that count; the ones before only try whether everybody is there


class Engine:
    def __init__(self, folder):
        self.context = zmq.Context()
        self.public, secret = (key.decode() for key in zmq.curve_keypair())
        self.endpoints = {name: f"ipc://{folder}/{name}" for name in ("capnp", "msgpack", "json")}
        self.rows, rows = self.bound(zmq.PUSH)
        self.happenings, happenings = self.bound(zmq.PUSH)
        text = GRAPH
        for name, value in {"$ROWS": rows, "$HAPPENINGS": happenings, "$DIR": folder}.items():
            text = text.replace(name, value)
        with open(f"{folder}/graph.yaml", "w", encoding="utf-8") as file:
            file.write(text)
        self.process = subprocess.Popen([os.environ["POTLINE_BIN"] + "/potline", "run", f"{folder}/graph.yaml", "--data",
                                         f"{folder}/data", "--quiet"],
                                        env={**os.environ, "SUBSCRIBERS_SECRET": secret})

    def bound(self, kind):
        socket = self.context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDTIMEO, 30000)  # an engine that has ended takes nothing
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        return socket, f"tcp://127.0.0.1:{port}"

    def send_samples(self, rows):
        columns = {name: [row[i] for row in rows] for i, name in enumerate(("time", "tag", "value", "quality"))}
        self.rows.send(msgpack.packb({"kind": "samples", "columns": columns}))

    def send_events(self, rows):
        names = ("time", "id", "kind", "severity", "asset", "tag", "body")
        columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
        columns["id"] = [str(number) for number in columns["id"]]
        self.happenings.send_multipart([b"topic", json.dumps({"columns": columns, "kind": "events"}).encode()])

    def probe(self):
        """Rows that only show who is there already."""
        self.send_samples([[1, "probe.x", 0.0, 0]])
        self.send_events([[1, 0, "probe", 1, "", "", None]])

    def stop(self):
        """The engine's exit code after a polite request to end."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.context.destroy(linger=0)


def make_samples(count):
    """Rows [time, tag, value, quality], and what they must be behind the engine."""
    chance = random.Random(7)
    rows = []
    for i in range(count):
        value = chance.choice([None, -0.0, 1e308, 5e-324, float(i), chance.random() * 8, chance.gauss(0, 1e-9)])
        rows.append([START + i, chance.choice(TAGS), value, chance.choice([0, 0, 0, 0x4004, 0x8082, 0x0FFF])])
    expected = [[t, tag, value, missing(quality) if value is None else quality] for t, tag, value, quality in rows]
    return rows, expected


def missing(quality):
    """Bad, whatever it was before, for that reason too."""
    return quality & 0x3FFF | 0x8001


def make_events(count):
    rows = []
    for i in range(count):
        body = None if i % 5 == 0 else {"value": i / 4, "text": "\u00e4\n\"", "list": [1, -2, None, True, {"x": []}]}
        rows.append([START + i, 2**64 - 1 - i, "threshold.high", 1 + i % 1000, "line1.pot01", TAGS[i % 4], body])
    return rows


class Collector:
    """Checks what a subscriber gets, message by message, and gathers its rows by tag."""

    def __init__(self, name, split):
        self.name, self.split = name, split
        self.next = {}
        self.samples, self.events = {}, []
        self.seen = set()
        self.count = 0

    def take(self, topic, batch):
        kind, columns = batch["kind"], batch["columns"]
        rows = [list(row) for row in zip(*columns.values())]
        self.seen.add(kind)
        parts = topic.split("/", 2)
        assert parts[:2] == [kind, "clean"], topic
        if self.split:
            self.check_asset(kind, columns, parts[2] if len(parts) > 2 else "")
        else:
            assert len(parts) == 2, topic
        stream = (topic, batch["partition"])
        assert batch["sequence"] == self.next.get(stream, batch["sequence"]), (self.name, stream, batch["sequence"])
        self.next[stream] = batch["sequence"] + len(rows)
        for row in rows:
            if row[0] < START:
                continue
            self.count += 1
            if kind == "samples":
                self.samples.setdefault(row[1], []).append(row)
            else:
                self.events.append(row)

    @staticmethod
    def check_asset(kind, columns, asset):
        found = columns["asset"] if kind == "events" else [tag.rpartition(".")[0] for tag in columns["tag"]]
        assert set(found) == {asset}, (asset, found)

    def check(self, samples, events):
        by_tag = {}
        for row in samples:
            by_tag.setdefault(row[1], []).append(row)
        assert self.samples.keys() == by_tag.keys(), (self.name, self.samples.keys())
        for tag, rows in by_tag.items():
            for found, row in zip(self.samples[tag], rows, strict=True):
                assert exact(found) == exact(row), f"{self.name}: {row} expected, found {found}"
        assert self.events == events, self.name


def exact(row):
    """A row in which -0.0 is not 0.0."""
    return [struct.pack("<d", v) if isinstance(v, float) else v for v in row]


def send_all(engine, samples, events):
    chance = random.Random(3)
    at = 0
    while at < len(samples):
        size = chance.choice([1, 2, 7, 100, 300])
        engine.send_samples(samples[at:at + size])
        at += size
        if chance.random() < 0.1:
            time.sleep(0.002)
    for i in range(0, len(events), 9):
        engine.send_events(events[i:i + 9])

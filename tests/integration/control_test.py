#!/usr/bin/python3
"""The control plane of a running engine, over its own socket: commands and their errors, users and roles, what is
recorded, taps, bytes from strangers, and what people decided about alarms through a SIGKILL."""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

import msgpack
import zmq

BIN = os.environ["POTLINE_BIN"]
GRAPH = """
potline: 1
name: controlled
nodes:
  gen: { op: source.generator, tags: "line{1..2}.pot{01..03}.{voltage,current}", rate: 2000/s }
  clean: { op: cleanse, from: gen, spike: { method: hampel, window: 11, k: 3.5 } }
  limits: { op: threshold, from: clean, rules: [ { name: always, tags: "*.voltage", above: -1e9 } ] }
  list: { op: alarms, from: limits, alarms: [ { match: always, priority: high, consequence: a, action: b, respond: 5m } ] }
  out: { op: sink.null, from: list }
  own: { op: rules, from: clean, scripts: [ "${RULES}" ], isolate: process }
  told: { op: sink.null, from: own }
  second: { op: rules, from: clean, scripts: [ "${RULES}.second.lua" ] }
"""
RULES = """
rule {
  name = "high", tags = "*.voltage", params = { limit = { 1e9, low = 0, high = 2e9, unit = "V" } },
  when = function(value, limit) return value > limit end, severity = 500, message = "{tag} at {value}",
}
"""
OTHER_KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"  # of nobody here
TOKEN = "correct horse battery"


class Engine:
    def __init__(self, folder, graph=GRAPH, more=()):
        self.more = more
        self.data = os.path.join(folder, "data")
        self.graph = os.path.join(folder, "graph.yaml")
        with open(self.graph, "w") as file:
            file.write(graph)
        rules = os.path.join(folder, "rules.lua")
        with open(rules, "w") as file:
            file.write(RULES)
        with open(rules + ".second.lua", "w") as file:
            file.write("rule { name = 'cold', params = { least = { 0, low = 0, high = 9 } }, when = 'value < least' }")
        self.env = {**os.environ, "RULES": rules}
        self.context = zmq.Context()
        self.start()

    def start(self):
        self.process = subprocess.Popen([os.path.join(BIN, "potline"), "run", self.graph, "--data", self.data, "--quiet",
                                         *self.more],
                                        env=self.env, stderr=subprocess.PIPE)
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(f"ipc://{self.data}/control.sock")
        self.number = 0
        self.wait(lambda: self.ask("version")["status"] == "ok")

    def wait(self, what, seconds=60):
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, "it did not come"
            assert self.process.poll() is None, self.process.stderr.read().decode()
            time.sleep(0.05)

    def send(self, words, **more):
        self.number += 1
        self.socket.send(msgpack.packb({"id": self.number, "words": words, **more}))
        return self.number

    def receive(self, number, seconds=60):
        end = time.monotonic() + seconds
        while True:
            assert self.socket.poll(max(0, (end - time.monotonic()) * 1000)), "no answer"
            reply = msgpack.unpackb(self.socket.recv())
            if reply["id"] == number:
                return reply

    def ask(self, *words, **more):
        return self.receive(self.send(list(words), **more))

    def good(self, *words, **more):
        reply = self.ask(*words, **more)
        assert reply["status"] == "ok", (words, reply)
        return reply["rows"]

    def refused(self, code, text, *words, **more):
        reply = self.ask(*words, **more)
        assert reply["status"] == "error" and reply["code"] == code and text in reply["error"], (words, reply)

    def alarms(self):
        return {row["alarm"]: row["state"] for row in self.good("alarms", "list")}

    def end(self):
        self.socket.close()
        self.context.term()


def commands(engine):
    names = {row["command"] for row in engine.good("commands")}
    assert {"help", "nodes", "set", "tap", "alarms ack", "users add", "drain"} <= names, names
    assert [row["node"] for row in engine.good("nodes")] == ["gen", "clean", "limits", "list", "out", "own", "told", "second"]
    said = {"option": "clean.spike.k", "from": "3.5", "to": "5", "holds": "until this run ends; then 3.5 again, as the graph file says"}
    assert engine.good("set", "clean.spike.k", "5")[0] == said
    assert {r["option"]: r["value"] for r in engine.good("options", "clean")}["spike.k"] == "5"
    engine.refused("UNKNOWN", "did you mean nodes?", "nodez")
    engine.refused("NOT_FOUND", "did you mean clean?", "set", "claen.spike.k", "5")
    assert {row["rule"]: row["node"] for row in engine.good("rules", "list")} == {"high": "own", "cold": "second"}
    assert engine.good("rules", "set", "cold", "least", "3")[0]["node"] == "second"
    for rule, param in (("high", "limit"), ("cold", "least")):
        engine.refused("UNKNOWN", f"rule {rule} has no parameter {param}x", "rules", "set", rule, param + "x", "9")
        engine.refused("NOT_FOUND", f"did you mean {rule}?", "rules", "set", rule + "x", param, "9")
    engine.refused("NOT_FOUND", "did you mean spike?", "set", "clean.spik", "5")
    engine.refused("RANGE", "is not a number", "set", "clean.spike.k", "five")
    engine.refused("RANGE", "out of range", "set", "clean.spike.k", "-1")
    engine.refused("USAGE", "fixed", "set", "clean.spike.window", "13")
    engine.refused("USAGE", "did you mean --tags?", "tap", "clean", "--tag", "x")
    engine.refused("USAGE", "wants a value", "tap", "clean", "--tags")
    engine.refused("RANGE", "node is missing", "pause")
    engine.refused("UNKNOWN", "value", "tap", "clean", "--where", "valu > 3")
    engine.good("pause", "gen")
    assert engine.good("nodes")[0]["state"] == "paused"
    engine.good("resume", "gen")
    print(f"commands: {len(names)}, errors say what is wrong")


def users(engine):
    engine.refused("USAGE", "password", "users", "add", "op1", "operator")
    engine.good("users", "add", "op1", "operator", password=TOKEN)
    engine.good("users", "add", "boss", "admin", password=TOKEN)
    engine.refused("RANGE", "did you mean operator?", "users", "add", "op2", "operater", password=TOKEN)
    engine.refused("DENIED", "wrong", "login", "op1", password="wrong" + TOKEN)
    engine.refused("DENIED", "wrong", "login", "nobody", password=TOKEN)
    session = engine.good("login", "op1", password=TOKEN)[0]
    assert session["role"] == "operator"
    token = session["session"]
    assert engine.good("whoami", session=token)[0] == {"user": "op1", "role": "operator"}
    engine.refused("DENIED", "not for the role operator", "set", "clean.spike.k", "9", session=token)
    engine.refused("DENIED", "sign in", "nodes", session="0" * 48)
    engine.refused("USAGE", "what is", "login", "op1", TOKEN)  # typed where it does not belong
    engine.refused("LIMIT", "at most 64 words", *["help"] * 100)
    records = engine.good("audit", "--last", "50")
    assert any(r["user"] == "op1" and r["action"] == "set" and r["outcome"] == "refused" for r in records), records
    assert any(r["action"] == "set" and r["from"] == "3.5" and r["to"] == "5" for r in records)
    assert not any(TOKEN in json.dumps(r) for r in records), "a password in the audit"
    engine.good("users", "remove", "op1")
    engine.refused("DENIED", "sign in", "whoami", session=token)
    print(f"users: {len(records)} records, a refusal among them, no password")


def taps(engine):
    number = engine.send(["tap", "clean", "--tags", "line1.*.voltage", "--rows", "700"])
    rows, stands = [], False
    while True:
        reply = engine.receive(number)
        rows += reply["rows"]
        stands |= reply["status"] == "more" and not reply["rows"]
        if reply["status"] != "more":
            break
    assert reply["status"] == "ok" and len(rows) == 700, (reply["status"], len(rows))
    assert stands, "from where on no row is missed is not told"
    assert all(r["tag"].startswith("line1.") and r["tag"].endswith(".voltage") for r in rows)
    number = engine.send(["tap", "clean"])
    engine.receive(number)
    engine.socket.send(msgpack.packb({"id": number, "cancel": True}))
    while engine.receive(number)["status"] == "more":
        pass
    many = [engine.send(["tap", "clean", "--where", "value > 1e9"]) for _ in range(33)]
    assert "already" in engine.receive(many[32])["error"], "a 33rd tap"
    for number in many[:32]:
        engine.socket.send(msgpack.packb({"id": number, "cancel": True}))
    while (reply := engine.receive(many[31]))["status"] == "more":
        assert not reply["rows"], reply
    assert reply["status"] == "ok", reply
    engine.good("users", "add", "looker", "operator", password=TOKEN)
    token = engine.good("login", "looker", password=TOKEN)[0]["session"]
    number = engine.send(["tap", "clean"], session=token)
    engine.receive(number)
    engine.send(["users", "remove", "looker"])
    while (reply := engine.receive(number))["status"] == "more":
        pass
    assert reply["code"] == "DENIED", reply
    print("taps: 700 rows of a pattern; one cancelled; 32 and no more; none for who has been removed")


def strangers(engine):
    """Bytes of any kind are answered or dropped, and the engine goes on."""
    seeded = random.Random(7)
    whole = msgpack.packb({"id": 1, "words": ["tap", "clean", "--where", "value > 1"], "session": "x", "password": "y"})
    for i in range(20000):
        body = bytearray(whole)
        for _ in range(seeded.randrange(1, 6)):
            body[seeded.randrange(len(body))] = seeded.randrange(256)
        if i % 3 == 0:
            body = body[:seeded.randrange(len(body))]
        if i % 5 == 0:
            body = seeded.randbytes(seeded.randrange(200))
        engine.socket.send(bytes(body))
        if i % 100 == 0:
            engine.socket.send_multipart([b"a", b"b", b"c"])
            while engine.socket.poll(0):
                engine.socket.recv()
    with engine.context.socket(zmq.DEALER) as large:  # more than a frame may have: the connection is closed
        large.linger = 0
        large.connect(f"ipc://{engine.data}/control.sock")
        large.send(msgpack.packb({"id": 1, "words": ["version"], "more": "x" * 100000}))
        assert not large.poll(500), "a message past the limit is answered"
    engine.socket.send(msgpack.packb({"id": 1, "words": ["help"] * 1000}))
    engine.socket.send(msgpack.packb({"id": 1, "words": [["help"]], "more": [[[[[]]]]]}))
    engine.number = 1 << 20
    engine.wait(lambda: engine.ask("version")["status"] == "ok")
    print("strangers: 20,000 messages of any bytes")


def alarms_through_a_kill(engine):
    engine.wait(lambda: len(engine.alarms()) == 6)
    first, second, third = sorted(engine.alarms())[:3]
    engine.good("alarms", "ack", first, "--reason", "seen")
    engine.good("alarms", "shelve", second, "1h", "--reason", "sensor on order")
    engine.refused("RANGE", "", "rules", "set", "high", "limit", "3e9")
    engine.good("rules", "set", "high", "limit", "12345")
    before = {row["alarm"]: row["state"] for row in engine.good("alarms", "list", "--state", "all")}
    engine.process.send_signal(signal.SIGKILL)
    engine.process.wait()
    engine.socket.close()
    engine.start()
    engine.wait(lambda: len(engine.good("alarms", "list", "--state", "all")) >= 6)
    time.sleep(0.5)  # what the rules raise again after the restart has come
    after = {row["alarm"]: row["state"] for row in engine.good("alarms", "list", "--state", "all")}
    assert after[first] == before[first] == "acknowledged", (before[first], after[first])
    assert after[second] == before[second] == "shelved", (before[second], after[second])
    assert after[third] == "unacknowledged", after[third]
    limits = {row["param"]: row["value"] for row in engine.good("rules", "params", "high")}
    assert limits["limit"] == 12345, limits
    print("through SIGKILL: acknowledged and shelved alarms stay so, a threshold keeps its value")


FLOOD = """
potline: 1
name: flooded
nodes:
  gen: { op: source.generator, tags: "line{1..10}.pot{001..100}.voltage", rate: 20000/s }
  clean: { op: cleanse, from: gen }
  limits: { op: threshold, from: clean, rules: [ { name: high, tags: "*", above: 100, hysteresis: 1 } ] }
  list: { op: alarms, from: limits, alarms: [ { match: high, priority: high, consequence: a, action: b, respond: 5m } ] }
  out: { op: sink.null, from: list }
  other: { op: sink.null, from: clean }
"""


def flood(folder):
    """A thousand tags cross their limit within a second or two, again and again: everything is answered, all rows pass."""
    engine = Engine(folder, FLOOD)
    took = []
    try:
        engine.wait(lambda: {n["node"]: n["rows_in"] for n in engine.good("nodes")}["list"] >= 1000)
        for i in range(40):
            begun = time.monotonic()
            engine.good(*(["nodes"] if i % 2 else ["alarms", "list"]))
            took.append(time.monotonic() - begun)
        engine.good("drain")
        assert engine.process.wait(60) == 0, engine.process.stderr.read().decode()
    finally:
        engine.process.kill()
        engine.end()
    print(f"flood: commands answered within {1e3 * max(took):.0f} ms")


def remote(folder):
    """Over tcp everything is encrypted, and nobody is anybody without a login."""
    key, password = os.path.join(folder, "key"), os.path.join(folder, "password")
    made = subprocess.run([f"{BIN}/potline", "keys", "curve", "--out", key], capture_output=True, text=True, check=True)
    public = made.stdout.strip()
    with open(key) as file:
        secret = file.read().strip()
    assert os.stat(key).st_mode & 0o777 == 0o600 and zmq.curve_public(secret.encode()).decode() == public, made
    again = subprocess.run([f"{BIN}/potline", "keys", "curve", "--out", key], capture_output=True, text=True)
    assert again.returncode == 1 and again.stdout == "" and "File exists" in again.stderr, again
    with open(password, "w") as file:
        file.write(TOKEN + "\n")
    with zmq.Context() as context, context.socket(zmq.DEALER) as probe:
        port = probe.bind_to_random_port("tcp://127.0.0.1")
    address = f"tcp://127.0.0.1:{port}"
    refused = subprocess.run([f"{BIN}/potline", "run", os.path.join(folder, "graph.yaml"), "--data",
                              os.path.join(folder, "other"), "--control", address], capture_output=True, text=True,
                             env={**os.environ, "RULES": os.path.join(folder, "rules.lua")})
    assert refused.returncode == 1 and "nothing is sent in the clear" in refused.stderr, refused.stderr
    engine = Engine(folder, more=["--control", address, "--control-key", key])

    def shell(*arguments):
        return subprocess.run([f"{BIN}/potline", "shell", "--connect", address, "--server-key", public, "--json", *arguments],
                              capture_output=True, text=True, timeout=60)

    try:
        engine.good("users", "add", "far", "engineer", password=TOKEN)
        bare = subprocess.run([f"{BIN}/potline", "shell", "--connect", address, "-c", "nodes"], capture_output=True, text=True)
        assert bare.returncode == 1 and "wants CURVE: give --server-key" in bare.stderr, bare
        other = subprocess.run([f"{BIN}/potline", "shell", "--connect", address, "--server-key", OTHER_KEY,
                                "--timeout", "1s", "-c", "nodes"], capture_output=True, text=True)
        assert other.returncode == 1 and "--server-key" in other.stderr, other
        unknown = shell("-c", "nodes")
        assert unknown.returncode == 1 and "sign in first" in unknown.stderr, unknown.stderr
        known = shell("--user", "far", "--password-file", password, "-c", "whoami")
        assert known.returncode == 0 and json.loads(known.stdout)["role"] == "engineer", known.stderr
        wrong = shell("--user", "far", "--password-file", key, "-c", "whoami")
        assert wrong.returncode == 1 and "name or password is wrong" in wrong.stderr, wrong.stderr
        engine.good("stop")
        _, said = engine.process.communicate(timeout=60)
        assert public in said.decode() and secret not in said.decode(), said
    finally:
        engine.process.kill()
        engine.end()
    print("remote: encrypted, and only after a login")


def main():
    with tempfile.TemporaryDirectory() as folder:
        flood(folder)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(folder)
        try:
            commands(engine)
            users(engine)
            taps(engine)
            strangers(engine)
            alarms_through_a_kill(engine)
            engine.good("drain")
            assert engine.process.wait(60) == 0, engine.process.stderr.read().decode()
        finally:
            engine.process.kill()
            engine.end()
        remote(folder)


if __name__ == "__main__":
    sys.exit(main())

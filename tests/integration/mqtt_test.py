#!/usr/bin/python3
"""source.mqtt, sink.mqtt and setpoint.mqtt on a real Mosquitto: nothing acknowledged is lost when engine and broker are
killed and restarted, what cannot be read is a dead letter, certificates on both sides, set points behind a guard.

    mqtt_test.py [--rounds N] [--seed N]
"""
import argparse
import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mqtt_broker  # noqa: E402  pylint: disable=wrong-import-position
import zmq  # noqa: E402  pylint: disable=wrong-import-position

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
LONG = bool(os.environ.get("POTLINE_LONG"))
PATIENCE = 60


def wait(what, why, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, why() if callable(why) else why
        time.sleep(0.002)


def put(client, topic, text):
    """Returns when the broker has it; a message that was under way when the connection broke is sent again."""
    wait(client.is_connected, "no broker")
    message = client.publish(topic, text, qos=1)
    wait(lambda: message._published, "the broker has no answer")  # pylint: disable=protected-access


class Engine:
    def __init__(self, folder, name, nodes, more=""):
        self.graph = os.path.join(folder, f"{name}.yaml")
        self.data = os.path.join(folder, f"{name}.data")
        self.log = os.path.join(folder, f"{name}.said")
        with open(self.graph, "w") as file:
            file.write(f"potline: 1\nname: {name}\ncheckpoint: 300ms\n{more}nodes:\n{nodes}")

    def start(self, *more):
        with open(self.log, "a") as said:
            self.process = subprocess.Popen([POTLINE, "run", self.graph, "--data", self.data, "--quiet", *more],
                                            stdout=said, stderr=said, preexec_fn=mqtt_broker.dies_with_us)
        return self

    def text(self):
        with open(self.log) as file:
            return file.read()

    def connected(self):
        wait(lambda: ": connected" in self.text() or self.process.poll() is not None, self.text)
        assert self.process.poll() is None, self.text()
        return self

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, self.text()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def values(self):
        """[(tag, value)] of all that the log has; with the engine at rest."""
        done = subprocess.run([POTLINE, "export", "--data", self.data, "--zone", "bronze", "--kind", "samples"],
                              capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return [(row["tag"], float(row["value"])) for row in csv.DictReader(io.StringIO(done.stdout))]

    def ask(self, words):
        done = subprocess.run([POTLINE, "shell", "--data", self.data, "--json", "-c", words], capture_output=True, text=True,
                              timeout=PATIENCE)
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else None


def lines(path):
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


# ---- Nothing acknowledged is lost ----


def publish_all(client, count, over, acknowledged):
    """Values from `over` on, a message each; they are acknowledged when the broker has said so."""
    for i in range(over, over + count):
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1764150000 + i))
        put(client, f"plant/line1/pot{i % 7:02}/voltage", json.dumps({"value": i, "time": f"{at}Z"}))
        acknowledged.append(i)


def survives(broker, folder, rounds, dice):
    engine = Engine(folder, "survives", f"""
  in:
    op: source.mqtt
    server: "127.0.0.1:{broker.port}"
    client_id: survives
    backoff: 20ms
    topics: [ {{ topic: "plant/{{line}}/pot{{pot}}/{{signal}}", tag: "{{line}}.pot{{pot}}.{{signal}}" }} ]
  out: {{ op: sink.null, from: in }}
""").start().connected()
    time.sleep(0.3)  # the subscription has been made: from here on the broker keeps what comes
    sent, publishers = [], []
    clients = [mqtt_broker.client(broker.port, f"publisher{i}") for i in range(4)]
    each = 150 * rounds
    for i, client in enumerate(clients):
        publishers.append(threading.Thread(target=publish_all, args=(client, each, i * each, sent)))
        publishers[-1].start()
    kills = 0
    while any(thread.is_alive() for thread in publishers) or kills < rounds:
        time.sleep(dice.uniform(0.05, 0.4))
        engine.kill()
        kills += 1
        if kills % 3 == 2:
            broker.restart()
        engine.start()
    for thread in publishers:
        thread.join()
    for client in clients:
        client.loop_stop()
    assert len(sent) == 4 * each

    def quiet():
        found = engine.ask("nodes")
        rows = next(row["rows_out"] for row in found if row["node"] == "in") if found else -1
        was, engine.rows = getattr(engine, "rows", None), rows
        time.sleep(0.4)
        return rows >= 0 and rows == was

    wait(quiet, "rows come without end")
    engine.stop()
    found = engine.values()
    values = {value for _, value in found}
    lost = set(sent) - values
    assert not lost, f"{len(lost)} acknowledged messages are lost: {sorted(lost)[:5]}"
    assert values == set(sent), "values that nobody has sent"
    assert {tag for tag, _ in found} == {f"line1.pot{i:02}.voltage" for i in range(7)}
    print(f"survives: {len(sent)} messages, {kills} kills, {len(found) - len(sent)} came again")


# ---- What comes is judged ----


def letters_and_forms(broker, folder):
    port = broker.port
    engine = Engine(folder, "forms", f"""
  in:
    op: source.mqtt
    server: "127.0.0.1:{port}"
    client_id: forms
    max_message: 1KiB
    topics:
      - {{ topic: "wide/{{pot}}", tag: "{{pot}}", members: true }}
      - {{ topic: "plain/#", tag: "{{#}}", payload: plain }}
      - {{ topic: "json/{{name}}", tag: "{{name}}" }}
  out: {{ op: sink.ndjson, from: in, path: "{folder}/forms.ndjson", node: false }}
  told: {{ op: sink.ndjson, from: in.events, path: "{folder}/forms.told.ndjson" }}
""").start().connected()
    time.sleep(0.3)
    client = mqtt_broker.client(port, "forms-publisher")
    sends = [("wide/p1", '{"time": 1764150000000, "voltage": 4.2, "deep": {"noise": 3}}'), ("plain/a/b", "7.5\n"),
             ("json/j", '{"value": 1, "time": "2025-11-26T10:00:00Z", "quality": "uncertain|stale"}'),
             ("json/j", "no json"), ("json/j", "x" * 2000), ("json/j", '{"value": 1, "time": "soon"}'), ("plain/t", "true")]
    for topic, text in sends:
        put(client, topic, text)
    path = f"{folder}/forms.ndjson"
    wait(lambda: len(lines(path)) >= 5, "rows have not come")
    wait(lambda: engine.ask("dead") and len(engine.ask("dead")) == 3 or engine.ask("ledger"), "no letters")
    broker.restart()  # the connection is lost, and made again by itself
    wait(lambda: [row["kind"] for row in lines(f"{folder}/forms.told.ndjson")].count("mqtt.connected") == 2, engine.text)
    put(client, "plain/after", "1")
    wait(lambda: len(lines(path)) >= 6, "nothing comes behind the broker's restart")
    engine.stop()
    rows = {row["tag"]: row for row in lines(path)}
    assert rows["p1.voltage"]["value"] == 4.2 and rows["p1.voltage"]["time"] == "2025-11-26T09:40:00Z", rows
    assert rows["p1.deep.noise"]["value"] == 3 and rows["a.b"]["value"] == 7.5 and rows["t"]["value"] == 1, rows
    assert rows["j"]["quality"] == "uncertain|stale", rows["j"]
    kinds = [row["kind"] for row in lines(f"{folder}/forms.told.ndjson")]
    assert kinds == ["mqtt.connected", "mqtt.disconnected", "mqtt.connected"], kinds
    letters = subprocess.run([POTLINE, "dead", "export", "--data", engine.data], capture_output=True, text=True, check=True)
    found = sorted((letter["place"], letter["cause"]) for letter in map(json.loads, letters.stdout.splitlines()))
    assert found == [("json/j", "not_json"), ("json/j", "time"), ("json/j", "too_long")], found
    client.loop_stop()


# ---- The other way ----


def sink_survives(broker, folder):
    seen = {}
    client = mqtt_broker.client(broker.port, "listener", clean_session=False)
    client.on_message = lambda _, __, m: seen.setdefault(m.topic, []).append(json.loads(m.payload)["value"])
    client.on_connect = lambda c, *_: c.subscribe("out/#", 1)
    client.subscribe("out/#", 1)
    count = 6000
    engine = Engine(folder, "sink", f"""
  in: {{ op: source.generator, tags: "line1.pot{{1..3}}.voltage", count: {count}, rate: 4000/s }}
  out:
    op: sink.mqtt
    from: in
    server: "127.0.0.1:{broker.port}"
    client_id: sinks
    backoff: 20ms
    topic: "out/{{path}}"
    payload: json
    linger: 30s
""").start("--until-eof").connected()
    time.sleep(0.3)
    broker.stop()
    time.sleep(0.3)
    broker.start()
    time.sleep(0.2)
    engine.kill()
    engine.start("--until-eof")
    assert engine.process.wait(PATIENCE) == 0, engine.text()
    wanted = {}
    for tag, value in engine.values():
        wanted.setdefault("out/" + tag.replace(".", "/"), set()).add(value)
    assert sum(map(len, wanted.values())) > count / 3, "the generator has not given much"
    wait(lambda: all(set(seen.get(topic, ())) >= values for topic, values in wanted.items()),
         lambda: f"missing: { {t: len(v - set(seen.get(t, ()))) for t, v in wanted.items()} }")
    client.loop_stop()


def set_points(broker, folder):
    wishes = mqtt_broker.free_port()
    nodes = f"""
  wishes: {{ op: source.zmq, socket: pull, bind: "tcp://127.0.0.1:{wishes}", encoding: json, kind: setpoints }}
  safe: {{ op: guard, from: wishes, mode: auto, limits: [ {{ tags: "*.set", low: 0, high: 50 }} ] }}
  write:
    op: setpoint.mqtt
    from: {{from}}
    server: "127.0.0.1:{broker.port}"
    client_id: commands
    topic: "{{path}}/cmd"
    read_back: "{{path}}/is"
    tolerance: 0.001
  told: {{ op: sink.ndjson, from: write, path: "{folder}/told.ndjson" }}
"""
    # Past the guard nothing goes: the graph is refused.
    bare = Engine(folder, "bare", nodes.replace("{from}", "wishes"))
    done = subprocess.run([POTLINE, "check", bare.graph], capture_output=True, text=True)
    assert done.returncode and "guard" in done.stderr + done.stdout, done
    engine = Engine(folder, "guarded", nodes.replace("{from}", "safe")).start().connected()
    commands = []
    device = mqtt_broker.client(broker.port, "device")

    def on_command(client, _, message):
        commands.append(json.loads(message.payload))
        client.publish(message.topic.replace("/cmd", "/is"), json.dumps({"value": commands[-1]["value"]}), qos=1)

    device.on_message = on_command
    device.subscribe("line1/+/set/cmd", 1)
    time.sleep(0.3)
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.connect(f"tcp://127.0.0.1:{wishes}")

        def wish(number, tag, value):
            now = time.time_ns()
            columns = {"time": [now], "id": [number], "tag": [tag], "value": [value], "lower": [0], "upper": [0],
                       "expiry": [now + 20 * 10**9], "token": [1], "origin": ["test"], "reason": ["test"]}
            socket.send(json.dumps({"kind": "setpoints", "columns": columns}).encode())

        def ends():
            return {row["body"]["id"]: row["kind"] for row in lines(f"{folder}/told.ndjson") if "id" in row["body"]}

        wish(1, "line1.pot1.set", 42.5)
        wait(lambda: ends().get("1") == "setpoint.verified", lambda: f"{lines(folder + chr(47) + 'told.ndjson')} {commands} {engine.text()}")
        wish(2, "line1.pot1.set", 99)  # beyond the limit of the guard
        wish(3, "line1.pot2.set", 7)
        wait(lambda: ends().get("3") == "setpoint.verified", lambda: f"{ends()}")
        assert [c["value"] for c in commands] == [42.5, 7], commands
        device.unsubscribe("line1/+/set/cmd")
        time.sleep(0.3)
        wish(4, "line1.pot1.set", 41)
        wait(lambda: ends().get("4") == "setpoint.failed", lambda: f"{ends()}")
    shown = {row["tag"]: row for row in engine.ask("setpoints list")}
    assert shown["line1.pot2.set"]["state"] == "verified" and shown["line1.pot1.set"]["state"] == "failed", shown
    engine.stop()
    device.loop_stop()


# ---- Certificates ----


def certificates(folder):
    def openssl(*words):
        done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2")
    for name, subject in (("server", "/CN=localhost"), ("client", "/CN=potline")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        with open(os.path.join(folder, "san"), "w") as file:
            file.write("subjectAltName=DNS:localhost")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem",
                "-days", "2", "-extfile", "san")


def tls(folder):
    certificates(folder)
    files = [f"{kind} {folder}/{name}" for kind, name in (("cafile", "ca.pem"), ("certfile", "server.pem"), ("keyfile", "server.key"))]
    with mqtt_broker.Broker(folder, *files, "require_certificate true", "use_identity_as_username true", "allow_anonymous false") as broker:
        def nodes(host, more):
            return f"""
  in: {{ op: source.generator, tags: "a.b", count: 3 }}
  out:
    op: sink.mqtt
    from: in
    server: "{host}:{broker.port}"
    topic: "tls/{{path}}"
    linger: 500ms
    tls: {{ ca: "{folder}/ca.pem"{more} }}
"""
        ours = f', certificate: "{folder}/client.pem", key: "{folder}/client.key"'
        good = Engine(folder, "tls", nodes("localhost", ours)).start("--until-eof")
        assert good.process.wait(PATIENCE) == 0 and ": connected" in good.text(), good.text()
        for name, host, more in (("nameless", "localhost", ""), ("stranger", "127.0.0.1", ours)):
            bad = Engine(folder, name, nodes(host, more)).start("--until-eof")
            assert bad.process.wait(PATIENCE) != 0 and ": connected" not in bad.text(), bad.text()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20 if LONG else 4)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory(prefix="potline-mqtt-") as folder:
        with mqtt_broker.Broker(folder) as broker:
            parts = {
                "survives": lambda: survives(broker, folder, options.rounds, random.Random(options.seed)),
                "forms": lambda: letters_and_forms(broker, folder),
                "sink": lambda: sink_survives(broker, folder),
                "setpoints": lambda: set_points(broker, folder),
                "tls": lambda: tls(folder),
            }
            for name, part in parts.items():
                if options.only and name not in options.only:
                    continue
                begun = time.monotonic()
                part()
                print(f"{name}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Sparkplug B with peers that we did not write: an edge node of Eclipse Tahu, a host on npm sparkplug-payload, Mosquitto.

Births, aliases, quality and time; gaps in the numbers, in the ledger and answered by a rebirth; a host that is killed, a broker
that is restarted, a node that dies; our own edge node heard by others; a set point through the guard, and read back."""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mqtt_broker  # noqa: E402  pylint: disable=wrong-import-position
import sparkplug_peers  # noqa: E402  pylint: disable=wrong-import-position
import zmq  # noqa: E402  pylint: disable=wrong-import-position
from mqtt_test import POTLINE, Engine, lines, wait  # noqa: E402  pylint: disable=wrong-import-position

def about(unit, more=()):
    return {"engUnit": {"type": "String", "value": unit}, **dict(more)}


POT = [{"name": "voltage", "alias": 10, "type": "Double", "value": 4.2,
        "properties": about("V", {"documentation": {"type": "String", "value": "of the pot"}, "engLow": {"type": "Double", "value": 2.5}})},
       {"name": "feed/set", "alias": 11, "type": "Int16", "value": -5, "properties": about("g")},
       {"name": "running", "alias": 12, "type": "Boolean", "value": True}, {"name": "label", "alias": 13, "type": "String", "value": "x"}]


def rows_of(path, tag):
    return [row for row in lines(path) if row["tag"] == tag]


def its_metadata_is_shown(engine, edge, folder):
    """Unit and description of a birth, where the graph says none; another unit is told of once, and the graph's own holds."""
    def shown(pot="pot07"):
        return {row["tag"].removeprefix(f"line1.{pot}."): (row["unit"], row["description"]) for row in engine.ask("tags") or ()}

    def told():
        return [row["body"]["why"] for row in lines(f"{folder}/told.ndjson") if row["kind"] == "sparkplug.unit"]

    def born():
        return sum(row["kind"] == "sparkplug.born" for row in lines(f"{folder}/told.ndjson"))

    wait(lambda: "voltage" in shown(), engine.text)
    assert shown()["voltage"] == ("V", "of the pot") and shown()["feed.set"] == ("kg", "dose"), shown()
    wait(lambda: told() == ["told in g, declared in kg: line1.pot07.feed.set"], told)
    for unit in ("V", "mV"):  # the same again is nothing new
        before = born()
        edge.tell(unit=unit, device="pot07", of="voltage")
        wait(lambda: born() >= before + 2, "it is not born again")
    wait(lambda: told()[1:] == ["told in mV, before in V: line1.pot07.voltage"], told)
    assert shown()["voltage"] == ("mV", "of the pot"), shown()
    metric = next(row for row in engine.ask("sparkplug metrics") if row["tag"] == "line1.pot07.voltage")
    assert (metric["unit"], metric["low"], metric["description"]) == ("mV", 2.5, "of the pot"), metric


def an_edge_node_is_heard(broker, peers, folder):
    path = f"{folder}/heard.ndjson"
    engine = Engine(folder, "host", f"""
  in: {{ op: source.sparkplug, server: "127.0.0.1:{broker.port}", groups: plant, host: scada, backoff: 50ms, rebirth_after: 200ms }}
  out: {{ op: sink.ndjson, from: in, path: "{path}", node: false }}
  told: {{ op: sink.ndjson, from: in.events, path: "{folder}/told.ndjson" }}
""", 'tags: [ { match: "*.set", unit: kg, description: dose } ]\n').start().connected()
    host = sparkplug_peers.Peer(peers, "host.mjs", port=broker.port)
    host.wait(lambda line: line.get("topic") == "spBv1.0/STATE/scada" and json.loads(line["payload"])["online"])
    edge = sparkplug_peers.Peer(peers, "edge.mjs", port=broker.port, group="plant", edge="line1", devices={"pot07": POT})
    wait(lambda: rows_of(path, "line1.pot07.running"), "the birth gives no rows")
    assert [row["value"] for row in rows_of(path, "line1.pot07.feed.set")] == [-5]
    assert not rows_of(path, "line1.pot07.label") and rows_of(path, "line1.Health.load")[0]["value"] == 0.5

    its_metadata_is_shown(engine, edge, folder)
    edge.tell(data="pot07", metrics=[
        {"alias": 10, "type": "Double", "value": 4.3, "timestamp": 1764150000123},
        {"alias": 10, "type": "Double", "value": 4.4, "properties": {"Quality": {"type": "Int32", "value": 0}}},
        {"alias": 10, "type": "Double", "value": 4.5, "properties": {"Quality": {"type": "Int32", "value": 500}}},
        {"alias": 10, "type": "Double", "value": 4.6, "isHistorical": True},
        {"alias": 11, "type": "Int16", "value": None, "isNull": True}])
    wait(lambda: len(rows_of(path, "line1.pot07.feed.set")) == 4, "data gives no rows")
    found = rows_of(path, "line1.pot07.voltage")[2:]  # behind those of three births: the last one's is the first
    assert [(row["value"], row["quality"]) for row in found] == [
        (4.2, "good"), (4.3, "good"), (4.4, "bad"), (4.5, "uncertain|stale"), (4.6, "good|backfilled")], found
    assert found[1]["time"] == "2025-11-26T09:40:00.123Z", found[1]
    assert rows_of(path, "line1.pot07.feed.set")[3]["quality"] == "bad|missing"

    # Two messages that nobody has sent: counted, and the node is born again.
    edge.tell(skip=2)
    edge.tell(data="pot07", metrics=[{"alias": 10, "type": "Double", "value": 4.7}])
    edge.wait(lambda line: line.get("ncmd"), "no rebirth is asked for")
    wait(lambda: [row["value"] for row in rows_of(path, "line1.pot07.voltage")].count(4.7) == 2, "no birth has come")

    # A host that is killed: the broker says so, and what it has not heard of is asked for.
    engine.kill()
    host.wait(lambda line: line.get("topic") == "spBv1.0/STATE/scada" and not json.loads(line["payload"])["online"])
    edge.tell(data="pot07", metrics=[{"alias": 10, "type": "Double", "value": 4.8}])
    engine.start()
    host.wait(lambda line: line.get("topic") == "spBv1.0/STATE/scada" and json.loads(line["payload"])["online"] and
              json.loads(line["payload"])["timestamp"] > 0)
    wait(lambda: engine.ask("nodes"), "the engine does not come back")
    time.sleep(0.3)
    edge.tell(data="pot07", metrics=[{"alias": 10, "type": "Double", "value": 4.9}])
    wait(lambda: 4.9 in [row["value"] for row in rows_of(path, "line1.pot07.voltage")], "it is not born again for a new host")

    # The broker goes and comes: both sides find back.
    births = sum(row["kind"] == "sparkplug.born" for row in lines(f"{folder}/told.ndjson"))
    broker.restart()
    wait(lambda: sum(row["kind"] == "sparkplug.born" for row in lines(f"{folder}/told.ndjson")) >= births + 2,
         "nobody is born behind the broker's restart")
    edge.tell(data="pot07", metrics=[{"alias": 10, "type": "Double", "value": 5.1}])
    wait(lambda: 5.1 in [row["value"] for row in rows_of(path, "line1.pot07.voltage")], "no data behind the broker's restart")

    # It dies: what it has said last is stale, once.
    metrics = {row["tag"]: row for row in engine.ask("sparkplug metrics")}
    assert metrics["line1.pot07.voltage"]["type"] == "Double" and metrics["line1.pot07.voltage"]["state"] == "alive", metrics
    edge.kill()
    wait(lambda: rows_of(path, "line1.pot07.voltage")[-1]["quality"] == "uncertain|stale", "its death is not told")
    assert rows_of(path, "line1.pot07.voltage")[-1]["value"] == 5.1
    host.kill()
    engine.stop()
    ledger = subprocess.run([POTLINE, "ledger", "--json", "--data", engine.data], capture_output=True, text=True, check=True)
    causes = {line["cause"]: line for line in json.loads(ledger.stdout)["causes"]}
    assert causes["gap"]["missing"] == 2, causes
    assert causes["no_birth"]["rejected"] >= 1, causes


def our_edge_node_is_heard(broker, peers, folder):
    host = sparkplug_peers.Peer(peers, "host.mjs", port=broker.port)
    host.wait(lambda line: line.get("ready"))
    engine = Engine(folder, "edge", f"""
  in: {{ op: source.generator, tags: "line1.pot{{1..3}}.voltage", rate: 60/s }}
  out: {{ op: sink.sparkplug, from: in, server: "127.0.0.1:{broker.port}", group: ours, edge: potline, backoff: 50ms }}
""").start().connected()

    def of(kind):
        return [line for line in list(host.heard) if f"/ours/{kind}/" in line.get("topic", "")]

    wait(lambda: len(of("DDATA")) > 10, "no data")
    birth = of("NBIRTH")[0]["payload"]
    assert birth["seq"] == 0 and {m["name"] for m in birth["metrics"]} == {"bdSeq", "Node Control/Rebirth"}, birth
    bd = next(m["value"] for m in birth["metrics"] if m["name"] == "bdSeq")
    assert {line["topic"].rsplit("/", 1)[1] for line in of("DBIRTH")} == {f"line1.pot{i}" for i in (1, 2, 3)}
    metric = of("DBIRTH")[0]["payload"]["metrics"][0]
    assert metric["name"] == "voltage" and metric["type"] == "Double" and "alias" in metric, metric
    # Asked to be born again, by somebody else's host.
    host.tell(topic="spBv1.0/ours/NCMD/potline", payload={"timestamp": 1, "metrics": [
        {"name": "Node Control/Rebirth", "type": "Boolean", "value": True}]})
    wait(lambda: len(of("NBIRTH")) == 2 and len(of("DBIRTH")) >= 6, "it is not born again")
    wait(lambda: len(of("DDATA")) > 20, "no more data")
    due = None
    for line in [line for line in list(host.heard) if "/ours/" in line.get("topic", "") and "CMD" not in line["topic"]]:
        seq = line["payload"]["seq"]
        assert seq == (0 if "NBIRTH" in line["topic"] else due), (line["topic"], seq, due)
        due = (seq + 1) % 256
    # Killed: its will says so, with the number of its birth. The next life has the next number.
    engine.kill()
    wait(lambda: of("NDEATH"), "no death")
    assert of("NDEATH")[0]["payload"]["metrics"][0]["value"] == bd
    engine.start()
    wait(lambda: len(of("NBIRTH")) == 3, "no other life")
    assert next(m["value"] for m in of("NBIRTH")[2]["payload"]["metrics"] if m["name"] == "bdSeq") == (bd + 1) % 256
    engine.stop()
    wait(lambda: len(of("NDEATH")) == 2, "an orderly end is no death to others")
    host.kill()


def held_rows_survive(broker, peers, folder):
    """While the primary host is away rows are held; killed twice meanwhile, and the broker restarted, none is lost. What was held
    leaves as historical when the host is there."""
    host = sparkplug_peers.Peer(peers, "host.mjs", port=broker.port)
    host.wait(lambda line: line.get("ready"))
    engine = Engine(folder, "held", f"""
  in: {{ op: source.generator, tags: "line1.pot{{1..2}}.voltage", rate: 400/s }}
  out: {{ op: sink.sparkplug, from: in, server: "127.0.0.1:{broker.port}", group: held, edge: potline, host: scada, backoff: 50ms, linger: 30s }}
""").start().connected()

    for turn in range(2):
        wait(lambda: engine.ask("checkpoint"), lambda: f"no checkpoint: {engine.text()}")  # rows from here on are in the log alone
        time.sleep(0.2)
        engine.kill()
        if turn:
            broker.restart()
        engine.start().connected()
        wait(lambda: engine.ask("nodes"), "the engine does not come back")
    wait(lambda: sum(bool(line.get("ready")) for line in list(host.heard)) == 2, "the host is not back at the broker")
    assert not any("/held/" in line.get("topic", "") for line in host.heard if "DEATH" not in line.get("topic", "")), "nobody was to hear it"
    speaker = mqtt_broker.client(broker.port, "scada")
    speaker.publish("spBv1.0/STATE/scada", json.dumps({"online": True, "timestamp": int(time.time() * 1000)}), qos=1, retain=True)

    def heard():
        found = [m for line in list(host.heard) if "/held/DDATA/" in line.get("topic", "") for m in line["payload"]["metrics"]]
        return {round(m["value"], 6) for m in found}, sum(bool(m.get("isHistorical")) for m in found)

    wait(lambda: heard()[1] > 100, lambda: f"nothing of what was held is heard: {heard()[1]} {engine.text()}")
    engine.stop()
    wanted = {round(value, 6) for _, value in engine.values()}
    wait(lambda: wanted <= heard()[0], lambda: f"{len(wanted - heard()[0])} of {len(wanted)} values are lost")
    speaker.publish("spBv1.0/STATE/scada", b"", qos=1, retain=True)
    speaker.loop_stop()
    host.kill()


def what_is_too_much(broker, peers, folder):
    """Limits: a message beyond max_message is a letter, metrics beyond max_metrics are refused; what fits goes on."""
    path = f"{folder}/much.ndjson"
    engine = Engine(folder, "much", f"""
  in: {{ op: source.sparkplug, server: "127.0.0.1:{broker.port}", groups: much, max_metrics: 6, max_message: 2KiB, backoff: 50ms, rebirth_after: 200ms }}
  out: {{ op: sink.ndjson, from: in, path: "{path}", node: false }}
""").start().connected()
    wait(lambda: engine.ask("nodes"), "the engine does not begin")
    time.sleep(0.3)
    pots = {f"pot{i}": [{"name": name, "alias": 10 * i + j, "type": "Double", "value": 1} for j, name in enumerate(("a", "b", "c"))] for i in (1, 2, 3)}
    edge = sparkplug_peers.Peer(peers, "edge.mjs", port=broker.port, group="much", edge="line9", devices=pots)

    def bad():
        return {row["counter"]: row["value"] for row in engine.ask("stats in") or ()}.get("bad", 0)

    wait(lambda: rows_of(path, "line9.pot1.c") and bad() > 0, engine.text)
    known = {row["tag"] for row in engine.ask("sparkplug metrics")}
    assert len(known) == 6, known  # the node has one or two of its own
    before = bad()
    edge.tell(data="pot1", metrics=[{"alias": 10, "type": "Double", "value": i} for i in range(400)])
    wait(lambda: bad() > before, "a long message is taken")
    edge.tell(data="pot1", metrics=[{"alias": 10, "type": "Double", "value": 7.5}])
    wait(lambda: 7.5 in [row["value"] for row in rows_of(path, "line9.pot1.a")], "what fits is refused")
    edge.kill()
    engine.stop()
    letters = subprocess.run([POTLINE, "dead", "export", "--data", engine.data], capture_output=True, text=True, check=True)
    causes = {json.loads(line)["cause"] for line in letters.stdout.splitlines()}
    assert "too_long" in causes and len(causes) > 1, causes


def a_set_point_is_a_command(broker, peers, folder):
    wishes = mqtt_broker.free_port()
    engine = Engine(folder, "commands", f"""
  wishes: {{ op: source.zmq, socket: pull, bind: "tcp://127.0.0.1:{wishes}", encoding: json, kind: setpoints }}
  safe: {{ op: guard, from: wishes, mode: auto, limits: [ {{ tags: "*.set", low: -50, high: 50 }} ] }}
  write: {{ op: setpoint.sparkplug, from: safe, server: "127.0.0.1:{broker.port}", groups: plant, backoff: 50ms }}
  told: {{ op: sink.ndjson, from: write, path: "{folder}/written.ndjson" }}
""").start().connected()
    edge = sparkplug_peers.Peer(peers, "edge.mjs", port=broker.port, group="plant", edge="line1", devices={"pot07": POT})
    edge.wait(lambda line: line.get("born"))
    time.sleep(0.3)
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.connect(f"tcp://127.0.0.1:{wishes}")

        def wish(number, tag, value):
            now = time.time_ns()
            columns = {"time": [now], "id": [number], "tag": [tag], "value": [value], "lower": [0], "upper": [0],
                       "expiry": [now + 20 * 10**9], "token": [1], "origin": ["test"], "reason": ["test"]}
            socket.send(json.dumps({"kind": "setpoints", "columns": columns}).encode())

        def ends():
            return {row["body"]["id"]: (row["kind"], row["body"].get("why")) for row in lines(f"{folder}/written.ndjson")
                    if "id" in row["body"]}

        wish(1, "line1.pot07.feed.set", -42)
        wait(lambda: ends().get("1", " ")[0] == "setpoint.verified", lambda: f"{ends()} {engine.text()} {edge.heard}")
        command = edge.wait(lambda line: line.get("dcmd") == "pot07")
        assert command["metrics"] == [["feed/set", -42, "Int16"]], command
        wish(2, "line1.pot07.feed.set", 99)  # the guard's to refuse
        wish(3, "line1.pot08.feed.set", 1)  # nobody's
        wait(lambda: ends().get("3", " ")[0] == "setpoint.failed", lambda: f"{ends()}")
    assert "2" not in ends() and sum("dcmd" in line for line in edge.heard) == 1
    audit = subprocess.run([POTLINE, "audit", "query", "--data", engine.data, "--json", "--action", "setpoint write"],
                           capture_output=True, text=True, check=True)
    assert [record["to"] for record in json.loads(audit.stdout) if record["object"] == "line1.pot07.feed.set"] == ["-42"], audit.stdout
    edge.kill()
    engine.stop()


def main():
    peers = sparkplug_peers.install()
    with tempfile.TemporaryDirectory(prefix="potline-sparkplug-") as folder, mqtt_broker.Broker(folder) as broker:
        for part in (an_edge_node_is_heard, our_edge_node_is_heard, held_rows_survive, what_is_too_much, a_set_point_is_a_command):
            if len(sys.argv) > 1 and part.__name__ not in sys.argv[1:]:
                continue
            begun = time.monotonic()
            part(broker, peers, folder)
            print(f"{part.__name__}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()

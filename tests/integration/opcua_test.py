#!/usr/bin/python3
"""The OPC UA gateway against a server and a client of node-opcua: signed and encrypted, trusted by hand; values, status codes and
source times in; set points through the guard, written, read back and in the audit. With POTLINE_LONG also the server restarted,
and the simulated plant served to a client, its troubles too: a process of node-opcua takes seconds to begin."""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import field_rig  # noqa: E402  pylint: disable=wrong-import-position
import mqtt_broker  # noqa: E402  pylint: disable=wrong-import-position
from field_wire import Wire  # noqa: E402  pylint: disable=wrong-import-position
import sparkplug_peers as peers  # noqa: E402  pylint: disable=wrong-import-position
import zmq  # noqa: E402  pylint: disable=wrong-import-position
from mqtt_test import POTLINE, Engine, lines, wait  # noqa: E402  pylint: disable=wrong-import-position

LONG = bool(os.environ.get("POTLINE_LONG"))
PATIENCE = 240  # on a busy machine


def trust_rejected(pki):
    """What a person does: those who were turned away are let in. True: there was somebody."""
    found = glob.glob(os.path.join(pki, "rejected", "*"))
    for path in found:
        shutil.move(path, os.path.join(pki, "trusted", "certs", os.path.basename(path)))
    return bool(found)


class Wishes:
    def __init__(self, port):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.PUSH)
        self.socket.connect(f"tcp://127.0.0.1:{port}")

    def send(self, number, tag, value):
        now = time.time_ns()
        columns = {"time": [now], "id": [number], "tag": [tag], "value": [value], "lower": [0], "upper": [0],
                   "expiry": [now + 60 * 10**9], "token": [1], "origin": ["test"], "reason": ["test"]}
        self.socket.send(json.dumps({"kind": "setpoints", "columns": columns}).encode())

    def close(self):
        self.socket.close(0)
        self.context.term()


def ends(path):
    return {row["body"]["id"]: row["kind"] for row in lines(path) if "id" in row["body"] and row["kind"].startswith("setpoint.")}


def is_in_the_audit(engine):
    """What was written, and what was read back of it; a set point that has no node here was given to the program all the same."""
    done = subprocess.run([POTLINE, "audit", "query", "--data", engine.data, "--json"], capture_output=True, text=True, check=True)
    records = [record for record in json.loads(done.stdout) if record["action"].startswith("setpoint ")]
    written, result = (next(r for r in records if r["object"] == "line1.pot07.set" and r["action"] == f"setpoint {what}")
                       for what in ("write", "result"))
    assert written["to"] == "42.5" and "set point 1 of test, generation 1, log 0:" in written["reason"], written
    assert result["to"] == "42.5" and result["from"] == "0" and result["outcome"].startswith("verified: read back 42.5 after "), result
    assert sum(r["action"] == "setpoint write" for r in records) == sum(r["action"] == "setpoint result" for r in records) == 4, records


def is_read_anew(wire, engine, rows):
    """The connection breaks, the server lives and keeps the subscription: what has not changed meanwhile is known again all the same."""
    value, before = rows("line1.pot07.current")[-1]["value"], len(rows("line1.pot07.current"))
    wire.trouble("cut")
    wait(lambda: "uncertain|stale" in [row["quality"] for row in rows("line1.pot07.current")[before:]], engine.text, PATIENCE)
    wait(lambda: (rows("line1.pot07.current")[-1]["quality"], rows("line1.pot07.current")[-1]["value"]) == ("good", value), engine.text,
         PATIENCE)


def comes_back(server, programs, config, engine, rows, wishes, folder):
    """The server goes and comes: what was known is stale, then it is there again, and can be written to."""
    server.kill()
    wait(lambda: rows("line1.pot07.current")[-1]["quality"] == "uncertain|stale", engine.text, PATIENCE)
    server = peers.Peer(programs, "opcua_server.mjs", **config)
    server.wait(lambda line: line.get("ready"))
    server.tell(set="current", value=7)
    wait(lambda: rows("line1.pot07.current")[-1]["value"] == 7, engine.text, PATIENCE)
    wishes.send(6, "line1.pot07.set", 41)
    wait(lambda: ends(f"{folder}/told.ndjson").get("6") == "setpoint.verified", engine.text, PATIENCE)
    return server


def in_and_out(programs, folder):
    port, wishes_at = mqtt_broker.free_port(), mqtt_broker.free_port()
    config = {"port": port, "pki": f"{folder}/server-pki", "certificate": f"{folder}/server.der", "encryptOnly": True}
    server = peers.Peer(programs, "opcua_server.mjs", **config)
    server.wait(lambda line: line.get("ready"))
    with open(f"{folder}/nodes.csv", "w") as file:
        file.write("tag,node,deadband\nline1.pot07.voltage,ns=1;s=voltage,0\nline1.pot07.current,ns=1;s=current,0.5\n")
    with open(f"{folder}/targets.csv", "w") as file:
        file.write("tag,node\nline1.pot07.set,ns=1;s=set\nline1.pot07.small,ns=1;s=small\nline1.pot07.locked,ns=1;s=voltage\n")
    wire = Wire(port)
    options = f'endpoint: "opc.tcp://127.0.0.1:{wire.port}", pki: "{folder}/ours", trust: "{folder}/server.der"'
    engine = Engine(folder, "opcua", f"""
  plc:
    op: source.external
    command: [node, "{programs}/subscribe.mjs"]
    hang: 0s
    options: {{ {options}, nodes: "{folder}/nodes.csv", sampling: "50" }}
  in: {{ op: sink.ndjson, from: plc, path: "{folder}/in.ndjson", node: false }}
  wishes: {{ op: source.zmq, socket: pull, bind: "tcp://127.0.0.1:{wishes_at}", encoding: json, kind: setpoints }}
  safe: {{ op: guard, from: wishes, mode: auto, limits: [ {{ tags: "*", low: -50000, high: 50000 }} ] }}
  write:
    op: setpoint.external
    from: safe
    command: [node, "{programs}/write.mjs"]
    hang: 5m
    options: {{ {options}, nodes: "{folder}/targets.csv", deadline: "20000" }}
  told: {{ op: sink.ndjson, from: write, path: "{folder}/told.ndjson" }}
""").start()

    def rows(tag):
        return [row for row in lines(f"{folder}/in.ndjson") if row["tag"] == tag]

    # Nobody is let in whom nobody has trusted.
    wait(lambda: glob.glob(f"{folder}/server-pki/rejected/*"), engine.text, PATIENCE)
    assert not rows("line1.pot07.voltage")

    def is_let_in():
        trust_rejected(f"{folder}/server-pki")
        return rows("line1.pot07.voltage") and rows("line1.pot07.current")

    wait(is_let_in, engine.text, PATIENCE)
    server.tell(set="voltage", value=4.3, time=1764150000123)
    server.tell(set="current", value=0.2)  # within the deadband
    wait(lambda: len(rows("line1.pot07.voltage")) == 2, engine.text, PATIENCE)
    server.tell(set="voltage", value=4.4, status="UncertainLastUsableValue")
    wait(lambda: len(rows("line1.pot07.voltage")) == 3, engine.text, PATIENCE)
    server.tell(set="voltage", value=4.5, status="BadSensorFailure")
    server.tell(set="current", value=3)
    wait(lambda: len(rows("line1.pot07.voltage")) == 4 and len(rows("line1.pot07.current")) == 2, engine.text, PATIENCE)
    found = rows("line1.pot07.voltage")
    assert [row["quality"] for row in found] == ["good", "good", "uncertain|stale", "bad"], found
    assert found[1]["time"] == "2025-11-26T09:40:00.123Z" and found[1]["value"] == 4.3, found[1]
    assert [row["value"] for row in rows("line1.pot07.current")] == [0, 3]

    wishes = Wishes(wishes_at)
    for number, tag, value in ((1, "set", 42.5), (2, "small", 40000), (3, "locked", 1), (4, "nowhere", 1), (5, "set", 60000)):
        wishes.send(number, f"line1.pot07.{tag}", value)
        time.sleep(0.2)
    wait(lambda: len(ends(f"{folder}/told.ndjson")) >= 4, lambda: f"{ends(f'{folder}/told.ndjson')} {engine.text()}", PATIENCE)
    assert ends(f"{folder}/told.ndjson") == {"1": "setpoint.verified", "2": "setpoint.refused", "3": "setpoint.refused",
                                             "4": "setpoint.unmapped"}, lines(f"{folder}/told.ndjson")
    assert [line["value"] for line in server.heard if line.get("changed") == "set"] == [42.5], server.heard

    is_in_the_audit(engine)
    if LONG:
        is_read_anew(wire, engine, rows)
        server = comes_back(server, programs, config, engine, rows, wishes, folder)
    wishes.close()
    engine.stop()
    server.kill()


def reads(client, node="ns=1;s=line1.pot01.voltage"):
    before = len(client.heard)
    client.tell(read=node)
    return client.wait(lambda line: line.get("read") and line in client.heard[before:])


def goes_and_comes(plant, client):
    """What a SCADA client sees of a plant that is away: the last value, and that it is old."""
    plant.kill()
    wait(lambda: reads(client)["status"] == "UncertainLastUsableValue", "a plant that is dead is good", PATIENCE)
    plant.come_back()
    wait(lambda: reads(client)["status"] == "Good", "a plant that is back is not known", PATIENCE)


def faults_are_seen(plant, client):
    """The plant's troubles, asked for until they are seen: however slow the machine is."""
    for trouble, status in (("freeze 3s", "Uncertain"), ("refuse 1s", "UncertainLastUsableValue"), ("slow 1s 900ms", "UncertainLastUsableValue")):
        def is_seen():
            plant.trouble(trouble)
            return reads(client)["status"] == status

        wait(is_seen, lambda: f"{trouble} is not {status}: {client.heard[-1]}", PATIENCE)
        wait(lambda: reads(client)["status"] == "Good", f"{trouble} does not pass", PATIENCE)


def a_silent_node_writes(engine, client, folder):
    """Of a node that is given nothing the value ages; what is written leaves at once all the same, while its lease holds."""
    assert engine.ask("pause plc") is not None, engine.text()

    def stands_still():
        first = reads(client)["time"]
        time.sleep(0.5)
        return reads(client)["time"] == first

    wait(stands_still, "rows come from a source that is paused", PATIENCE)
    client.tell(write="ns=1;s=line1.pot01.acd_set", value=44)
    wait(lambda: 44 in [row["value"] for row in lines(f"{folder}/wishes.ndjson")], engine.text, PATIENCE)
    assert engine.ask("resume plc") is not None, engine.text()
    wait(lambda: not stands_still(), "no rows come from a source that goes on", PATIENCE)


def the_plant_is_served(programs, folder):
    port, plant = mqtt_broker.free_port(), field_rig.Plant(folder)
    field_rig.print_map(f"{folder}/live.csv", "measured", lambda line: "line1.pot01." in line)
    field_rig.print_map(f"{folder}/targets.csv", "targets", lambda line: ".acd_set," in line)
    with open(f"{folder}/writable.csv", "w") as file:
        file.write("tag\nline1.pot01.acd_set\n")
    engine = Engine(folder, "serves", f"""
  plc: {{ op: source.modbus, endpoint: "{plant.address}", registers: "{folder}/live.csv", poll: 500ms, stale_after: 5m }}
  checked: {{ op: cleanse, from: plc, include: ["*.voltage"], frozen: {{ for: 1s }} }}
  opcua:
    op: external
    from: checked
    kind: setpoints
    command: [node, "{programs}/serve.mjs"]
    hang: 5m
    options: {{ port: "{port}", pki: "{folder}/serve-pki", certificate: "{folder}/potline.der", writable: "{folder}/writable.csv", anonymous: write }}
  safe: {{ op: guard, from: opcua, mode: auto, limits: [ {{ tags: "*", low: 36, high: 50 }} ] }}
  out: {{ op: sink.ndjson, from: safe, path: "{folder}/wishes.ndjson" }}
  write: {{ op: sink.modbus, from: safe, endpoint: "{plant.address}", registers: "{folder}/targets.csv" }}
  told: {{ op: sink.ndjson, from: write, path: "{folder}/told.ndjson" }}
""").start()
    wait(lambda: os.path.exists(f"{folder}/potline.der"), engine.text, PATIENCE)
    config = {"endpoint": f"opc.tcp://127.0.0.1:{port}/potline", "pki": f"{folder}/client-pki", "trust": [f"{folder}/potline.der"]}
    # In plain nobody is served, nor a stranger.
    plain = peers.Peer(programs, "opcua_client.mjs", **{**config, "security": "none", "retries": 0})
    stranger = peers.Peer(programs, "opcua_client.mjs", **{**config, "retries": 0})
    for turned_away in (plain, stranger):
        turned_away.process.wait(PATIENCE)
        turned_away.thread.join()
        assert any("refused" in line for line in turned_away.heard), turned_away.heard
    assert trust_rejected(f"{folder}/serve-pki"), "the stranger was not remembered"
    client = peers.Peer(programs, "opcua_client.mjs", **config)
    client.wait(lambda line: line.get("ready"))
    wait(lambda: reads(client)["status"] == "Good", engine.text, PATIENCE)
    assert client.heard[-1]["value"] > 0 and client.heard[-1]["time"], client.heard[-1]
    client.tell(write="ns=1;s=line1.pot01.voltage", value=1)
    assert client.wait(lambda line: line.get("write", "").endswith("voltage"))["status"] != "Good"
    for value in (42, 99):  # the second one is the guard's to refuse
        client.tell(write="ns=1;s=line1.pot01.acd_set", value=value)
    assert client.wait(lambda line: line.get("write", "").endswith("set"))["status"] == "Good"
    wait(lambda: plant.writes(), engine.text, PATIENCE)
    wait(lambda: "setpoint.verified" in ends(f"{folder}/told.ndjson").values(), engine.text, PATIENCE)
    assert {(tag, round(value, 3)) for _, tag, value, _ in plant.writes()} == {("line1.pot01.acd_set", 42)}, plant.writes()
    assert 99 not in [row["value"] for row in lines(f"{folder}/wishes.ndjson")]
    a_silent_node_writes(engine, client, folder)
    goes_and_comes(plant, client)
    faults_are_seen(plant, client)
    client.kill()
    engine.stop()
    plant.close()


def main():
    programs = peers.install_opcua()
    peers.PATIENCE = PATIENCE
    with tempfile.TemporaryDirectory(prefix="potline-opcua-") as folder:
        for part in (in_and_out, the_plant_is_served)[:2 if LONG else 1]:
            if len(sys.argv) > 1 and part.__name__ not in sys.argv[1:]:
                continue
            begun = time.monotonic()
            part(programs, folder)
            print(f"{part.__name__}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()

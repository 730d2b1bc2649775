"""The peers of the fault matrix on other protocols than Modbus TCP: each with the methods of field_rig.Plant, behind a wire that
can be troubled, a program that nobody of us wrote at its end, and that program's own word for what was written."""
import json
import os
import signal
import threading
import time

import mqtt_broker
import sparkplug_peers as peers
from field_rig import POTS, free_port, wait
from field_wire import Wire, seconds

MESSAGES = 5000  # of a flood
TICK = 1.0  # how often what guards decide by is said anew


class Way:
    """`program` is started anew behind a fault, `say` tells it a temperature, `flood` has it say much."""
    faults = ("refuse 700ms", "hang 700ms", "slow 700ms 300ms", "garble 500ms 0.5", "flood", "freeze 700ms", "cut", "restart")
    patience = 60
    early = 10**6  # its clock has milliseconds
    beats = None  # it has no watchdog
    brief = True

    def begin(self, folder, to):
        self.folder, self.wire, self.lives = folder, Wire(to), []
        self.ended = threading.Event()
        self.come_back()
        self.teller = threading.Thread(target=self.keep_telling, daemon=True)
        self.teller.start()

    def keep_telling(self):
        while not self.ended.wait(TICK):
            try:
                self.say(955 + time.monotonic() % 1)
            except (OSError, ValueError):
                pass  # it is dead: so the guard is to know

    @property
    def live(self):
        return self.lives[-1]

    def trouble(self, line):
        kind, *words = line.split()
        if kind == "flood":
            self.flood()
        elif kind == "freeze":
            self.live.process.send_signal(signal.SIGSTOP)
            threading.Timer(seconds(words[0]), self.live.process.send_signal, [signal.SIGCONT]).start()
        elif kind == "restart":
            self.kill()
            self.come_back()
        else:
            self.wire.trouble(line)

    def kill(self):
        self.live.kill()

    def come_back(self):
        life = self.program()
        self.lives.append(life)
        life.wait(lambda line: line.get("ready") or line.get("born"), "the peer does not begin")

    def writes(self):
        return [write for life in self.lives for line in list(life.heard) for write in self.written(line)]

    def close(self):
        self.ended.set()
        self.teller.join()
        if self.live.process.poll() is None:
            self.kill()


class Brokered(Way):
    """A broker is between: it has troubles of its own."""
    version = "5"
    broker_faults = ("broker: restart", "broker: SIGKILL, back after 500 ms")

    def __init__(self, folder):
        self.broker = mqtt_broker.Broker(folder)
        self.begin(folder, self.broker.port)

    def break_broker(self, fault):
        if "SIGKILL" in fault:
            self.broker.process.kill()
            self.broker.process.wait()
            time.sleep(0.5)
            self.broker.start()
        else:
            self.broker.restart()

    def server(self):
        return f'server: "127.0.0.1:{self.wire.port}", protocol: "{self.version}", backoff: 50ms, backoff_max: 500ms'

    def close(self):
        super().close()
        self.broker.__exit__()


class Mqtt(Brokered):
    protocol = "MQTT"
    alarm = "mqtt.disconnected"

    def program(self):
        return peers.Peer(self.folder, os.path.join(peers.PEERS, "mqtt_device.py"), "/usr/bin/python3", port=self.broker.port,
                          name="device", commands="line1/+/+/cmd")

    def nodes(self, isolate):
        return (f'{{ op: source.mqtt, {self.server()}, client_id: live, topics: [ {{ topic: "{{line}}/{{pot}}/bath_temp", tag: "{{line}}.{{pot}}.bath_temp" }} ] }}',
                "op: setpoint.mqtt\n    " + "\n    ".join((isolate, *self.server().split(", "), "client_id: write", 'topic: "{path}/cmd"',
                                                           'read_back: "{path}/is"', "tolerance: 0.0001", "deadline: 1s")))

    def say(self, value):
        for pot in POTS:
            self.live.tell(publish=f"{pot.replace('.', '/')}/bath_temp", value=value)

    def flood(self):
        self.live.tell(flood="line1/pot01/feed_set/is", messages=MESSAGES)

    def written(self, line):
        return [(int(line["at"] * 1e6), line["write"], line["value"], "taken")] if "write" in line else []


class Sparkplug(Brokered):
    """The edge node of Eclipse Tahu."""
    protocol = "Sparkplug B"
    alarm = "mqtt.disconnected"

    def __init__(self, folder):
        self.programs = peers.install()
        super().__init__(folder)

    def program(self):
        devices = {pot.rpartition(".")[2]: [{"name": name, "alias": 10 * i + j, "type": "Double", "value": value}
                                            for j, (name, value) in enumerate((("bath_temp", 955), ("feed_set", 100), ("acd_set", 43)))]
                   for i, pot in enumerate(POTS, 1)}
        return peers.Peer(self.programs, "edge.mjs", port=self.broker.port, group="plant", edge="line1", devices=devices)

    def nodes(self, isolate):
        return (f"{{ op: source.sparkplug, {self.server()}, client_id: live, groups: plant, rebirth_after: 200ms }}",
                "op: setpoint.sparkplug\n    " + "\n    ".join((isolate, *self.server().split(", "), "client_id: write", "groups: plant",
                                                                "tolerance: 0.0001", "deadline: 1s")))

    def say(self, value):
        for i, pot in enumerate(POTS, 1):
            self.live.tell(data=pot.rpartition(".")[2], metrics=[{"alias": 10 * i, "type": "Double", "value": value}])

    def flood(self):
        for i in range(MESSAGES // 10):
            self.live.tell(data="pot01", metrics=[{"alias": 10, "type": "Double", "value": 950 + i % 10}] * 10)

    def written(self, line):
        return [(int(line["at"] * 1e6), f"line1.{line['dcmd']}.{name}", value, "taken")
                for name, value, _ in line.get("metrics", ())] if "dcmd" in line else []


class OldMqtt(Mqtt):
    faults, version, said = ("garble 500ms 0.5", "garble 500ms 1"), "3.1.1", "MQTT 3.1.1"


class OldSparkplug(Sparkplug):
    faults, version, said = OldMqtt.faults, OldMqtt.version, OldMqtt.said


class Opcua(Way):
    """The gateway, and a server of node-opcua. In plain, so that what is garbled reaches it; opcua_test.py has the certificates."""
    protocol = "OPC UA"
    alarm = "opcua.disconnected"
    patience = 240  # a process of node-opcua takes seconds to begin

    def __init__(self, folder):
        self.programs = peers.install_opcua()
        peers.PATIENCE = self.patience
        self.port = free_port()
        self.begin(folder, self.port)

    def program(self):
        nodes = {f"{pot}.{name}": {"value": value} for pot in POTS for name, value in (("bath_temp", 955), ("feed_set", 100), ("acd_set", 43))}
        return peers.Peer(self.programs, "opcua_server.mjs", port=self.port, pki=f"{self.folder}/server-pki",
                          certificate=f"{self.folder}/server.der", nodes=nodes)

    def nodes(self, isolate):
        for name, signals in (("live", ("bath_temp",)), ("targets", ("feed_set", "acd_set"))):
            with open(f"{self.folder}/{name}.csv", "w") as file:
                file.write("tag,node\n" + "".join(f"{pot}.{signal},ns=1;s={pot}.{signal}\n" for pot in POTS for signal in signals))
        options = f'endpoint: "opc.tcp://127.0.0.1:{self.wire.port}", security: none, pki: "{self.folder}/ours", trust: "{self.folder}/server.der"'
        return (f'{{ op: source.external, hang: 0s, command: [node, "{self.programs}/subscribe.mjs"], options: {{ {options}, nodes: "{self.folder}/live.csv", sampling: "100" }} }}',
                f'op: setpoint.external\n    hang: 5m\n    command: [node, "{self.programs}/write.mjs"]\n    options: {{ {options}, nodes: "{self.folder}/targets.csv", deadline: "1000" }}')

    def say(self, value):
        for pot in POTS:
            self.live.tell(set=f"{pot}.bath_temp", value=value)

    def flood(self):
        self.live.tell(flood="line1.pot01.bath_temp", values=900)

    def written(self, line):
        return [(int(line["at"] * 1e6), line["changed"], line["value"], "taken")] if line.get("changed", "").endswith("_set") else []

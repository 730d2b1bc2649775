#!/usr/bin/python3
"""A broker that sends what none does: unknown properties, lengths that do not add up, packets of clients, turned bits. libmosquitto
2.0.11 would end the process at the first (operators/mqtt/packet.h); the engine lives, and works again when the broker is good."""
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
import mqtt_broker  # noqa: E402  pylint: disable=wrong-import-position

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
PATIENCE = 60
ROUNDS = 10 if os.environ.get("POTLINE_LONG") else 1
NODES = """
  in{v}: {{ op: source.mqtt, {link}, topics: [ {{ topic: "a/{{x}}", tag: "{{x}}" }} ] }}
  born{v}: {{ op: source.sparkplug, {link} }}
  births{v}: {{ op: sink.null, from: born{v} }}
  seen{v}: {{ op: sink.ndjson, from: in{v}, path: "{folder}/seen{v}.ndjson" }}
  some{v}: {{ op: source.generator, tags: "t.{v}", rate: 20/s }}
  out{v}: {{ op: sink.mqtt, from: some{v}, {link}, topic: "b/{{path}}" }}
"""
STRANGE = (0x00, 0x04, 0x2B, 0x7F, 0x80)  # no properties of MQTT 5


def packet(first, body):
    length, head = len(body), bytes([first])
    while True:
        head += bytes([length % 128 | (0x80 if length > 127 else 0)])
        length //= 128
        if not length:
            return head + body


def good(five):
    """Of each kind one that a broker may send."""
    none = b"\0" if five else b""
    kinds = [packet(0x30, b"\0\3a/b" + none + b"1"), packet(0x32, b"\0\3a/b\0\7" + none + b"1"), packet(0x34, b"\0\3a/b\0\x08" + none + b"1"),
             packet(0x62, b"\0\x08"), packet(0x40, b"\0\1"), packet(0x50, b"\0\1"), packet(0x70, b"\0\1"), packet(0x90, b"\0\1" + none + b"\1"),
             packet(0xB0, b"\0\1" + none), packet(0xD0, b"")]
    return kinds + ([packet(0xE0, b"\x8e\0"), packet(0xF0, b"\x18\0")] if five else [])


def hostile(five, dice):
    """{what it is: what comes behind the CONNACK}"""
    sent = {}
    for name in STRANGE:
        bad = bytes([2, name, 1])
        for what, first, body in (("publish", 0x30, b"\0\3a/b" + bad + b"1"), ("puback", 0x40, b"\0\1\0" + bad), ("pubrec", 0x50, b"\0\1\0" + bad),
                                  ("pubrel", 0x62, b"\0\1\0" + bad), ("pubcomp", 0x70, b"\0\1\0" + bad), ("suback", 0x90, b"\0\1" + bad + b"\0"),
                                  ("unsuback", 0xB0, b"\0\1" + bad + b"\0"), ("disconnect", 0xE0, b"\0" + bad), ("auth", 0xF0, b"\0" + bad),
                                  ("connack again", 0x20, b"\0\0" + bad)):
            sent[f"{what} with property {name}"] = packet(first, body)
    sent["a length of five bytes"] = b"\x30\xff\xff\xff\xff\x01"
    sent["256 MB announced"] = b"\x30\xff\xff\xff\x7f\0\3a/b" + bytes(100)
    sent["properties longer than the packet"] = packet(0x30, b"\0\3a/b\x20\1\0")
    sent["properties that end in the payload"] = packet(0x30, b"\0\3a/b\2\3\0\4abcd")
    sent["properties that begin another"] = packet(0x30, b"\0\3a/b\1\1\0\x7f")
    sent["a topic longer than the packet"] = packet(0x30, b"\xff\xffa/b")
    sent["no topic"] = packet(0x30, b"\0\0" + b"\0")
    sent["a topic that is no text"] = packet(0x30, b"\0\3\xff\xfe\xfd" + b"\0")
    sent["QoS 3"] = packet(0x36, b"\0\3a/b\0\1\0")
    sent["an empty SUBACK"] = packet(0x90, b"\0\1")
    sent["CONNACK again"] = packet(0x20, b"\0\0\0" if five else b"\0\0")
    for first in (0x00, 0x10, 0x80, 0x82, 0xA2, 0xC0, 0xE0, 0xF0):
        sent[f"a packet of type {first:#x}"] = packet(first, b"\0\1\0\1a\0")
    for i in range(20):
        piece = bytearray(b"".join(dice.choices(good(five), k=5)))
        for _ in range(dice.randrange(1, 4)):
            piece[dice.randrange(len(piece))] ^= 1 << dice.randrange(8)
        sent[f"turned bits {i}"] = bytes(piece)
        sent[f"anything {i}"] = dice.randbytes(dice.randrange(1, 200))
    return sent


class Hostile:
    """Each connection gets a CONNACK and the next of what is hostile, to the protocol that it speaks; then it is shut."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        dice = random.Random(3)
        self.todo = {five: list(hostile(five, dice).items()) * ROUNDS for five in (True, False)}
        self.given, self.lock = {True: 0, False: 0}, threading.Lock()
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        with near:
            near.settimeout(PATIENCE)
            try:
                first = near.recv(65536)
                if len(first) < 9 or first[0] != 0x10:
                    return
                five = first[first.index(b"MQTT") + 4] == 5
                with self.lock:
                    at = self.given[five]
                    self.given[five] += 1
                what = self.todo[five][at % len(self.todo[five])][1]
                near.sendall((b"\x20\3\0\0\0" if five else b"\x20\2\0\0") + what)
                near.settimeout(0.05)
                while near.recv(65536):
                    pass
            except OSError:
                pass  # it was shut there, or has nothing more to say

    def is_through(self):
        return all(count > len(self.todo[five]) for five, count in self.given.items())

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def main():
    folder = tempfile.mkdtemp(prefix="potline-hostile-")
    broker = Hostile()
    graph, said = os.path.join(folder, "graph.yaml"), os.path.join(folder, "said")
    nodes = "".join(NODES.format(folder=folder, v=v, link=f'server: "127.0.0.1:{broker.port}", protocol: "{protocol}", backoff: 10ms, backoff_max: 10ms')
                    for v, protocol in (("five", "5"), ("three", "3.1.1")))
    with open(graph, "w") as file:
        file.write(f"potline: 1\nname: hostile\nnodes:{nodes}")
    with open(said, "w") as out:
        engine = subprocess.Popen([POTLINE, "run", graph, "--data", os.path.join(folder, "data"), "--quiet"], stderr=out, stdout=out,
                                  preexec_fn=mqtt_broker.dies_with_us)

    def text():
        with open(said) as file:
            return file.read()[-3000:]

    def until(what, why):
        end = time.monotonic() + PATIENCE * 3
        while not what():
            assert engine.poll() is None, f"the engine has ended with {engine.returncode}: {text()}"
            assert time.monotonic() < end, f"{why}: {text()}"
            time.sleep(0.02)

    until(broker.is_through, "nobody comes to the broker any more")
    given, port = dict(broker.given), broker.port
    broker.close()
    with mqtt_broker.Broker(folder, port=port) as real:
        client = mqtt_broker.client(real.port, "beside")

        def seen():
            client.publish("a/b", "7", qos=1)
            time.sleep(0.05)
            return all(os.path.exists(f"{folder}/seen{v}.ndjson") and '"value":7' in open(f"{folder}/seen{v}.ndjson").read().replace(" ", "")
                       for v in ("five", "three"))

        until(seen, "nothing comes of a good broker")
        client.loop_stop()
        engine.terminate()
        assert engine.wait(PATIENCE) == 0, text()
    print(f"{given[True]} connections of MQTT 5 and {given[False]} of 3.1.1 met a hostile broker; then a good one is heard")


main()

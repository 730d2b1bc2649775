#!/usr/bin/python3
"""A broker that sends what none does: unknown properties, lengths that do not add up, packets of clients, turned bits. libmosquitto
2.0.11 would end the process at the first (operators/mqtt/packet.h); the engine lives, and works again when the broker is good. And brokers
that say nothing, or send without end and read nothing: what is kept for them is bounded, and the connection ends with a reason."""
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
FLOOD, GROWN_MAX, BLOCKED = 1500000, 64 << 20, 3  # messages without an answer; bytes; seconds
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
    kinds = [packet(0x30, b"\0\3a/b" + none + b"1"), packet(0x32, b"\0\3a/b\0\7" + none + b"1"), packet(0x40, b"\0\1"), packet(0x50, b"\0\1"), packet(0x70, b"\0\1"), packet(0x90, b"\0\1" + none + b"\1"),
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
    sent["QoS 2, a thousand times"] = packet(0x34, b"\0\3a/b\0\1" + (b"\0" if five else b"") + b"1") * 1000
    sent["PUBREL"] = packet(0x62, b"\0\1")
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


class Engine:
    """Runs nodes; .until(what, why) while it lives."""

    def __init__(self, folder, name, nodes):
        self.said = os.path.join(folder, f"{name}.said")
        graph = os.path.join(folder, f"{name}.yaml")
        with open(graph, "w") as file:
            file.write(f"potline: 1\nname: {name}\nnodes:{nodes}")
        with open(self.said, "w") as out:
            self.process = subprocess.Popen([POTLINE, "run", graph, "--data", os.path.join(folder, f"{name}.data"), "--quiet"], stderr=out, stdout=out,
                                            preexec_fn=mqtt_broker.dies_with_us)

    def text(self):
        with open(self.said) as file:
            return file.read()[-3000:]

    def until(self, what, why):
        end = time.monotonic() + PATIENCE * 3
        while not what():
            assert self.process.poll() is None, f"the engine has ended with {self.process.returncode}: {self.text()}"
            assert time.monotonic() < end, f"{why}: {self.text()}"
            time.sleep(0.02)

    def memory(self):
        """Bytes that it has."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, self.text()


def told(path, why):
    """An event of that reason has been written."""
    if not os.path.exists(path):
        return False
    with open(path) as file:
        return why in file.read()


def reads_nothing(folder):
    """Messages of QoS 1 without end, and no answer is taken: the engine stops to read, too."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # or the kernel alone takes 600,000 answers
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    listener.settimeout(PATIENCE)
    engine = Engine(folder, "flooded", f"""
  in: {{ op: source.mqtt, server: "127.0.0.1:{listener.getsockname()[1]}", keepalive: 5m, topics: [ {{ topic: "a/{{x}}", tag: "{{x}}" }} ] }}
  out: {{ op: sink.null, from: in }}
""")
    near, _ = listener.accept()
    near.settimeout(BLOCKED)
    near.recv(9)  # the beginning of its CONNECT is all that is read
    near.sendall(b"\x20\3\0\0\0")
    piece, sent, before = packet(0x32, b"\0\3a/b\0\7\0001") * 1000, 0, engine.memory()
    try:
        while sent < FLOOD:
            near.sendall(piece)
            sent += 1000
    except TimeoutError:
        pass  # nobody takes any more
    grown = engine.memory() - before
    assert sent < FLOOD and grown < GROWN_MAX, f"{sent} messages without an answer: {grown >> 20} MiB"
    near.close()
    listener.close()
    engine.stop()
    print(f"a broker that reads nothing has sent {sent} messages; memory {grown >> 20} MiB")


def says_nothing(folder):
    """At each step of a connection."""
    silent, full = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0), backlog=0)
    fillers = [socket.socket() for _ in range(4)]  # a backlog that is full: what comes has no answer
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
    certificate = os.path.join(folder, "ca.pem")
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", os.devnull,
                           "-out", certificate, "-subj", "/CN=ca"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    nodes = "".join(f"""
  in{i}: {{ op: source.mqtt, server: "127.0.0.1:{server.getsockname()[1]}", connect_timeout: 300ms, topics: [ {{ topic: "a/#" }} ]{more} }}
  out{i}: {{ op: sink.null, from: in{i} }}
  told{i}: {{ op: sink.ndjson, from: in{i}.events, path: "{folder}/silent{i}.ndjson" }}""" for i, (server, more) in enumerate(((full, ""), (silent, f', tls: {{ ca: "{certificate}" }}'), (silent, ""))))
    engine = Engine(folder, "silent", nodes + "\n")
    for i, step in enumerate(("connection", "end of the TLS handshake", "CONNACK")):
        engine.until(lambda i=i, step=step: told(f"{folder}/silent{i}.ndjson", f"there was no {step} in time"), f"it waits for a {step} without end")
    engine.stop()
    for opened in (silent, full, *fillers):
        opened.close()
    print("brokers that say nothing are given up")


def main():
    folder = tempfile.mkdtemp(prefix="potline-hostile-")
    says_nothing(folder)
    reads_nothing(folder)
    broker = Hostile()
    nodes = "".join(NODES.format(folder=folder, v=v, link=f'server: "127.0.0.1:{broker.port}", protocol: "{protocol}", backoff: 10ms, backoff_max: 10ms')
                    for v, protocol in (("five", "5"), ("three", "3.1.1")))
    engine = Engine(folder, "hostile", nodes)
    engine.until(broker.is_through, "nobody comes to the broker any more")
    given, port = dict(broker.given), broker.port
    broker.close()
    with mqtt_broker.Broker(folder, port=port) as real:
        client = mqtt_broker.client(real.port, "beside")

        def seen():
            client.publish("a/b", "7", qos=1)
            time.sleep(0.05)
            return all(os.path.exists(f"{folder}/seen{v}.ndjson") and '"value":7' in open(f"{folder}/seen{v}.ndjson").read().replace(" ", "")
                       for v in ("five", "three"))

        engine.until(seen, "nothing comes of a good broker")
        client.loop_stop()
        engine.stop()
    print(f"{given[True]} connections of MQTT 5 and {given[False]} of 3.1.1 met a hostile broker; then a good one is heard")


main()

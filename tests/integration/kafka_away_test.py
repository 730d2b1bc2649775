#!/usr/bin/python3
"""Brokers that are away, seen from an engine of a group: at its start, while it is at work, and at its end. It says so, pages
and systemd hear of it all the time, it can be asked what it waits for, and a signal ends it in a few seconds."""
import json
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from kafka_engines import Broker, Engine, fail, shell, wait, write

GRAPH = """
potline: 1
name: group
partitions: 2
log: {log}
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, rate: 50/s, batch: 10, idle: 0s }}
  keep: {{ op: sink.lake, from: in, zone: silver }}
"""
GAP = 7  # seconds between two pings, on a busy machine; an engine is taken for dead after 30


class Systemd:
    """What a service manager hears."""

    def __init__(self, folder, name):
        self.path = f"{folder}/{name}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.pings, self.words = [], []
        threading.Thread(target=self.listen, daemon=True).start()

    def environment(self):
        return {"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": "30000000"}

    def listen(self):
        while True:
            word = self.socket.recv(4096).decode()
            if word == "WATCHDOG=1":
                self.pings.append(time.monotonic())
            self.words.append(word)

    def gap(self, begin, end):
        times = [begin] + [t for t in self.pings if begin < t < end] + [end]
        return max(b - a for a, b in zip(times, times[1:]))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def page(port, name):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def start(folder, number, systemd=None):
    engine = Engine(folder, number, POTLINE_HTTP="off", **(systemd.environment() if systemd else {}))
    engine.port = free_port()
    engine.start("--metrics", f"127.0.0.1:{engine.port}")
    return engine


def ends(engine, within, what, *signals):
    """Exit code, after these signals, a second between them."""
    for i, number in enumerate(signals):
        if i:
            time.sleep(1)
        engine.send(number)
        begun = time.monotonic()
    try:
        code = engine.process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        fail(f"{what}: it does not end: {engine.heard()[-2000:]}")
    seconds = time.monotonic() - begun
    print(f"{what}: ended {seconds:.1f} s after the last signal, exit code {code}")
    if seconds > within:
        fail(f"{what}: ended after {seconds:.1f} s: {engine.heard()[-2000:]}")
    engine.process = None
    return code


def says_away(engine, address, what):
    wait(lambda: f"log: the brokers ({address}) do not answer since " in engine.heard(), 20,
         lambda: f"{what}: it does not say that they are away: {engine.heard()[-2000:]}")


def pages_tell(engine, address, what):
    status, health = page(engine.port, "healthz")
    if status != 200:
        fail(f"{what}: /healthz: {status} {health}")
    status, ready = page(engine.port, "readyz")
    reasons = [r for r in ready["reasons"] if r["reason"] == "brokers_away"]
    if status != 503 or not reasons or address not in reasons[0]["text"] or any(r["reason"] == "disk_full" for r in ready["reasons"]):
        fail(f"{what}: /readyz: {status} {ready}")


def never_there(folder):
    """A start without brokers waits; a signal ends it, two at once."""
    nobody = f"127.0.0.1:{free_port()}"
    write(folder, "group.yaml", GRAPH.format(log=f'{{ kind: kafka, brokers: "{nobody}", group: plant, timeout: 40s }}'))
    systemd = Systemd(folder, "start")
    engine = start(folder, 1, systemd)
    begun = time.monotonic()
    says_away(engine, nobody, "a start")
    print(f"a start: said after {time.monotonic() - begun:.1f} s")
    pages_tell(engine, nobody, "a start")
    wait(lambda: nobody in shell(engine, "status").stderr, 20, lambda: f"a start: the shell says {shell(engine, 'status').stderr}")
    time.sleep(8)
    if not engine.runs():
        fail(f"a start does not wait: {engine.heard()}")
    if (gap := systemd.gap(begun + 2, time.monotonic())) > GAP:
        fail(f"a start: no ping for {gap:.1f} s")
    if not any(word.startswith("EXTEND_TIMEOUT_USEC=") for word in systemd.words):
        fail(f"a start: systemd is not told that it takes longer: {systemd.words}")
    if ends(engine, 10, "a start, one signal", signal.SIGINT):
        fail(f"a start: nothing has been begun, and that is no failure: {engine.heard()}")
    engine = start(folder, 2)
    says_away(engine, nobody, "another start")
    ends(engine, 2, "a start, two signals", signal.SIGINT, signal.SIGINT)


def listen_tls(folder):
    """A port that speaks TLS, with a certificate that nobody knows; its number."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/key.pem", "-out",
                    f"{folder}/cert.pem", "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            peer = listener.accept()[0]
            try:
                context.wrap_socket(peer, server_side=True).close()
            except OSError:
                peer.close()
    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def refused(folder):
    """Who is refused does not wait; who speaks plainly to a port for TLS is told so."""
    address = f"127.0.0.1:{listen_tls(folder)}"
    settings = "settings: [ { name: security.protocol, value: ssl } ]"
    write(folder, "group.yaml", GRAPH.format(log=f'{{ kind: kafka, brokers: "{address}", group: plant, timeout: 3s, {settings} }}'))
    engine = start(folder, 5)
    if engine.process.wait(timeout=60) != 1 or "certificate verify failed" not in engine.heard():
        fail(f"refused: {engine.heard()}")
    engine.process = None
    write(folder, "group.yaml", GRAPH.format(log=f'{{ kind: kafka, brokers: "{address}", group: plant, timeout: 3s }}'))
    engine = start(folder, 6)
    wait(lambda: "does this port want settings: [ { name: security.protocol, value: ssl } ]" in engine.heard(), 30,
         lambda: f"plain, at a port for TLS: {engine.heard()}")
    ends(engine, 10, "plain, at a port for TLS", signal.SIGINT)


def works(engine, what):
    wait(lambda: any(row["rows_in"] > 100 and row["epoch"] > 3 for row in engine.rows("status")), 60,
         lambda: f"{what}: {engine.rows('status')} {engine.heard()[-2000:]}")


def held_up(broker, folder):
    """While it is at work: brokers stand still for 45 s."""
    write(folder, "group.yaml", GRAPH.format(log=broker.log()))
    systemd = Systemd(folder, "work")
    engine = start(folder, 3, systemd)
    works(engine, "at work")
    status = engine.rows("status")[0]
    if status["brokers_away"] or status["disk_full"]:
        fail(f"at work: {status}")
    broker.ask("freeze 1")
    begun = time.monotonic()
    says_away(engine, broker.address, "at work")
    print(f"at work: said after {time.monotonic() - begun:.1f} s")
    while time.monotonic() - begun < 45:
        time.sleep(4)
        pages_tell(engine, broker.address, f"at work, after {time.monotonic() - begun:.0f} s")
        done = shell(engine, "status")
        if broker.address not in done.stdout + done.stderr or '"disk_full":true' in done.stdout.replace(" ", ""):
            fail(f"at work: the shell says {done}")
    gap = systemd.gap(begun, time.monotonic())
    print(f"at work: {gap:.1f} s without a ping at most")
    if gap > GAP:
        fail(f"at work: no ping for {gap:.1f} s: {engine.heard()[-3000:]}")
    broker.ask("thaw 1")
    wait(lambda: re.search(r"log: the brokers answer again, after \d+ s", engine.heard()), 30, lambda: engine.heard()[-2000:])
    works(engine, "behind it")
    return engine


def told_to_end(broker, engine):
    """Brokers die, and the engine is told to end."""
    broker.ask("kill 1")
    says_away(engine, broker.address, "at the end")
    time.sleep(5)
    ends(engine, 12, "at the end, one signal", signal.SIGTERM)
    if "do not answer since" not in (last := engine.heard().strip().splitlines()[-1]) or "no last checkpoint" not in last:
        fail(f"at the end: it does not say what is not finished: {engine.heard()[-1000:]}")
    engine.start("--metrics", f"127.0.0.1:{engine.port}")
    time.sleep(5)
    ends(engine, 2, "at the end, two signals", signal.SIGTERM, signal.SIGTERM)


def main():
    with tempfile.TemporaryDirectory(prefix="potline-away-") as folder:
        with open(f"{folder}/rows.csv", "w", encoding="utf-8") as file:
            file.writelines(f"{1_700_000_000 + i // 10},line{i % 4}.pot{i % 10}.volt,{i % 7}\n" for i in range(100_000))
        never_there(folder)
        refused(folder)
        broker = Broker()
        told_to_end(broker, held_up(broker, folder))
        broker.end()


main()

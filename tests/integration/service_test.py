#!/usr/bin/python3
"""The engine as a service: what it says on the socket that NOTIFY_SOCKET names, played here, and when. READY when it takes
rows, not before; WATCHDOG while its threads answer and not when one of them hangs; STOPPING at the end. And the unit file
as systemd reads it."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from watched import BIN, Engine, wait

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNIT = os.path.join(ROOT, "tools", "systemd", "potline@.service")
GRAPH = """
potline: 1
name: served
nodes:
  gen: {{ op: source.generator, tags: "line1.pot0{{1..3}}.voltage", rate: 1000/s }}
  odd: {{ op: unsound, from: gen, {odd} }}
  out: {{ op: sink.null, from: odd }}
"""
SILENT = 10  # seconds that a thread may owe an answer


class Manager:
    """The service manager's end of the socket; `abstract`: without a file."""

    def __init__(self, folder, abstract=False):
        name = os.path.join(folder, "notify")
        self.path = "@" + name if abstract else name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name if abstract else name)
        self.said = []  # (time, line)

    def listen(self):
        self.socket.setblocking(False)
        while True:
            try:
                text = self.socket.recv(65536).decode()
            except BlockingIOError:
                return self
            self.said += [(time.monotonic(), line) for line in text.split("\n")]

    def count(self, line):
        return sum(said == line for _, said in self.listen().said)

    def environment(self, watchdog_us=None, pid=None):
        told = {"NOTIFY_SOCKET": self.path}
        if watchdog_us:
            told["WATCHDOG_USEC"] = str(watchdog_us)
        if pid:
            told["WATCHDOG_PID"] = str(pid)
        return told


def check_life(abstract):
    with tempfile.TemporaryDirectory() as folder:
        manager = Manager(folder, abstract)
        engine = Engine(folder, GRAPH.format(odd="row: 0"), **manager.environment(800000))
        try:
            wait(lambda: manager.count("READY=1"))
            assert engine.reasons() == {}, "it said that it was ready, and was not"
            wait(lambda: manager.count("WATCHDOG=1") > 8)
            beats = [at for at, line in manager.said if line == "WATCHDOG=1"]
            gaps = [b - a for a, b in zip(beats, beats[1:])]
            print(f"beats of a watchdog of 0.8 s: every {sum(gaps) / len(gaps):.2f} s")
            assert sum(gaps) / len(gaps) < 0.4, gaps
            wait(lambda: manager.count("STATUS=running"))
            with open(f"/proc/{engine.process.pid}/environ", "rb") as file:
                assert b"NOTIFY_SOCKET" in file.read()  # as it was begun; what its children get is its own matter
            assert not manager.count("STOPPING=1")
            engine.stop()
            lines = [line for _, line in manager.listen().said]
            assert lines.count("READY=1") == lines.count("STOPPING=1") == 1, lines
            assert lines.index("READY=1") < lines.index("STOPPING=1")
        finally:
            engine.kill()


def check_children(folder):
    """Processes of nodes are not told of the socket, nor of the watchdog."""
    manager = Manager(folder)
    engine = Engine(folder, GRAPH.format(odd="row: 0, isolate: process"), **manager.environment(1000000))
    try:
        wait(lambda: manager.count("READY=1"))
        told = subprocess.check_output(["ps", "-o", "pid=", "--ppid", str(engine.process.pid)], text=True).split()
        assert told
        for pid in told:
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read()
            assert b"NOTIFY_SOCKET" not in environment and b"WATCHDOG_USEC" not in environment
        engine.stop()
    finally:
        engine.kill()


def check_hang(folder):
    """A thread of the engine that hangs: the watchdog is not fed any more, and /healthz says so."""
    manager = Manager(folder)
    odd = f"how: hang, row: 500, marks: {folder}/marks"
    engine = Engine(folder, GRAPH.format(odd=odd), **manager.environment(2000000))
    try:
        wait(lambda: engine.ask("/healthz")[0] == 503)
        assert "silent" in engine.ask("/healthz")[2] and "thread_silent" in engine.reasons()
        before = manager.count("WATCHDOG=1")
        time.sleep(2)
        assert manager.count("WATCHDOG=1") == before, "the watchdog is fed although nothing works"
        assert engine.ask("/metrics")[0] == 200
    finally:
        engine.kill()


def check_failure(folder):
    """A node that fails takes readiness away; the rest goes on until the engine ends."""
    manager = Manager(folder)
    graph = GRAPH.format(odd=f"how: fail, row: 5000, marks: {folder}/marks")
    engine = Engine(folder, graph, **manager.environment())
    try:
        assert engine.process.wait(60) == 1, engine.text()
        assert manager.count("READY=1") == 1 and manager.count("STOPPING=1") == 1, manager.said
        assert not manager.count("WATCHDOG=1"), "nobody has asked for it"
    finally:
        engine.kill()


def check_strange_sockets(folder):
    """Nobody there, nonsense, and a watchdog that is meant for another process: it runs all the same."""
    for number, environment in enumerate(({"NOTIFY_SOCKET": "/nonexistent/socket", "WATCHDOG_USEC": "1000000"},
                                          {"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "@"},
                                          {"NOTIFY_SOCKET": "/" + "x" * 500, "WATCHDOG_USEC": "-5"})):
        place = os.path.join(folder, str(number))
        os.mkdir(place)
        engine = Engine(place, GRAPH.format(odd="row: 0"), **environment)
        try:
            wait(lambda: engine.reasons() == {})
            engine.stop()
        finally:
            engine.kill()
    place = os.path.join(folder, "other")
    os.mkdir(place)
    manager = Manager(place)
    engine = Engine(place, GRAPH.format(odd="row: 0"), **manager.environment(400000, pid=1))
    try:
        wait(lambda: manager.count("READY=1"))
        time.sleep(1)
        assert not manager.count("WATCHDOG=1")
        engine.stop()
    finally:
        engine.kill()


def check_job(folder):
    """A job may be over before anybody has looked: it has been ready all the same."""
    path = os.path.join(folder, "in.csv")
    with open(path, "w") as file:
        file.write("1750000000000000000,line1.pot01.voltage,4\n")
    graph = os.path.join(folder, "job.yaml")
    with open(graph, "w") as file:
        file.write(f"potline: 1\nname: job\nnodes:\n  in: {{ op: source.csv, path: {path}, header: false }}\n"
                   "  out: { op: sink.null, from: in }\n")
    manager = Manager(folder)
    subprocess.run([os.path.join(BIN, "potline"), "run", graph, "--until-eof", "--quiet"], check=True, timeout=60,
                   env={**os.environ, **manager.environment()})
    lines = [line for _, line in manager.listen().said]
    assert lines.count("READY=1") == 1, lines


def check_standby(folder):
    """One that follows is a service that is ready; its watchdog rests, and it takes no rows."""
    manager = Manager(folder)
    key = os.path.join(folder, "key")
    subprocess.run([os.path.join(BIN, "potline"), "keys", "generate", "--out", key], check=True, stdout=subprocess.DEVNULL)
    engine = Engine(folder, GRAPH.format(odd="row: 0"), more=["--standby", "tcp://127.0.0.1:9", "--standby-key", key],
                    **manager.environment(500000))
    try:
        wait(lambda: manager.count("READY=1"))
        wait(lambda: manager.count("STATUS=a standby: following"))
        assert manager.count("WATCHDOG_USEC=0") == 1
        assert list(engine.reasons()) == ["no_engine"] and engine.ask("/healthz")[0] == 200
        assert "potline_build_info" in engine.metrics()
        engine.stop()
    finally:
        engine.kill()


def check_unit(folder):
    """systemd finds nothing wrong with the unit, and what it starts are options that there are."""
    with open(UNIT) as file:
        text = file.read()
    start = re.search(r"^ExecStart=\S+ run (.*)$", text, re.M).group(1)
    told = subprocess.check_output([os.path.join(BIN, "potline"), "run", "--help"], text=True)
    for option in re.findall(r"--[a-z-]+", start):
        assert re.search(rf"{option}\b", told), option
    if not shutil.which("systemd-analyze"):
        print("without systemd-analyze: the unit file is not looked at")
        return
    copy = os.path.join(folder, "potline@.service")
    with open(copy, "w") as file:
        file.write(text.replace("/usr/bin/potline", os.path.join(BIN, "potline")))
    instance = os.path.join(folder, "potline@smelter.service")
    os.symlink(copy, instance)
    looked = subprocess.run(["systemd-analyze", "verify", "--man=no", instance], capture_output=True, text=True)
    wrong = [line for line in looked.stderr.splitlines() if "potline" in line]
    assert not wrong, wrong
    looked = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=30", copy],
                            capture_output=True, text=True)
    assert looked.returncode == 0, looked.stdout[-2000:]


def main():
    checks = [check_children, check_hang, check_failure, check_strange_sockets, check_job, check_standby,
              check_unit]
    check_life(abstract=False)
    check_life(abstract=True)
    for check in checks:
        with tempfile.TemporaryDirectory() as folder:
            check(folder)


main()

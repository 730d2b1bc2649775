#!/usr/bin/python3
"""A peer that is connected and never reads must delay nobody else, and lose nothing.

One source feeds two sinks: lines to the dead peer, and lines to a live one. The live one gets every row, promptly, while
the other one keeps a backlog (the default of a sink with an outside peer). Then the dead peer wakes up and reads: it has every
row too, those that waited after the live ones.
"""
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

BIN = os.environ["POTLINE_BIN"]
ROWS = 2_000_000
GRAPH = """
potline: 1
name: dead-peer
log: {{ kind: {log} }}
queue: {{ batches: 8, bytes: 256KiB }}
nodes:
  in: {{ op: source.generator, tags: "line1.pot{{01..20}}.voltage", count: {rows}, rate: 400000/s, batch: 1000 }}
  dead: {{ op: sink.socket, from: in, connect: "127.0.0.1:{dead}", header: false }}
  live: {{ op: sink.socket, from: in, connect: "127.0.0.1:{live}", header: false }}
"""


class Peer(threading.Thread):
    """Listens, takes one connection, and reads lines from when it may."""

    def __init__(self, awake):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.awake, self.lines, self.done_at = awake, 0, None

    def run(self):
        connection, _ = self.listener.accept()
        self.awake.wait()
        while block := connection.recv(1 << 20):
            self.lines += block.count(b"\n")
            if self.lines >= ROWS and self.done_at is None:
                self.done_at = time.monotonic()


def run(log):
    asleep, awake = threading.Event(), threading.Event()
    awake.set()
    dead, live = Peer(asleep), Peer(awake)
    dead.start()
    live.start()
    with tempfile.TemporaryDirectory() as work:
        graph = os.path.join(work, "graph.yaml")
        with open(graph, "w") as file:
            file.write(GRAPH.format(log=log, rows=ROWS, dead=dead.port, live=live.port))
        begun = time.monotonic()
        engine = subprocess.Popen([f"{BIN}/potline", "run", graph, "--until-eof", "--data", os.path.join(work, "data"), "--nodes"],
                                  stderr=subprocess.PIPE, text=True)
        while live.done_at is None and time.monotonic() - begun < 120:
            time.sleep(0.05)
        if live.done_at is None:
            engine.kill()
            sys.exit(f"log {log}: the live peer got {live.lines} of {ROWS} rows beside a dead one")
        asleep.set()
        try:
            said = engine.communicate(timeout=120)[1]
        except subprocess.TimeoutExpired:
            engine.kill()
            sys.exit(f"log {log}: the run does not end after the dead peer woke up ({dead.lines} rows)")
        dead.join(10)
        live.join(10)
        if engine.returncode or dead.lines != ROWS or live.lines != ROWS:
            sys.exit(f"log {log}: exit {engine.returncode}, dead peer {dead.lines}, live peer {live.lines} of {ROWS}\n{said}")
        print(f"log {log}: the live peer had {ROWS} rows after {live.done_at - begun:.2f} s (due in {ROWS / 400000:.0f} s); "
              f"the dead one got all of them when it woke up")


if __name__ == "__main__":
    run("none")
    run("embedded")

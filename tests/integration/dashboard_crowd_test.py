#!/usr/bin/python3
"""200 people look at 1,000 tags: a browser paints a value soon after its sample, and the engine's memory stays bounded.

199 of them are listeners in a process of their own, which take what a page takes; the last one is a Chromium. Where the time goes
is printed: until a listener has a sample, until the page has painted it, and the CPU of the engine meanwhile."""
import json
import multiprocessing
import os
import re
import selectors
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import zmq

from dashboard_test import HERE, TOOLS, absent
from resting import BASE, Engine, wait

OTHERS, PAINT_MS, MEMORY_MIB, MOMENTS = 199, 500, 120, 50
TAGS = [f"line{line}.pot{pot:02}.{name}" for line in range(1, 6) for pot in range(1, 21)
        for name in ("voltage", "current", "bath_temp", "noise", "anode_pos", "resistance", "metal_level", "bath_level", "shell_temp", "feed_total")]
GRAPH = """
potline: 1
name: crowd
nodes:
  in: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/in", encoding: json, kind: samples, idle: 1s }
  clean: { op: cleanse, from: in, range: true }
  gone: { op: sink.null, from: clean }
"""


def feed(folder, ends):
    """Each second, the time of the sample (s, within a hundred) as the value of every tag."""
    socket = zmq.Context.instance().socket(zmq.PUSH)
    socket.connect(f"ipc://{folder}/in")
    while not ends.wait(1):
        now, count = time.time_ns(), len(TAGS)
        columns = {"time": [now] * count, "tag": TAGS, "value": [round(now / 1e9 % 100, 2)] * count, "quality": [0] * count}
        socket.send(json.dumps({"kind": "samples", "columns": columns}).encode())
    socket.close(0)


def listen(engine, taken, listening, delays):
    ready, connections = selectors.DefaultSelector(), []
    for _ in range(OTHERS):
        connection = engine.connect()
        connection.connect()
        request = f"GET {BASE}/streams/clean.out?every=500ms HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {engine.admin}\r\n\r\n"
        connection.sock.sendall(request.encode())
        connection.sock.setblocking(False)
        connections.append(connection)
        ready.register(connection.sock, selectors.EVENT_READ)
    listening.set()
    while True:
        for key, _ in ready.select():
            try:
                while piece := key.fileobj.recv(1 << 18):
                    taken.value += len(piece)
                    told = key.fileobj is connections[0].sock and re.findall(rb'"value":([\d.]+),', piece)
                    if told:
                        delays.append((time.time() - float(told[-1])) % 100 * 1000)
                        del delays[:-MOMENTS]
            except (ssl.SSLWantReadError, BlockingIOError):
                pass


def cpu(engine):
    """Seconds of it that the engine has taken."""
    with open(f"/proc/{engine.process.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(engine):
    with open(f"/proc/{engine.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def look(engine):
    """How long after its sample a value is painted, ms: the middle of a dozen."""
    setting = {"url": f"https://127.0.0.1:{engine.port}/", "password": engine.password, "screenshots": engine.folder, "paints": 12}
    told = subprocess.run(["node", os.path.join(HERE, "dashboard_browser.mjs"), json.dumps(setting)], stdout=subprocess.PIPE, text=True, check=True,
                          env={**os.environ, "MODULES": os.path.join(TOOLS, "node_modules")}).stdout
    delays = sorted(json.loads(told.strip().splitlines()[-1]))
    print("sample to paint, ms:", *(round(delay) for delay in delays))
    return delays[len(delays) // 2]


def main():
    missing = [] if os.environ.get("POTLINE_LONG") else ["POTLINE_LONG=1"]
    missing += absent()
    if missing:
        print(f"skipped: there is no {missing[0]}")
        sys.exit(77)
    folder, ends = tempfile.mkdtemp(), threading.Event()
    processes = multiprocessing.get_context("fork")
    taken, listening, delays = processes.Value("q", 0), processes.Event(), processes.Manager().list()
    try:
        with Engine(folder, graph=GRAPH) as engine:
            threading.Thread(target=feed, args=(folder, ends), daemon=True).start()
            wait(lambda: len(engine.ask("GET", "/sensors?limit=1000", token=engine.admin).json()) == len(TAGS))
            before = memory(engine)
            crowd = processes.Process(target=listen, args=(engine, taken, listening, delays), daemon=True)
            crowd.start()
            assert listening.wait(60), "not all listen"
            wait(lambda: taken.value > OTHERS * len(TAGS) * 50, why="the others are told nothing")
            begun, spent = time.monotonic(), cpu(engine)
            middle, after = look(engine), memory(engine)
            share = (cpu(engine) - spent) / (time.monotonic() - begun)
            heard = sorted(delays)[len(delays) // 2]
            print(f"sample to a listener {heard:.0f} ms, to paint {middle:.0f} ms (middles); the engine took {share:.2f} of a core")
            print(f"{taken.value / 1e6:.0f} MB to the others; memory {before:.0f} MiB, then {after:.0f} MiB")
            assert middle < PAINT_MS and after < MEMORY_MIB, (middle, after)
            crowd.terminate()
            ends.set()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

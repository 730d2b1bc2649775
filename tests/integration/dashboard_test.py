#!/usr/bin/python3
"""The dashboard in a headless Chromium, against a running engine: what each role sees and does, a threshold breach, acknowledging,
approving, overriding, lost and stale data, phone layout, contrast and names (axe-core), numbers as the API tells them.

dashboard_browser.mjs drives the browser and asks for what happens in the plant, a JSON line at a time; this program is the plant.
Screenshots are kept in BUILD/dashboard-screenshots."""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import zmq

from resting import BIN, PASSWORD, ROLES, Engine

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.join(HERE, "../../tools/dashboard")
PLACE = os.path.join(BIN, "../share/potline/dashboard/index.html")
SCREENSHOTS = os.path.join(BIN, "../dashboard-screenshots")
POTS = [f"line{line}.pot{pot:02}" for line in (1, 2) for pot in (1, 2, 3)]
EVERY = 0.2
GRAPH = """
potline: 1
name: plant
checkpoint: 200ms
tags: [ { match: "*.voltage", unit: V, range: [0, 60] }, { match: "*.bath_temp", unit: degC }, { match: "*.acd_set", unit: mm } ]
nodes:
  in: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/in", encoding: json, kind: samples, idle: 100ms }
  wishes: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/wishes", encoding: json, kind: setpoints, idle: 100ms }
  twin: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/twin", encoding: json, kind: profiles, idle: 100ms }
  figures: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/figures", encoding: json, kind: samples, idle: 100ms }
  runs: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/runs", encoding: json, kind: events, idle: 100ms }
  advised: { op: sink.lake, zone: gold, from: [ runs ] }
  best: { op: optimize.setpoints, from: odd, every: 1h, hold: 6h }
  tried: { op: sink.null, from: best }
  clean: { op: cleanse, from: in, range: true }
  seconds: { op: window.tumbling, from: clean, size: 1s }
  own: { op: rules, from: clean, scripts: [ "${FOLDER}/rules.lua" ] }
  limits: { op: threshold, from: clean, rules: [ { name: hot, tags: "*.bath_temp", above: 1000 } ] }
  list:
    op: alarms
    from: [ own, limits ]
    alarms: [ { match: high, priority: high, consequence: "it overheats", action: "look at it", respond: 5m },
              { match: hot, priority: low, owner: manager, consequence: "it wastes energy", action: "see why", respond: 8h } ]
  odd: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/odd", encoding: json, kind: samples, idle: 100ms }
  each: { op: detect.univariate, from: odd }
  work: { op: tickets, from: each.events, actions: [ { signals: "*hum", action: look at the busbar joints } ] }
  worked: { op: sink.lake, zone: gold, from: [ work ] }
  heard: { op: sink.lake, zone: silver, from: [ odd ] }
  safe: { op: guard, from: [ wishes, clean ], mode: approve, limits: [ { tags: "*.acd_set", low: 36, high: 50 } ] }
  gone: { op: sink.null, from: safe }
  kept: { op: sink.lake, zone: silver, from: clean }
  gold: { op: sink.lake, zone: gold, from: [ seconds ] }
  golden: { op: sink.lake, zone: gold, from: [ list ] }
  fields: { op: sink.lake, zone: gold, from: [ twin ] }
  mirrored: { op: sink.lake, zone: gold, from: [ figures ] }
  moves: { op: sink.lake, zone: gold, from: [ safe ] }
  kpi: { op: kpi, from: clean, per: [ hour, day ], targets: { kwh_per_t: 13500, anode_effects: 0.1 } }
  told: { op: sink.lake, zone: gold, from: [ kpi ] }
"""


class Plant(threading.Thread):
    """Sends every pot's signals five times a second, until it is told to be silent."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.values = {f"{pot}.voltage": 4.2 + i / 100 for i, pot in enumerate(POTS)}
        self.values |= {f"{pot}.bath_temp": 960.0 + i for i, pot in enumerate(POTS)}
        self.values |= {f"{pot}.current": 180.0 for pot in POTS}
        self.talks, self.lock, self.ends = True, threading.Lock(), threading.Event()
        self.samples, self.wishes, self.fields = (self.connect(folder, name) for name in ("in", "wishes", "twin"))
        self.figures, self.odd, self.runs = (self.connect(folder, name) for name in ("figures", "odd", "runs"))

    @staticmethod
    def connect(folder, name):
        socket = zmq.Context.instance().socket(zmq.PUSH)
        socket.linger = 0
        socket.connect(f"ipc://{folder}/{name}")
        return socket

    def run(self):
        while not self.ends.wait(EVERY):
            if self.talks:
                self.tell()

    def past(self):
        """What has been for 70 minutes: key figures are shown when there is an hour of data."""
        with self.lock:
            now, tags = time.time_ns(), list(self.values)
            for minute in range(70, 0, -1):
                times = [now - (60 * minute - second) * 10**9 for second in (0, 20, 40)]
                columns = {"time": [at for at in times for _ in tags], "tag": tags * 3, "value": list(self.values.values()) * 3,
                           "quality": [0] * 3 * len(tags)}
                self.samples.send(json.dumps({"kind": "samples", "columns": columns}).encode())

    def tell(self):
        with self.lock:
            now, count = time.time_ns(), len(self.values)
            columns = {"time": [now] * count, "tag": list(self.values), "value": list(self.values.values()), "quality": [0] * count}
            self.samples.send(json.dumps({"kind": "samples", "columns": columns}).encode(), zmq.NOBLOCK)

    def wish(self, tag, value):
        now = time.time_ns()
        columns = {"time": [now], "id": [now], "tag": [tag], "value": [value], "lower": [0], "upper": [0], "expiry": [now + 110 * 10**9],
                   "token": [1], "origin": ["optimiser"], "reason": ["less resistance"]}
        self.wishes.send(json.dumps({"kind": "setpoints", "columns": columns}).encode())

    def figure(self, tag, value, at=None):
        """`at`: ms; else now."""
        columns = {"time": [at * 10**6 if at else time.time_ns()], "tag": [tag], "value": [value], "quality": [0]}
        self.figures.send(json.dumps({"kind": "samples", "columns": columns}).encode())

    def advise(self, asset, kind, body):
        now = time.time_ns()
        columns = {"time": [now], "id": [now], "kind": [kind], "severity": [1], "asset": [asset], "tag": [""], "body": [body]}
        self.runs.send(json.dumps({"kind": "events", "columns": columns}).encode())

    def hum(self, tag):
        """Ten minutes of it, the last of them not as before."""
        noise, now, count = random.Random(1), time.time_ns(), 600
        values = [10 + noise.gauss(0, 1) + (40 if i >= 560 else 0) for i in range(count)]
        columns = {"time": [now - (count - i) * 10**9 for i in range(count)], "tag": [tag] * count, "value": values, "quality": [0] * count}
        self.odd.send(json.dumps({"kind": "samples", "columns": columns}).encode())

    def field(self, asset, quantity, positions, values):
        columns = {"asset": [asset], "quantity": [quantity], "time": [time.time_ns()], "quality": [0], "positions": [positions], "values": [values]}
        self.fields.send(json.dumps({"kind": "profiles", "columns": columns}).encode())


class Stage:
    """What the browser's program may ask for."""

    def __init__(self, engine, plant):
        self.engine, self.plant = engine, plant

    def set(self, tag, value):
        self.plant.values[tag] = value
        self.plant.tell()
        return time.time() * 1000

    def wish(self, tag, value):
        self.plant.wish(tag, value)

    def field(self, *told):
        self.plant.field(*told)

    def tell(self, tag, value, at=None):
        self.plant.figure(tag, value, at)

    def advise(self, asset, reason):
        self.plant.advise(asset, "optimize.run", {"outcome": "optimal", "reason": reason})

    def hold(self, asset, reason):
        self.plant.advise(asset, "optimize.held", {"reason": reason})

    def hum(self, tag):
        self.plant.hum(tag)

    def silence(self, silent):
        self.plant.talks = not silent

    def stop(self):
        self.engine.stop()

    def start(self):
        self.engine.address = f"127.0.0.1:{self.engine.port}"
        self.engine.start()

    def end(self, user):
        """An admin ends the user's sessions."""
        for token in self.api("/tokens?limit=1000"):
            if token["user"] == user:
                self.engine.ask("DELETE", f"/tokens/{token['tokenId']}", token=self.engine.admin)

    def api(self, path):
        return self.engine.ask("GET", path, token=self.engine.admin).json()


def browse(engine, stage):
    setting = {"url": f"https://127.0.0.1:{engine.port}/", "password": engine.password, "userPassword": PASSWORD, "roles": ROLES, "pots": POTS,
               "screenshots": os.path.abspath(SCREENSHOTS), "long": bool(os.environ.get("POTLINE_LONG")),
               "brief": bool(os.environ.get("POTLINE_BRIEF"))}
    browser = subprocess.Popen(["node", os.path.join(HERE, "dashboard_browser.mjs"), json.dumps(setting)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, env={**os.environ, "MODULES": os.path.join(TOOLS, "node_modules")})
    for line in browser.stdout:
        if not line.startswith("{"):
            print(line, end="", flush=True)
            continue
        asked = json.loads(line)
        answer = getattr(stage, asked["do"])(*asked["with"])
        browser.stdin.write(json.dumps({"answer": answer}) + "\n")
        browser.stdin.flush()
    return browser.wait()


def absent():
    """What a browser's test needs and is not here."""
    needed = (("chromium", shutil.which("chromium")), ("node", shutil.which("node")), ("built dashboard (tools/setup)", os.path.exists(PLACE)),
              ("playwright-core (tools/setup)", os.path.isdir(os.path.join(TOOLS, "node_modules/playwright-core"))))
    return [what for what, there in needed if not there]


def main():
    if absent():
        print(f"skipped: there is no {absent()[0]}")
        sys.exit(77)
    folder = tempfile.mkdtemp()
    try:
        with Engine(folder, graph=GRAPH) as engine:
            assert engine.find(rf"the dashboard is at https://127\.0\.0\.1:{engine.port}/"), "its address is not told"
            plant = Plant(folder)
            plant.past()
            plant.start()
            engine.add_users()
            status = browse(engine, Stage(engine, plant))
            plant.ends.set()
            plant.join()
            if status:
                print(open(engine.said).read()[-2000:])
        sys.exit(status)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

"""An engine under load that recommends, a field side as an engine of its own, and how long an override takes to be the last word:
for the test of it and for the bench.

    program --push--> engine (samples beside it) --push--> field side: guard, sink --Modbus--> plant

Set points and samples are in one order, that of the log: where the machine cannot keep pace with the samples, set points wait
behind as many as may be ahead of the graph, and after a death behind those since the last checkpoint. Both are kept small.
"""
import os
import threading
import time

from field_rig import nanoseconds, wait, write_whole

ENGINE = """
potline: 1
name: recommends
checkpoint: 1s
max_lag: 1MiB
nodes:
  wishes: {{ op: source.zmq, socket: pull, bind: "{program}", encoding: json, kind: setpoints, idle: 100ms }}
  on: {{ op: sink.zmq, from: wishes, socket: push, connect: "{field}", encoding: msgpack }}
  load: {{ op: source.generator, tags: "line{{1..5}}.pot{{01..20}}.v", rate: "{rate}/s" }}
  clean: {{ op: cleanse, from: load, range: true }}
  win: {{ op: window.tumbling, from: clean, size: 1s }}
  gone: {{ op: sink.null, from: win }}
"""
FIELD = """
potline: 1
name: field-alone
nodes:
  wishes: {{ op: source.zmq, socket: pull, bind: "{field}", encoding: msgpack, kind: setpoints, idle: 100ms }}
  plc: {{ op: source.modbus, endpoint: "{plant}", registers: "{folder}/live.csv", poll: 10ms, timeout: 100ms }}
  safe:
    op: guard
    from: [wishes, plc]
    mode: auto
    fresh: 1m
    pulse: 100ms
    override_file: "{folder}/stop"
    override_signals: ["*.manual"]
    limits: [ {{ tags: "*.feed_set", low: 60, high: 140, on_loss: baseline, baseline: 100 }} ]
  write: {{ op: sink.modbus, from: safe, endpoint: "{plant}", registers: "{folder}/targets.csv", heartbeats: [ {{ address: 2 }} ], heartbeat: 100ms, pulse: safe.pulse }}
  decided: {{ op: sink.ndjson, from: safe.events, path: "{folder}/decided.ndjson" }}
  told: {{ op: sink.ndjson, from: write, path: "{folder}/told.ndjson" }}
"""


def show(what, times):
    times = sorted(times)
    pick = [times[min(len(times) - 1, int(len(times) * q))] for q in (0.5, 0.9, 0.99)]
    print(f"{what}: median {pick[0]:.1f}, p90 {pick[1]:.1f}, p99 {pick[2]:.1f} ms of {len(times)}")


class Stream:
    """Another value for pot 5 every few milliseconds."""

    def __init__(self, optimiser):
        self.optimiser, self.stop = optimiser, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        step = 0
        while not self.stop.is_set():
            step += 1
            self.optimiser.send({"line1.pot05.feed_set": 80 + step % 40})
            time.sleep(0.005)

    def end(self):
        self.stop.set()
        self.thread.join()


def last_word(field, plant, tell, engage, calm):
    """How long after `engage` began, and after the guard had heard of it, the plant has received its last write of that pot; ms."""
    seen = tell.kinds().count("override.engaged")
    wait(lambda: plant.writes()[-1][1] == "line1.pot05.feed_set", "the stream does not arrive")
    begun = time.time_ns()
    engage()
    wait(lambda: tell.kinds().count("override.engaged") > seen, "it is not engaged")
    time.sleep(0.2)
    wall = [w[0] for w in plant.writes() if w[1] == "line1.pot05.feed_set"][-1]
    calm()
    wait(lambda: field.shell("override release line1.pot05 --reason done").returncode == 0, "it is not released")
    heard = nanoseconds([e for e in tell.read() if e["kind"] == "override.engaged"][-1]["time"])
    return max(0, (wall - begun) / 1e6), max(0, (wall - heard) / 1e6)


def measure(field, plant, told, switch, folder, optimiser, when, times=3, shown=show):
    ways = {
        "shell": (lambda: field.ask("override engage line1.pot05 --reason test"), lambda: None),
        "file": (lambda: write_whole(f"{folder}/stop", "line1.pot05\n"), lambda: os.unlink(f"{folder}/stop")),
        "switch in the plant": (lambda: switch(1), lambda: switch(0)),
    }
    stream = Stream(optimiser)
    try:
        for way, (engage, calm) in ways.items():
            taken = [last_word(field, plant, told, engage, calm) for _ in range(times)]
            shown(f"override by {way}, {when}", [whole for whole, _ in taken])
            shown("    of it behind the guard", [behind for _, behind in taken])
    finally:
        stream.end()

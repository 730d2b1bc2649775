#!/usr/bin/python3
"""A group's engine that dies at each named place of a checkpoint: between what its folder says and what the brokers say. It
starts again itself, or the other engine takes over; each window and each event of the global section is there once.

And a place of the group without its state is refused: nobody goes on from there with nothing."""
import random
import signal
import subprocess
import tempfile
import time

from kafka_engines import POTLINE, Broker, Engine, all_rows, fail, rows_of, run_alone, same, write_rows

ROWS = 60_000
POINTS = ("group.prepared", "group.begun", "group.told", "checkpoint.is_last")
GRAPH = """
potline: 1
name: {name}
partitions: 2
checkpoint: 100ms
log: {log}
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, {rate}batch: 250, idle: 0s }}
  win: {{ op: window.tumbling, from: in, size: 1s }}
  high: {{ op: threshold, from: in, rules: [ {{ name: high, tags: "*", above: 4.25, hysteresis: 0.1 }} ] }}
  list: {{ op: alarms, from: high, flood: {{ count: 1000 }}, alarms: [ {{ match: high, priority: high, consequence: a, action: b, respond: 3s }} ] }}
  told: {{ op: sink.lake, from: list, zone: silver }}
  gold: {{ op: sink.lake, from: win, zone: gold }}
"""


def die_at(engine, point, pass_):
    """Starts and dies there."""
    engine.start(POTLINE_FAULT=f"{point}:{pass_}")
    try:
        code = engine.process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        fail(f"{point}:{pass_} was never passed: {engine.heard()[-1000:]}")
    if code != -signal.SIGKILL:
        fail(f"{point}:{pass_}: exit code {code}: {engine.heard()[-1000:]}")
    engine.process = None


def refused(broker, folder):
    """The changelog is lost, and an engine that never had the state is to go on."""
    broker.ask("delete group.changelog")
    time.sleep(1)
    done = subprocess.run([POTLINE, "run", "group.yaml", "--data", "new.data", "--quiet", "--for", "30s"], cwd=folder,
                          capture_output=True, text=True, timeout=60)
    if done.returncode == 0 or "the changelog holds no state of there" not in done.stderr:
        fail(f"a place without its state: exit code {done.returncode}: {done.stderr[-1000:]}")
    if rows_of(folder, "new.data", "gold"):
        fail("rows were made of nothing")


def main():
    broker, dice = Broker(), random.Random(2)
    with tempfile.TemporaryDirectory() as folder:
        write_rows(folder, ROWS, dice)
        for name, log in (("alone", "{ kind: embedded }"), ("group", broker.log("1s"))):
            with open(f"{folder}/{name}.yaml", "w") as file:
                file.write(GRAPH.format(name=name, log=log, rate="" if name == "alone" else "rate: 2500/s, "))
        run_alone(folder, "alone.yaml")
        expected = {zone: rows_of(folder, "alone.data", zone) for zone in ("silver", "gold")}
        engines = [Engine(folder, i) for i in range(2)]
        for i, point in enumerate(POINTS):
            die_at(engines[i % 2], point, dice.randint(1, 3))  # i % 2: the same again, or the other takes over
            die_at(engines[i // 2 % 2], point, dice.randint(1, 3))
        for engine in engines:
            engine.start()
        end = time.monotonic() + 120
        while any(expected[zone] - all_rows(engines, zone) for zone in expected) and time.monotonic() < end:
            time.sleep(0.5)
        for engine in engines:
            engine.kill(signal.SIGTERM)
        for zone, rows in expected.items():
            same(rows, all_rows(engines, zone), zone)
        print(f"{[sum(rows.values()) for rows in expected.values()]} rows, as alone, through deaths at {', '.join(POINTS)}; "
              f"by engine: {[sum(rows_of(folder, e.data, 'gold').values()) for e in engines]}")
        refused(broker, folder)
    broker.end()


main()

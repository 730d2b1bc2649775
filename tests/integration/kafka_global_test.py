#!/usr/bin/python3
"""The global section of a graph in a group: three engines that are killed, stopped and held up, with the list of alarms in
whichever of them has it, give what one engine with the embedded log gives, row for row; and all rows
of the source come through the exchange to a sink that runs once."""
import os
import random
import signal
import sys
import tempfile
import time

from kafka_engines import FIRST, Broker, Engine, Listener, all_rows, fail, rows_of, run_alone, same, write_rows

ROWS, FAULTS = (600_000, 40) if os.environ.get("POTLINE_LONG") else (150_000, 4)
GRAPH = """
potline: 1
name: {name}
partitions: 4
checkpoint: 100ms
checkpoint_timeout: 3s
hold: 64KiB
log: {log}
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, {rate}idle: 0s }}
  win: {{ op: window.tumbling, from: in, size: 5s }}
  high: {{ op: threshold, from: in, rules: [ {{ name: high, tags: "*", above: 4.25, hysteresis: 0.1 }} ] }}
  list: {{ op: alarms, from: high, flood: {{ count: 10 }}, alarms: [ {{ match: high, priority: high, consequence: a, action: b, respond: 3s }} ] }}
  told: {{ op: sink.lake, from: list, zone: silver }}
  gold: {{ op: sink.lake, from: win, zone: gold }}
"""
WIRE = '  wire: {{ op: sink.socket, from: in, connect: "127.0.0.1:{port}", backoff_max: 100ms, header: false, columns: [time_ns, tag] }}\n'


def disturb(engines, dice):
    engine = dice.choice(engines)
    if not engine.runs():
        engine.start()
        return "started"
    if sum(e.runs() for e in engines) > 1 and dice.random() < 0.7:
        number = dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        engine.kill(number)
        return number.name
    engine.send(signal.SIGSTOP)
    time.sleep(dice.choice([1, 4]))
    engine.send(signal.SIGCONT)
    return "SIGSTOP"


def main():
    broker, listener, dice = Broker(), Listener(keep=True), random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
    with tempfile.TemporaryDirectory() as folder:
        write_rows(folder, ROWS, dice)
        for name, log in (("alone", "{ kind: embedded }"), ("group", broker.log("2s"))):
            with open(f"{folder}/{name}.yaml", "w") as file:
                rate, wire = ("", "") if name == "alone" else ("rate: 10000/s, ", WIRE.format(port=listener.port))
                file.write(GRAPH.format(name=name, log=log, rate=rate) + wire)
        run_alone(folder, "alone.yaml")
        expected = {zone: rows_of(folder, "alone.data", zone) for zone in ("silver", "gold")}
        engines = [Engine(folder, i) for i in range(3)]
        for engine in engines:
            engine.start()
        time.sleep(4)
        done = []
        for _ in range(FAULTS):
            done.append(disturb(engines, dice))
            time.sleep(dice.uniform(1, 3))
        for engine in engines:
            if not engine.runs():
                engine.start()
        end = time.monotonic() + 120 + ROWS / 4000
        while any(expected[zone] - all_rows(engines, zone) for zone in expected) and time.monotonic() < end:
            time.sleep(1)
        for engine in engines:
            engine.kill(signal.SIGTERM)
        for zone, rows in expected.items():
            same(rows, all_rows(engines, zone), f"{zone}, {done}")
        wanted = {(FIRST * 10 + i // 120 * 2) * 10**8 for i in range(ROWS)}
        missing = wanted - {int(line.split(",")[0]) for line in listener.lines}
        if missing or len(listener.lines) < ROWS:
            fail(f"of {ROWS} rows of the source the global section has given {len(listener.lines)}; {len(missing)} moments lack")
        where = [sum(rows_of(folder, e.data, "silver").values()) for e in engines]
        print(f"{sum(expected['silver'].values())} events of the global section and {sum(expected['gold'].values())} windows, "
              f"as alone: through {done}; events by engine: {where}")
    broker.end()


main()

#!/usr/bin/python3
"""One graph and one data set, three ways: with the embedded log, with a log on Kafka, and in three engines that share one
and are killed meanwhile. The windows in gold are the same, row for row.

    group_equal_test.py [--rows 10000000] [--seed N]

A long test: without options, and without POTLINE_LONG, it is left out.
"""
import argparse
import collections
import random
import signal
import sys
import time

import group_test
import rig

GRAPH = """
potline: 1
name: {name}
partitions: 6
checkpoint: 500ms
log: {log}
tags:
  - {{ match: "*.voltage", unit: V, range: [0, 10] }}
  - {{ match: "*.current", unit: A, range: [0, 400] }}
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", header: false, {rate}idle: 0s }}
  clean: {{ op: cleanse, from: in, range: true, spike: {{ method: hampel, window: 11, k: 3.5 }} }}
  win: {{ op: window.tumbling, from: clean, size: 10s, aggregates: [count, mean, min, max, last] }}
  gold: {{ op: sink.lake, from: win, zone: gold }}
"""
FIRST, STEP = 1_750_000_000_000_000_000, 300_000  # of bench_gen, ns
RATE = "rate: 150000/s, "  # of the engines that are killed, so that it is often
OPEN = 30_000_000_000  # the last windows, which only the end of the data closes


def windows(data, end):
    """What lies in front of the last windows."""
    code, text, said = rig.export(data, "gold")
    if code and "not a data folder" not in said:
        group_test.fail(f"export of {data}: {said}")
    return collections.Counter(line for line in text.splitlines()[1:] if int(line.split(",")[1]) < end)


def same(what, expected, found):
    wrong = group_test.differences(what, expected, found)
    if wrong:
        group_test.fail(wrong)


def alone(work, name, end):
    begun = time.monotonic()
    code, _, said = rig.run("run", f"{work}/{name}.yaml", "--data", f"{work}/{name}.data", "--quiet", "--until-eof",
                            timeout=3600)
    if code:
        group_test.fail(f"{name}: {said}")
    return windows(f"{work}/{name}.data", end), time.monotonic() - begun


def together(work, options, expected, end):
    """Three engines, one of which is killed every few seconds."""
    dice, kills, begun = random.Random(options.seed), 0, time.monotonic()
    engines = [group_test.Engine(work, i + 1, None) for i in range(3)]
    for engine in engines:
        engine.start()
    while time.monotonic() < begun + 3600:
        time.sleep(dice.uniform(5, 15))
        found = sum((windows(engine.data, end) for engine in engines), collections.Counter())
        if not expected - found:
            break
        engine = dice.choice(engines)
        engine.runs()
        engine.stop(signal.SIGKILL)
        kills += 1
        time.sleep(dice.uniform(0, 3))
        engine.start()
    taken = time.monotonic() - begun
    time.sleep(5)
    for engine in engines:
        engine.stop(signal.SIGTERM)
    return [windows(engine.data, end) for engine in engines], kills, taken


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000 if rig.LONG else 0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not options.rows:
        print("skipped: long (POTLINE_LONG=1, or --rows)")
        sys.exit(77)
    with rig.folder() as work:
        brokers = group_test.Brokers(1, [])
        rig.make_input(work, options.rows)
        end = FIRST + options.rows * STEP - OPEN
        kafka = f'kind: kafka, brokers: "{brokers.addresses}"'
        for name, log in (("embedded", "{ kind: embedded }"), ("kafka", f"{{ {kafka} }}"),
                          ("plant", f"{{ {kafka}, group: plant, session: 3s }}")):
            with open(f"{work}/{name}.yaml", "w", encoding="utf-8") as file:
                file.write(GRAPH.format(work=work, name=name, log=log, rate=RATE if name == "plant" else ""))
        expected, first = alone(work, "embedded", end)
        found, second = alone(work, "kafka", end)
        same("with a log on Kafka", expected, found)
        parts, kills, third = together(work, options, expected, end)
        same(f"three engines, {kills} kills", expected, sum(parts, collections.Counter()))
        print(f"{options.rows} rows, {sum(expected.values())} windows, the same three ways: embedded log ({first:.0f} s), Kafka "
              f"({second:.0f} s), three engines of a group and {kills} kills ({third:.0f} s; by engine "
              f"{[sum(part.values()) for part in parts]})")
        brokers.end()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""An engine of a group is killed at each step of a checkpoint: prepared in its folder, the brokers' transaction begun, told,
the last one in the folder, its changes moved. Then it goes on, or another one takes over and it comes back. Both together
have the windows and events that an undisturbed engine with the embedded log gives, each once.

    group_points_test.py [--points POINT:N,...]

A long test: with POTLINE_LONG every place, three times each; without it, and without options, it is left out.
"""
import argparse
import collections
import os
import signal
import sys
import time
import types

import group_test
import rig

POINTS = ["group.prepared", "group.begun", "group.told", "checkpoint.last", "checkpoint.is_last", "checkpoint.move"]
OPTIONS = types.SimpleNamespace(rate=4800, seconds=4)


def wait_for_end(engine):
    """Of one that kills itself."""
    code = engine.process.wait(timeout=rig.PATIENCE)
    if code != -signal.SIGKILL:
        group_test.fail(f"{engine.name} ended with {code} instead of at its place: {engine.tail()}")
    engine.process = None


def found_by(engines, last):
    found = {"windows": collections.Counter(), "events": collections.Counter()}
    for engine in engines:
        if engine.started:
            found["windows"] += group_test.gold(engine.data, last)
            found["events"] += group_test.events(engine.data, last)
    return found


def try_point(work, number, point, other, expected, last, brokers):
    """`other`: another engine takes over before the first one comes back."""
    folder = f"{work}/{number}"
    os.mkdir(folder)
    group = f'{{ kind: kafka, brokers: "{brokers.addresses}", group: g{number}, topic: t{number}, session: 3s, timeout: 5s }}'
    with open(f"{folder}/plant.yaml", "w", encoding="utf-8") as file:
        file.write(group_test.GRAPH.format(name="plant", log=group, rate=f"rate: {OPTIONS.rate // 2}/s, ", work=work,
                                           partitions=group_test.PARTITIONS))
    engines = [group_test.Engine(folder, i + 1, None) for i in range(2)]
    engines[0].start(POTLINE_FAULT=point)
    wait_for_end(engines[0])
    if other:
        engines[1].start()
        time.sleep(2)
    engines[0].start()
    end, whole = time.monotonic() + 120, 0
    while time.monotonic() < end and whole < group_test.CALM:  # what is there may belong to no checkpoint yet
        time.sleep(0.5)
        found = found_by([e for e in engines if e.runs()], last)
        whole = 0 if any(expected[what] - found[what] for what in expected) else whole + 0.5
    for engine in engines:
        if engine.runs():
            engine.stop(signal.SIGTERM)
    found = found_by(engines, last)
    wrong = "".join(group_test.differences(what, expected[what], found[what]) for what in expected)
    if wrong:
        group_test.fail(f"{point}{', another one took over' if other else ''}: {wrong}{engines[0].tail()}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--points")
    options = parser.parse_args()
    if not rig.LONG and not options.points:
        print("skipped: long (POTLINE_LONG=1, or --points)")
        sys.exit(77)
    points = [f"{point}:{n}" for point in POINTS for n in (1, 4, 9)]
    if options.points:
        points = options.points.split(",")
    with rig.folder() as work:
        brokers = group_test.Brokers(1, [])
        _, last = group_test.write_rows(work, OPTIONS.seconds, OPTIONS.rate)
        with open(f"{work}/alone.yaml", "w", encoding="utf-8") as file:
            file.write(group_test.GRAPH.format(name="alone", log="{ kind: embedded }", rate="", work=work,
                                               partitions=group_test.PARTITIONS))
        code, _, said = rig.run("run", f"{work}/alone.yaml", "--data", f"{work}/alone.data", "--quiet", "--until-eof")
        if code:
            group_test.fail(f"undisturbed: {said}")
        expected = {"windows": group_test.gold(f"{work}/alone.data", last),
                    "events": group_test.events(f"{work}/alone.data", last)}
        number = 0
        for point in points:
            for other in (False, True) if rig.LONG or options.points else (number % 2 == 0,):
                try_point(work, number, point, other, expected, last, brokers)
                number += 1
        brokers.end()
        print(f"{sum(expected['windows'].values())} windows and {sum(expected['events'].values())} events, as alone, killed at "
              f"{', '.join(points)}, {number} times")


if __name__ == "__main__":
    main()

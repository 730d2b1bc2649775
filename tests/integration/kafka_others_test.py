#!/usr/bin/python3
"""What engines of a group say of each other: one that dies, whose partitions are not shown as its own any more; one that was
started with another graph; and what one has done that ran no source. --until-eof is refused there."""
import re
import signal
import subprocess
import tempfile

from kafka_engines import POTLINE, Broker, Engine, fail, wait, write

GRAPH = """
potline: 1
name: group
partitions: 2
log: {log}
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, rate: 200/s, batch: 20, idle: 0s }}
  keep: {{ op: sink.lake, from: in, zone: silver }}
{more}
"""
OTHER = "  wide: { op: window.tumbling, from: in, size: 10s }\n  gold: { op: sink.lake, from: wide, zone: gold }\n"


def refused(folder):
    done = subprocess.run([POTLINE, "run", "group.yaml", "--data", "no.data", "--until-eof"], cwd=folder, capture_output=True,
                          text=True, timeout=60, check=False)
    if done.returncode != 2 or "--until-eof is not for engines of a group" not in done.stderr:
        fail(f"--until-eof: {done}")


def start(folder, number, graph="group.yaml"):
    """With its summary at the end."""
    engine = Engine(folder, number, graph, POTLINE_HTTP="off")
    engine.process = subprocess.Popen([POTLINE, "run", graph, "--data", engine.data], cwd=folder, stderr=engine.said,
                                      env=engine.environment)
    return engine


def mine(engine):
    return {p for row in engine.rows("nodes --cluster") if row["state"] == "this one" for p in row["partitions"].split(", ") if p}


def of(engine, identity):
    return next((row for row in engine.rows("nodes --cluster") if row["engine"] == identity), None)


def identity_of(engine):
    return next(row["engine"] for row in engine.rows("nodes --cluster") if row["state"] == "this one")


def main():
    with tempfile.TemporaryDirectory(prefix="potline-others-") as folder:
        broker = Broker()
        with open(f"{folder}/rows.csv", "w", encoding="utf-8") as file:
            file.writelines(f"{1_700_000_000 + i // 10},line{i % 4}.pot{i % 10}.volt,{i % 7}\n" for i in range(200_000))
        write(folder, "group.yaml", GRAPH.format(log=broker.log(), more=""))
        write(folder, "other.yaml", GRAPH.format(log=broker.log(), more=OTHER))
        refused(folder)
        one, two = start(folder, 1), start(folder, 2)
        wait(lambda: len(mine(one)) == 1 and len(mine(two)) == 1, 90, lambda: f"{one.heard()[-1500:]} {two.heard()[-1500:]}")
        owners = {engine: any("in" in row["sources"].split(", ") for row in engine.rows("nodes --cluster") if row["state"] == "this one")
                  for engine in (one, two)}
        idle = next(engine for engine, runs in owners.items() if not runs)
        busy = two if idle is one else one
        wait(lambda: all(row["epoch"] > 20 for row in idle.rows("status")), 60, lambda: idle.heard()[-1500:])

        idle.kill(signal.SIGTERM)  # in good order: nobody says that it died
        found = re.search(r"of the group's log (\d+) rows were worked off", idle.heard())
        if not found or int(found[1]) < 10:
            fail(f"the summary of an engine without a source: {idle.heard()[-1500:]}")
        wait(lambda: len(mine(busy)) == 2, 60, lambda: busy.heard()[-1500:])

        idle = start(folder, 3)
        wait(lambda: len(mine(idle)) == 1 and of(busy, identity_of(idle)), 90, lambda: f"{idle.heard()[-1500:]}")
        identity = identity_of(idle)
        idle.kill()
        wait(lambda: re.search(f"engine {identity} .* is not heard of any more", busy.heard()), 60, lambda: busy.heard()[-1500:])
        if busy.heard().count("is not heard of any more") != 1:
            fail(f"more than one has died: {busy.heard()[-2000:]}")
        wait(lambda: len(mine(busy)) == 2, 60, lambda: busy.heard()[-1500:])
        wait(lambda: (row := of(busy, identity)) and row["state"] == "stale" and not row["partitions"] and not row["sources"], 30,
             lambda: f"what a dead one had is shown as its own: {of(busy, identity)}")
        if "the group gives this engine partition" not in busy.heard():
            fail(f"nobody says that it takes over: {busy.heard()[-1500:]}")

        other = start(folder, 4, "other.yaml")
        for engine in (busy, other):
            wait(lambda engine=engine: "runs another graph than this one" in engine.heard(), 90, lambda engine=engine: engine.heard()[-1500:])
        for engine in (busy, other):
            engine.kill(signal.SIGTERM)
        broker.end()


main()

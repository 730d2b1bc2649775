#!/usr/bin/python3
"""Three engines of a group under load, ended in good order and started again in turn: each answers for all of them, whoever
is ended hands over at once, gold is that of one engine, and the longest silence of what the global section gives is told."""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from kafka_engines import Broker, Engine, Listener, all_rows, fail, rows_of, run_alone, same, wait, write_rows

ROWS, SESSION = 180_000, 20  # a session that is much longer than a test that must not wait for it
GRAPH = """
potline: 1
name: {name}
partitions: 4
checkpoint: 100ms
log: {log}
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, {rate}batch: 250, idle: 0s }}
  other: {{ op: source.csv, path: none.csv, header: false }}
  win: {{ op: window.tumbling, from: [in, other], size: 1s }}
  gold: {{ op: sink.lake, from: win, zone: gold }}
"""
OUT = "  out: {{ op: sink.socket, from: win, connect: \"127.0.0.1:{port}\", backoff_max: 100ms }}\n"


def cluster(engine):
    return engine.rows("nodes --cluster")


def owned(rows):
    return sorted(int(p) for row in rows if row["state"] != "stale" for p in row["partitions"].split(", ") if p)


def all_answer(engines, count):
    """True when each that runs tells of all of them, and every partition and source has one owner."""
    for engine in engines:
        rows = cluster(engine)
        if sum(row["state"] != "stale" for row in rows) != count or owned(rows) != [0, 1, 2, 3, 4]:
            return False
        if sorted(s for row in rows if row["state"] != "stale" for s in row["sources"].split(", ") if s) != ["in", "other"]:
            return False
        if [row["pid"] for row in rows if row["state"] == "this one"] != [engine.process.pid]:
            return False
    return True


def told(engines):
    return [(cluster(engine), engine.heard()[-1500:]) for engine in engines]


def write_foreign(broker):
    """Entries of nobody: an engine that is none, one of another version, one that is damaged, an empty key."""
    for key, value in (("evil", b"hello"), ("0123456789abcdef", b"\x9a\x02\xa1a"), ("x" * 200, b"\x9a\x01"), ("", b"\x90")):
        subprocess.run(["kcat", "-P", "-b", broker.address, "-t", "group.group", "-p", "0", "-k", key, "-e"], input=value,
                       check=True, capture_output=True)


def restart(engine, engines, listener):
    """How long it took until the others had what was its own, and it had something again."""
    begin = time.monotonic()
    engine.kill(signal.SIGTERM)
    ended = time.monotonic()
    others = [e for e in engines if e is not engine]
    wait(lambda: all_answer(others, 2), 60, lambda: f"the others do not take over: {told(others)}")
    taken = time.monotonic()
    if taken - ended > SESSION / 2:
        fail(f"the others took over after {taken - ended:.1f} s: who has left is waited for")
    engine.start()
    wait(lambda: all_answer(engines, 3), 60, lambda: f"not everybody knows of all: {told(engines)}")
    return ended - begin, taken - ended, listener.silence(begin, time.monotonic())


def main():
    if not os.environ.get("POTLINE_LONG"):
        print("skipped: long (POTLINE_LONG=1)")
        sys.exit(77)
    broker, listener = Broker(), Listener()
    with tempfile.TemporaryDirectory() as folder:
        write_rows(folder, ROWS, random.Random(5))
        open(f"{folder}/none.csv", "w").close()
        with open(f"{folder}/alone.yaml", "w") as file:
            file.write(GRAPH.format(name="alone", log="{ kind: embedded }", rate=""))
        with open(f"{folder}/group.yaml", "w") as file:
            file.write((GRAPH + OUT).format(name="group", log=broker.log(f"{SESSION}s"), rate="rate: 5000/s, ", port=listener.port))
        run_alone(folder, "alone.yaml")
        engines = [Engine(folder, i) for i in range(3)]
        for engine in engines:
            engine.start()
        wait(lambda: all_answer(engines, 3), 60, lambda: f"not everybody knows of all: {told(engines)}")
        wait(lambda: listener.times, 30, "nothing comes out")
        write_foreign(broker)
        shown = [restart(engine, engines, listener) for engine in engines]
        status = wait(lambda: engines[0].rows("status"), 30, "no status")[0]
        if status["group_engines"] != 3 or status["group_stale"] or not status["group_refused"]:
            fail(f"strangers' entries are not passed over: {status}")
        wait(lambda: not rows_of(folder, "alone.data", "gold") - all_rows(engines, "gold"), 150, "gold does not come")
        for row in wait(lambda: cluster(engines[1]), 30, "no rows"):
            print({name: row[name] for name in ("host", "pid", "state", "partitions", "sources", "lags", "epoch", "epoch_age_s")})
        for engine in engines:
            engine.kill(signal.SIGTERM)
        same(rows_of(folder, "alone.data", "gold"), all_rows(engines, "gold"), "gold")
        for end, taken, silence in shown:
            print(f"ended in {end:.2f} s, taken over {taken:.2f} s later, longest silence {silence:.2f} s")
    broker.end()


main()

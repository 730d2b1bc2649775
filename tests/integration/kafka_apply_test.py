#!/usr/bin/python3
"""A graph that is applied on one engine of a group is run by all of it, also by who comes later with another file; where one
of them cannot run it, or is not well with it, all are back at the one before. Engines are killed in the middle of a change.
Nothing is lost or doubled meanwhile, and of variables the group is told the names only."""
import os
import random
import signal
import subprocess
import tempfile
import time

from kafka_engines import (Broker, Engine, all_rows, all_run as all_run_just, apply, fail, nodes, rows_of, run_alone, same, shell, wait, write,
                           write_rows)

ROWS, KILLS = (200_000, 20) if os.environ.get("POTLINE_LONG") else (60_000, 1)
GRAPH = """
potline: 1
name: {name}
partitions: 4
checkpoint: 100ms
log: {log}
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, {rate}batch: 250, idle: 0s }}
  win: {{ op: window.tumbling, from: in, size: 1s }}
  gold: {{ op: sink.lake, from: win, zone: gold }}
  high: {{ op: threshold, from: in, rules: [ {{ name: high, tags: "*", above: 4.35, hysteresis: 0.1 }} ] }}
  list: {{ op: alarms, from: high, flood: {{ count: 1000 }}, alarms: [ {{ match: high, priority: high, consequence: a, action: b, respond: 3s }} ] }}
  told: {{ op: sink.lake, from: list, zone: silver }}
"""
NODES = {"in", "win", "gold", "high", "list", "told"}
MORE = '  low: { op: threshold, from: in, rules: [ { name: low, tags: "*", below: 3.75, hysteresis: 0.1 } ] }\n'
LIMITS = 'description: "${SECRET}"\nmax_tags: 20000\nmax_keys: 20000\nretention: { gold: 4000d }\ntags: [ { match: "*.amps", unit: A } ]\nnodes:\n'
SECRET = "none-of-the-groups-business"
ELSEWHERE = '  lines: { op: sink.ndjson, from: list, path: "${OUT}/list.ndjson" }\n'


def all_run(engines, what, more=()):
    all_run_just(engines, what, {*NODES, *more})


def history(engine):
    return engine.rows("graph history")


def applied_everywhere(engines):
    said = apply(engines[0], "more.yaml", "--probation", "1s")
    if "of the group" not in said:
        fail(f"it is not said that all are told: {said}")
    all_run(engines, "more.yaml", {"low"})
    for engine in engines:
        last = history(engine)[0]
        if last["how"] != "graph apply" or "of the group" not in last["what"] or not last["file"].endswith("more.yaml"):
            fail(f"the history does not tell: {last}")


def who_comes_later(engines):
    """It was killed, and its file is the old one still; so is that of one that has never been there."""
    engines[1].kill(signal.SIGKILL)
    engines[1].start()
    engines[2].start()
    all_run(engines, "who comes later", {"low"})
    if "the group runs graph 1" not in engines[2].heard():
        fail(f"nobody is told why the file is not run: {engines[2].heard()}")


# Who cannot run it may have done so before the engine that was asked knows that all are told.
BACK = "has taken it back at once"


def one_cannot(engines):
    """Its environment has no such variable."""
    apply(engines[0], "elsewhere.yaml", "--probation", "20s", unless=BACK)
    wait(lambda: "OUT" in engines[1].heard(), 60, lambda: f"who cannot run it does not say so: {engines[1].heard()[-1500:]}")
    wait(lambda: history(engines[0]) and history(engines[0])[0]["how"] in ("relapse", "graph apply") and
         nodes(engines[0]) == {*NODES, "low"}, 90, lambda: f"no way back: {history(engines[0])}")
    all_run(engines, "back", {"low"})


def one_is_not_well(engines):
    """Now all have the variable, but no such folder: whoever has the global section finds out."""
    engines[1].kill(signal.SIGTERM)
    engines[1].start(OUT="none")
    all_run(engines, "again", {"low"})
    apply(engines[0], "elsewhere.yaml", "--probation", "30s", unless=BACK)
    wait(lambda: any("list.ndjson" in e.heard() for e in engines), 60, "nobody finds that there is no such folder")
    all_run(engines, "back again", {"low"})
    wait(lambda: all("relapse" in {row["how"] for row in history(e)[:2]} for e in (engines[0], engines[2])), 60,
         lambda: f"the history does not tell: {[history(e)[:2] for e in engines]}")


def refused(engines, folder):
    write(folder, "other.yaml", open(f"{folder}/group.yaml").read().replace("partitions: 4", "partitions: 8"))
    graph = open(f"{folder}/group.yaml").read()
    write(folder, "renamed.yaml", graph.replace("  win: { ", "  wide: { was: win, ").replace("from: win", "from: wide"))
    write(folder, "audit.yaml", graph.replace("partitions: 4", "partitions: 4\naudit: { retention: 30d }"))
    for file, why in (("other.yaml", "partitions"), ("audit.yaml", "730 days"), ("none.yaml", "none.yaml"), ("renamed.yaml", "starts afresh")):
        said = apply(engines[0], file, good=False)
        if why not in said:
            fail(f"{file} is refused, but not told why: {said}")
    said = shell(engines[0], "graph apply more.yaml --reset win --yes")
    if said.returncode == 0 or "restart" not in said.stderr:
        fail(f"--reset in a group: {said}")


def killed_meanwhile(engines, dice):
    """Who has said it, or another one, somewhere on the way to it; between a graph with other limits, and one more node."""
    for i in range(KILLS):
        file, more = (("limits.yaml", ()), ("more.yaml", ("low",)))[i % 2]
        apply(engines[2 * (i // 2 % 2)], file, "--probation", "1s", "--yes")
        time.sleep(dice.uniform(0, 1.5))
        victim = engines[(0, 1, 2)[i % 3]]
        victim.kill()
        victim.start(OUT="none")
        all_run(engines, f"{file}, {victim.data} killed meanwhile", more)


def told(broker):
    """All that was ever said to the group."""
    return subprocess.run(["kcat", "-b", broker.address, "-q", "-C", "-t", "group.group", "-o", "beginning", "-e"],
                          capture_output=True, check=True).stdout


def strangers(broker, engines):
    """What nobody has said: a graph that is none, one far ahead that is damaged, a key that is half of one."""
    for key, value in (("graph/00000000000000000900/evil", b"hello"), ("graph/00000000000000000901/evil", b"\x9c\x01\xcd\x03"),
                       ("graph/", b"x"), ("graph/7", b"")):
        subprocess.run(["kcat", "-P", "-b", broker.address, "-t", "group.group", "-p", "0", "-k", key, "-e"], input=value,
                       check=True, capture_output=True)
    done = shell(engines[0], "graph rollback 1")
    if done.returncode:
        fail(f"graph rollback: {done}")
    all_run(engines, "rollback")


def main():
    broker, dice = Broker(), random.Random(7)
    os.environ.pop("OUT", None)
    with tempfile.TemporaryDirectory() as folder:
        write_rows(folder, ROWS, dice)
        group = GRAPH.format(name="group", log=broker.log(), rate="rate: 2000/s, ")
        write(folder, "alone.yaml", GRAPH.format(name="alone", log="{ kind: embedded }", rate=""))
        write(folder, "group.yaml", group)
        write(folder, "more.yaml", group + MORE)
        write(folder, "limits.yaml", group.replace("nodes:\n", LIMITS))
        write(folder, "elsewhere.yaml", group + MORE + ELSEWHERE)
        run_alone(folder, "alone.yaml")
        engines = [Engine(folder, i, OUT="none", SECRET=SECRET) if i != 1 else Engine(folder, i, SECRET=SECRET) for i in range(3)]
        for engine in engines[:2]:
            engine.start()
        all_run(engines[:2], "start")
        refused(engines, folder)
        applied_everywhere(engines[:2])
        who_comes_later(engines)
        one_cannot(engines)
        one_is_not_well(engines)
        killed_meanwhile(engines, dice)
        said = told(broker)
        if SECRET.encode() in said or b"${SECRET}" not in said:
            fail("the group is told what a variable stands for")
        strangers(broker, engines)
        wait(lambda: not rows_of(folder, "alone.data", "gold") - all_rows(engines, "gold"), 150, "gold does not come")
        for engine in engines:
            engine.kill(signal.SIGTERM)
        same(rows_of(folder, "alone.data", "gold"), all_rows(engines, "gold"), "gold")
    broker.end()
    print("applied, joined, taken back, rolled back by a group: every row is the same")


main()

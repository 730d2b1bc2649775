#!/usr/bin/python3
"""A running graph is changed: no row is lost or doubled on the way, whatever stays, is made anew, comes or goes; what
fails leaves the old graph running; a SIGKILL in the middle leaves one or the other; and many changes leave nothing."""
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from math import gcd

import msgpack
import zmq

from applying import BIN, EXTRA, LONG, PATIENCE, ROWS, Run, fail, held, reference_of, wait


def test_changes(folder, count):
    """Random changes, of which some make the source, the sink and the window anew; then the same once more, without."""
    run = Run(folder, 10 * ROWS if LONG else ROWS)
    run.start()
    dice = random.Random(7)
    for i in range(count):
        run.graph("b.yaml", more=dice.choice(EXTRA))
        again = dice.choice(["", "", "--restart [raw]", "--restart [in]", "--restart [in,raw,win,out]", "--restart [win]"])
        run.apply("b.yaml", f"--yes --probation 0s {again}")
    if not run.process.poll() is None:
        fail(run.text())
    numbers = [row["number"] for row in run.shell("graph history")]
    if numbers[0] != count + 1:
        fail(f"the history has {numbers}")
    run.end()
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def test_failures(folder):
    """What cannot be run leaves what runs."""
    run = Run(folder, ROWS)
    run.start()
    before = run.nodes()["raw"]["rows_in"]
    run.graph("bad.yaml", more="  x: { op: filter, from: nowhere, above: 1 }")
    run.refused("bad.yaml", "nowhere")
    run.refused("none.yaml", "none.yaml: no such file: paths count from")
    for words, why in (("set in.rate 10", "in.rate is fixed while the node runs"),
                       (f"savepoint {run.folder}/a.yaml", "there is such a file already"),
                       (f"backup {run.folder}/a.yaml", "backups are kept in a folder")):
        if run.shell(words) is not None or why not in run.said:
            fail(f"{words}: {run.said!r} does not say {why!r}")
    run.graph("worse.yaml", more="".join(f"  x{i}: {{ op: filter, from: nowhere{i}, above: 1 }}\n" for i in range(3)))
    run.refused("worse.yaml", "and 2 more")
    for i in range(3):
        if f"nowhere{i}" not in run.text():
            fail(f"the log does not have the problem of x{i}: {run.text()}")
    run.graph("other.yaml", more="  high: { op: sink.csv, from: in, path: /proc/nothing/there.csv }")
    run.refused("other.yaml", "node high")
    with open(os.path.join(run.folder, "a.yaml")) as file:
        text = file.read()
    for name, old, new, why in (("op.yaml", "op: window.tumbling, from: in, size: 10s", "op: filter, from: in, above: 1", "win"),
                                ("part.yaml", "partitions: 2", "partitions: 3", "partitions"),
                                ("sink.yaml", "path: raw.csv", "path: /proc/nothing/raw.csv", "node raw"),
                                ("gone.yaml", "  out: { op: sink.csv, from: win, path: out.csv }\n", "", "--yes")):
        with open(os.path.join(run.folder, name), "w") as file:
            file.write(text.replace(old, new))
        run.refused(name, why, "--yes --probation 0s" if why != "--yes" else "")
    plan = run.shell("graph apply gone.yaml --dry-run")
    if "it takes --yes, for what 1 node knows" not in plan[-1]["why"]:
        fail(f"the plan says {plan[-1]}")
    plan = {row["node"]: row["becomes"] for row in plan}
    if plan["out"] != "removed" or plan["win"] != "kept":
        fail(f"the plan is {plan}")
    if run.nodes()["raw"]["state"] != "running" or len(run.shell("graph history")) != 1:
        fail("what failed has changed something")
    wait(lambda: run.nodes()["raw"]["rows_in"] > before, "nothing comes through any more")
    run.end()
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def test_goes_on(folder):
    """A source that was made anew goes on, also when the change came to nothing; what was paused stays paused; a node
    that nothing passes is told at once."""
    run = Run(folder, 2 * ROWS, rate=5_000)
    run.start()
    def flows(node, why):
        before = run.nodes()[node]["rows_out" if node == "in" else "rows_in"]
        wait(lambda: run.nodes()[node]["rows_out" if node == "in" else "rows_in"] > before, why, 20)
    plan = run.shell("graph apply a.yaml --dry-run") or fail(run.said)
    if any(row["becomes"] != "kept" for row in plan if row["node"]):
        fail(f"the graph of the start is another one than itself: {plan}")
    run.apply("a.yaml", "--yes --probation 0s --restart [in]")
    flows("raw", "a source that was made anew makes nothing")
    run.graph("bad.yaml", more="  high: { op: sink.csv, from: in, path: /proc/nothing/there.csv }")
    run.refused("bad.yaml", "node high", "--yes --probation 0s --restart [in,win]")
    flows("raw", "behind a change that came to nothing a source makes nothing")
    run.do("pause in")
    run.apply("a.yaml", "--yes --probation 0s --restart [in]")
    before = run.nodes()["in"]
    time.sleep(0.3)
    if run.nodes()["in"]["rows_out"] != before["rows_out"]:
        fail("a source that was paused goes on by itself")
    run.do("resume in")
    flows("in", "it does not go on when it is resumed")
    run.do("pause win")
    run.refused("a.yaml", "win is paused")
    run.do("resume win")
    run.end()
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def test_probation(folder):
    """A graph that is not well is taken back, by itself; SIGHUP reads the file of the start again; rollback."""
    run = Run(folder, ROWS)
    run.start()
    run.graph("a.yaml", more=EXTRA[1])
    run.process.send_signal(signal.SIGHUP)
    wait(lambda: "high" in run.nodes(), "SIGHUP has changed nothing")
    row = run.shell("graph history")[0]
    if row["how"] != "SIGHUP" or not row["runs"]:
        fail(f"the history says {row}")
    run.refused("a.yaml", "probation")
    plan = run.shell("graph apply a.yaml --dry-run")
    if "not before the probation that runs is over" not in plan[-1]["why"]:
        fail(f"the plan says {plan[-1]}")
    run.shell("graph rollback") or fail(run.said)
    if "high" in run.nodes():
        fail("it has not gone back")
    run.graph("b.yaml", more=EXTRA[3])
    run.apply("b.yaml", "--yes --probation 1s")
    wait(lambda: "stood its probation" in run.text(), "the probation has no end")
    run.end()
    run.graph("a.yaml")
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def test_rollback(folder):
    """Back to what stood in the files, whatever stands there now, includes too; and in another run."""
    run = Run(folder, ROWS)
    with open(os.path.join(folder, "more.yaml"), "w") as file:
        file.write("nodes:\n" + EXTRA[1])
    run.graph("b.yaml")
    with open(os.path.join(folder, "b.yaml"), "a") as file:
        file.write("include: more.yaml\n")
    def value(option):
        return next((row["value"] for row in run.shell("options high") or [] if row["option"] == option), None)
    run.start()
    run.apply("b.yaml")
    with open(os.path.join(folder, "more.yaml"), "w") as file:
        file.write("nodes:\n" + EXTRA[2])
    run.apply("b.yaml")
    if value("above") != "4":
        fail("the included file has not been read again")
    run.do("graph rollback")
    if value("above") != "3":
        fail("it has gone back to what stands in the file now")
    run.do("graph rollback")
    if "high" in run.nodes():
        fail("another step back is none")
    if run.shell("graph rollback") is not None or "before this one" not in run.said:
        fail(f"in front of the first one: {run.said}")
    run.end()
    os.remove(os.path.join(folder, "more.yaml"))
    os.remove(os.path.join(folder, "b.yaml"))
    run.start()
    if "high" in run.nodes():
        fail("the next run goes by the file it is given")
    run.do("graph rollback 3")
    if value("above") != "4":
        fail("graph 3 is another one now")
    rows = run.shell("graph history")
    if [row["number"] for row in rows if row["runs"]] != [rows[0]["number"]] or rows[0]["how"] != "graph rollback":
        fail(f"the history says {rows}")
    if run.shell("graph rollback 77") is not None or "no graph 77" not in run.said:
        fail(f"graph 77: {run.said}")
    run.end()
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def test_relapse(folder):
    """A node of the new graph fails: the engine is made anew with the old one, and nothing is lost or doubled."""
    run = Run(folder, ROWS)
    run.start()
    run.graph("b.yaml", more="  full: { op: sink.ndjson, from: in, path: /dev/full }")
    if run.shell("graph apply b.yaml --probation 30s") is None and "full" not in run.said:
        fail(run.said)
    row = wait(lambda: next((row for row in run.shell("graph history") or [] if row["how"] == "relapse"), None),
               f"it has not been taken back: {run.text()}")
    if not row["runs"] or "full" not in row["what"]:
        fail(f"the history says {row}")
    if "full" in run.nodes():
        fail("it has not gone back")
    if run.shell("graph rollback") is not None or "before this one" not in run.said:
        fail(f"what has failed is no graph to go back to: {run.said}")
    run.end()
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


class Listener:
    """A peer that may be there or not."""

    def __init__(self):
        self.port = self.socket = None
        self.listen()
        self.port = self.socket.getsockname()[1]
        self.socket.close()

    def listen(self):
        self.socket = socket.create_server(("127.0.0.1", self.port or 0))


def test_unreached(folder):
    """A source of the new graph that reaches nothing in the probation brings the old graph back, and so does a sink that connects; one
    that does stays, and so does one that had not reached anything before either."""
    run, peer = Run(folder, ROWS), Listener()
    lines = ('  lines: { op: source.socket, connect: "127.0.0.1:%d", header: false, backoff: 20ms, backoff_max: 50ms%s }\n'
             "  none: { op: sink.null, from: lines }\n")
    run.start()
    run.graph("b.yaml", more=lines % (peer.port, ""))
    run.apply("b.yaml", "--yes --probation 700ms")
    row = wait(lambda: next((row for row in run.shell("graph history") or [] if row["how"] == "relapse"), None),
               f"it has not been taken back: {run.text()}")
    if "lines: it has not reached" not in row["what"] or "lines" in run.nodes():
        fail(f"the history says {row}")
    others = (f'op: source.zmq, connect: "tcp://127.0.0.1:{peer.port}" }}\n  none: {{ op: sink.null, from: x',
              "op: source.csv, path: not.csv, follow: true }\n  none: { op: sink.null, from: x",
              f'op: sink.modbus, from: safe, endpoint: "127.0.0.1:{peer.port}", registers: [ {{ tag: a, address: 0 }} ] }}\n'
              '  safe: { op: guard, from: in, limits: [ { tags: a, low: 0, high: 1 } ]')
    for i, source in enumerate(others):
        run.graph("d.yaml", more=f"  x: {{ {source} }}\n")
        run.apply("d.yaml", "--yes --probation 300ms")
        wait(lambda: run.text().count("x: it has not reached") == i + 1, f"{source}: it stands its probation: {run.text()}")
        wait(lambda: run.shell("graph history")[0]["how"] == "relapse", "it is not taken back")
    peer.listen()
    run.apply("b.yaml", "--yes --probation 700ms")
    wait(lambda: run.text().count("stood its probation") == 1, f"a peer that is there is not seen: {run.text()}")
    peer.socket.close()
    wait(lambda: "the connection is closed" in run.text(), "nobody notices that it is gone")
    run.graph("c.yaml", more=lines % (peer.port, ", connections: 3"))
    if run.apply("c.yaml", "--yes --probation 700ms")["lines"] != "restarted":
        fail("the source is the same")
    wait(lambda: run.text().count("stood its probation") == 2, f"what was away before is held against it: {run.text()}")
    run.end()
    run.graph("a.yaml")
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def test_mute(folder):
    """A source of the new graph that connects, and gives nothing where the one before gave much, brings the old graph back."""
    run, context = Run(folder, ROWS), zmq.Context()
    public = context.socket(zmq.PUB)
    port, stop = public.bind_to_random_port("tcp://127.0.0.1"), threading.Event()

    def publish():
        columns = {"time": [1_700_000_000 * 10**9], "tag": ["line1.pot1.x"], "value": [1], "quality": [0]}
        while not stop.wait(0.002):
            public.send_multipart([b"samples/a", msgpack.packb({"kind": "samples", "columns": columns})])
        public.close(0)

    thread = threading.Thread(target=publish)
    thread.start()
    heard = ('  heard: {{ op: source.zmq, connect: "tcp://127.0.0.1:%d", encoding: msgpack, topics: ["samples/{}"] }}\n'
             "  none: {{ op: sink.null, from: heard }}\n" % port)
    try:
        run.graph("a.yaml", more=heard.format("a"))
        run.start()
        wait(lambda: run.shell("stats heard") and next(row["value"] for row in run.shell("stats heard") if row["counter"] == "messages") > 100,
             "nothing is heard")
        run.graph("b.yaml", more=heard.format("b"))
        run.apply("b.yaml", "--yes --probation 4s")
        wait(lambda: "heard: it has given no row in all that time" in run.text(), f"it stands its probation: {run.text()}")
        wait(lambda: run.shell("graph history")[0]["how"] == "relapse", "it is not taken back")
        run.apply("b.yaml", "--yes --probation 0s")
        run.graph("c.yaml", more=heard.format("c"))
        run.apply("c.yaml", "--yes --probation 300ms")
        wait(lambda: "stood its probation" in run.text(), f"one that was as quiet before is held to more: {run.text()}")
    finally:
        stop.set()
        thread.join()
        context.destroy(0)
    run.end()
    run.graph("a.yaml")
    run.finish()


def test_restart(folder):
    """What was applied last is not silently let go of at the next start; the figures at the end are those of the run; and
    each change of the graph is told."""
    run = Run(folder, ROWS)
    rules = "  rule: { op: rules, from: in, scripts: [rule.lua] }\n  told: { op: sink.null, from: rule }\n"
    with open(os.path.join(folder, "rule.lua"), "w") as file:
        file.write('rule { name = "high", tags = "*", when = function(value) return value > 9 end }\n')
    run.graph("a.yaml", more=rules)
    run.start("--json")
    run.graph("b.yaml", more=rules + EXTRA[1])
    plan = run.apply("b.yaml")
    if plan["rule"] != "kept":
        fail(f"a script is another one as the path of its graph is given otherwise: {plan}")
    for _ in range(3):
        run.apply("b.yaml", "--yes --probation 0s --restart win")
    if run.text().count("graph apply: ") != 4 or "more like this" in run.text():
        fail(f"changes are left out of the log: {run.text()}")
    rows = run.nodes()["in"]["rows_out"]
    run.end()
    with open(os.path.join(folder, "summary")) as file:
        summary = json.load(file)
    windows = len(run.read("out.csv")) - 1
    if summary["windows"] != windows or not windows or summary["rows_in"] < rows:
        fail(f"the summary has {summary}, the sink {windows} windows, and {rows} rows came in")
    run.start()
    if "graph rollback" not in run.text().split("the next start runs")[-1] or "high" in run.nodes():
        fail(f"nobody says what ran here last: {run.text()}")
    run.shell("graph rollback") or fail(run.said)
    if "high" not in run.nodes():
        fail("a rollback does not go to what ran before")
    run.end()
    os.remove(os.path.join(folder, "b.yaml"))
    run.start("--applied")
    if "high" not in run.nodes() or [row["how"] for row in run.shell("graph history")][0] != "graph rollback":
        fail(f"--applied: {run.text()}")
    run.end()
    run.graph("a.yaml", more=rules, size="20s")
    run.start("--applied")
    if "high" in run.nodes() or "has been changed since" not in run.text():
        fail(f"a changed file does not count: {run.text()}")
    run.end()


def test_persist(folder):
    """What is set with --persist holds for the next runs, also behind a change of the graph, and ends where the file says
    something else; what is set without it covers it until the orderly end of the run; what the option table does not allow
    is not set."""
    run = Run(folder, ROWS)
    run.graph("a.yaml", more=EXTRA[1])
    def row():
        return next(row for row in run.shell("options high") if row["option"] == "above")
    def above():
        return row()["value"]
    def is_set(value, holds):
        said = run.shell(f"set high.above {value}") or fail(run.said)
        if holds not in said[0]["holds"]:
            fail(f"set high.above {value} says {said}")
        return row()["set"]
    run.start()
    if run.shell("set high.above many --persist") is not None or run.shell("set in.header true --persist") is not None:
        fail("anything can be set")
    if run.shell("set in.header true") is not None or "graph apply" not in run.said:
        fail(f"nobody says how a fixed option is changed: {run.said}")
    if is_set("4.5", "then 3 again") != "set" or is_set("3", "as the graph file says"):
        fail(f"options: {row()}")
    if is_set("5 --persist", "next runs") != "persisted":
        fail(f"options: {row()}")
    run.graph("b.yaml", more=EXTRA[1] + "  nothing: { op: sink.null, from: high }\n")
    run.apply("b.yaml", "--yes --probation 0s --restart high")
    if above() != "5":
        fail(f"behind a change of the graph it is {above()}")
    run.end()
    run.start()
    if above() != "5":
        fail(f"in the next run it is {above()}")
    if is_set("2", "then 5 again") != "set; persisted: 5" or is_set("3", "then 5 again") != "set; persisted: 5":
        fail(f"options: {row()}")
    run.end()
    run.start()
    if above() != "5" or row()["set"] != "persisted":
        fail(f"behind a value for one run the next has {row()}")
    is_set("3 --persist", "as the graph file says")
    run.end()
    run.start()
    if above() != "3" or row()["set"]:
        fail(f"what was persisted comes back though it was taken back: {row()}")
    run.shell("set high.above 6 --persist") or fail(run.said)
    run.end(signal.SIGKILL)
    run.graph("a.yaml", more=EXTRA[2])
    run.start()
    if above() != "4":
        fail(f"the file says 4, and it is {above()}")
    run.end()


def test_size(folder):
    """A window gets another size: the old one up to a boundary that both have, the new one from there on, and every
    row is in one of them."""
    run = Run(folder, ROWS, rate=20_000)
    wins = "  wins: { op: sink.csv, from: win, path: wins.csv, columns: [start_ns, end_ns, tag, count] }\n"
    run.graph("a.yaml", more=wins)
    run.start()
    time.sleep(1)
    run.graph("b.yaml", size="15s", more=wins)
    if run.apply("b.yaml")["win"] != "restarted":
        fail("the plan does not say so")
    run.end()
    run.finish("b.yaml")
    run.check_raw()
    check_sizes(run, 10, 15, lambda i: (1_700_000_000_000_000_000 + i * 10_000_000, f"line{i // 2 % 4 + 1}.pot1.volt"))


def check_sizes(run, old, new, row):
    """Offline: every window, counted from the rows by the boundary that its tag has."""
    second, boundary, found, wanted = 1_000_000_000, {}, {}, {}
    for line in run.read("wins.csv")[1:]:
        start, end, tag, count = line.split(",")
        if (tag, int(start)) in found:
            fail(f"{tag} has two windows at {start}")
        found[tag, int(start)] = int(end), int(count)
        if int(end) - int(start) == new * second:
            boundary[tag] = min(boundary.get(tag, int(start)), int(start))
    common = old * new // gcd(old, new) * second
    if len(boundary) != 4 or any(at % common for at in boundary.values()):
        fail(f"the sizes change at {boundary}, which are no boundaries of both")
    for i in range(run.rows):
        at, tag = row(i)
        size = (old if at < boundary[tag] else new) * second
        begin = at - at % size
        wanted[tag, begin] = begin + size, wanted.get((tag, begin), (0, 0))[1] + 1
    if found != wanted:
        fail(f"{len(found)} windows, other ones than the {len(wanted)} that are counted from the rows")


APART = "  apart: { op: filter, from: in, above: %s, isolate: process }\n"
ALARMS = "  high: { op: threshold, from: in, rules: [{ name: high, above: 3 }] }\n  alarms: { op: alarms, from: high }\n"
KINDS = [
    APART % -1,
    APART % -2 + ALARMS + "  kept: { op: sink.lake, from: in, zone: silver }\n",
    APART % -2 + ALARMS + "  beside: { op: sink.null, from: apart, isolate: process }\n",
    APART.replace(", isolate: process", "") % -1 + "  kept: { op: sink.lake, from: in, zone: silver }\n",
]


def test_kinds(folder):
    """Nodes in processes and with threads of their own come, go, and are made anew, and leave nothing."""
    run = Run(folder, ROWS)
    run.graph("a.yaml", raw="apart", more=KINDS[0])
    run.start()
    before = held(run.process)
    for kind in (1, 2, 3, 0, 2, 1, 0) if LONG else (1, 2, 3, 0):
        run.graph("b.yaml", raw="apart", more=KINDS[kind])
        run.apply("b.yaml")
    time.sleep(0.5)
    after = held(run.process)
    if after[1] > before[1] + 2 or after[2] > before[2]:
        fail(f"files and threads: {before[1:]} and {after[1:]}")
    run.end()
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        found = [int(child) for child in file.read().split()]
    for task in os.listdir(f"/proc/{pid}/task"):  # a process is its thread's that has started it
        with open(f"/proc/{pid}/task/{task}/children") as file:
            found += [int(child) for child in file.read().split()]
    return set(found)


def words_of(pid):
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read().split("\0")


PROGRAM = "  prog: {{ op: external, from: in, command: [{}] }}\n  none: {{ op: sink.null, from: prog }}\n"


def test_processes(folder):
    """A process that dies as it is begun takes the change back in place; one that dies in the probation leaves it on
    probation; and who ends the engine in the middle of a change does not wait for a node that does not open."""
    run = Run(folder, 2 * ROWS, rate=2_000)
    run.graph("a.yaml", raw="apart", more=KINDS[0])
    run.start()
    run.graph("b.yaml", raw="apart", more=KINDS[0] + PROGRAM.format("/bin/false"))
    run.refused("b.yaml", "node prog", "--yes --probation 0s --restart [win]")
    if "begun anew" in run.text() or "prog" in run.nodes():
        fail(f"it is not gone back to in place: {run.text()}")
    run.graph("b.yaml", raw="apart", more=KINDS[0] + EXTRA[1])
    run.apply("b.yaml", "--yes --probation 10m")
    os.kill(next(pid for pid in children(run.process.pid) if "apart" in words_of(pid)), signal.SIGKILL)
    wait(lambda: any(row["process_deaths"] for row in run.shell("nodes") or [] if row["node"] == "apart"),
         "the death is not noticed", 20)
    show = []
    def shown():
        show[:] = run.shell("graph show") or []
        return any("on probation" in row.get("what", "") for row in show) and run.shell("nodes")
    wait(shown, f"the probation has ended with the process: {show}", 30)
    if "high" not in run.nodes():
        fail("one death has brought the old graph back")
    run.do("graph rollback")
    if "high" in run.nodes():
        fail("it has not gone back")
    run.graph("b.yaml", raw="apart", more=KINDS[0] + PROGRAM.format("/bin/sleep, 1000"))
    shell = subprocess.Popen([f"{BIN}/potline", "shell", "--data", run.data, "-c", "graph apply b.yaml --yes --restart [in,win]"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    begun = time.monotonic()
    run.end()
    if time.monotonic() - begun > 30:
        fail("the end waits for a node that does not open")
    shell.wait(PATIENCE)
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def test_without_log(folder):
    run = Run(folder, 100_000)
    with open(os.path.join(folder, "a.yaml")) as file:
        text = file.read()
    with open(os.path.join(folder, "a.yaml"), "w") as file:
        file.write(text.replace("checkpoint: 200ms", "log: { kind: none }").replace("checkpoint_timeout: 10s\n", ""))
    run.start()
    run.refused("a.yaml", "log: none")
    run.end()


LOAD = """
potline: 1
name: load
partitions: 2
checkpoint: 1s
nodes:
  in: {{ op: source.generator, tags: "line{{1..4}}.pot{{01..50}}.voltage", count: {rows}, start: "2026-01-01T00:00:00Z", step: 10ms, rate: {rate}/s }}
  win: {{ op: window.tumbling, from: in, size: {size}, aggregates: [count, mean, min, max, first, last] }}
  out: {{ op: sink.csv, from: win, path: {out}.csv, columns: [start_ns, end_ns, tag, count, mean, min, max, first, last] }}
{more}
"""
DROPPED = "  gone: { op: sink.csv, from: win, path: gone.csv }\n"
RULE = "  rule: { op: threshold, from: in, rules: [{ name: high, above: 108 }] }\n  told: { op: sink.ndjson, from: rule, path: told.ndjson }\n"


def test_load(folder):
    """A million rows a second: a window gets another size, a rule comes, a sink goes; no row is lost or doubled, held
    against runs offline of the one size and of the other."""
    rows, rate = 20_000_000, 1_000_000

    def write(name, **with_):
        with open(os.path.join(folder, name), "w") as file:
            file.write(LOAD.format(**{"rows": rows, "rate": rate, "size": "1s", "out": "out", "more": "", **with_}))

    def offline(name, size):
        write(f"{name}.yaml", size=size, out=name, rate=100_000_000)
        subprocess.run([f"{BIN}/potline", "run", f"{name}.yaml", "--until-eof", "--quiet"], cwd=folder, check=True)
        with open(os.path.join(folder, f"{name}.csv")) as file:
            return file.read().splitlines()[1:]

    run = Run(folder, 10)
    write("a.yaml", more=DROPPED)
    run.start()
    time.sleep(5)
    write("b.yaml", size="1500ms", more=RULE)
    before = run.nodes()["in"]["rows_out"], time.monotonic()
    plan = {row["node"]: row for row in run.shell("graph apply b.yaml --yes --probation 2s") or fail(run.said)}
    after = run.nodes()["in"]["rows_out"], time.monotonic()
    if [plan[node]["becomes"] for node in ("in", "win", "out", "gone", "rule", "told")] != \
            ["kept", "restarted", "kept", "removed", "added", "added"]:
        fail(f"the plan is {plan}")
    print(f"apply: at {(after[0] - before[0]) / (after[1] - before[1]):,.0f} rows/s: {plan['']['why']}")
    wait(lambda: "stood its probation" in run.text(), "the probation has no end")
    run.end()
    write("b.yaml", size="1500ms", more=RULE, rate=100_000_000)
    subprocess.run([f"{BIN}/potline", "run", "b.yaml", "--data", run.data, "--until-eof", "--quiet"], cwd=folder, check=True)
    with open(os.path.join(folder, "out.csv")) as file:
        found = file.read().splitlines()[1:]
    boundary = {}
    for line in found:
        start, end, tag = line.split(",")[:3]
        if int(end) - int(start) == 1_500_000_000:
            boundary[tag] = min(boundary.get(tag, int(start)), int(start))
    if len(boundary) != 200 or any(at % 3_000_000_000 for at in boundary.values()):
        fail(f"the sizes change at {boundary}")
    wanted = [line for line in offline("old", "1s") if int(line.split(",")[0]) < boundary[line.split(",")[2]]]
    wanted += [line for line in offline("new", "1500ms") if int(line.split(",")[0]) >= boundary[line.split(",")[2]]]
    if sorted(found) != sorted(wanted):
        fail(f"{len(found)} windows, other ones than the {len(wanted)} of the runs offline")
    with open(os.path.join(folder, "told.ndjson")) as file:
        if not file.read(1):
            fail("the rule has told nothing")


STEPS = ["held", "prepared", "made", "left", "switched", "opened", "settled"]


def test_steps(folder):
    """A death at each step of a change, and a failure: then the old graph runs, in place or from the last epoch."""
    run = Run(folder, 6 * ROWS, rate=2_000)
    for i, step in enumerate(STEPS if LONG else ["left", "settled"]):
        run.graph("b.yaml", more=EXTRA[1 + i % (len(EXTRA) - 1)])
        run.start(POTLINE_FAULT=f"move.{step}:1")
        run.shell("graph apply b.yaml --yes --probation 0s --restart [in,raw,win]")
        if run.process.wait(PATIENCE) != -signal.SIGKILL:
            fail(f"move.{step}: exit code {run.process.returncode}: {run.text()}")
        run.log.close()
        run.start(file="b.yaml" if i % 2 else "a.yaml")
        run.end()
    for step in STEPS[:-1] if LONG else ["left", "opened"]:
        run.graph("b.yaml", more=EXTRA[1])
        run.start(POTLINE_FAULT=f"move.{step}:1:eio")
        run.shell("graph apply b.yaml --yes --probation 0s --restart [in,raw,win]")
        if f"is not run: POTLINE_FAULT: move.{step}" not in run.text():
            fail(f"move.{step}: {run.said} {run.text()}")
        if ("begun anew" in run.text()) != (STEPS.index(step) >= STEPS.index("left")):
            fail(f"move.{step}: it is not gone back to in place: {run.text()}")
        seen = []  # while the engine is made anew, nobody answers, and then it counts from 0
        def goes_on():
            nodes = {row["node"]: row for row in run.shell("nodes") or []}
            seen.append(nodes["raw"]["rows_in"] if nodes and "high" not in nodes else None)
            return len(seen) > 1 and None not in seen[-2:] and seen[-2] < seen[-1]
        wait(goes_on, f"move.{step}: nothing goes on\n{run.text()}", 20)
        wait(lambda: run.shell("graph apply b.yaml --yes --probation 0s"), f"move.{step}: {run.said}", 20)
        run.end()
        run.start()
        run.end()
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def test_kills(folder, count):
    """A death in the middle of a change: the next run goes on with either graph, and nothing is lost."""
    run = Run(folder, 10 * ROWS if LONG else ROWS)  # each run begins with a batch of some thousands
    dice = random.Random(11)
    for i in range(count):
        run.graph("b.yaml", more=EXTRA[1 + i % (len(EXTRA) - 1)])
        run.start(file=dice.choice(["a.yaml", "b.yaml"]))
        shell = subprocess.Popen([f"{BIN}/potline", "shell", "--data", run.data, "-c",
                                  f"graph apply {dice.choice(['a', 'b'])}.yaml --yes --restart [in,raw,out]"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.uniform(0.01, 0.12))
        run.end(signal.SIGKILL)
        shell.wait(PATIENCE)
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def test_leaks(folder, count):
    """Many changes in a row: memory, files and threads are those of before."""
    run = Run(folder, 10 * ROWS)
    run.start()
    dice = random.Random(5)
    run.graph("b.yaml", more=EXTRA[5])
    def change():
        run.graph("b.yaml", more=dice.choice(EXTRA))
        run.apply("b.yaml", "--yes --probation 0s " + dice.choice(["", "--restart [win]", "--restart [in,raw]"]))
    for _ in range(max(20, count // 4)):
        change()
    run.apply("a.yaml")
    time.sleep(0.5)
    before = held(run.process)
    for _ in range(count):
        change()
    run.apply("a.yaml")
    time.sleep(0.5)
    after = held(run.process)
    print(f"apply: {count} changes: RSS {before[0]} -> {after[0]} KiB, files {before[1]} -> {after[1]}, "
          f"threads {before[2]} -> {after[2]}")
    if after[1] > before[1] + 8 or after[2] > before[2] or after[0] > before[0] * 1.2 + 16384:
        fail("they leave something")
    run.end()


def main():
    tests = [(test_changes, (60 if LONG else 24,)), (test_failures, ()), (test_goes_on, ()), (test_probation, ()), (test_rollback, ()), (test_relapse, ()), (test_unreached, ()), (test_mute, ()), (test_restart, ()), (test_persist, ()), (test_size, ()), (test_kinds, ()),
             (test_processes, ()), (test_without_log, ()), (test_steps, ()),
             (test_kills, (40 if LONG else 3,))]
    if LONG:
        tests += [(test_leaks, (100,)), (test_load, ())]
    wanted = sys.argv[1:]
    for test, arguments in tests:
        if wanted and test.__name__ not in wanted:
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="potline-apply-") as folder:
            test(folder, *arguments)
        print(f"apply: {test.__name__}: {time.monotonic() - begun:.1f} s")


main()

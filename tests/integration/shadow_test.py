#!/usr/bin/python3
"""A graph is tried beside the one that runs: what it would make different is shown row by row; the one that runs goes on
as if nothing were there, whatever becomes of the shadow."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

from applying import BIN, LONG, ROWS, Run, fail, held, reference_of, wait

RATE = 5_000
CHAIN = """  clean: {{ op: filter, from: in, above: {above} }}
  wins: {{ op: window.tumbling, from: clean, size: 5s{late} }}
  kept: {{ op: sink.csv, from: wins, path: {path} }}
  told: {{ op: threshold, from: clean, rules: [{{ name: high, above: 5 }}] }}
  alarms: {{ op: alarms, from: told }}
  others: {{ op: sink.ndjson, from: [told, alarms], path: {path}.told }}
"""


def chain(above=-1, path="kept.csv", late=""):
    return CHAIN.format(above=above, path=path, late=late)


class Shadow:
    def __init__(self, run, words="graph shadow"):
        rows = run.shell(words)
        if rows is None:
            fail(f"{words}: {run.said}\n{run.text()}")
        rows = [row for row in rows if "port" in row]
        self.state, self.what = rows[0]["state"], rows[0]["what"]
        self.ports = {(row["node"], row["port"]): row for row in rows[1:] if row["state"] != "example"}
        self.examples = [row for row in rows if row["state"] == "example"]

    def sum(self, what):
        return sum(row[what] for row in self.ports.values())


def refused(run, file, why):
    if run.shell(f"graph shadow {file}") is not None or why not in run.said:
        fail(f"{file}: {run.said!r} does not say {why!r}")


def compared(run, port, rows):
    """Until so many rows of a port have been compared."""
    def enough():
        line = Shadow(run).ports[port]
        return line["same"] + line["changed"] + line["only_live"] + line["only_shadow"] >= rows
    wait(enough, f"{port}: {Shadow(run).ports} {Shadow(run).what}\n{run.text()}", 60)
    return Shadow(run)


def test_same(folder):
    """Another graph that makes the same: every row pairs up, over many epochs, restarts of its state and all."""
    run = Run(folder, 10 * ROWS, rate=RATE)
    run.graph("a.yaml", more=chain())
    run.start()
    before = held(run.process)
    for above in (-2, -3):
        run.graph("b.yaml", more=chain(above=above, path="nothing.csv"))
        reply = run.shell("graph shadow b.yaml --for 5m") or fail(run.said)
        if any(row.get("becomes") == "ended" for row in reply) != (above == -3):
            fail(f"one shadow behind another: {reply}")
        shadow = compared(run, ("wins", "out"), 40)
        if shadow.sum("changed") or shadow.sum("only_live") or shadow.sum("only_shadow"):
            fail(f"rows differ: {shadow.ports} {shadow.examples[:2]}")
        if {node for node, port in shadow.ports} != {"clean", "wins", "told", "alarms"} or not shadow.ports["clean", "out"]["same"]:
            fail(f"compared is {shadow.ports}")
    if Shadow(run, "graph shadow --end").state != "ended" or Shadow(run).state != "ended":
        fail("it does not end")

    def left():  # but for what comes and goes: files of the lake, connections of a shell
        after = held(run.process)
        return after[1] > before[1] + 4 or after[2] > before[2]

    wait(lambda: not left(), f"files and threads: {before[1:]} before, and behind it {held(run.process)[1:]}", 30)
    if os.path.exists(os.path.join(folder, "nothing.csv")):
        fail("a sink of the shadow has made its file")
    run.end()
    run.graph("a.yaml")
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def test_different(folder):
    """Rows that differ are counted and shown; then it is switched in. Alarms of the shadow are nobody's."""
    run = Run(folder, 10 * ROWS, rate=RATE)
    run.graph("a.yaml", more=chain(above=9))
    run.start()
    run.graph("b.yaml", more=chain(above=3) + "  more: { op: filter, from: clean, above: 4 }\n  end: { op: sink.null, from: more }\n")
    run.do("graph shadow b.yaml --rows 2")
    shadow = compared(run, ("wins", "out"), 40)
    clean, more = shadow.ports["clean", "out"], shadow.ports["more", "out"]
    if clean["same"] or clean["changed"] or clean["only_live"] or not clean["only_shadow"]:
        fail(f"clean: {clean}")
    if more["state"] != "new" or not more["only_shadow"]:
        fail(f"more: {more}")
    example = next(row for row in shadow.examples if row["node"] == "clean")
    if example["live"] or '"value":' not in example["shadow"]:
        fail(f"an example is {example}")
    if len([row for row in shadow.examples if row["node"] == "clean"]) != 2:
        fail(f"examples: {shadow.examples}")
    if run.shell("alarms"):
        fail("an alarm of the shadow is an alarm")
    if run.nodes()["clean"]["rows_out"] or "more" in run.nodes():
        fail("the live graph is another one")
    run.apply("b.yaml")
    if Shadow(run).state != "ended" or "more" not in run.nodes():
        fail("it is not switched in")
    wait(lambda: run.shell("alarms"), "there is no alarm now")
    run.end()
    run.graph("a.yaml")
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


def test_later(folder):
    """A window that closes later than the live one is the same window."""
    run = Run(folder, 10 * ROWS, rate=RATE)
    run.graph("a.yaml", more=chain())
    run.start()
    run.graph("b.yaml", more=chain(late=", lateness: 30s"))
    run.do("graph shadow b.yaml")
    shadow = compared(run, ("wins", "out"), 200)
    if shadow.sum("changed") or shadow.sum("only_live") or shadow.sum("only_shadow"):
        fail(f"windows differ: {shadow.ports}")
    run.end()


def test_limits(folder):
    """What cannot be tried is said; a shadow ends by itself, by the failure of a node, and with the engine."""
    run = Run(folder, 10 * ROWS, rate=RATE)
    run.graph("a.yaml", more=chain())
    run.start()
    if run.shell("graph shadow") is not None or "no graph has been tried" not in run.said:
        fail(f"there is a shadow: {run.said}")
    refused(run, "a.yaml", "nothing would run")
    run.graph("source.yaml", more="  in2: { op: source.csv, path: rows.csv, header: false }\n  n: { op: filter, from: in2, above: 1 }\n"
                                  "  e: { op: sink.null, from: n }\n")
    refused(run, "source.yaml", "in2 does not run yet")
    refused(run, "none.yaml", "none.yaml")
    run.do("set clean.above -1.5")
    run.graph("b.yaml", more=chain(above=0), rate=RATE + 1)
    reply = {row["node"]: row for row in run.shell("graph shadow b.yaml --for 1s") or fail(run.said) if "becomes" in row}
    if reply["in"]["becomes"] != "live" or "rate" not in reply["in"]["why"] or reply["raw"]["becomes"] != "left out":
        fail(f"what becomes of a changed source, and of sinks: {reply}")
    if not re.search(r"for another [01] s", run.said):  # 0: a slow machine has taken that second to answer
        fail(f"for how long: {run.said}")
    wait(lambda: "shadow/clean/" in run.text(), "what a node says in the shadow reads as that of the live one", 30)
    wait(lambda: Shadow(run).state == "ended", "it does not end by itself")
    run.do("graph shadow b.yaml")
    run.refused("none.yaml", "none.yaml")
    if Shadow(run).state != "runs":
        fail("a change that came to nothing has ended it")
    run.end()
    run.start()
    run.do("graph shadow b.yaml")
    run.end(signal.SIGKILL)
    run.graph("a.yaml")
    run.finish()
    run.check_raw()
    run.check_windows(reference_of(run.rows))


LOAD = """
potline: 1
name: load
partitions: 2
checkpoint: 2s
nodes:
  in: {{ op: source.generator, tags: "line{{1..4}}.pot{{01..50}}.voltage", count: 100000000, start: "2026-01-01T00:00:00Z", step: 10ms, rate: 500000/s }}
  clean: {{ op: filter, from: in, above: {above} }}
  win: {{ op: window.tumbling, from: clean, size: 1s }}
  out: {{ op: sink.null, from: win }}
"""


def test_load(folder):
    """What a shadow cannot keep up with makes it void, and the live graph none the slower."""
    run = Run(folder, 10)
    def write(name, above):
        with open(os.path.join(folder, name), "w") as file:
            file.write(LOAD.format(above=above))
    def pace():
        before = run.nodes()["clean"]["rows_in"], time.monotonic()
        time.sleep(3)
        after = run.nodes()["clean"]["rows_in"], time.monotonic()
        return (after[0] - before[0]) / (after[1] - before[1])
    write("a.yaml", above=-1e9)
    write("b.yaml", above=1e9)
    write("c.yaml", above=-2e9)
    run.start()
    time.sleep(1)
    alone = pace()
    run.do("graph shadow c.yaml")
    beside = pace()
    same = Shadow(run, "graph shadow --end")
    print(f"shadow: {alone:,.0f} rows/s alone, {beside:,.0f} beside a shadow: {same.state}: {same.what}; {same.ports}")
    run.do("graph shadow b.yaml")
    wait(lambda: Shadow(run).state == "void", f"it is not void: {Shadow(run).what}", 60)
    void = Shadow(run)
    print(f"shadow: {void.what}")
    wait(lambda: "the shadow has ended" in run.text().split("it is void")[0], "it goes on though it is void")
    run.end()


def main():
    tests = [test_same, test_different, test_later, test_limits, test_load]
    for test in tests:
        if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="potline-shadow-") as folder:
            test(folder)
        print(f"shadow: {test.__name__}: {time.monotonic() - begun:.1f} s")


main()

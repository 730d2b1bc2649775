#!/usr/bin/python3
"""A graph over what came in before: the rows of a replay against those of the live run, which kills have cut to pieces,
versions of silver and gold that count once they are published, and late rows put where they belong."""
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
SECOND = 10**9
START = 1735689600 * SECOND  # 2025-01-01


def fail(text):
    sys.exit(f"replay: {text}")


def expect(text, said):
    if text not in said:
        fail(f"{text!r} is not said, but:\n{said}")


class Folder:
    def __init__(self, graph, partitions=2):
        self.root = tempfile.TemporaryDirectory()
        self.data = self.path("data")
        self.graph = self.path("graph.yaml")
        with open(self.graph, "w") as file:
            file.write(graph.format(root=self.root.name, partitions=partitions))

    def path(self, name):
        return os.path.join(self.root.name, name)

    def write(self, name, rows, mode="w"):
        with open(self.path(name), mode) as file:
            file.writelines(f"{time},{tag},{value}\n" for time, tag, value in rows)

    def potline(self, *words, code=0):
        done = subprocess.run([f"{BIN}/potline", *words], capture_output=True, text=True, timeout=200)
        if done.returncode != code:
            fail(f"{words}: exit code {done.returncode}, not {code}: {done.stderr}")
        return done.stdout, done.stderr

    def run(self, *more, code=0):
        return self.potline("run", self.graph, "--data", self.data, "--quiet", *more, code=code)[1]

    def start(self, *more):
        return subprocess.Popen([f"{BIN}/potline", "run", self.graph, "--data", self.data, "--quiet", *more],
                                stderr=subprocess.DEVNULL)

    def replay(self, *more, code=0, data=None):
        return self.potline("replay", self.graph, "--data", data or self.data, *more, code=code)

    def versions(self, *words, code=0):
        return self.potline("versions", *words, "--data", self.data, code=code)

    def rows(self, zone, *more, data=None):
        out, _ = self.potline("export", "--data", data or self.data, "--zone", zone, "--json", "--time", "ns", *more)
        return sorted(out.splitlines())


def found(out):
    """{(zone, node): counts} of a --diff --json."""
    lines = [json.loads(line) for line in out.splitlines()]
    return {(line["zone"], line["node"]): {k: line[k] for k in ("same", "changed", "removed", "added")}
            for line in lines if "same" in line}


def nothing_differs(out):
    for where, counts in found(out).items():
        if counts["changed"] or counts["removed"] or counts["added"] or not counts["same"]:
            fail(f"{where}: {counts}")


PLANT = """potline: 1
name: replay
partitions: {partitions}
checkpoint: 100ms
nodes:
  in: {{ op: source.csv, path: "{root}/in.csv", header: false, rate: 60000/s }}
  late: {{ op: source.csv, path: "{root}/other.csv", header: false, rate: 1200/s, disorder: 2s }}
  clean: {{ op: cleanse, from: in, spike: {{ k: 4 }}, deadband: 0 }}
  win: {{ op: window.tumbling, from: [clean, late], size: 10s }}
  area: {{ op: window.sliding, from: clean, size: 60s, slide: 20s, by: asset }}
  burst: {{ op: window.session, from: clean, gap: 3s }}
  silver: {{ op: sink.lake, from: clean, zone: silver }}
  gold: {{ op: sink.lake, from: [win, area], zone: gold }}
  bursts: {{ op: sink.lake, from: burst, zone: gold }}
  out: {{ op: sink.csv, from: win, path: "{root}/out.csv" }}
"""


def plant_rows(seconds, seed=1):
    random.seed(seed)
    rows, others = [], []
    for second in range(seconds):
        for line in (1, 2, 3):
            for pot in range(20):
                if (second // 30 + pot) % 7 == 0:
                    continue  # silent for half a minute
                value = 4.2 + random.gauss(0, 0.01) + (1 if random.random() < 0.003 else 0)
                rows.append((START + second * SECOND + pot, f"line{line}.pot{pot:02}.voltage", f"{value:.4f}"))
        others.append((START + (second - random.randrange(3)) * SECOND, "line2.pot01.bath", f"{second % 17}"))
    return rows, others


def live_is_replayed(partitions):
    """Through kills and stops, and beside the running engine, too."""
    folder = Folder(PLANT, partitions)
    rows, others = plant_rows(2000)
    folder.write("in.csv", rows)
    folder.write("other.csv", others)
    for how in (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
        engine = folder.start("--until-eof")
        time.sleep(random.uniform(0.2, 0.5))
        engine.send_signal(how)
        engine.wait()
    folder.run("--until-eof")
    before = {zone: folder.rows(zone) for zone in ("silver", "gold")}
    out, _ = folder.replay("--diff", "--json")
    nothing_differs(out)
    if set(found(out)) != {("silver", "silver"), ("gold", "gold"), ("gold", "bursts")}:
        fail(f"compared: {found(out)}")

    # Into a folder of its own; what goes outside stays alone.
    os.remove(folder.path("out.csv"))
    folder.replay("--into", folder.path("again"))
    for zone, live in before.items():
        if folder.rows(zone, data=folder.path("again")) != live:
            fail(f"{zone} of another folder is another one")
    if os.path.exists(folder.path("out.csv")):
        fail("a replay has written a file that nobody asked for")
    folder.replay("--into", folder.path("third"), "--sink", "out")
    if os.path.getsize(folder.path("out.csv")) < 100:
        fail("--sink wrote nothing")
    expect("is a data folder already", folder.replay("--into", folder.path("third"), code=2)[1])

    # A part of it.
    begin, end = START + 600 * SECOND, START + 900 * SECOND
    part = ("--from", str(begin), "--to", str(end), "--margin", "5m")
    out, said = folder.replay("--diff", "--json", *part)
    nothing_differs(out)
    if {zone: folder.rows(zone) for zone in before} != before:
        fail("a replay has changed what is live")


def another_graph_is_a_version():
    folder = Folder(PLANT)
    rows, others = plant_rows(600)
    folder.write("in.csv", rows)
    folder.write("other.csv", others)
    folder.run("--until-eof")
    live = folder.rows("gold")
    bursts = folder.rows("gold", "--node", "bursts")

    out, _ = folder.replay("--diff", "--json", "--rows", "3", "--set", "clean.spike.k=3")
    counts = found(out)
    if not counts["silver", "silver"]["changed"] or not counts["gold", "gold"]["changed"]:
        fail(f"another limit changes nothing: {counts}")
    shown = [json.loads(line) for line in out.splitlines() if '"difference"' in line]
    if not 0 < len([s for s in shown if s["zone"] == "gold"]) <= 6 * 2:
        fail(f"{len(shown)} differing rows are shown")
    if folder.versions("--json")[0]:
        fail("--diff leaves a version")

    to = START + 300 * SECOND
    span = ("--to", str(to), "--margin", "2m")
    folder.replay("--version", "finer", "--set", "win.size=5s", *span)
    expect("there is a version 'finer' already", folder.replay("--version", "finer", code=2)[1])
    said = json.loads(folder.versions("--json")[0])
    if said["name"] != "finer" or said["published"] or said["spans"][-1]["to"] != to:
        fail(f"{said}")
    if {"node": "win", "op": "window.tumbling"}.items() - next(n for n in said["nodes"] if n["node"] == "win").items():
        fail(f"the version does not say what made it: {said}")
    if folder.rows("gold") != live:
        fail("a version counts before it is published")
    finer = folder.rows("gold", "--version", "finer")
    if not any('"end_ns":%d' % (START + 5 * SECOND) in row for row in finer):
        fail("the version has not what its graph makes")

    expect("did you mean finer", folder.versions("publish", "fimer", code=2)[1])
    folder.versions("publish", "finer", "--reason", "test")
    merged = folder.rows("gold")
    want = [row for row in live if json.loads(row)["end_ns"] >= to]
    if merged != sorted(want + finer):
        fail("what is published does not stand in place of the live rows")
    if folder.rows("gold", "--live") != live or folder.rows("gold", "--node", "bursts") != bursts:
        fail("live rows are gone")
    expect("withdraw it first", folder.versions("drop", "finer", code=2)[1])

    # Rows that come later are live ones; the version does not hide them.
    more, more_others = plant_rows(900)
    folder.write("in.csv", more[len(rows):], "a")
    folder.write("other.csv", more_others[len(others):], "a")
    folder.run("--until-eof")
    late = [row for row in folder.rows("gold") if '"start_ns":%d' % (START + 800 * SECOND) in row]
    if not late:
        fail("a version hides what came behind it")
    folder.versions("withdraw", "finer")
    folder.versions("drop", "finer")
    if folder.versions("--json")[0] or os.path.exists(folder.path("data/versions/finer/store")):
        fail("it is still there")
    said, _ = folder.potline("audit", "query", "--data", folder.data, "--json")
    for action in ("versions publish", "versions withdraw", "versions drop"):
        expect(action, said)


SIMPLE = """potline: 1
name: simple
partitions: {partitions}
nodes:
  in: {{ op: source.csv, path: "{root}/in.csv", header: false }}
  win: {{ op: window.tumbling, from: in, size: 10s, aggregates: [count, mean, min, max] }}
  gold: {{ op: sink.lake, from: win, zone: gold }}
"""


def late_rows_find_their_windows():
    """Against windows that are worked out here, from all rows."""
    random.seed(5)
    folder = Folder(SIMPLE)
    rows = [(START + i * SECOND // 5, f"line{k}.pot.voltage", f"{random.random():.5f}")
            for i in range(5000) for k in (1, 2, 3)]
    punctual, late = [], []
    for row in rows:
        (late if random.random() < 0.004 else punctual).append(row)
    for row in late:
        behind = row[0] + random.randrange(15, 200) * SECOND
        at = next((i for i, other in enumerate(punctual) if other[0] > behind), len(punctual))
        punctual.insert(at, row)
    folder.write("in.csv", punctual)
    folder.run("--until-eof")

    want = {}
    for when, tag, value in rows:
        want.setdefault((tag, (when - START) // (10 * SECOND)), []).append(float(value))

    def right(exported):
        good = 0
        for line in exported:
            row = json.loads(line)
            values = want[row["tag"], (row["start_ns"] - START) // (10 * SECOND)]
            good += row["count"] == len(values) and row["min"] == min(values) and row["max"] == max(values) and \
                math.isclose(row["mean"], sum(values) / len(values), rel_tol=1e-12)
        return good

    live = folder.rows("gold")
    if right(live) == len(want):
        fail("no row is late: the test tests nothing")
    for line in live:
        lacks = len(want[json.loads(line)["tag"], (json.loads(line)["start_ns"] - START) // (10 * SECOND)]) - json.loads(line)["count"]
        if (lacks > 0) != ("late" in json.loads(line)["quality"]):
            fail(f"a window that lacks {lacks} rows: {line}")
    out, _ = folder.replay("--repair", "--diff", "--json")
    changed = found(out)["gold", "gold"]["changed"]
    wrong = len(want) - right(live)
    if changed < wrong:
        fail(f"{wrong} windows lack rows, {changed} would be repaired")
    with open(folder.graph) as file:
        graph = file.read()
    for name in ("gold", "lake"):  # under another name the live rows are its own as well
        with open(folder.graph, "w") as file:
            file.write(graph.replace("gold: {", f"{name}: {{").replace("zone: gold }", "zone: gold }" if name == "gold" else
                                                                       "zone: gold, was: gold }"))
        counts = found(folder.replay("--diff", "--json")[0])
        if counts != {("gold", name): {"same": len(live), "changed": 0, "removed": 0, "added": 0}}:
            fail(f"the same graph, its sink called {name}: {counts}")
        again = found(folder.replay("--repair", "--diff", "--json")[0])
        if again["gold", name] != found(out)["gold", "gold"]:
            fail(f"another name repairs other windows: {again}")
    expect("late rows are marked in", folder.replay("--repair", "--version", "repaired")[1])
    pieces = json.loads(folder.versions("--json")[0])
    if not pieces["repair"] or not 0 < len(pieces["spans"]) <= changed:
        fail(f"{pieces}")
    folder.versions("publish", "repaired")
    repaired = folder.rows("gold")
    if len(repaired) != len(want) or right(repaired) != len(want) or any('"late"' in line for line in repaired):
        fail(f"{right(repaired)} of {len(want)} windows are right")
    nothing_differs(folder.replay("--diff", "--json")[0])  # the live rows are what they were
    print(f"replay: {len(late)} late rows, {wrong} windows without them, {changed} repaired")


def what_lacks_rows_is_marked():
    """Windows that overlap, of which some have closed and others not; and more late rows than marks are kept."""
    random.seed(6)
    for size, slide, late_share, lines, exact in ((20, 5, 0.01, 5, True), (2, 2, 0.5, 12, False)):
        folder = Folder(SIMPLE.replace("window.tumbling, from: in, size: 10s",
                                       f"window.sliding, from: in, size: {size}s, slide: {slide}s"))
        rows = [(START + i * SECOND, f"line{k}.pot.voltage", i) for i in range(8000) for k in range(lines)]
        come = sorted(rows, key=lambda row: row[0] + (random.random() < late_share) * random.randrange(2000) * SECOND)
        folder.write("in.csv", come)
        folder.run("--until-eof")
        lacking = marked = 0
        for line in folder.rows("gold"):
            row = json.loads(line)
            full = size - sum(1 for at in range((row["start_ns"] - START) // SECOND, (row["end_ns"] - START) // SECOND)
                              if not 0 <= at < 8000)
            lacks, mark = full - row["count"], "late" in row["quality"]
            lacking += lacks > 0
            marked += mark
            if lacks and not mark or exact and mark and not lacks:
                fail(f"a window that lacks {lacks} rows: {line}")
        if lacking < 100:
            fail(f"{lacking} windows lack rows: the test tests nothing")
        said = folder.replay("--repair", "--diff", "--margin", "2m")[1]
        if ("late rows are marked in" in said) != exact:
            fail(f"more marks than are kept, or fewer: {said}")
        print(f"replay: {lacking} windows of {size} s lack rows, {marked} are marked")


def catches(pid, number):
    with open(f"/proc/{pid}/status") as file:
        mask = next(int(line.split()[1], 16) for line in file if line.startswith("SigCgt"))
    return mask >> (number - 1) & 1


def pace_and_ends():
    folder = Folder(SIMPLE)
    folder.write("in.csv", [(START + i * SECOND // 40, "a.b.c", i) for i in range(96000)])
    folder.run("--until-eof")
    begin, end = str(START + 1000 * SECOND), str(START + 1300 * SECOND)
    out, _ = folder.replay("--diff", "--json", "--from", begin, "--to", end, "--margin", "2m")
    nothing_differs(out)
    played = next(json.loads(line) for line in out.splitlines() if "rows_per_second" in line)["rows"]
    if not 300 * 40 < played < 1300 * 40 or found(out)["gold", "gold"]["same"] != 30:
        fail(f"{played} rows were played for five of forty minutes: {found(out)}")
    begun = time.monotonic()
    folder.replay("--into", folder.path("slow"), "--speed", "1200")
    if time.monotonic() - begun < 1.9:
        fail("forty minutes at 1200 times the speed take two seconds")

    # Interrupted: nothing is left; killed: it is begun again.
    for how in (signal.SIGINT, signal.SIGKILL):
        job = subprocess.Popen([f"{BIN}/potline", "replay", folder.graph, "--data", folder.data, "--version", "v1",
                                "--margin", "1m", "--speed", "1"], stderr=subprocess.PIPE, text=True)
        while not os.path.exists(folder.path("data/versions/v1/store/CURRENT")):
            time.sleep(0.01)
        while not catches(job.pid, signal.SIGINT):
            time.sleep(0.01)
        job.send_signal(how)
        said = job.communicate(timeout=60)[1]
        if how == signal.SIGINT:
            expect("nothing is kept", said)
            if job.returncode != 1 or os.path.exists(folder.path("data/versions/v1")):
                fail(f"an interrupted replay: exit code {job.returncode}")
        if folder.versions("--json")[0]:
            fail("half a version is one")
    expect("no version is made", folder.replay("--version", "v1", code=1)[1])
    folder.replay("--version", "v1", "--margin", "1m")
    if json.loads(folder.versions("--json")[0])["rows"] != 96000:
        fail("a version that was begun anew")


def under_a_key():
    folder = Folder(SIMPLE)
    key = folder.path("key")
    folder.potline("keys", "generate", "--out", key)
    folder.write("in.csv", [(START + i * SECOND, "secret.pot.voltage", i) for i in range(500)])
    folder.run("--until-eof", "--key-file", key)
    expect("encrypted", folder.replay("--version", "v", code=2)[1])
    folder.replay("--version", "v", "--margin", "1m", "--key-file", key)
    folder.versions("publish", "v", "--key-file", key)
    if len(folder.rows("gold", "--key-file", key)) != 50:
        fail("a version under a key")
    if subprocess.run(["grep", "-rqa", "secret.pot", folder.path("data")]).returncode == 0:
        fail("names in the clear")

    # Another key: the versions go with the folder.
    other = folder.path("other")
    folder.potline("keys", "generate", "--out", other)
    folder.potline("keys", "rotate", "--data", folder.data, "--key-file", key, "--new-key-file", other)
    if len(folder.rows("gold", "--key-file", other)) != 50:
        fail("a version under another key")


def simple(seconds, value=None):
    return [(START + i * SECOND, f"line{k}.pot.v", i if value is None else value) for i in range(seconds) for k in (1, 2, 3)]


def a_version_hides_nothing_else():
    """Neither what came live since, nor the rows of another life of the folder, of another node, or of what is gone."""
    folder = Folder(SIMPLE)
    folder.write("in.csv", simple(500))
    folder.run("--until-eof")
    folder.replay("--version", "v", "--margin", "20s")
    folder.versions("publish", "v")

    # The job goes on: windows that were cut off by its end are whole now.
    folder.write("in.csv", simple(700)[1500:], "a")
    folder.run("--until-eof")
    if folder.rows("gold") != folder.rows("gold", "--live"):
        fail("a version of the same graph changes rows")

    # A line that cannot be read, and a count of losses, are no rows.
    with open(folder.path("in.csv"), "a") as file:
        file.write("no time,line1.pot.v,1\n")
    folder.write("in.csv", simple(900)[2100:], "a")
    folder.run("--until-eof")
    nothing_differs(folder.replay("--diff", "--json")[0])
    folder.replay("--version", "w", "--margin", "20s")

    # One version of a node does not hide another one of another node.
    with open(folder.graph) as file:
        graph = file.read()
    with open(folder.graph, "w") as file:
        file.write(graph.replace("size: 10s", "size: 20s").replace("gold: {", "gold2: {").replace("zone: gold }",
                                                                                                "zone: gold, was: gold }"))
    folder.replay("--version", "renamed", "--margin", "20s", "--to", str(START + 400 * SECOND))
    folder.versions("publish", "renamed")
    rows = [json.loads(row) for row in folder.rows("gold")]
    early = [row for row in rows if row["end_ns"] < START + 400 * SECOND]
    if {row["end_ns"] - row["start_ns"] for row in early} != {20 * SECOND}:
        fail("a renamed node's rows stand beside the old ones")
    with open(folder.graph, "w") as file:
        file.write(graph)

    # Damage: said, and no reason not to get rid of it.
    for table in os.listdir(folder.path("data/versions/w/store")):
        if table.endswith((".sst", ".log")):
            with open(folder.path(f"data/versions/w/store/{table}"), "r+b") as file:
                file.write(b"\0" * 64)
    expect("version 'w' cannot be read", folder.potline("export", "--data", folder.data, "--zone", "gold", code=1)[1])
    folder.rows("gold", "--live")
    folder.versions("drop", "w")
    folder.rows("gold")

    # Another life of the folder.
    folder.write("in.csv", simple(300, value=7))
    folder.run("--until-eof", "--fresh")
    if folder.rows("gold") != folder.rows("gold", "--live") or folder.versions("--json")[0]:
        fail("--fresh leaves versions of what was there before")


def what_bronze_no_longer_has():
    folder = Folder(SIMPLE.replace("nodes:", "retention: {{ bronze: 365d }}\nnodes:"))
    now = time.time_ns() // SECOND * SECOND
    rows = [(when + i * SECOND, f"line{k}.pot.v", i) for when in (now - 500 * 86400 * SECOND, now - 3600 * SECOND)
            for i in range(4000 if when < now - 86400 * SECOND else 3000) for k in (1, 2, 3)]
    folder.write("in.csv", rows)
    folder.run("--until-eof")
    folder.run("--until-eof")  # what is too old goes
    live = folder.rows("gold")
    kept = folder.rows("bronze")
    if not 0 < len(kept) < len(rows):
        fail(f"{len(kept)} of {len(rows)} rows of bronze are left: the test tests nothing")
    for counts in found(folder.replay("--diff", "--json", "--margin", "1m")[0]).values():
        if counts["removed"] or counts["changed"]:
            fail(f"what bronze no longer has is a difference: {counts}")
    expect("no version is made", folder.replay("--repair", "--version", "r", "--margin", "1m")[1])
    folder.replay("--version", "v", "--margin", "1m")
    folder.versions("publish", "v")
    if folder.rows("gold") != live:
        fail("a version hides rows that it cannot have")


def behind_other_partitions():
    """What came before the rows of a name moved to another partition cannot be played in one piece with what came since."""
    folder = Folder(SIMPLE)
    rows = [(START + i * SECOND // 4, f"line{k}.pot.voltage", i) for i in range(40000) for k in (1, 2, 3, 4, 5)]
    folder.write("in.csv", rows[:50000])
    folder.run("--until-eof")
    with open(folder.graph) as file:
        other = file.read().replace("partitions: 2", "partitions: 4")
    with open(folder.graph, "w") as file:
        file.write(other)
    folder.write("in.csv", rows[50000:], "a")
    folder.run("--until-eof")
    expect("another number of partitions", folder.replay("--diff", code=1)[1])
    out, _ = folder.replay("--diff", "--json", "--from", str(START + 5000 * SECOND), "--margin", "10m")
    nothing_differs(out)


def what_is_refused():
    folder = Folder(SIMPLE)
    expect("not a data folder", folder.replay("--diff", code=2)[1])
    folder.write("in.csv", [(START, "a.b", 1)])
    folder.run("--until-eof")
    for more, text in ((["--version", "../x"], "is no name"), ([], "where to?"), (["--repair"], "--version"),
                       (["--diff", "--from", "2025-01-02T00:00:00Z", "--to", "2025-01-01T00:00:00Z"], "not behind"),
                       (["--diff", "--sink", "outt"], "has no such node"), (["--diff", "--speed", "0"], "above 0"),
                       (["--diff", "--margin", "soon"], "is not a duration")):
        expect(text, folder.replay(*more, code=2)[1])


live_is_replayed(2)
live_is_replayed(1)
another_graph_is_a_version()
late_rows_find_their_windows()
what_lacks_rows_is_marked()
pace_and_ends()
under_a_key()
a_version_hides_nothing_else()
what_bronze_no_longer_has()
behind_other_partitions()
what_is_refused()
print("replay: good")

#!/usr/bin/python3
"""What is old goes: rows of zones by the graph's retention, through a kill and a restart, and records of the audit; starts
and ends of the engine are recorded, and the anchors that it tells hold."""
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import zmq

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
DAY = 86400
ROWS = 3000  # of each age
AGES = (100, 20, 1)  # days
GRAPH = """
potline: 1
name: kept
checkpoint: 200ms
retention: {{ bronze: 60d, silver: 30d, gold: 10d }}
audit: {{ anchor: 1s{audit} }}
nodes:
  in: {{ op: source.csv, path: "{folder}/in.csv", header: false, rate: {rate}/s, batch: 100 }}
  silver: {{ op: sink.lake, from: in, zone: silver }}
  win: {{ op: window.tumbling, from: in, size: 10s, aggregates: [mean] }}
  gold: {{ op: sink.lake, from: win, zone: gold }}
"""


IDLE = """
potline: 1
name: idle
audit: { anchor: 1s, publish: "ipc://ANCHORS" }
nodes:
  gen: { op: source.generator, tags: "pot{1..2}.voltage", rate: 100/s }
  out: { op: sink.null, from: gen }
"""
LIVE = """
potline: 1
name: live
audit: { anchor: 1s }
nodes:
  gen: { op: source.generator, tags: "line1.pot0{1..2}.voltage", rate: 100/s }
  high: { op: threshold, from: gen, rules: [ { name: volts-high, tags: "*.voltage", above: 4.5 } ] }
  watch: { op: rules, from: gen, scripts: ["SCRIPTS/*.lua"], watch: true }
  clean: { op: cleanse, from: gen, spike: { method: hampel, window: 11, k: 3.5 } }
  out: { op: sink.null, from: [high, watch] }
  rows: { op: sink.null, from: clean }
"""
RULE = """
rule {
  name = "%s",
  doc = "Voltage too high.",
  tags = "*.voltage",
  params = { limit = { 5, low = 0, high = 10, unit = "V", doc = "Highest voltage." } },
  when = function(value, limit) return value > limit end,
}
"""


def potline(*words, code=0):
    done = subprocess.run([POTLINE, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (words, done)
    return done


def write_graph(folder, rate, audit=""):
    path = os.path.join(folder, "graph.yaml")
    with open(path, "w") as out:
        out.write(GRAPH.format(folder=folder, rate=rate, audit=audit))
    return path


def write_rows(folder, now):
    with open(os.path.join(folder, "in.csv"), "w") as out:
        for age in AGES:
            for i in range(ROWS):
                out.write(f"{int((now - age * DAY + i) * 1e9)},line1.pot1.voltage,{age * 10000 + i}\n")


def rows_of(data, zone, column="value"):
    """By age in days: the values of a zone's rows."""
    text = potline("export", "--data", data, "--zone", zone).stdout
    found = {age: [] for age in AGES}
    for row in csv.DictReader(io.StringIO(text)):
        age = int(float(row[column]) // 10000)
        found[age].append(float(row[column]))
    return found


def expect(found, age, values):
    assert sorted(found[age]) == values, (age, len(found[age]), len(values))


def values_of(age):
    return [float(age * 10000 + i) for i in range(ROWS)]


def ask(data, command):
    """The rows of an answer; none when nobody answers."""
    done = subprocess.run([POTLINE, "shell", "--data", data, "--json", "-c", command], capture_output=True, text=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def kill_half_way(graph, data):
    """Until rows of the second age have come in; then SIGKILL."""
    engine = subprocess.Popen([POTLINE, "run", graph, "--data", data, "--quiet"], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while True:
            assert time.monotonic() < end and engine.poll() is None, "too slow, or it has ended"
            time.sleep(0.1)
            status = ask(data, "status")
            if status and status[0]["rows_in"] > 1.5 * ROWS:
                break
        zones = ask(data, "zones")
        assert [z["zone"] for z in zones] == ["bronze", "silver", "gold", "dead"], zones
        assert [z["retention"] for z in zones] == ["60d", "30d", "10d", ""], zones
        head = ask(data, "audit head")[0]
        potline("audit", "verify", "--data", data, "--anchor", head["anchor"])
    finally:
        engine.kill()
        engine.wait()


def rows_go(folder, data):
    now = time.time()
    write_rows(folder, now)
    kill_half_way(write_graph(folder, 1200), data)
    graph = write_graph(folder, 0)
    said = potline("run", graph, "--data", data, "--until-eof", "--quiet").stderr  # goes on behind what it had
    assert "old rows removed, about: " in said, said  # sizes are known by blocks of a file: of so few rows not of each zone
    potline("run", graph, "--data", data, "--until-eof", "--quiet")  # and what came in then is old, too
    silver = rows_of(data, "silver")
    expect(silver, 100, [])
    expect(silver, 20, values_of(20))
    expect(silver, 1, values_of(1))
    gold = rows_of(data, "gold", "mean")
    assert not gold[100] and not gold[20] and len(gold[1]) in (ROWS // 10, ROWS // 10 + 1), {a: len(v) for a, v in gold.items()}
    bronze = rows_of(data, "bronze")
    assert len(bronze[100]) < 200, f"{len(bronze[100])} old rows are left"  # of the minute and the batch in front of the cut
    expect(bronze, 20, values_of(20))
    expect(bronze, 1, values_of(1))
    potline("run", graph, "--data", data, "--until-eof", "--quiet")
    assert rows_of(data, "bronze") == bronze and rows_of(data, "silver") == silver
    print(f"rows: 3 ages of {ROWS}, those that are too old are gone, the others are there once; {len(bronze[100])} of bronze's last minute stay")


def versions_go(folder):
    """Rows of a version are removed as those that it stands for."""
    folder = os.path.join(folder, "replayed")
    data, now = os.path.join(folder, "data"), time.time()
    os.mkdir(folder)
    write_rows(folder, now)
    graph = write_graph(folder, 0)
    with open(graph) as file:
        whole = file.read()
    with open(graph, "w") as file:
        file.write(whole.replace("30d", "3000d").replace("60d", "6000d").replace("10d", "1000d"))
    potline("run", graph, "--data", data, "--until-eof", "--quiet")
    potline("replay", graph, "--data", data, "--version", "again", "--margin", "1m")
    potline("versions", "publish", "again", "--data", data)
    ages = {age: sorted(rows_of(data, "silver")[age]) for age in AGES}
    assert all(ages.values())
    with open(graph, "w") as file:
        file.write(whole)
    potline("run", graph, "--data", data, "--until-eof", "--quiet")
    text = potline("export", "--data", data, "--zone", "silver", "--version", "again").stdout
    left = {int(float(row["value"]) // 10000) for row in csv.DictReader(io.StringIO(text))}
    assert left == {20, 1}, left
    assert sorted(rows_of(data, "silver")[20]) == ages[20]


def records_of(data):
    return json.loads(potline("audit", "query", "--json", "--data", data).stdout)


def starts_and_ends(folder, data):
    records = records_of(data)
    starts = [r for r in records if r["action"] == "engine start"]
    ends = [r for r in records if r["action"] == "engine end"]
    assert len(starts) == 4 and len(ends) == 3, records  # one was killed
    first, second = starts[0], starts[1]
    assert first["object"] == "kept" and first["from"] == "" and re.fullmatch("[0-9a-f]{16}", first["to"]), first
    assert second["from"] == first["to"] and second["to"] != first["to"], "the rate is another one"
    for part in ("potline ", f"file {folder}/graph.yaml", f"folder {data}", "epoch ", "source.csv 1", "sink.lake 1"):
        assert part in second["detail"], (part, second)
    assert re.search("epoch [1-9]", second["detail"]), second
    assert ends[0]["correlation"] == second["correlation"] != first["correlation"]
    assert ends[-1]["detail"].startswith("0 rows came in") and ends[-1]["outcome"] == "done", ends
    print(f"audit: {len(starts)} starts, {len(ends)} ends")


def anchors_hold(folder):
    data, graph = os.path.join(folder, "live"), os.path.join(folder, "live.yaml")
    with open(graph, "w") as out:
        out.write(IDLE.replace("ANCHORS", f"{folder}/anchors.ipc"))
    listener = zmq.Context.instance().socket(zmq.SUB)
    listener.subscribe(b"audit/anchor/idle")
    listener.connect(f"ipc://{folder}/anchors.ipc")
    said = potline("run", graph, "--data", data, "--for", "6s", "--quiet").stderr
    anchors = re.findall(r"audit: anchor (\S+)", said)
    assert len(anchors) == 2, said  # within the run, when it had changed, and at the end
    file = os.path.join(folder, "anchors")
    with open(file, "w") as out:
        out.write(said)
    done = potline("audit", "verify", "--data", data, "--anchors", file)
    assert done.stdout.count(" holds\n") == 2, done.stdout
    published = []
    while listener.poll(100):
        topic, place = listener.recv_multipart()
        assert topic == b"audit/anchor/idle", topic
        published.append(place.decode())
    listener.close()
    assert published and published[-1] == anchors[-1] and set(anchors[:1]) <= set(published), (published, anchors)


def wait_for(what, seconds=30):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def changes_are_recorded(folder):
    """What people change, and what a node reads again by itself: each with the value before and after."""
    data, graph, scripts = (os.path.join(folder, name) for name in ("changed", "changed.yaml", "scripts"))
    os.mkdir(scripts)
    with open(os.path.join(scripts, "one.lua"), "w") as out:
        out.write(RULE % "one")
    with open(graph, "w") as out:
        out.write(LIVE.replace("SCRIPTS", scripts))
    engine = subprocess.Popen([POTLINE, "run", graph, "--data", data, "--quiet"], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: ask(data, "status"))
        ask(data, "set clean.spike.k 5 --reason 'too many spikes'")
        ask(data, "rules set one limit 6.5")
        ask(data, "rules set one limit 65")  # out of range
        with open(os.path.join(scripts, "two.lua"), "w") as out:
            out.write(RULE % "two")
        wait_for(lambda: len(ask(data, "rules list")) == 2)
        with open(os.path.join(scripts, "three.lua"), "w") as out:
            out.write("rule {")
        wait_for(lambda: [r for r in records_of(data) if "three.lua" in r["outcome"]])
    finally:
        engine.terminate()
        engine.wait(60)
    records = [r for r in records_of(data) if r["action"] in ("set", "rules set", "rules reload")]
    shown = [(r["action"], r["origin"], r["object"], r["from"], r["to"], r["reason"]) for r in records]
    assert shown[0] == ("set", "shell", "clean.spike.k", "3.5", "5", "too many spikes"), shown
    assert shown[1][:2] == ("rules set", "shell") and (shown[1][3], shown[1][4]) == ("5", "6.5"), shown
    assert records[2]["action"] == "rules set" and records[2]["outcome"] != "done", records
    assert shown[3] == ("rules reload", "node", "watch", "1 rule", "2 rules", "a file has changed"), shown
    assert records[4]["outcome"] != "done" and shown[4][4] == "2 rules", records
    assert len({r["correlation"].split("-")[0] for r in records}) == 1 and len({r["correlation"] for r in records}) == 4, records
    month = time.strftime("%Y-%m", time.gmtime())
    report = potline("audit", "report", "--data", data, "--month", month).stdout
    assert "## Thresholds, rules and options: 3" in report, report
    print("audit: an option, a threshold, rules from files, with what was before and after")


def records_go(folder, data):
    graph = write_graph(folder, 0, ", retention: 1s")
    assert "--audit-retention-below-minimum" in potline("run", graph, "--data", data, "--until-eof", code=2).stderr
    assert "warning: audit.retention" in potline("check", graph).stdout
    flag = "--audit-retention-below-minimum"
    before = records_of(data)
    time.sleep(1.2)
    potline("run", graph, "--data", data, "--until-eof", "--quiet", flag)
    records = records_of(data)
    assert records[0]["sequence"] > before[-1]["sequence"], "older ones are there"
    kept = [r for r in records if r["action"] == "audit retention"]
    assert len(kept) == 1 and (kept[0]["from"], kept[0]["to"]) == ("730d", "1s") and flag in kept[0]["reason"], records
    pruned = [r for r in records if r["action"] == "audit prune"]
    assert len(pruned) == 1 and pruned[0]["object"] == f"records 1 to {before[-1]['sequence']}", pruned
    assert "engine start 4, engine end 3" in pruned[0]["detail"] and pruned[0]["reason"] == "older than 1s", pruned
    said = potline("audit", "verify", "--data", data).stdout
    assert f"records 1 to {before[-1]['sequence']} were pruned" in said and said.endswith(f"{len(records)} records are whole\n"), said
    month = time.strftime("%Y-%m", time.gmtime())
    report = potline("audit", "report", "--data", data, "--month", month).stdout
    assert "## Configuration, start and end: 4" in report and "| audit prune | 1 |" in report, report
    print(f"audit: {before[-1]['sequence']} records pruned, and the rest is whole")


def a_refused_start(folder, data):
    """Another operator under the same name does not fit the state that is kept."""
    graph = write_graph(folder, 0)
    with open(graph) as file:
        text = file.read().replace("op: window.tumbling, from: in, size: 10s", "op: window.session, from: in, gap: 20s")
    with open(graph, "w") as file:
        file.write(text)
    potline("run", graph, "--data", data, "--until-eof", "--quiet", code=1)
    last = records_of(data)[-1]
    assert last["action"] == "engine start" and "win" in last["outcome"], last


def main():
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        rows_go(folder, data)
        versions_go(folder)
        starts_and_ends(folder, data)
        anchors_hold(folder)
        changes_are_recorded(folder)
        records_go(folder, data)
        a_refused_start(folder, data)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""`potline test`: the test files that ship hold, and reach every node and rule; failures, wrong files and reports are
as they are said to be; and what a case is fed (rows, files, bronze) gives what the running engine gives."""

import csv
import glob
import json
import os
import pty
import random
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
SECOND = 10**9
START = 1_767_225_600 * SECOND  # 2026-01-01, where a case starts unless it says otherwise


def potline(*arguments, code=0, env=None, cwd=None):
    done = subprocess.run([os.path.abspath(POTLINE), *arguments], capture_output=True, text=True, timeout=250, cwd=cwd,
                          env=dict(os.environ, **(env or {})), check=False)
    if done.returncode != code:
        sys.exit(f"potline {' '.join(arguments)}: exit code {done.returncode}, expected {code}\n{done.stdout}{done.stderr}")
    return done


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


# ---- What ships ----


def shipped():
    graphs = [path for path in glob.glob("graphs/**/*.yaml", recursive=True) if not path.endswith(".test.yaml")]
    rules = glob.glob("lua/*.lua")
    for path in graphs + rules:
        assert os.path.exists(os.path.splitext(path)[0] + ".test.yaml"), f"{path} has no test file beside it"
    result = json.loads(potline("test", "graphs", "lua", "--json", "--coverage").stdout)
    assert result["failed"] == result["wrong"] == result["skipped"] == 0, result
    assert result["passed"] == len(result["cases"]) >= 60, result["passed"]
    assert result["files"] == len(graphs) + len(rules)
    ran = {os.path.normpath(entry["graph"]): entry for entry in result["coverage"]}
    assert set(ran) == {os.path.normpath(path) for path in graphs + rules}, set(ran)
    for name, entry in ran.items():
        for node in entry["nodes"]:
            assert node["cases"] > 0 and node["rows_in"] > 0, f"{name}: node {node['node']} ran in no case"
        for rule in entry["rules"]:
            assert rule["errors"] == 0, f"{name}: {rule['rule']} has failed"
            assert name.startswith("graphs/") or rule["raised"] > 0, f"{name}: no case raises {rule['rule']}"
    potline("test", "graphs", "lua", "--recut", "5")


# ---- Failures ----

FAILING = """potline: 1
graph: graph.yaml
cases:
  - name: a <case> & "more"
    input:
      - { time: 0s, every: 1s, until: 30s, tag: pot1.voltage, value: 4 + t / 100 }
    expect:
      win:
        - { end: 10s, tag: pot1.voltage, count: 9, min: 4 }
        - { end: 20s, count: 10 }
        - { end: 40s, tag: pot1.current, count: 1 }
      win.late: none
  - name: good
    input: [ { time: 0s, tag: pot1.voltage, value: 4 } ]
    expect: { win: { count: 1 } }
  - name: later
    skip: "no lime # today"
    expect: { win: none }
"""

GRAPH = """potline: 1
name: graph
nodes:
  in: { op: source.csv, path: "${NOT_SET}", header: false }
  clean: { op: cleanse, from: in, range: { high: 10 } }
  win: { op: window.tumbling, from: clean, size: 10s }
  out: { op: sink.csv, from: win, path: "${NOT_SET}" }
"""

DIFFERENCE = """FAILED fail.test.yaml:4: a <case> & "more"
  fail.test.yaml:8:7: win: expected 3 rows, found 3: 1 as expected, 2 differ
      time  tag           expected  found
    ~ 10s   pot1.voltage  count 9   count 10
    - 40s   pot1.current  count 1   (no such row)
    + 30s   pot1.voltage            start 20s, count 10, skipped 0, mean 4.245, min 4.2, max 4.29, stddev 0.030276503540974862, first 4.2, last 4.29, quality good
"""


def failures(folder):
    write(folder, "graph.yaml", GRAPH)
    write(folder, "fail.test.yaml", FAILING)
    said = potline("test", "fail.test.yaml", code=1, cwd=folder)
    found = said.stdout.replace("mean 4.244999999999999,", "mean 4.245,")
    found = "".join(line for line in found.splitlines(True) if "cases in" not in line)
    shown, wanted = [line.split("stddev")[0] for line in found.splitlines()], DIFFERENCE.splitlines()
    assert shown == [line.split("stddev")[0] for line in wanted], found
    assert "3 cases in 1 file: 1 passed, 1 failed, 1 skipped" in said.stdout, said.stdout
    assert said.stderr == "", said.stderr
    assert "\x1b" not in said.stdout
    assert potline("test", ".", "--list", cwd=folder).stdout.splitlines() == [
        'fail.test.yaml: a <case> & "more"', "fail.test.yaml: good", "fail.test.yaml: later"]
    potline("test", "--filter", "good", cwd=folder)
    potline("test", "--filter", "fail.test.yaml: g*", cwd=folder)
    assert "no case fits" in potline("test", "--filter", "none such", code=2, cwd=folder).stderr
    colours(folder)
    junit(folder)
    tap(folder)


def colours(folder):
    """On a terminal what is wrong is red."""
    parent, child = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen([os.path.abspath(POTLINE), "test", "fail.test.yaml"], stdout=child, cwd=folder,
                          env=dict(env, TERM="xterm"), stderr=subprocess.DEVNULL) as run:
        os.close(child)
        text = b""
        try:
            while part := os.read(parent, 4096):
                text += part
        except OSError:  # the other end is closed
            pass
        assert run.wait() == 1
    os.close(parent)
    assert b"\x1b[31mFAILED" in text and b"\x1b[32mcount 9" in text, text


def junit(folder):
    potline("test", "fail.test.yaml", "--junit", "out.xml", code=1, cwd=folder)
    suites = ElementTree.parse(os.path.join(folder, "out.xml")).getroot()
    assert (suites.tag, suites.get("tests"), suites.get("failures"), suites.get("errors")) == ("testsuites", "3", "1", "0")
    suite, = suites
    assert (suite.get("name"), suite.get("skipped")) == ("fail.test.yaml", "1")
    first, second, third = suite
    assert first.get("name") == 'a <case> & "more"' and first.get("line") == "4"
    failure, = first
    assert failure.get("message").startswith("win: expected 3 rows, found 3") and "(no such row)" in failure.text
    assert len(second) == 0 and third[0].tag == "skipped" and third[0].get("message") == "no lime # today"
    assert "out.xml" in potline("test", "fail.test.yaml", "--junit", "none/out.xml", code=2, cwd=folder).stderr


def tap(folder):
    lines = potline("test", "fail.test.yaml", "--tap", code=1, cwd=folder).stdout.splitlines()
    assert lines[:2] == ["TAP version 13", "1..3"], lines
    points = [line for line in lines[2:] if not line.startswith("#")]
    assert points == ['not ok 1 - fail.test.yaml: a <case> & "more"', "ok 2 - fail.test.yaml: good",
                      "ok 3 - fail.test.yaml: later # SKIP no lime # today"], points
    assert any("~ 10s" in line for line in lines)


def wrong_files(folder):
    write(folder, "graph.yaml", GRAPH)
    write(folder, "fail.test.yaml", FAILING)
    write(folder, "wrong.test.yaml", "potline: 1\ngraph: graph.yml\ncases: [ { name: a, expect: { win: none } } ]\n")
    said = potline("test", "wrong.test.yaml", code=2, cwd=folder)
    assert said.stderr == "graph.yml: no such file; did you mean graph.yaml?\n", said.stderr
    both = potline("test", cwd=folder, code=2)
    assert "1 passed, 1 failed, 1 skipped; 1 file is wrong" in both.stdout, both.stdout
    assert "not ok 4 - wrong.test.yaml cannot be read" in potline("test", "--tap", code=2, cwd=folder).stdout
    potline("test", "no-such-folder", code=2, cwd=folder)
    os.mkdir(os.path.join(folder, "empty"))
    assert "no file *.test.yaml" in potline("test", "empty", code=2, cwd=folder).stderr
    write(folder, "broken.test.yaml", "potline: 1\ngraph: [\n")
    assert "broken.test.yaml:3:1" in potline("test", "broken.test.yaml", code=2, cwd=folder).stderr


    commands(folder)


def commands(folder):
    """What cannot be done is said when the file is read, or fails the case."""
    graph = os.path.abspath("graphs/smelter.yaml")
    text = (f"potline: 1\ngraph: {graph}\ncases:\n  - name: a\n    expect: {{ alarms: none }}\n    input:\n"
            "      - { time: 0s, node: alarms, command: alarms %s }\n")
    write(folder, "do.test.yaml", text % "akc, alarm: x")
    said = potline("test", "do.test.yaml", code=2, cwd=folder).stderr
    assert said == 'do.test.yaml:7:44: alarms has no command "alarms akc"; did you mean alarms ack?\n', said
    write(folder, "do.test.yaml", text % "ack, alrm: x")
    assert 'no option "alrm"; did you mean alarm?' in potline("test", "do.test.yaml", code=2, cwd=folder).stderr
    write(folder, "do.test.yaml", text % "ack, alarm: x@y")
    said = potline("test", "do.test.yaml", code=1, cwd=folder).stdout
    assert "line 7: alarms ack: no alarm in the list fits x@y" in said, said


# ---- What a case is fed ----


def make_rows():
    random.seed(11)
    rows = []
    for i in range(3000):
        time = START + i // 3 * SECOND + random.randrange(SECOND // 2)
        rows.append((time, f"line1.pot0{random.randrange(1, 5)}.voltage", round(random.uniform(-1, 11), 3)))
    return sorted(rows)


def fed_as_the_engine_is(folder):
    """Windows that the engine has written, expected of cases that are fed the same rows in each way there is."""
    rows, graph = make_rows(), os.path.abspath("graphs/clean-window.yaml")
    samples = write(folder, "samples.csv", "".join(f"{time},{tag},{value}\n" for time, tag, value in rows))
    env = {"IN": samples, "OUT": os.path.join(folder, "out.csv")}
    potline("run", graph, "--until-eof", "-q", "--data", os.path.join(folder, "data"), env=env)
    with open(env["OUT"], encoding="utf-8") as file:
        windows = list(csv.reader(file))
    assert len(windows) > 300
    write(folder, "windows.csv", "start,tag,count,mean,min,max,last\n" + "".join(",".join(w) + "\n" for w in windows))
    write(folder, "rows.csv", "time,tag,value\n" + "".join(f"{time},{tag},{value}\n" for time, tag, value in rows))
    write(folder, "rows.ndjson", "".join(json.dumps({"time": time, "tag": tag, "value": value}) + "\n"
                                         for time, tag, value in rows))
    inputs = {"the rows of a CSV file": "rows.csv", "bronze": "[ { bronze: data } ]",
              "a file, as the graph's source reads it": "[ { csv: samples.csv } ]",
              "a file, by options of its own": "[ { csv: rows.csv, header: true, layout: long, time: time } ]",
              "lines of JSON": "[ { ndjson: rows.ndjson, time: time } ]"}
    text = f"potline: 1\ngraph: {graph}\ncases:\n"
    for name, given in inputs.items():
        text += f"  - name: {name}\n    input: {given}\n    expect: {{ out: {{ rows: windows.csv, any_order: true, abs: 1e-6 }} }}\n"
    begin, end = START + 100 * SECOND, START + 200 * SECOND
    part = sum(begin <= time < end and 0 <= value <= 10 for time, _, value in rows)
    text += ("  - name: a slice\n    input: [ { bronze: data, from: 100s, to: 200s } ]\n"
             f"    expect: {{ clean: {{ count: {part}, each: t >= 100 and t < 200 }} }}\n")
    text += "  - name: nothing is there\n    input: [ { bronze: data, from: 1d } ]\n    expect: { clean: none }\n"
    write(folder, "fed.test.yaml", text)
    said = potline("test", "fed.test.yaml", "--recut", "3", code=1, cwd=folder).stdout
    assert "no recorded rows" in said and "7 cases in 1 file: 6 passed, 1 failed" in said, said


ORDER = """potline: 1
graph: graph.yaml
cases:
  - name: by time no row is late
    input: [ { time: 25s, tag: a, value: 1 }, { time: 5s, tag: a, value: 2 } ]
    expect: { win: [ { end: 10s, count: 1 }, { end: 30s, count: 1 } ], win.late: none }
  - name: as listed it is
    order: listed
    input: [ { time: 25s, tag: a, value: 1 }, { time: 5s, tag: a, value: 2 } ]
    expect: { win: [ { end: 30s, count: 1 } ], win.late: [ { time: 5s, tag: a, value: 2 } ] }
  - name: within the source's disorder it is not
    order: listed
    set: { in.disorder: 30s }
    input: [ { time: 25s, tag: a, value: 1 }, { time: 5s, tag: a, value: 2 } ]
    expect: { win: [ { end: 10s, count: 1 }, { end: 30s, count: 1 } ], win.late: none }
  - name: what is open when the time is up stays open
    until: 20s
    input: [ { time: 5s, tag: a, value: 1 }, { time: 15s, tag: a, value: 1 }, { time: 20s, tag: a, value: 1 } ]
    expect: { win: [ { end: 10s }, { end: 20s } ] }
"""


def order_and_end(folder):
    write(folder, "graph.yaml", GRAPH)
    write(folder, "order.test.yaml", ORDER)
    potline("test", "order.test.yaml", "--recut", "40", cwd=folder)


def hostile(folder):
    """Whatever stands in a test file, it is run or refused."""
    random.seed(5)
    sources = [path for path in glob.glob("graphs/*.test.yaml") + glob.glob("lua/*.test.yaml")]
    for number in range(int(os.environ.get("POTLINE_LONG") or 0) * 300 + 60):
        path = random.choice(sources)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for key in ["graph", "rules"]:
            text = text.replace(f"\n{key}: ", f"\n{key}: {os.path.abspath(os.path.dirname(path))}/", 1)
        text = bytearray(text.encode())
        for _ in range(random.randint(1, 6)):
            at = random.randrange(len(text))
            piece = random.choice([b"{", b"[", b'"', b": ", b"\n", b"- ", b"9", b"-", b"${", b"\xff", b"nan", b"~", b"text: x"])
            text[at:at + random.choice([0, 0, 1, 8, 60])] = piece
        file = os.path.join(folder, "hostile.test.yaml")
        with open(file, "wb") as out:
            out.write(text)
        done = subprocess.run([POTLINE, "test", file], capture_output=True, timeout=120, check=False)
        assert done.returncode in (0, 1, 2), f"{path}, change {number}: exit code {done.returncode}\n{done.stderr.decode()}"


def main():
    shipped()
    for test in [failures, wrong_files, fed_as_the_engine_is, order_and_end, hostile]:
        with tempfile.TemporaryDirectory() as folder:
            test(folder)


main()

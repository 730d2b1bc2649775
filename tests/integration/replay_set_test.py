#!/usr/bin/python3
"""What people set while a graph ran is played again from the same row on: options and rules, in each partition, through
SIGKILLs and an orderly end that takes back what was not to last."""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
ROWS = 400_000
GRAPH = """potline: 1
name: set-again
partitions: {partitions}
checkpoint: 100ms
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, rate: 40000/s }}
  some: {{ op: filter, from: in, at_least: 1 }}
  win: {{ op: window.tumbling, from: some, size: 1s }}
  most: {{ op: filter, from: [some, in], at_least: 3 }}
  hot: {{ op: rules, from: in, scripts: hot.lua }}
  silver: {{ op: sink.lake, from: [some, most], zone: silver }}
  gold: {{ op: sink.lake, from: win, zone: gold }}
  told: {{ op: sink.ndjson, from: hot, path: told.ndjson }}
"""
RULE = """rule {
  name = "hot", on = "samples", tags = "*.volt", params = { limit = { 7, low = 0, high = 20, unit = "V" } },
  when = "value > limit", severity = 500, message = "{tag} at {value} V, limit {limit} V",
}
"""


def fail(text):
    sys.exit(f"replay of what was set: {text}")


def potline(*words, cwd, code=0):
    done = subprocess.run([f"{BIN}/potline", *words], cwd=cwd, capture_output=True, text=True, timeout=200)
    if done.returncode != code:
        fail(f"{words}: exit code {done.returncode}: {done.stderr}")
    return done.stdout, done.stderr


def start(cwd, *more):
    engine = subprocess.Popen([f"{BIN}/potline", "run", "graph.yaml", "--data", "data", "--quiet", *more], cwd=cwd,
                              stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while subprocess.run([f"{BIN}/potline", "shell", "--data", "data", "-c", "options some"], cwd=cwd,
                         capture_output=True).returncode:
        if engine.poll() is not None or time.monotonic() > end:
            fail(f"it does not run: {engine.stderr.read()}")
        time.sleep(0.02)
    return engine


def change(cwd, *words):
    potline("shell", "--data", "data", "-c", " ".join(words), cwd=cwd)


def live(cwd, dice):
    """Returns how many things were set."""
    count = 0
    for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        engine = start(cwd)
        for word in dice.sample(["set some.at_least 5 --persist", "set most.at_least 4", f"rules set hot limit {dice.randrange(3, 9)}",
                                 "rules disable hot", "rules enable hot", f"set some.at_least {dice.randrange(2, 9)}"], 3):
            change(cwd, word)
            count += 1
            time.sleep(dice.uniform(0, 0.2))
        engine.send_signal(how)
        engine.communicate()
        if how == signal.SIGTERM and engine.returncode:
            fail(f"exit code {engine.returncode}")
    potline("run", "graph.yaml", "--data", "data", "--quiet", "--until-eof", "--set", "in.rate=1e9/s", cwd=cwd)
    return count


def differences(cwd, *more, data="data", code=0):
    out, said = potline("replay", "graph.yaml", "--data", data, "--diff", "--json", *more, cwd=cwd, code=code)
    lines = [json.loads(line) for line in out.splitlines()]
    return {line["node"]: (line["same"], line["changed"] + line["removed"] + line["added"]) for line in lines if "same" in line}, said


def events(cwd):
    with open(f"{cwd}/told.ndjson") as file:
        return sorted((row["time"], row["tag"], json.dumps(row, sort_keys=True)) for row in map(json.loads, file))


def played_again(partitions):
    dice = random.Random(partitions)
    with tempfile.TemporaryDirectory(prefix="potline-set-again-") as cwd:
        with open(f"{cwd}/graph.yaml", "w") as file:
            file.write(GRAPH.format(partitions=partitions))
        with open(f"{cwd}/hot.lua", "w") as file:
            file.write(RULE)
        with open(f"{cwd}/rows.csv", "w") as file:
            for i in range(ROWS):
                file.write(f"{1_700_000_000 + i / 4000:.5f},line{i % 4 + 1}.pot1.volt,{i % 10}\n")
        count = live(cwd, dice)
        found, said = differences(cwd)
        for node in ("silver", "gold"):
            if not found[node][0] or found[node][1]:
                fail(f"{partitions} partitions: {node} is not what it was live: {found}; {said}")
        if f"what people set is part of it, {count} times" not in said:
            fail(f"{count} things were set: {said}")
        told = events(cwd)
        os.remove(f"{cwd}/told.ndjson")
        potline("replay", "graph.yaml", "--data", "data", "--into", "again", "--sink", "told", cwd=cwd)
        if not told or events(cwd) != told:
            fail(f"{len(told)} events were told live, {len(events(cwd))} again, and not the same")

        # A part of it, behind most of what was set.
        found, said = differences(cwd, "--from", "2023-11-14T22:14:20Z", "--margin", "10s")
        if not found["gold"][0] or found["gold"][1]:
            fail(f"a part of it: {found}; {said}")
        # Without; and with another value in the graph, which counts.
        if not differences(cwd, "--ignore-set")[0]["silver"][1]:
            fail("without what was set nothing is another row")
        if not differences(cwd, "--set", "some.at_least=0")[0]["gold"][1]:
            fail("another value in the graph changes nothing")
        # What was set at a start is as much part of it.
        at_start = ("--set", "in.rate=1e9/s", "--set", "some.at_least=5")
        potline("run", "graph.yaml", "--data", "other", "--quiet", "--until-eof", *at_start, cwd=cwd)
        found, said = differences(cwd, data="other")
        if not found["silver"][0] or found["silver"][1] or "as at its start: --set some.at_least=5" not in said:
            fail(f"what was set at the start is not part of it: {found}; {said}")
        if not differences(cwd, "--ignore-set", data="other")[0]["silver"][1]:
            fail("without what was set at the start nothing is another row")
        print(f"{partitions} partitions: {count} things set, through 2 kills and 2 ends, played again")


for partitions in (1, 3):
    played_again(partitions)

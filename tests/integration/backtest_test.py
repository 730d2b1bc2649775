#!/usr/bin/python3
"""potline alarms backtest on a recorded run of the plant, whose journal is the truth about its anode effects.

The rules in force find what was told at the time, and nothing else. Rules that wait for longer lose the short effects, and
that shows as gone alarms and in the recall; rules that cry wolf show as new ones and in the precision.
"""
import csv
import json
import os
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
EFFECTS = ["line1.pot07@60s", "line2.pot03@200s", "line3.pot11@400s", "line1.pot12@500s"]
GRAPH = """
potline: 1
name: backtest
tags: {maps}/tags.csv
nodes:
  plc-{{line}}:
    foreach: {{ line: [1, 2, 3] }}
    op: source.modbus
    endpoint: "{address}"
    unit: "{{line}}"
    clock: {{ table: input, time: 0, step: 4, acknowledge: 0, unit: "{{line}}" }}
    registers: "{maps}/line{{line}}.csv"
    gap: 18
  clean: {{ op: cleanse, from: "plc-*", range: true }}
  limits:
    op: threshold
    from: clean
    quality: any
    rules: [ {{ name: anode-effect, tags: "*.voltage", above: {above}, hysteresis: 1, for: {lasting}, severity: 900 }} ]
  silver: {{ op: sink.lake, zone: silver, from: clean }}
  alarms: {{ op: alarms, from: limits, alarms: {maps}/alarms.csv }}
"""


def run(*command):
    done = subprocess.run([f"{BIN}/potline", *command], capture_output=True, text=True, timeout=240)
    if done.returncode:
        sys.exit(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def graph(work, address, above=8, lasting="3s"):
    path = os.path.join(work, f"rules-{above}-{lasting}.yaml")
    with open(path, "w") as file:
        file.write(GRAPH.format(maps=os.path.abspath("graphs/maps"), address=address, above=above, lasting=lasting))
    return path


def record(work, data):
    address = os.path.join(work, "address")
    command = [f"{BIN}/potline-plant", "--quiet", "--lockstep=all", "--for", "10m", "--listen", "127.0.0.1:0",
               "--address-file", address, "--events", os.path.join(work, "events.csv")]
    for effect in EFFECTS:
        command += ["--anode-effect", effect]
    began, plant = time.time(), subprocess.Popen(command)
    try:
        while not (os.path.exists(address) and open(address).read().strip()):
            if plant.poll() is not None or time.time() > began + 20:
                sys.exit("the plant serves nothing")
            time.sleep(0.05)
        rules = graph(work, open(address).read().strip())
        run("run", rules, "--data", data, "--for", "20s")
    finally:
        plant.terminate()
        plant.wait()
    return rules


def write_truth(work):
    """The journal's anode effects as start,end,asset,rule; how long each was."""
    begun, spans = {}, []
    with open(os.path.join(work, "events.csv"), newline="") as file:
        for row in csv.DictReader(file):
            if row["event"] == "anode_effect_start":
                begun[row["asset"]] = int(row["time_ns"])
            elif row["event"] == "anode_effect_end":
                spans.append((begun.pop(row["asset"]), int(row["time_ns"]), row["asset"]))
    path = os.path.join(work, "truth.csv")
    with open(path, "w") as file:
        file.write("start,end,asset,rule\n" + "".join(f"{a},{b},{asset},anode-effect\n" for a, b, asset in spans))
    return path, spans


def expect(what, told, expected):
    if told != expected:
        sys.exit(f"{what}: {told}, not {expected}")


def main():
    with tempfile.TemporaryDirectory() as work:
        data = os.path.join(work, "data")
        rules = record(work, data)
        truth, spans = write_truth(work)
        if len(spans) < len(EFFECTS):
            sys.exit(f"the plant had {spans}")

        def test(path):
            return json.loads(run("alarms", "backtest", "--rules", path, "--data", data, "--truth", truth, "--json"))

        report = test(rules)
        print(json.dumps(report["truth"]), report["live"])
        lasting = sum(b - a >= 4 * 10**9 for a, b, _ in spans)  # the rule waits for three seconds
        if report["alarms"] < lasting or report["truth"]["recall"] * len(spans) < lasting - 1e-9:
            sys.exit(f"{report}: at least {lasting} of {spans}")
        expect("precision", report["truth"]["precision"], 1.0)
        if not 0 <= report["truth"]["delay_mean_s"] <= 6:
            sys.exit(f"delay: {report['truth']}")
        expect("the rules in force", (report["live"]["new"], report["live"]["gone"]), ([], []))
        expect("told at the time", report["live"]["alarms"], report["alarms"])

        slow = test(graph(work, "127.0.0.1:1", lasting="10m"))
        expect("slow rules", (slow["alarms"], slow["truth"]["recall"], len(slow["live"]["gone"])),
               (0, 0.0, report["alarms"]))

        eager = test(graph(work, "127.0.0.1:1", above=4.2, lasting="0s"))
        if eager["truth"]["precision"] > 0.5:
            sys.exit(f"eager rules: {eager['truth']}")
        if not eager["live"]["new"] or eager["floods"] < 1 or eager["per_10min_max"] <= 10:
            sys.exit(f"eager rules: {eager['floods']} floods, {eager['per_10min_max']} in 10 min")
        print(json.dumps(eager["truth"]))
        sys.stdout.write(run("alarms", "backtest", "--rules", rules, "--data", data, "--truth", truth))


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""A job killed again and again gives what it gives undisturbed.

Rows of a file, paced, go through cleansing, a diamond and windows into files and zones, with a checkpoint every 200 ms. The
engine is killed by SIGKILL at random instants; a kill counts when the log has grown since the start. In the end the files
are the same byte for byte, and silver, gold and bronze hold the same rows, each once.

    kill_test.py [--rows N] [--kills N] [--rate N] [--partitions N] [--seed N] [--keep]
"""
import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
GRAPH = """
potline: 1
name: fault
partitions: {partitions}
checkpoint: 200ms
tags:
  - {{ match: "*.voltage", unit: V, range: [0, 10] }}
  - {{ match: "*.current", unit: A, range: [0, 400] }}
  - {{ match: "*.bath_temp", unit: degC, range: [800, 1100] }}
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", header: false, rate: "{rate}/s", batch: 1024 }}
  alone: {{ op: source.generator, tags: "alone.{{a,b}}", count: {alone}, rate: "{alone_rate}/s" }}
  clean: {{ op: cleanse, from: in, range: true, spike: {{ method: hampel, window: 11, k: 3.5 }}, gaps: {{ max: 5s, fill: linear }} }}
  # A diamond: two ways that meet again and wait for each other.
  volts: {{ op: filter, from: clean, include: "*.voltage" }}
  amps: {{ op: filter, from: clean, include: "*.current" }}
  power: {{ op: map, from: [volts, amps], values: [ {{ tag: "*.power", expr: "voltage * current / 1000" }} ] }}
  tenths: {{ op: window.tumbling, from: [clean, power], size: 10s, aggregates: [count, mean, min, max, last] }}
  minutes: {{ op: window.tumbling, from: tenths, size: 1m, aggregates: [count, mean, min, max, last] }}
  high: {{ op: threshold, from: clean, rules: [ {{ name: volts-high, tags: "*.voltage", above: 4.5, hysteresis: 0.1, for: 1s }} ] }}
  out: {{ op: sink.csv, from: tenths, path: "{out}/tenths.csv" }}
  lines: {{ op: sink.ndjson, from: high, path: "{out}/high.ndjson" }}
  silver: {{ op: sink.lake, zone: silver, from: clean }}
  gold: {{ op: sink.lake, zone: gold, from: [tenths, minutes] }}
"""


def graph(work, out, options):
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, "graph.yaml")
    with open(path, "w") as file:
        file.write(GRAPH.format(work=work, out=out, partitions=options.partitions, rate=options.rate,
                                alone=options.rows // 10, alone_rate=options.rate // 10))
    return path


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def start(path, data):
    return subprocess.Popen([f"{BIN}/potline", "run", path, "--data", data, "--until-eof", "--quiet"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(path, data):
    process = start(path, data)
    said = process.stderr.read()
    if process.wait():
        fail(f"exit code {process.returncode}: {said}")
    return said


def log_size(data):
    """Bytes of RocksDB's write-ahead logs and files, which every append makes longer."""
    size = 0
    for name in os.listdir(os.path.join(data, "store")):
        if name.endswith((".log", ".sst")):
            try:
                size += os.path.getsize(os.path.join(data, "store", name))
            except FileNotFoundError:
                pass
    return size


def disturb(path, data, options):
    """Kills until there have been enough kills, then lets it finish. Returns how many counted."""
    dice, kills = random.Random(options.seed), 0
    began = time.time()
    while kills < options.kills:
        before = log_size(data) if os.path.isdir(os.path.join(data, "store")) else 0
        process = start(path, data)
        time.sleep(dice.uniform(0.02, 1.0))
        if process.poll() is not None:
            said = process.stderr.read()
            if process.returncode:
                fail(f"after {kills} kills: exit code {process.returncode}: {said}")
            print(f"finished after {kills} kills: more rows are needed for more")
            break
        process.kill()
        process.wait()
        kills += log_size(data) > before
        if sys.stderr.isatty():
            print(f"\r{kills} kills, {time.time() - began:.0f} s", end="", file=sys.stderr)
    finish(path, data)
    return kills


def rows_of(data, zone):
    """A zone's rows, sorted: where batches are cut, and how sources take turns (a sequence), is not what is promised."""
    done = subprocess.run([f"{BIN}/potline", "export", "--data", data, "--zone", zone], capture_output=True, text=True)
    if done.returncode:
        fail(f"export {zone}: {done.stderr}")
    lines = done.stdout.splitlines()
    if zone == "bronze":
        lines = [line.rpartition(",")[0] for line in lines]
    return sorted(lines)


def compare(name, expected, found):
    if expected == found:
        return
    for i, (a, b) in enumerate(zip(expected, found)):
        if a != b:
            fail(f"{name}: row {i} differs:\n  expected {a}\n  found    {b}\n  {len(expected)} rows expected, {len(found)} found")
    fail(f"{name}: {len(expected)} rows expected, {len(found)} found")


def file_rows(path):
    with open(path) as file:
        return file.read().splitlines()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5000000 if os.environ.get("POTLINE_LONG") else 400000)
    parser.add_argument("--kills", type=int, default=200 if os.environ.get("POTLINE_LONG") else 20)
    parser.add_argument("--rate", type=int, default=100000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="potline-fault-")
    try:
        subprocess.run([f"{BIN}/bench_gen", "-n", str(options.rows), "-o", f"{work}/in.csv"], check=True,
                       stderr=subprocess.DEVNULL)
        calm, wild = os.path.join(work, "calm"), os.path.join(work, "wild")
        rate, options.rate = options.rate, options.rate * 100
        finish(graph(work, calm, options), os.path.join(calm, "data"))
        options.rate = rate
        path = graph(work, wild, options)
        kills = disturb(path, os.path.join(wild, "data"), options)
        for name in ("tenths.csv", "high.ndjson"):
            compare(name, file_rows(os.path.join(calm, name)), file_rows(os.path.join(wild, name)))
        for zone in ("bronze", "silver", "gold"):
            compare(zone, rows_of(os.path.join(calm, "data"), zone), rows_of(os.path.join(wild, "data"), zone))
        finish(path, os.path.join(wild, "data"))  # a finished job adds nothing
        compare("tenths.csv again", file_rows(os.path.join(calm, "tenths.csv")), file_rows(os.path.join(wild, "tenths.csv")))
        compare("gold again", rows_of(os.path.join(calm, "data"), "gold"), rows_of(os.path.join(wild, "data"), "gold"))
        if kills < options.kills:
            fail(f"only {kills} kills")
        print(f"{options.rows} rows, {options.partitions} partitions, {kills} kills: files, bronze, silver and gold are the same")
    finally:
        if options.keep:
            print(work)
        else:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()

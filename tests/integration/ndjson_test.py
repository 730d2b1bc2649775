#!/usr/bin/python3
"""Rows through sink.ndjson and source.ndjson: the same come back, and Python's json reads every line the same way.

    CSV -> sink.ndjson -> source.ndjson -> CSV          the same bytes as CSV -> CSV
    lines written by Python -> source.ndjson -> CSV     the rows that Python meant
"""

import csv
import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
ROWS = 20000
random.seed(7)


def run(folder, nodes):
    path = os.path.join(folder, "graph.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("potline: 1\nname: ndjson\nlog: { kind: none }\nnodes:\n" + nodes)
    done = subprocess.run([POTLINE, "run", path, "--until-eof"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit("%s\n%s" % (nodes, done.stderr))


def read(path, mode="r"):
    with open(path, mode) as file:
        return file.read()


def double():
    """Any double but NaN, of plain sizes and of all bits."""
    while True:
        value = random.choice([random.gauss(100, 50), round(random.gauss(0, 9), 3), float(random.randint(-9, 9)),
                               struct.unpack("d", random.randbytes(8))[0], math.inf, -math.inf])
        if not math.isnan(value):
            return value


TAGS = ['l1.pot07.volt', 'quote"d', 'back\\slash', 'ümlaut.°C', '\u65e5\u672c.\U0001f3ed', "a,b", "{x}", "sla/sh", "x" * 255]
QUALITIES = ["good", "uncertain|spike", "bad", "bad|out_of_range|late"]


def make_rows():
    rows = []
    for i in range(ROWS):
        value = double() if random.random() > 0.05 else None
        quality = random.choice(QUALITIES) if value is not None else "bad|missing"
        rows.append((1700000000000000000 + i * 1234567 + (i % 3 == 0) * 10**8, random.choice(TAGS), value, quality))
    return rows


def write_csv(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time_ns", "tag", "value", "quality"])
        for time, tag, value, quality in rows:
            writer.writerow([time, tag, "" if value is None else repr(value), quality])


COLUMNS = "columns: [time_ns, tag, value, quality]"


def check_round_trip(folder, rows, options, infinities):
    """What the sink wrote is what Python reads, and comes back as it was."""
    at = folder + "/"
    run(folder, f"  in: {{ op: source.csv, path: {at}in.csv }}\n"
                f"  lines: {{ op: sink.ndjson, from: in, path: {at}rows.ndjson{options} }}\n"
                f"  direct: {{ op: sink.csv, from: in, path: {at}direct.csv, {COLUMNS} }}\n")
    with open(at + "rows.ndjson", encoding="utf-8") as file:
        lines = [json.loads(line, parse_constant=lambda word: sys.exit("not JSON: " + word)) for line in file]
    assert len(lines) == len(rows)
    for line, (time, tag, value, quality) in zip(lines, rows):
        expected = value
        if value is not None and math.isinf(value):
            expected = infinities(value)
        assert line["type"] == "samples" and line["node"] == "in", line
        found = line["value"]
        if isinstance(found, int):
            found = float(found)  # whole numbers beyond 2**53 are written with zeros at their end
        assert (line["tag"], found, line["quality"]) == (tag, expected, quality), (line, tag, value)
        assert "time_ns" not in line or line["time_ns"] == time, line
    run(folder, f"  in: {{ op: source.ndjson, path: {at}rows.ndjson }}\n"
                f"  back: {{ op: sink.csv, from: in, path: {at}back.csv, {COLUMNS} }}\n")
    return read(at + "direct.csv"), read(at + "back.csv")


def check_batches(folder):
    """The long way round in whole batches: what `json.dumps` makes of them."""
    at = folder + "/"
    with open(at + "direct.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if "inf" not in row["value"]]
    with open(at + "batches.ndjson", "w", encoding="utf-8") as file:
        for i in range(0, len(rows), 700):
            part = rows[i:i + 700]
            columns = {"time": [int(r["time_ns"]) for r in part], "tag": [r["tag"] for r in part],
                       "value": [float(r["value"]) if r["value"] else None for r in part],
                       "quality": [r["quality"] for r in part]}
            file.write(json.dumps({"kind": "samples", "columns": columns}) + "\n")
    run(folder, f"  in: {{ op: source.ndjson, path: {at}batches.ndjson, layout: batch }}\n"
                f"  back: {{ op: sink.csv, from: in, path: {at}back.csv, {COLUMNS} }}\n")
    with open(at + "back.csv", encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == rows


def flatten(value, name=""):
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from flatten(inner, name + key + ".")
        else:
            yield name + key, inner


def nested(depth):
    keys = random.sample(["a", "b", "ä", 'q"', "\\", "c d", "\u2028", "long" * 9, "/"], random.randint(1, 5))
    return {key: nested(depth - 1) if depth and random.random() < 0.3
            else random.choice([double(), None, True, False, random.randint(-2**40, 2**40)]) for key in keys}


def number(value):
    if value is None:
        return math.nan
    return float(value)


def check_wide(folder):
    """Objects as Python writes them, escapes or not, in one piece or with blanks; the names are Python's."""
    at = folder + "/"
    expected = []
    with open(at + "wide.ndjson", "w", encoding="utf-8") as file:
        for i in range(3000):
            fields = nested(3)
            for name, value in flatten(fields):
                if not isinstance(value, float) or math.isfinite(value):
                    expected.append((1000 + i, "plant." + name, number(value)))
                else:
                    expected.append((1000 + i, "plant." + name, value))
            text = json.dumps({**fields, "meta": {"at": 1000 + i}}, ensure_ascii=random.random() < 0.5,
                              separators=random.choice([(",", ":"), (" , ", " : ")]))
            file.write(text.replace("-Infinity", '"-inf"').replace("Infinity", '"inf"') + "\n")
            if i % 100 == 0:
                file.write(text[:-1] + "\n")  # not whole: rejected
    run(folder, f"  in: {{ op: source.ndjson, path: {at}wide.ndjson, layout: wide, time: meta.at, time_format: ns, prefix: plant. }}\n"
                f"  back: {{ op: sink.csv, from: in, path: {at}back.csv }}\n")
    with open(at + "back.csv", encoding="utf-8", newline="") as file:
        found = [(int(r["time_ns"]), r["tag"], float(r["value"] or "nan")) for r in csv.DictReader(file)]
    assert len(found) == len(expected), (len(found), len(expected))
    for one, other in zip(found, expected):
        assert one[:2] == other[:2], (one, other)
        assert one[2] == other[2] or (math.isnan(one[2]) and math.isnan(other[2])), (one, other)


def check_nodes(folder):
    """Rows of two nodes, merged by time: each line names the one that gave it."""
    for k, name in enumerate(["a", "b"]):
        write_csv(f"{folder}/{name}.csv", [((2 * i + k) * 10**6, f"{name}.v", float(i), "good") for i in range(2000)])
    run(folder, "".join(f"  {name}: {{ op: source.csv, path: {folder}/{name}.csv }}\n" for name in ["a", "b"]) +
        f"  lines: {{ op: sink.ndjson, from: [a, b], path: {folder}/nodes.ndjson }}\n")
    with open(folder + "/nodes.ndjson", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    assert [line["tag"] for line in lines] == ["a.v", "b.v"] * 2000
    assert [line["node"] for line in lines] == ["a", "b"] * 2000


def main():
    with tempfile.TemporaryDirectory(prefix="potline-ndjson-") as folder:
        rows = make_rows()
        write_csv(folder + "/in.csv", rows)
        for options in (", infinities: text", ", infinities: text, time: ns"):
            direct, back = check_round_trip(folder, rows, options, lambda v: "inf" if v > 0 else "-inf")
            assert direct == back
        check_round_trip(folder, rows, "", lambda v: None)
        check_batches(folder)
        check_wide(folder)
        check_nodes(folder)


if __name__ == "__main__":
    main()

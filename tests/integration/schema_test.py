#!/usr/bin/python3
"""The JSON Schema of graph files agrees with the loader: it takes every graph of graphs/ and refuses what is no graph."""
import glob
import json
import os
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")

HEAD = "potline: 1\nname: x\n"
SOURCE = "  in: { op: source.modbus, endpoint: plc, registers: [ { tag: a, address: 1 } ] }\n"

# Each is refused by `potline check` as well.
BAD = {
    "no version": "name: x\nnodes:\n" + SOURCE,
    "another version": "potline: 2\nname: x\nnodes:\n" + SOURCE,
    "no name": "potline: 1\nnodes:\n" + SOURCE,
    "an unknown option of the graph": HEAD + "partition: 4\nnodes:\n" + SOURCE,
    "partitions out of range": HEAD + "partitions: 1000\nnodes:\n" + SOURCE,
    "an unknown log": HEAD + "log: { kind: embeded }\nnodes:\n" + SOURCE,
    "an unknown operator": HEAD + "nodes: { in: { op: source.modbuss } }\n",
    "no operator": HEAD + "nodes: { in: { endpoint: plc } }\n",
    "a missing option": HEAD + "nodes: { in: { op: source.modbus, endpoint: plc } }\n",
    "an unknown option": HEAD + "nodes:\n" + SOURCE + "  c: { op: cleanse, from: in, rnge: true }\n",
    "no from": HEAD + "nodes:\n" + SOURCE + "  c: { op: cleanse }\n",
    "a source that takes": HEAD + "nodes:\n" + SOURCE.replace("plc,", "plc, from: c,"),
    "a wrong duration": HEAD + "nodes:\n" + SOURCE + "  w: { op: window.tumbling, from: in, size: 10 sec }\n",
    "a wrong choice": HEAD + "nodes:\n" + SOURCE + "  w: { op: window.tumbling, from: in, size: 1s, by: tags }\n",
    "a wrong set": HEAD + "nodes:\n" + SOURCE + "  w: { op: window.tumbling, from: in, size: 1s, aggregates: [avg] }\n",
    "an unknown option in a group": HEAD + "nodes:\n" + SOURCE + "  c: { op: cleanse, from: in, spike: { windw: 5 } }\n",
    "a number out of range": HEAD + "nodes:\n" + SOURCE + "  c: { op: cleanse, from: in, spike: { window: 1000 } }\n",
    "a missing option in a record": HEAD + "nodes:\n" + SOURCE.replace(", address: 1", ""),
    "an unknown key in a rule": HEAD + "tags: [ { match: a, units: V } ]\nnodes:\n" + SOURCE,
    "an unknown key in a group": HEAD + "groups: [ { each: { a: [1] }, nodes: {} } ]\nnodes:\n" + SOURCE,
}

GOOD = {
    "every form": HEAD + """
description: all that may stand in a graph
include: [common.yaml]
log: { kind: "${LOG:-embedded}", sync: each }
checkpoint: 1m
max_lag: 64MiB
broadcast: plant.*
tags:
  - { match: "*.v", unit: V, range: [2, .inf] }
  - { foreach: { n: 1..3 }, match: "line{n}.*", low: -.inf }
groups: [ { foreach: { line: [1, 2] }, tags: tags.csv, nodes: { "c-{line}": { op: cleanse, from: "in", range: true } } } ]
nodes:
  in: { op: source.modbus, endpoint: "${PLC}", unit: "{line}", poll: 500ms, registers: map.csv, disorder: 0, rate: 100/s }
  w: { op: window.tumbling, from: [in, "c-*"], size: "${SIZE}", aggregates: count, queue: { bytes: 4096 }, was: v }
  f: { op: filter, from: { in: w }, above: .nan }
  s: { op: sink.lake, zone: gold, from: f, on_full: block, doc: for people }
""",
}


# The same of test files, which `potline test` refuses as well.
TEST = f"potline: 1\ngraph: {os.path.abspath('graphs/clean-window.yaml')}\n"
BAD_TESTS = {
    "no cases": TEST,
    "no name": TEST + "cases: [ { expect: { win: none } } ]\n",
    "nothing expected": TEST + "cases: [ { name: a } ]\n",
    "an unknown option": TEST + "node: win\ncases: [ { name: a, expect: { win: none } } ]\n",
    "an unknown option of a case": TEST + "cases: [ { name: a, inptu: [], expect: { win: none } } ]\n",
    "an unknown order": TEST + "cases: [ { name: a, order: random, expect: { win: none } } ]\n",
    "an unknown column": TEST + "cases: [ { name: a, input: [ { tim: 0s, tag: a } ], expect: { win: none } } ]\n",
    "an unknown expectation": TEST + "cases: [ { name: a, expect: { win: { cuont: 1 } } } ]\n",
    "a count that is none": TEST + "cases: [ { name: a, expect: { win: { count: many } } } ]\n",
}


class Loader(yaml.SafeLoader):
    """YAML 1.2, as editors read it: a time is a text."""

    yaml_implicit_resolvers = {first: [(tag, match) for tag, match in resolvers if not tag.endswith(":timestamp")]
                               for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def load(text):
    return yaml.load(text, Loader)


def check_tests():
    schema = json.loads(subprocess.run([POTLINE, "inspect", "--test-schema"], check=True, capture_output=True).stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    failed = 0
    paths = sorted(glob.glob("graphs/**/*.test.yaml", recursive=True) + glob.glob("lua/*.test.yaml"))
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for error in validator.iter_errors(load(file.read())):
                print(f"{path}: the schema refuses it: {list(error.path)}: {error.message}")
                failed += 1
    for name, text in BAD_TESTS.items():
        if validator.is_valid(load(text)):
            print(f"{name}: the schema takes it")
            failed += 1
        with tempfile.NamedTemporaryFile("w", suffix=".test.yaml") as file:
            file.write(text)
            file.flush()
            if subprocess.run([POTLINE, "test", file.name], capture_output=True).returncode != 2:
                print(f"{name}: potline test takes it")
                failed += 1
    return failed + (len(paths) < 10)


def main():
    schema = json.loads(subprocess.run([POTLINE, "inspect", "--schema"], check=True, capture_output=True).stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    failed = 0
    for path in sorted(glob.glob("graphs/**/*.yaml", recursive=True)):
        with open(path, encoding="utf-8") as file:
            graph = load(file.read())
        if "name" not in graph:  # a part that others include
            continue
        for error in validator.iter_errors(graph):
            print(f"{path}: the schema refuses it: {error.message}")
            failed += 1
    for name, text in GOOD.items():
        for error in validator.iter_errors(load(text)):
            print(f"{name}: the schema refuses it: {list(error.path)}: {error.message}")
            failed += 1
    for name, text in BAD.items():
        if validator.is_valid(load(text)):
            print(f"{name}: the schema takes it")
            failed += 1
        if subprocess.run([POTLINE, "check", "/dev/stdin"], input=text.encode(), capture_output=True).returncode != 2:
            print(f"{name}: potline check takes it")
            failed += 1
    failed += check_tests()
    print(f"{len(GOOD)} good and {len(BAD)} bad graphs, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())

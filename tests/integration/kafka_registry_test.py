#!/usr/bin/python3
"""source.kafka and sink.kafka with a schema registry, a real one: JSON Schema and Avro against other people's code, what does not
fit, a registry that is away, wants a password and TLS, and an engine that is killed while it copies.

    kafka_registry_test.py [--kills N] [--rows N] [--seed N] [--only NAME]...
"""
import argparse
import datetime
import decimal
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import all_kinds  # noqa: E402  pylint: disable=wrong-import-position
import kafka_server  # noqa: E402  pylint: disable=wrong-import-position
import kafka_test  # noqa: E402  pylint: disable=wrong-import-position
import schema_registry  # noqa: E402  pylint: disable=wrong-import-position
from kafka_test import differ, end, fail, lines, run, start, wait_for, write_graph  # noqa: E402  pylint: disable=wrong-import-position
from schema_registry import frame  # noqa: E402  pylint: disable=wrong-import-position

LONG, BRIEF = (bool(os.environ.get(name)) for name in ("POTLINE_LONG", "POTLINE_BRIEF"))
ROW = {"type": "object", "properties": {"time": {"type": "string"}, "tag": {"type": "string"}, "value": {"type": "number"}},
       "required": ["time", "tag"]}
PLANT = {
    "type": "record", "name": "Pot", "namespace": "plant.line1", "fields": [
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "pot", "type": "string"},
        {"name": "voltage", "type": ["null", "double"], "default": None},
        {"name": "anode", "type": {"type": "record", "name": "Anode", "fields": [
            {"name": "current", "type": "float"}, {"name": "height", "type": "int"}, {"name": "spare", "type": ["null", "Anode"]}]}},
        {"name": "cost", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "mode", "type": {"type": "enum", "name": "Mode", "symbols": ["FEED", "TRACK"]}},
        {"name": "on", "type": "boolean"},
        {"name": "shell", "type": {"type": "map", "values": "double"}},
        {"name": "seal", "type": {"type": "fixed", "name": "Seal", "size": 4}},
    ]}


def letters(graph, word):
    done = subprocess.run([kafka_test.POTLINE, "dead", "list", "--data", graph.removesuffix(".yaml")], capture_output=True, text=True,
                          check=False)
    return [line for line in done.stdout.splitlines() if word in line]


def raw(brokers, topic, least):
    """Values of messages as bytes, committed ones."""
    deadline = time.time() + kafka_test.PATIENCE
    while True:
        text = brokers.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-X", "isolation.level=read_committed", "-f", "%R%s")
        found = []
        while text:
            size = int.from_bytes(text[:4], "big")
            found.append(text[4:4 + size])
            text = text[4 + size:]
        if len(found) >= least or time.time() > deadline:
            return found
        time.sleep(0.1)


# ---- JSON ----


def json_schema(brokers, registry, folder, _):
    """What fits comes, what does not is a dead letter that says why, and what we write fits the schema that we have registered."""
    import jsonschema  # pylint: disable=import-outside-toplevel
    brokers.do("topic", "plant")
    brokers.do("topic", "ours")
    good = registry.register("plant-value", ROW, "JSON")
    text = registry.register("text-value", {"$schema": "http://json-schema.org/draft-07/schema#", "type": "string"}, "JSON")
    proto = registry.register("proto-value", 'syntax = "proto3"; message A { string a = 1; }', "PROTOBUF")
    deep = registry.register("deep-value", json.dumps({"type": "record", "name": "r", "fields": [
        {"name": "v", "type": json.loads('{"type":"array","items":' * 40 + '"int"' + "}" * 40)}]}))
    many = [registry.register("many-value", dict(ROW, title=str(i)), "JSON") for i in range(66)]  # more than are kept
    long = registry.register("long-value", dict(ROW, description="x" * (300 << 10)), "JSON")
    rows = [kafka_test.sample(i) for i in range(300)]
    bad = {"the registry does not know it": frame(999999, rows[0]), "it describes no object": frame(text, b'"x"'),
           "of type PROTOBUF": frame(proto, b"\n\1a"), "nested deeper": frame(deep, b"\0"), "are not read": frame(long, rows[0]), "no schema id": rows[0],
           "JSON": frame(good, b'{"time":'), "no tag": frame(good, b"{}")}
    messages = [(None, frame(many[i] if i < len(many) else many[0] if i < 99 else good, row)) for i, row in enumerate(rows)]
    for i, message in enumerate(bad.values()):
        messages.insert(i * 35, (None, message))
    messages.insert(5, (None, b"\0"))
    brokers.produce("plant", messages)
    graph = write_graph(folder, (
        f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: plant, encoding: rows, until: end, registry: {{ url: "{registry.url}" }} }}\n'
        f'  out: {{ op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: ours, encoding: rows, registry: {{ url: "{registry.url}/" }} }}\n'),
        "json")
    run(graph)
    dead = letters(graph, "plant[")
    if len(dead) != len(bad) + 1:
        fail(f"{len(dead)} dead letters of {len(bad) + 1}: {dead}")
    for why in bad:
        if not any(why in letter for letter in dead):
            fail(f"no dead letter says '{why}': {dead}")
    found, schemas = [], {}
    for message in raw(brokers, "ours", len(rows)):
        number, value = schema_registry.unframe(message)
        if number not in schemas:
            schemas[number] = registry.schema(number)
        kind, schema = schemas[number]
        row = json.loads(value)
        jsonschema.validate(row, json.loads(schema))
        found.append((kind, row["tag"], row["value"]))
    differ("rows by JSON Schema", [("JSON", row["tag"], row["value"]) for row in map(json.loads, rows)], found)
    if registry.ask("/subjects/ours-value/versions") != [1]:
        fail("not one version of our schema")
    return f"{len(found)} rows by JSON Schema, {len(dead)} dead letters that say why"


# ---- Avro ----


def plant_value(i):
    at = datetime.datetime.fromtimestamp(1_700_000_000, datetime.timezone.utc) + datetime.timedelta(seconds=i, microseconds=i)
    anode = {"current": i / 4, "height": -i, "spare": {"current": 0.5, "height": i, "spare": None} if i % 3 == 0 else None}
    return {"at": at, "pot": f"pot{i % 5}", "voltage": None if i % 7 == 0 else i / 3, "anode": anode, "cost": decimal.Decimal(i - 50).scaleb(-2),
            "mode": ("FEED", "TRACK")[i % 2], "on": i % 2 == 0, "shell": {"north": i * 1e10, "south": -0.5}, "seal": b"abcd"}


def plant_rows(value):
    pot, anode = value["pot"], value["anode"]
    yield f"{pot}.anode.current", anode["current"]
    yield f"{pot}.anode.height", anode["height"]
    if anode["spare"]:
        yield f"{pot}.anode.spare.current", anode["spare"]["current"]
        yield f"{pot}.anode.spare.height", anode["spare"]["height"]
    if value["voltage"] is not None:
        yield f"{pot}.voltage", value["voltage"]
    yield f"{pot}.cost", float(value["cost"])
    yield f"{pot}.shell.north", value["shell"]["north"]
    yield f"{pot}.shell.south", value["shell"]["south"]
    yield f"{pot}.on", float(value["on"])


def avro_read(brokers, registry, folder, options):
    """python3-avro writes every type, and cuts and bends some messages: those are dead letters, or other values, and no more."""
    import avro.schema  # pylint: disable=import-outside-toplevel
    dice = random.Random(options.seed)
    brokers.do("topic", "pots")
    number, schema = registry.register("pots-value", PLANT), avro.schema.parse(json.dumps(PLANT))
    values = [plant_value(i) for i in range(200)]
    whole = [schema_registry.write_avro(schema, value) for value in values]
    messages = [(None, frame(number, message)) for message in whole]
    cut = [(None, frame(number, message[:dice.randrange(len(message))])) for message in whole]
    brokers.produce("pots", messages + cut)
    graph = write_graph(folder, (
        f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: pots, encoding: avro, layout: wide, asset: pot, time: at, empty: skip, until: end, '
        f'exclude: ["anode.spare", "mode", "seal"], registry: {{ url: "{registry.url}" }} }}\n'
        f'  out: {{ op: sink.ndjson, from: in, path: "{folder}/pots.ndjson", time: ns }}\n'), "pots")
    run(graph)
    found = [row for row in map(json.loads, lines(f"{folder}/pots.ndjson")) if row["value"] is not None]
    differ("rows of Avro", [row for value in values for row in plant_rows(value)], [(row["tag"], row["value"]) for row in found])
    times = {row["time_ns"] for row in found}
    differ("times of Avro", [1_700_000_000_000_000_000 + i * 1_000_001_000 for i in range(200)], times)
    dead = letters(graph, "pots[")
    if len(dead) != len(cut):
        fail(f"{len(dead)} dead letters of {len(cut)} messages that are cut")
    return f"{len(found)} values of {len(values)} messages of python3-avro, {len(dead)} cut ones refused"


def avro_write(brokers, registry, folder, _):
    """Every kind of rows as python3-avro reads it by the schema of the registry, against the same rows as JSON."""
    import avro.schema  # pylint: disable=import-outside-toplevel
    text = ""
    for kind in all_kinds.KINDS:
        for topic in (kind, f"{kind}.avro"):
            brokers.do("topic", topic)
        brokers.produce(kind, [(None, all_kinds.make_batch(kind, random.randint(1, 60), i * 100)) for i in range(10)])
        text += (f'  {kind}: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: {kind}, kind: {kind}, encoding: msgpack, until: end }}\n'
                 f'  {kind}_file: {{ op: sink.ndjson, from: {kind}, path: "{folder}/{kind}.ndjson", time: ns, infinities: text, node: false }}\n'
                 f'  {kind}_avro: {{ op: sink.kafka, from: {kind}, brokers: "{brokers.addresses}", topic: {kind}.avro, encoding: avro, '
                 f'registry: {{ url: "{registry.url}" }} }}\n')
    run(write_graph(folder, text, "write"))
    rows = 0
    for kind in all_kinds.KINDS:
        expected = [json.loads(line) for line in lines(f"{folder}/{kind}.ndjson")]
        found, schemas = [], {}
        for message in raw(brokers, f"{kind}.avro", len(expected)):
            number, value = schema_registry.unframe(message)
            if number not in schemas:
                schemas[number] = avro.schema.parse(registry.schema(number)[1])
            found.append(schema_registry.read_avro(schemas[number], value))
        rows += differ(f"{kind} as Avro", [row_of_json(row) for row in expected], [row_of_avro(row) for row in found])
    return f"{rows} rows of every kind are what python3-avro reads"


def plain(value):
    """Numbers as JSON says them: without a difference between 1 and 1.0, and without NaN."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, float):
        return value
    if value != value:
        return None
    if value in (float("inf"), -float("inf")):
        return "inf" if value > 0 else "-inf"
    return int(value) if value == int(value) else value


def row_of_json(row):
    """A row of sink.ndjson, by the names that fields have in Avro."""
    row.pop("type")
    if "body" in row:
        row["body"] = "" if row["body"] is None else json.dumps(row["body"], sort_keys=True)
    return json.dumps({name.removesuffix("_ns"): plain(value) for name, value in row.items()}, sort_keys=True)


def row_of_avro(row):
    if row.get("body"):
        row["body"] = json.dumps(json.loads(row["body"]), sort_keys=True)
    return json.dumps({name: plain(value) for name, value in row.items()}, sort_keys=True)


# ---- A registry that is away ----


def away(brokers, registry, folder, _):
    """TLS and a password; whatever the registry does not answer, or answers in place of an answer, is said once, and nothing is
    passed over meanwhile, by source or sink."""
    security, password, wrong = brokers.security.name, "s3cr3t-of-registry", "wr0ng-of-registry"
    gate = schema_registry.Gate(registry.url, password, f"{security}/broker.pem")
    number = registry.register("gated-value", ROW, "JSON")
    rows = [kafka_test.sample(i) for i in range(100)]
    for topic in ("gated", "gated_copy", "locked_copy"):
        brokers.do("topic", topic)
    brokers.produce("gated", [(None, frame(number, row)) for row in rows])
    access = f'registry: {{ url: "{gate.url}", user: plant, password: "${{REGISTRY_PASSWORD}}", ca: "{security}/ca.pem", timeout: 1m }}'
    text = (f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: gated, encoding: rows, until: end, {access} }}\n'
            f'  out: {{ op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: gated_copy, encoding: avro, linger: 2m, {access} }}\n')
    graph = write_graph(folder, text, "gated")
    os.environ["REGISTRY_PASSWORD"] = password
    seen = 0
    for status in (503, "close", "other", 302):
        gate.status = status
        process = start(graph, "--until-eof")
        wait_for(f"questions while the registry answers {status}", lambda: len(gate.requests) >= seen + 4, process)
        if status != 302:  # the last one goes on by itself when the registry is back
            process.kill()
            process.communicate()
        seen = len(gate.requests)
    if raw(brokers, "gated_copy", 0) or letters(graph, "gated["):
        fail("rows were written, or refused, without a registry")
    gate.status = None
    said = end(process)
    if not 1 <= said.count("tried again until it works") <= 2 or not 1 <= said.count("is there again") <= 2 or password in said:
        fail(f"not one word of each node that the registry is away, and back: {said}")
    found = [schema_registry.unframe(message)[0] for message in raw(brokers, "gated_copy", len(rows))]
    if len(found) != len(rows):
        fail(f"{len(found)} rows of {len(rows)} behind a registry that was away")
    # Who has a wrong password, or trusts somebody else, waits too, and says why.
    for name, secret, authority, word in (("password", wrong, f"{security}/ca.pem", "answers 401: who are you"),
                                          ("authority", password, "", "certificate")):
        os.environ["REGISTRY_PASSWORD"] = secret
        locked = write_graph(folder, text.replace("gated_copy", "locked_copy").replace(f"{security}/ca.pem", authority), f"locked-{name}")
        kafka_said = os.path.join(folder, f"locked-{name}.said")
        with open(kafka_said, "w", encoding="utf-8") as file:
            process = subprocess.Popen([kafka_test.POTLINE, "run", locked, "--data", locked.removesuffix(".yaml"), "--quiet"], stdout=file,
                                       stderr=file)
        wait_for(f"a word of the {name}", lambda: any(word in line for line in lines(kafka_said)), process)  # pylint: disable=cell-var-from-loop
        process.kill()
        process.wait()
        if any(secret in line for line in lines(kafka_said)):
            fail(f"a secret is told: {lines(kafka_said)}")
    gate.close()
    return f"a registry that is away in four ways, a wrong password and authority: said, and {len(rows)} rows each once"


def refused(brokers, registry, folder, _):
    """A schema that the registry does not have, or that does not go with the ones before, ends the sink; mistakes are told."""
    brokers.do("topic", "strict")
    generator = "  in: { op: source.generator, tags: a.b, count: 10 }\n"
    sink = (f'  out: {{ op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: strict, encoding: avro, '
            f'registry: {{ url: "{registry.url}", MORE }} }}\n')
    said = end(start(write_graph(folder, generator + sink.replace("MORE", "auto_register: false"), "missing"), "--until-eof"), 1)
    if "the schema registry refuses: it answers 404" not in said:
        fail(f"not a word of a schema that is not there: {said}")
    registry.register("other", {"type": "record", "name": "samples", "namespace": "potline", "fields": [{"name": "x", "type": "int"}]})
    registry.ask("/config/other", {"compatibility": "BACKWARD"}, "PUT")
    said = end(start(write_graph(folder, generator + sink.replace("MORE", "subject: other"), "incompatible"), "--until-eof"), 1)
    if "the schema registry refuses: it answers 409" not in said:
        fail(f"not a word of a schema that does not fit: {said}")
    run(write_graph(folder, generator + sink.replace("MORE", 'subject: "a b/c"'), "registers"))
    run(write_graph(folder, generator + sink.replace("MORE", 'subject: "a b/c", auto_register: false'), "looks"))
    if len({schema_registry.unframe(message)[0] for message in raw(brokers, "strict", 20)}) != 1:
        fail("a schema that is looked for has another id than the one that was registered")
    for more, word in (("encoding: json", "schemas are of rows"), ("encoding: avro, registry: false", "avro goes by the schemas"),
                       ('encoding: rows, registry: { url: "ftp://x" }', "expected http://"),
                       ('encoding: rows, registry: { url: "http://a:b@x" }', "user and password beside it"),
                       ('encoding: rows, registry: { url: "https://" }', "has no host"),
                       ('encoding: rows, registry: { url: "http://x:99999" }', "a port that is none"),
                       ('encoding: rows, registry: { url: "http://x", key_password: p }', "of no key"),
                       (f'encoding: rows, registry: {{ url: "http://x", subject: {"s" * 300} }}', "more than 255 bytes"),
                       ('encoding: rows, registry: { url: "http://x", password: p }', "nobody's")):
        more = more if "registry" in more else more + ', registry: { url: "http://x" }'
        graph = write_graph(folder, generator + f"  out: {{ op: sink.kafka, from: in, brokers: b, topic: t, {more} }}\n", "mistake")
        done = subprocess.run([kafka_test.POTLINE, "check", graph], capture_output=True, text=True, check=False)
        if not done.returncode or word not in done.stderr + done.stdout:
            fail(f"{more}: '{word}' expected: {done.stdout}{done.stderr}")
    return "a schema that is refused ends the sink, and mistakes are told"


def endless(brokers, registry, folder, _):
    """What has no end cannot be read: the source goes on behind it."""
    gate = schema_registry.Gate(registry.url, "p")
    brokers.do("topic", "endless")
    number = registry.register("endless-value", ROW, "JSON")
    brokers.produce("endless", [(None, frame(number, kafka_test.sample(i))) for i in range(3)])
    gate.status = "endless"
    graph = write_graph(folder, (
        f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: endless, encoding: rows, until: end, registry: {{ url: "{gate.url}" }} }}\n'
        "  out: { op: sink.null, from: in }\n"), "endless")
    run(graph)
    gate.close()
    dead = letters(graph, "longer than 4 MiB")
    if len(dead) != 3:
        fail(f"{len(dead)} dead letters of 3 whose schema has no end")
    return "3 messages whose schema has no end are dead letters"


def shell(graph, words):
    done = subprocess.run([kafka_test.POTLINE, "shell", "--data", graph.removesuffix(".yaml"), "--json", "--timeout", "60s", "-c", words],
                          capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else None


def again(brokers, registry, folder, _):
    """A dead letter whose schema the registry has got since then, given again to an engine that does not have it yet."""
    brokers.do("topic", "again")
    number = registry.register("again-value", dict(ROW, title="sooner"), "JSON") + 1
    brokers.produce("again", [(None, frame(number, kafka_test.sample(1)))])
    text = (f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: again, encoding: rows, until: UNTIL, registry: {{ url: "{registry.url}" }} }}\n'
            f'  out: {{ op: sink.ndjson, from: in, path: "{folder}/again.ndjson" }}\n')
    graph = write_graph(folder, text.replace("UNTIL", "end"), "again")
    run(graph)
    if len(letters(graph, "the registry does not know it")) != 1:
        fail("no dead letter of a schema that is not there")
    if registry.register("again-value", dict(ROW, title="later"), "JSON") != number:
        fail("ids of the registry do not follow each other")
    process = start(write_graph(folder, text.replace("UNTIL", "never"), "again"))
    wait_for("an engine", lambda: shell(graph, "nodes"), process)
    path = f"{folder}/again.ndjson"
    wait_for("the row of a dead letter", lambda: shell(graph, "dead reinject") is not None and os.path.exists(path) and lines(path), process)
    process.send_signal(signal.SIGTERM)
    said = end(process)
    if "dead letters wait" not in said or len(lines(path)) != 1:
        fail(f"{lines(path)}: {said}")
    return "a dead letter given again waits for its schema, and comes once"


def applied(brokers, registry, folder, _):
    """A graph whose registry is not there does not stand its probation, be it of a source or of a sink; with one that is there it does."""
    for topic in ("applied", "applied_copy"):
        brokers.do("topic", topic)
    more = {"x": f'op: source.kafka, brokers: "{brokers.addresses}", topic: applied, encoding: rows, registry: {{ url: "URL" }} }}\n'
                 "  y: { op: sink.null, from: x",
            "z": f'op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: applied_copy, encoding: rows, registry: {{ url: "URL" }}'}
    old = "  in: { op: source.generator, tags: a.b, rate: 10/s }\n  out: { op: sink.null, from: in }\n"
    graph, said = write_graph(folder, old, "applied"), os.path.join(folder, "applied.said")
    with open(said, "w", encoding="utf-8") as file:
        process = subprocess.Popen([kafka_test.POTLINE, "run", graph, "--data", graph.removesuffix(".yaml"), "--quiet"], stdout=file, stderr=file)
    wait_for("an engine", lambda: shell(graph, "nodes"), process)
    changed = os.path.join(folder, "applied_new.yaml")
    for url, probation, word in (("http://127.0.0.1:1", "3s", "it has not reached"), (registry.url, "10s", "stood its probation")):
        for i, (node, options) in enumerate(more.items()):
            with open(changed, "w", encoding="utf-8") as file:
                file.write("potline: 1\nname: applied\ncheckpoint: 200ms\nnodes:\n" + old + f"  {node}: {{ {options.replace('URL', url)} }}\n")
            wait_for(f"a change with {url}", lambda: shell(graph, f"graph apply {changed} --yes --probation {probation}") is not None, process)  # pylint: disable=cell-var-from-loop
            wait_for(f"{node} of {url}: {word}", lambda: sum(word in line for line in lines(said)) == i + 1, process)  # pylint: disable=cell-var-from-loop
    process.terminate()
    process.wait()
    return "graphs with a registry that is not there are taken back"


# ---- Killed ----


def killed(brokers, registry, folder, options):
    """Avro to Avro, killed at random instants and while the registry does not answer: each row once."""
    import avro.schema  # pylint: disable=import-outside-toplevel
    dice = random.Random(options.seed)
    gate = schema_registry.Gate(registry.url, "p")
    for topic, partitions in (("mine", 3), ("copy", 2)):
        brokers.do("topic", topic, partitions)
    fields = [{"name": "time_us", "type": "long"}, {"name": "tag", "type": "string"}, {"name": "value", "type": "double"}]
    schemas = [{"type": "record", "name": "Row", "fields": fields[:i] + [{"name": "more", "type": "int"}] + fields[i:]} for i in range(4)]
    numbers = [registry.register("mine-value", schema) for schema in schemas]
    parsed = [avro.schema.parse(json.dumps(schema)) for schema in schemas]
    expected, messages = [], []
    for i in range(options.rows):
        value = {"time_us": 1_700_000_000_000_000 + i * 1000, "tag": f"line1.a{i % 7}.v", "value": float(i), "more": i}
        expected.append((value["tag"], value["value"]))
        messages.append((b"k%d" % (i % 7), frame(numbers[i % 4], schema_registry.write_avro(parsed[i % 4], value))))
    brokers.produce("mine", messages)
    access = f'registry: {{ url: "{gate.url}", user: plant, password: p }}'
    graph = write_graph(folder, (
        f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: mine, encoding: avro, until: end, rate: {options.rows // 4}/s, {access} }}\n'
        f'  out: {{ op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: copy, encoding: avro, key: asset, linger: 1m, {access} }}\n'),
        "killed", more="partitions: 2\n")
    kills, moved, before, stretch = 0, 0, 0, 1
    while kills < options.kills or (moved < 2 and kills < 30):
        process = start(graph, "--until-eof")
        gate.status = 503 if dice.random() < 0.3 else None
        try:
            said = process.communicate(timeout=dice.uniform(0.4, 1.5) * stretch)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            said = process.communicate()[1]
        if process.returncode not in (-signal.SIGKILL, 0):
            fail(f"after {kills} kills: exit code {process.returncode}: {said}")
        if process.returncode == 0:
            break
        kills += 1
        now = len(raw(brokers, "copy", 0))
        stretch = min(stretch * 1.3, 10) if now == before else stretch  # a slow machine, or a slow build
        moved, before = moved + (now != before), now
    gate.status = None
    run(graph)
    run(graph)  # the end of the data once more
    ours, found = {}, []
    for message in raw(brokers, "copy", len(expected)):
        number, value = schema_registry.unframe(message)
        ours[number] = ours.get(number) or avro.schema.parse(registry.schema(number)[1])
        row = schema_registry.read_avro(ours[number], value)
        found.append((row["tag"], row["value"]))
    rows = differ("rows by four schemas", expected, found)
    gate.close()
    return f"engine killed {kills} times: {rows} rows by four schemas, each once"


PARTS = {part.__name__: part for part in (json_schema, avro_read, avro_write, away, refused, endless, again, applied, killed)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50 if LONG else 2 if BRIEF else 3)
    parser.add_argument("--rows", type=int, default=100000 if LONG else 1500 if BRIEF else 3000)
    parser.add_argument("--seed", type=int, default=random.randrange(1000))
    parser.add_argument("--only", action="append", choices=PARTS)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    try:
        import avro  # noqa: F401  pylint: disable=import-outside-toplevel,unused-import
        import jsonschema  # noqa: F401  pylint: disable=import-outside-toplevel,unused-import
    except ImportError as missing:
        kafka_server.skip(f"{missing} (Debian packages python3-avro, python3-jsonschema)")
    with schema_registry.Registry() as registry, kafka_server.Brokers() as brokers, \
            tempfile.TemporaryDirectory(prefix="potline-registry-test-") as folder:
        registry.wait()
        for name in options.only or PARTS:
            begun = time.time()
            said = PARTS[name](brokers, registry, folder, options)
            print(f"{said} ({time.time() - begun:.1f} s)", flush=True)


if __name__ == "__main__":
    main()

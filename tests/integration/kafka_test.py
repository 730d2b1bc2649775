#!/usr/bin/python3
"""source.kafka and sink.kafka on real brokers: every kind of rows in every encoding, other people's clients, garbage,
retention, brokers that are absent or die, and an engine that is killed while it copies.

    kafka_test.py [--kills N] [--rows N] [--seed N] [--only NAME]... [--keep]
"""
import argparse
import collections
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
import kafka_secure  # noqa: E402  pylint: disable=wrong-import-position
import kafka_server  # noqa: E402  pylint: disable=wrong-import-position

BIN = os.environ.get("POTLINE_BIN", "build/release/bin")
POTLINE = os.path.join(BIN, "potline")
LONG = bool(os.environ.get("POTLINE_LONG"))
PATIENCE = 120
SECRET = "kR3mPw0rd"
ENCODINGS = ("capnp", "msgpack", "json")


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


# ---- Graphs ----


def write_graph(folder, text, name, checkpoint="200ms", more=""):
    path = os.path.join(folder, f"{name}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"potline: 1\nname: {name}\ncheckpoint: {checkpoint}\n{more}nodes:\n{text}")
    return path


def start(graph, *options):
    data = graph.removesuffix(".yaml")
    return subprocess.Popen([POTLINE, "run", graph, "--data", data, "--quiet", *options], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)


def end(process, code=0):
    """What it said."""
    try:
        said = process.communicate(timeout=PATIENCE)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        fail(f"hangs: {process.communicate()[1]}")
    if process.returncode != code:
        fail(f"exit code {process.returncode} in place of {code}: {said}")
    return said


def run(graph, *options):
    return end(start(graph, "--until-eof", *options))


def lines(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def differ(what, expected, found):
    expected, found = collections.Counter(expected), collections.Counter(found)
    lost, more = expected - found, found - expected
    if lost or more:
        fail(f"{what}: {sum(lost.values())} rows are lost, {sum(more.values())} are too many\n"
             f"  lost {list(lost)[:2]}\n  more {list(more)[:2]}")
    return sum(expected.values())


def wait_for(what, condition, process=None):
    deadline = time.time() + PATIENCE
    while not condition():
        if time.time() > deadline:
            fail(f"{what}: has not come")
        if process and process.poll() is not None:
            fail(f"{what}: the engine has ended: {process.communicate()[1]}")
        time.sleep(0.05)


def sample(i, name="a"):
    return json.dumps({"time": f"2026-01-01T00:{i // 60 % 60:02d}:{i % 60:02d}.{i // 3600:06d}Z", "tag": f"line1.{name}{i % 7}.v",
                       "value": i}).encode()


# ---- Every kind ----


def finite(kind, rows):
    """A batch in JSON has no word for an infinity, and a sample without a value is a missing one."""
    rows = [line.replace('"-inf"', "null").replace('"inf"', "null") for line in rows]
    return [line for line in rows if '"value":null' not in line] if kind == "samples" else rows


def with_values(rows):
    """What is read as an object has no value beside a quality that says it is missing."""
    return [line for line in rows if "missing" not in line]


def every_kind_and_encoding(brokers, folder, _):
    there, back = "", ""
    for kind in all_kinds.KINDS:
        brokers.do("topic", kind)
        brokers.produce(kind, [(None, all_kinds.make_batch(kind, random.randint(1, 60), i * 100)) for i in range(30)])
        there += (f'  {kind}_in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: {kind}, kind: {kind}, '
                  f'encoding: msgpack, until: end }}\n'
                  f'  {kind}_file: {{ op: sink.ndjson, from: {kind}_in, path: "{folder}/{kind}.ndjson", time: ns, '
                  f'infinities: text, node: false }}\n')
        for encoding in ENCODINGS + (("rows",) if kind == "samples" else ()):
            name = f"{kind}_{encoding}"
            brokers.do("topic", name)
            there += (f'  {name}: {{ op: sink.kafka, from: {kind}_in, brokers: "{brokers.addresses}", topic: {name}, '
                      f'encoding: {encoding}, key: none, compression: {random.choice(("none", "lz4", "zstd", "gzip"))} }}\n')
            # The header says what it is, so the option may say something else.
            back += (f'  {name}: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: {name}, kind: {kind}, '
                     f'encoding: json, until: end }}\n'
                     f'  {name}_file: {{ op: sink.ndjson, from: {name}, path: "{folder}/{name}.ndjson", time: ns, '
                     f'infinities: text, node: false }}\n')
    run(write_graph(folder, there, "there"))
    run(write_graph(folder, back, "back"))
    rows = 0
    for kind in all_kinds.KINDS:
        expected = lines(f"{folder}/{kind}.ndjson")
        for encoding in ENCODINGS:
            found = lines(f"{folder}/{kind}_{encoding}.ndjson")
            if encoding == "json":
                found, expected = finite(kind, found), finite(kind, expected)
            rows += differ(f"{kind} as {encoding}", expected, found)
    there, back = (lines(f"{folder}/samples{name}.ndjson") for name in ("", "_rows"))
    rows += differ("samples as rows", with_values(there), with_values(back))
    return f"{rows} rows of every kind and encoding are the same row for row"


# ---- Other people's clients ----


def other_clients(brokers, folder, _):
    """kcat and python3-kafka write what source.kafka reads, and read what sink.kafka writes."""
    brokers.do("topic", "strangers", 3)
    brokers.do("topic", "ours", 3)
    brokers.do("topic", "ours_plainly", 3)
    expected = [sample(i) for i in range(2000)]
    brokers.produce("strangers", [(b"k%d" % (i % 5), value) for i, value in enumerate(expected[:1000])])
    brokers.kcat("-P", "-t", "strangers", "-z", "snappy", data=b"\n".join(expected[1000:]))
    text = (f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: strangers, encoding: rows, until: end }}\n'
            f'  out: {{ op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: ours, encoding: rows, key: tag }}\n'
            # python3-kafka takes the marks of transactions for messages.
            f'  plainly: {{ op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: ours_plainly, encoding: rows, '
            f'key: tag, compression: gzip, transactions: false }}\n')
    run(write_graph(folder, text, "strangers"))
    found = brokers.lines("ours", "%k|%h|%s", len(expected))
    values = []
    for line in found:
        key, headers, value = line.split("|", 2)
        row = json.loads(value)
        if key != row["tag"] or "potline-schema=samples/1,potline-encoding=rows,potline-stream=" not in headers:
            fail(f"not what a message is to be: {line}")
        values.append((row["tag"], row["value"]))
    differ("kcat", [(row["tag"], row["value"]) for row in map(json.loads, expected)], values)
    import kafka  # pylint: disable=import-outside-toplevel
    consumer = kafka.KafkaConsumer("ours_plainly", bootstrap_servers=brokers.addresses.split(","), auto_offset_reset="earliest",
                                   consumer_timeout_ms=5000)
    found, partitions = [], collections.defaultdict(set)
    for message in consumer:
        found.append((message.key.decode(), json.loads(message.value)["value"]))
        partitions[message.key].add(message.partition)
        if len(found) == len(expected):
            break
    consumer.close()
    differ("python3-kafka", values, found)
    if any(len(each) > 1 for each in partitions.values()):
        fail("rows of one tag are in several partitions")
    return f"{len(found)} messages from and to kcat and python3-kafka"


# ---- Garbage ----


def garbage(brokers, folder, options):
    """What cannot be read is kept with its place and counted, and what stands around it comes."""
    dice = random.Random(options.seed)
    brokers.do("topic", "garbage", 2)
    good, bad, messages = [], 0, []
    for i in range(400):
        kind = dice.randrange(8)
        if kind < 4:
            good.append(i)
            messages.append((None, sample(i)))
        elif kind == 4:
            messages.append((b"x", None))
        else:
            bad += 1
            text = sample(i)
            encoding = dice.choice((b"capnp", b"msgpack", b"json", b"rows", b"nothing"))
            broken = dice.choice((bytes(dice.randrange(256) for _ in range(dice.randint(1, 300))), text[:-dice.randint(1, 20)],
                                  b"{}", b"[" * 100, b'{"time":"now","tag":"a.b","value":1}', text + text, b"\0" * 64))
            messages.append((None, broken, [("potline-encoding", encoding), ("other", b"\xff\0")]))
    brokers.produce("garbage", messages)
    text = (f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: garbage, encoding: rows, until: end }}\n'
            f'  out: {{ op: sink.ndjson, from: in, path: "{folder}/garbage.ndjson" }}\n')
    graph = write_graph(folder, text, "garbage")
    run(graph)
    found = [json.loads(line)["value"] for line in lines(f"{folder}/garbage.ndjson")]
    differ("what stands around garbage", good, found)
    letters = subprocess.run([POTLINE, "dead", "list", "--data", graph.removesuffix(".yaml")], capture_output=True,
                             text=True, check=False)
    places = [line for line in letters.stdout.splitlines() if "garbage[" in line]
    if len(places) != bad:
        fail(f"{len(places)} dead letters of {bad} messages that cannot be read: {letters.stdout[:500]}{letters.stderr}")
    run(graph)
    if len(lines(f"{folder}/garbage.ndjson")) != len(good):
        fail("a second run takes messages again")
    return f"{bad} messages of garbage are dead letters, {len(good)} between them came"


# ---- Killed while it copies ----

COPY = """
  in: {{ op: source.kafka, brokers: "{brokers}", topic: {source}, encoding: rows, until: end, rate: {rate}/s }}
  tens: {{ op: window.tumbling, from: in, size: 10s, aggregates: [count, min, max, last] }}
  file: {{ op: sink.ndjson, from: tens, path: "{folder}/{target}_tens.ndjson", time: ns }}
  out: {{ op: sink.kafka, from: in, brokers: "{brokers}", topic: {target}, encoding: rows, key: asset, job: {target}, linger: 1m }}
  windows: {{ op: sink.kafka, from: tens, brokers: "{brokers}", topic: {target}_tens, encoding: rows, job: {target}, linger: 1m }}
"""


def fill(brokers, topic, rows):
    brokers.do("topic", topic, 3)
    values = [sample(i) for i in range(rows)]
    brokers.produce(topic, [(b"k%d" % (i % 7), value) for i, value in enumerate(values)])
    return [(row["tag"], row["value"]) for row in map(json.loads, values)]


def in_topic(brokers, topic, least=0):
    return [(row["tag"], row["value"]) for row in map(json.loads, brokers.values(topic, least))]


def windows_of(texts):
    for text in texts:
        row = json.loads(text)
        yield tuple(row.get(name) for name in ("tag", "count", "min", "max", "last"))


def copy_graph(brokers, folder, source, target, rate, more=""):
    for topic in (target, f"{target}_tens"):
        brokers.do("topic", topic, 2)
    text = COPY.format(brokers=brokers.addresses, source=source, target=target, folder=folder, rate=rate)
    return write_graph(folder, text, target, more=more)


def check_copy(brokers, folder, target, expected):
    windows = lines(f"{folder}/{target}_tens.ndjson")
    rows = differ(target, expected, in_topic(brokers, target, len(expected)))
    differ(f"{target}_tens", windows_of(windows), windows_of(brokers.values(f"{target}_tens", len(windows))))
    return rows


def killed(brokers, folder, options):
    """SIGKILL at random instants, at named places and while the broker does not answer, with rows ahead of their checkpoint in
    some of the runs."""
    dice = random.Random(options.seed)
    expected = fill(brokers, "mine", options.rows)
    graph = copy_graph(brokers, folder, "mine", "killed", options.rows // 12, more="partitions: 2\n")
    places = ("node.snapshot", "node.saved", "node.commit", "node.committed", "checkpoint.last", "checkpoint.is_last")
    kills, moved, before, stretch = 0, 0, 0, 1
    while kills < options.kills or (moved < 3 and kills < 30):
        env = {"POTLINE_FAULT": f"{dice.choice(places)}:{dice.randint(1, 40)}"} if dice.random() < 0.3 else {}
        early = ["--set", "out.ahead=50ms", "--set", "windows.ahead=20ms"] if dice.random() < 0.5 else []
        early += ["--set", "checkpoint=1s"] if early else []
        process = subprocess.Popen([POTLINE, "run", graph, "--data", graph.removesuffix(".yaml"), "--quiet", "--until-eof",
                                    *early], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   env=dict(os.environ, **env))
        try:
            said = process.communicate(timeout=dice.uniform(0.5, 2) * stretch)[1]
        except subprocess.TimeoutExpired:
            if dice.random() < 0.5:  # in the middle of a transaction, whose end the broker may have been told of, or not
                brokers.do("freeze", 1)
                time.sleep(0.4)
                process.kill()
                brokers.do("thaw", 1)
            process.kill()
            process.communicate()
        if process.returncode not in (-signal.SIGKILL, 0):
            fail(f"after {kills} kills: exit code {process.returncode}: {said}")
        if process.returncode == 0:
            break
        kills += 1
        now = len(in_topic(brokers, "killed"))
        if now == before:
            stretch = min(stretch * 1.3, 10)  # a slow machine, or a slow build
        moved, before = moved + (now != before), now
    run(graph)
    rows = check_copy(brokers, folder, "killed", expected)
    run(graph)  # the end of the data once more: its rows are known again
    if check_copy(brokers, folder, "killed", expected) != rows:
        fail("a second run over the end changes how many rows there are")
    if moved < 3:
        fail(f"only {moved} of {kills} kills came while rows were being written")
    dirty = len(brokers.values("killed", isolation="read_uncommitted"))
    return f"engine killed {kills} times: {rows} rows, each once ({dirty - rows} of transactions that failed)"


def ahead(brokers, folder, options):
    """No checkpoint comes, so all rows are written ahead of it; killed, the engine knows them again by what they say."""
    dice = random.Random(options.seed)
    expected = fill(brokers, "early", options.rows)
    graph = copy_graph(brokers, folder, "early", "hasty", options.rows // 4, more="partitions: 2\n")
    seen = [0]
    for _ in range(4):
        process = start(graph, "--until-eof", "--set", "checkpoint=1h", "--set", "out.ahead=50ms", "--set", "out.hold=64KiB",
                        "--set", "windows.ahead=50ms")
        wait_for("rows ahead", lambda: len(in_topic(brokers, "hasty")) > seen[-1] or process.poll() is not None)
        time.sleep(dice.uniform(0, 0.2))
        process.kill()
        process.communicate()
        seen.append(len(in_topic(brokers, "hasty")))
        if process.returncode == 0:
            break
    if not 0 < seen[1] <= seen[-1] <= len(expected):
        fail(f"{seen} rows of {len(expected)}")
    run(graph)
    rows = check_copy(brokers, folder, "hasty", expected)
    return f"{rows} rows, each once, of which {seen[-1]} were written ahead of every checkpoint, in {len(seen) - 1} lives"


def brokers_die(brokers, folder, options):
    """The broker is killed and comes back, is frozen for a while, and stops in good order (that in the long form); the
    engine goes on by itself."""
    dice = random.Random(options.seed)
    expected = fill(brokers, "theirs", options.rows)
    graph = copy_graph(brokers, folder, "theirs", "survivor", options.rows // 5)
    process = start(graph, "--until-eof")
    for how in ("kill", "stop", "freeze", "kill") if LONG else ("freeze", "kill"):
        time.sleep(dice.uniform(0.5, 1))
        if process.poll() is not None:
            break
        brokers.do(how, 1)
        time.sleep(dice.uniform(0.3, 2))
        brokers.do("thaw" if how == "freeze" else "start", 1)
    said = end(process)
    if "rows wait" not in said or "there again" not in said:
        fail(f"nobody said that Kafka was away, and back: {said}")
    return f"broker killed and frozen: {check_copy(brokers, folder, 'survivor', expected)} rows, each once"


# ---- Without transactions, and without a log ----


def plain(brokers, folder, options):
    """transactions: false: a row that comes again has the position that it had. Without a log: all of them come."""
    expected = fill(brokers, "plainly", options.rows // 4)
    for target in ("loose", "without_log"):
        brokers.do("topic", target, 2)
    text = (f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: plainly, encoding: rows, until: end, rate: {options.rows // 12}/s }}\n'
            f'  out: {{ op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: TARGET, encoding: rows, transactions: false }}\n')
    graph = write_graph(folder, text.replace("TARGET", "loose"), "loose")
    for _ in range(3):
        process = start(graph, "--until-eof")
        time.sleep(random.uniform(0.4, 0.9))
        process.kill()
        process.communicate()
    run(graph)
    found = brokers.lines("loose", "%h|%s", len(expected))
    seen = {}
    for line in found:
        headers, value = line.split("|", 1)
        row = json.loads(value)
        seen[headers.split("potline-position=")[1]] = (row["tag"], row["value"])
    differ("rows by position", expected, seen.values())
    without = text.replace("TARGET", "without_log")
    run(write_graph(folder, without, "without-log", checkpoint="0s", more="log: { kind: none }\n"))
    differ("without a log", expected, in_topic(brokers, "without_log", len(expected)))
    return f"without transactions {len(found) - len(expected)} of {len(expected)} rows came again, each with its position"


def forgotten(brokers, folder, _):
    """The brokers have forgotten the position: what was waiting is written once more at most, and that is said."""
    brokers.do("topic", "forgetful", 1)
    brokers.do("topic", "forgetful_copy", 1)
    brokers.produce("forgetful", [(None, sample(i)) for i in range(500)])
    text = (f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: forgetful, encoding: rows, until: end }}\n'
            f'  out: {{ op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: forgetful_copy, encoding: rows, job: forgetful }}\n')
    graph = write_graph(folder, text, "forgetful")
    run(graph)
    differ("before", range(500), [value for _, value in in_topic(brokers, "forgetful_copy", 500)])
    import kafka.admin  # pylint: disable=import-outside-toplevel
    admin = kafka.admin.KafkaAdminClient(bootstrap_servers=brokers.addresses.split(","))
    admin.delete_consumer_groups(["potline.forgetful.out"])
    admin.close()
    brokers.produce("forgetful", [(None, sample(i)) for i in range(500, 600)])
    said = run(graph)
    found = [value for _, value in in_topic(brokers, "forgetful_copy", 600)]
    if "no position any more" not in said or set(found) != set(range(600)) or max(collections.Counter(found).values()) > 2:
        fail(f"{len(found)} rows are there, and it says {said}")
    return f"a position that is gone is said, and {len(found) - 600} rows came twice"


# ---- What is not there ----


def absent(brokers, folder, options):
    """No broker at the start: one line says so, it is tried again, and goes on when there is one."""
    brokers.do("topic", "late", 1)
    brokers.do("topic", "late_copy", 1)
    brokers.produce("late", [(None, sample(i)) for i in range(100)])
    brokers.do("kill", 1)
    text = (f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: late, encoding: rows, until: end, '
            f'settings: [ {{ name: sasl.password, value: {SECRET} }} ] }}\n'
            f'  out: {{ op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: late_copy, encoding: rows }}\n')
    process = start(write_graph(folder, text, "absent"), "--until-eof")
    time.sleep(2)
    if process.poll() is not None:
        fail(f"the engine did not wait for a broker: {process.communicate()[1]}")
    brokers.do("start", 1)
    said = end(process)
    if "no broker answers" not in said or SECRET in said or said.count("no broker answers") > 3:
        fail(f"not a clear word that there is no broker: {said}")
    differ("behind an absence", range(100), [value for _, value in in_topic(brokers, "late_copy", 100)])
    return "a broker that is absent is said, and waited for"


def refusals(brokers, folder, _):
    """Mistakes end the node, with a word that says which."""
    generator = "  in: { op: source.generator, tags: a.b, count: 10 }\n"
    sink = f'  out: {{ op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: nowhere }}\n'
    said = end(start(write_graph(folder, generator + sink, "nowhere"), "--until-eof"), 1)
    if "Kafka refuses: topic nowhere" not in said:
        fail(f"not a word of a topic that is not there: {said}")
    for setting, word in (("acks", "waits for all copies"), ("no.such", "no property of librdkafka"),
                          ("security.protocol", "does not take")):
        text = generator + (f'  out: {{ op: sink.kafka, from: in, brokers: "b:1", topic: t, '
                            f'settings: [ {{ name: {setting}, value: {SECRET} }} ] }}\n')
        done = subprocess.run([POTLINE, "check", write_graph(folder, text, "setting")], capture_output=True, text=True,
                              check=False)
        if not done.returncode or word not in done.stderr + done.stdout or SECRET in done.stderr + done.stdout:
            fail(f"{setting}: '{word}' expected: {done.stdout}{done.stderr}")
    # Two engines with one `job`: the second one takes the place, and the first ends.
    brokers.do("topic", "fought_for", 1)
    text = ('  in: { op: source.generator, tags: a.b, rate: 20000/s }\n'
            f'  out: {{ op: sink.kafka, from: in, brokers: "{brokers.addresses}", topic: fought_for, encoding: rows }}\n')
    first = start(write_graph(folder, text, "first"))
    brokers.kcat("-C", "-t", "fought_for", "-c", "1")
    second = start(write_graph(folder, text, "second"))
    wait_for("the end of the first", lambda: first.poll() is not None, second)
    said = first.communicate()[1]
    second.send_signal(signal.SIGTERM)
    end(second)
    if "another stream has taken this place" not in said:
        fail(f"the first of two engines with one job says: {said}")
    return "mistakes are told, and two engines do not share a place"


def moving_ground(brokers, folder, _):
    """Partitions that are new, a topic that is deleted and made anew, and messages that are deleted before they are read."""
    brokers.do("topic", "ground", 1)
    brokers.produce("ground", [(None, sample(i)) for i in range(100)])
    text = (f'  in: {{ op: source.kafka, brokers: "{brokers.addresses}", topic: ground, encoding: rows, refresh: 1s, start: latest }}\n'
            f'  out: {{ op: sink.ndjson, from: in, path: "{folder}/ground.ndjson" }}\n')
    graph = write_graph(folder, text, "ground")

    def values():
        path = f"{folder}/ground.ndjson"
        return [json.loads(line)["value"] for line in lines(path)] if os.path.exists(path) else []

    process = start(graph)
    time.sleep(2)
    import kafka.admin  # pylint: disable=import-outside-toplevel
    brokers.produce("ground", [(None, sample(i)) for i in range(100, 200)])
    wait_for("what came behind the start", lambda: sorted(values()) == list(range(100, 200)), process)
    admin = kafka.admin.KafkaAdminClient(bootstrap_servers=brokers.addresses.split(","))
    admin.create_partitions({"ground": kafka.admin.NewPartitions(3)})
    admin.close()
    time.sleep(0.5)
    brokers.produce("ground", [(b"k%d" % i, sample(i)) for i in range(200, 300)])
    wait_for("what came in new partitions", lambda: sorted(values()) == list(range(100, 300)), process)
    brokers.do("delete", "ground")
    time.sleep(2)
    brokers.do("topic", "ground", 3)
    brokers.produce("ground", [(None, sample(i)) for i in range(300, 310)])
    wait_for("a topic made anew", lambda: set(range(300, 310)) <= set(values()), process)
    process.send_signal(signal.SIGTERM)
    said = end(process)
    if "is not there any more" not in said:
        fail(f"not a word of the topic that was made anew: {said}")
    return "new partitions are noticed, and a topic that was made anew"


PARTS = {part.__name__: part for part in (every_kind_and_encoding, other_clients, garbage, killed, ahead, brokers_die, plain, forgotten, absent,
                                          refusals, moving_ground, kafka_secure.secure)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100 if LONG else 5)
    parser.add_argument("--rows", type=int, default=200000 if LONG else 9000)
    parser.add_argument("--seed", type=int, default=random.randrange(1000))
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--keep", action="store_true", help="leave the folder")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with kafka_server.Brokers() as brokers, tempfile.TemporaryDirectory(prefix="potline-kafka-test-") as folder:
        if options.keep:
            folder = tempfile.mkdtemp(prefix="potline-kafka-test-")
            print(folder)
        for name in options.only or PARTS:
            begun = time.time()
            said = PARTS[name](brokers, folder, options)
            print(f"{said} ({time.time() - begun:.1f} s)", flush=True)


if __name__ == "__main__":
    main()

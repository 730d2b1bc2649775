#!/usr/bin/python3
"""sink.postgres and `potline export --into postgres://...` on a real server: every kind of rows, what the server refuses,
what a stranger has done to potline_offsets, and exports that are killed and repeated.
"""
import collections
import csv
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

import zmq

sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import all_kinds  # noqa: E402  pylint: disable=wrong-import-position
import postgres_server  # noqa: E402  pylint: disable=wrong-import-position

BIN = os.environ.get("POTLINE_BIN", "build/release/bin")
POTLINE = os.path.join(BIN, "potline")
PATIENCE = 120
SECRET = "kR3mPw0rd"
dice = all_kinds.dice


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


# ---- Graphs ----


def write_graph(folder, text, name="graph.yaml"):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("potline: 1\nname: pg\ncheckpoint: 200ms\nnodes:\n" + text)
    return path


def start(graph, data, url, *options):
    return subprocess.Popen([POTLINE, "run", graph, "--data", data, "--quiet", *options], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, env=dict(os.environ, PGURL=url))


def end(process):
    """What it said; the exit code is the process's."""
    try:
        said = process.communicate(timeout=PATIENCE)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        fail(f"hangs: {process.communicate()[1]}")
    if process.returncode < 0:
        fail(f"died of signal {-process.returncode}: {said}")
    if SECRET in said:
        fail(f"a password is in what it says: {said}")
    return said


def run(graph, data, url):
    process = start(graph, data, url, "--until-eof")
    said = end(process)
    return process.returncode, said


# ---- Every kind ----

def plain(value):
    """As JSON and PostgreSQL both may say it."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, float) and value == int(value) and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def comparable(row):
    row = {name: plain(value) for name, value in row.items() if name != "type"}
    for name in ("id", "token"):
        if name in row:
            row[name] = int(row[name])
    return json.dumps(row, sort_keys=True)


def file_rows(path):
    def constant(text):
        return {"NaN": None, "inf": math.inf, "-inf": -math.inf}[text]

    def infinite(value):
        if isinstance(value, list):
            return [infinite(each) for each in value]
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(value, value) if isinstance(value, str) else value
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line, parse_constant=constant)
            yield comparable({name: value if name in ("reason", "body") else infinite(value)
                              for name, value in row.items()})


def table_rows(server, table):
    # One line a row: row_to_json writes exact doubles, and an infinity as a string.
    for line in server.ask(f"SELECT row_to_json(t)::text FROM {table} t"):
        yield comparable(json.loads(line))


def differ(what, expected, found):
    expected, found = collections.Counter(expected), collections.Counter(found)
    lost, more = expected - found, found - expected
    if lost or more:
        fail(f"{what}: {sum(lost.values())} rows are lost, {sum(more.values())} are too many\n"
             f"  lost {list(lost)[:2]}\n  more {list(more)[:2]}")
    return sum(expected.values())


def every_kind(server, folder):
    graph, total = "", 0
    for kind in all_kinds.KINDS:
        graph += (f'  {kind}_in: {{ op: source.zmq, bind: "ipc://{folder}/{kind}", socket: pull, encoding: msgpack, '
                  f'kind: {kind} }}\n'
                  f'  {kind}_out: {{ op: sink.ndjson, from: {kind}_in, path: "{folder}/{kind}.ndjson", time: ns, infinities: text, node: false }}\n'
                  f'  {kind}: {{ op: sink.postgres, from: {kind}_in, url: "${{PGURL}}", table: {kind}, create: true, '
                  f'time: ns, job: kinds, ahead: 500ms }}\n')
    process = start(write_graph(folder, graph, "kinds.yaml"), os.path.join(folder, "kinds"), server.url())
    with zmq.Context() as context:
        sockets = {kind: context.socket(zmq.PUSH) for kind in all_kinds.KINDS}
        for kind, socket in sockets.items():
            socket.connect(f"ipc://{folder}/{kind}")
            for batch in range(40):
                rows = dice.randint(1, 60)
                socket.send(all_kinds.make_batch(kind, rows, batch * 100))
                total += rows
        deadline = time.time() + PATIENCE
        written = 0
        while written < total and time.time() < deadline and process.poll() is None:
            time.sleep(0.2)
            seen = server.ask("SELECT " + " + ".join(f"(SELECT count(*) FROM {kind})" for kind in all_kinds.KINDS), may_fail=True)
            written = int(seen[0]) if seen else 0
        for socket in sockets.values():
            socket.close(0)
    process.send_signal(signal.SIGTERM)
    said = end(process)
    if process.returncode or written < total:
        fail(f"{written} of {total} rows came: exit code {process.returncode}: {said}")
    for kind in all_kinds.KINDS:
        differ(kind, file_rows(f"{folder}/{kind}.ndjson"), table_rows(server, kind))
    return total


# ---- What is refused ----


def input_file(folder, rows=2000):
    path = os.path.join(folder, "in.csv")
    with open(path, "w", encoding="utf-8") as file:
        for i in range(rows):
            file.write(f"{all_kinds.START + i * 10**7},line1.pot{i % 5}.volt,{i / 8}\n")
    return path


def simple(folder, table, more="create: true", job="refused"):
    return write_graph(folder, f'  in: {{ op: source.csv, path: "{folder}/in.csv", header: false }}\n'
                       f'  db: {{ op: sink.postgres, from: in, url: "${{PGURL}}", table: {table}, job: {job}, {more} }}\n',
                       f"{table}.yaml")


def expect_failure(what, outcome, *words):
    code, said = outcome
    if code != 1 or not all(word in said for word in words):
        fail(f"{what}: exit code {code}; expected 1 and {words}: {said}")


def refusals(server, folder):
    url = server.url().replace("potline@", f"potline:{SECRET}@")
    data = os.path.join(folder, "refused")
    expect_failure("no table", run(simple(folder, "nowhere", "create: false"), data + "1", url), "is not there")
    server.ask("CREATE TABLE odd (time timestamptz, tag integer, value float8, quality text)")
    expect_failure("a wrong type", run(simple(folder, "odd"), data + "2", url), "22P02", "integer")
    server.ask("CREATE TABLE narrow (time timestamptz, tag text)")
    expect_failure("a column too few", run(simple(folder, "narrow"), data + "3", url), "42703")
    server.ask("CREATE ROLE guest LOGIN; CREATE TABLE kept (time timestamptz, tag text, value float8, quality text)")
    server.ask("GRANT ALL ON potline_offsets TO guest")
    guest = url.replace("potline:", "guest:")
    expect_failure("no permission", run(simple(folder, "kept"), data + "4", guest), "42501")
    # The same job, once the reason is gone: nothing has been lost.
    server.ask("GRANT ALL ON kept TO guest")
    code, said = run(simple(folder, "kept"), data + "4", guest)
    if code or server.ask("SELECT count(*) FROM kept") != ["2000"]:
        fail(f"after the grant: exit code {code}, {server.ask('SELECT count(*) FROM kept')}: {said}")
    for text in ("host=h port=1,2", "nonsense=1", f"postgresql://u:{SECRET}@h:x/", "service=plant"):
        code, said = run(simple(folder, "bad"), data + "5", text)
        if code != 2 or SECRET in said or "url" not in said:
            fail(f"url {text}: exit code {code}: {said}")


def mapped_columns(server, folder):
    server.ask("CREATE TABLE mapped (note text DEFAULT 'mine', ts timestamptz, \"the tag\" text, v real)")
    columns = "columns: [ {column: time, as: ts}, {column: tag, as: 'the tag'}, {column: value, as: v} ]"
    code, said = run(simple(folder, "mapped", columns), os.path.join(folder, "mapped"), server.local_url())
    first = server.ask("SELECT note, ts AT TIME ZONE 'UTC', \"the tag\", v FROM mapped ORDER BY ts LIMIT 1 OFFSET 3")
    if code or first != ["mine\t2023-11-14 22:13:20.03\tline1.pot3.volt\t0.375"]:
        fail(f"mapped columns: exit code {code}: {first}: {said}")


def held_up(server, folder):
    """on_full: block holds the file up, though the barrier that makes rows safe stands behind those that have no room."""
    path = os.path.join(folder, "many.csv")
    with open(path, "w", encoding="utf-8") as file:
        for i in range(200000):
            file.write(f"{all_kinds.START + i * 10**7},line1.pot{i % 5}.volt,{i / 8}\n")
    graph = write_graph(folder, f'  in: {{ op: source.csv, path: "{path}", header: false }}\n'
                        '  db: { op: sink.postgres, from: in, url: "${PGURL}", table: held, create: true, job: held, '
                        "on_full: block, hold: 1MiB }\n", "held.yaml")
    named = server.url().replace("127.0.0.1", "localhost")  # which may be ::1 first, where nobody listens
    code, said = run(graph, os.path.join(folder, "held"), named)
    found = server.ask("SELECT count(*), count(DISTINCT time), bool_and(quality = 'good') FROM held")
    if code or found != ["200000\t200000\tt"]:
        fail(f"held up: exit code {code}: {found}: {said}")


def strange_offsets(server, folder):
    """Whatever stands in potline_offsets, nothing crashes, and nothing is written beside the point."""
    graph, url = simple(folder, "strange", job="strange"), server.url()
    data = os.path.join(folder, "strange")
    code, said = run(graph, data, url)
    if code:
        fail(f"exit code {code}: {said}")
    here = "WHERE job = 'strange'"
    good = server.ask(f"SELECT position FROM potline_offsets {here}")[0]
    for change in ("position = NULL", "position = -1", "position = 9000000000000000000",
                   "stream = NULL", "stream = 'f00d'", "ahead = '1'", "ahead = ':'", "ahead = '1:2:3'",
                   "ahead = 'x:y'", "ahead = '1:-1'", "ahead = '12345:9223372036854775807'",
                   "ahead = '3:2001'",  # more rows than the file has
                   "ahead = repeat('1:1 ', 5000)"):
        server.ask(f"CREATE TABLE saved AS SELECT * FROM potline_offsets {here}")
        server.ask(f"UPDATE potline_offsets SET {change} {here}")
        expect_failure(change, run(graph, data, url), "potline_offsets")
        server.ask(f"DELETE FROM potline_offsets {here}; INSERT INTO potline_offsets SELECT * FROM saved; DROP TABLE saved")
    for shape in ("job text, node text, part int, stream text, position text, ahead int[], updated text",
                  "job text, node text, part int, stream bytea, position jsonb, ahead text, updated timestamptz",
                  "job text, node text, part int, stream text"):
        server.ask(f"CREATE TABLE other ({shape}, UNIQUE (job, node, part))")
        strange = simple(folder, "strange", "offsets: other", job="strange")
        code, said = run(strange, data + "-other", url)
        if code != 1:
            fail(f"offsets ({shape}): exit code {code}: {said}")
        server.ask("DROP TABLE other")
    # A table of two lines for one place.
    server.ask("CREATE TABLE other (LIKE potline_offsets); INSERT INTO other SELECT * FROM potline_offsets; "
               "INSERT INTO other SELECT * FROM potline_offsets")
    code, said = run(simple(folder, "strange", "offsets: other", job="strange"), data + "-two", url)
    if code != 1:
        fail(f"two lines: exit code {code}: {said}")
    graph = simple(folder, "strange", job="strange")
    code, said = run(graph, data, url)
    if code or server.ask("SELECT count(*) FROM strange") != ["2000"] or \
            server.ask(f"SELECT position FROM potline_offsets {here}") != [good]:
        fail(f"put right again: exit code {code}, {server.ask('SELECT count(*) FROM strange')}: {said}")
    # Another folder takes the place: its stream is new. The first one must not go on.
    code, said = run(graph, data + "-fresh", url)
    if code or server.ask("SELECT count(*) FROM strange") != ["4000"]:
        fail(f"a fresh stream: exit code {code}: {said}")
    expect_failure("a stream whose place is taken", run(graph, data, url), "another stream")


# ---- Exports ----


def fill_lake(folder):
    with open(os.path.join(folder, "in.csv"), "w", encoding="utf-8") as file:
        for i in range(120000):
            file.write(f"{all_kinds.START + i * 10**7},line{i % 3}.pot{i % 50}.volt,{(i % 977) / 8}\n")
    graph = write_graph(folder, f'  in: {{ op: source.csv, path: "{folder}/in.csv", header: false }}\n'
                        "  wins: { op: window.tumbling, from: in, size: 10s }\n"
                        "  silver: { op: sink.lake, zone: silver, from: in }\n"
                        "  gold: { op: sink.lake, zone: gold, from: wins }\n", "lake.yaml")
    code, said = run(graph, os.path.join(folder, "lake"), "")
    if code:
        fail(f"the lake: exit code {code}: {said}")


def export(folder, zone, *more):
    return [POTLINE, "export", "--data", os.path.join(folder, "lake"), "--zone", zone, *more]


def exported(folder, zone, *more):
    out = subprocess.run(export(folder, zone, *more), capture_output=True, text=True, check=True).stdout
    for row in csv.DictReader(out.splitlines()):
        row.pop("sequence", None)
        yield tuple(sorted((name, number(name, text)) for name, text in row.items()))


def number(name, text):
    if name in ("tag", "quality", "node", "source", "partition"):
        return text
    return int(text) if name.endswith("_ns") else None if text in ("", "nan") else float(text)


def in_table(server, table):
    columns = server.ask(f"SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = "
                         f"'{table}'::regclass AND attnum > 0")[0].split(",")
    for line in server.ask(f"SELECT * FROM {table}"):
        yield tuple(sorted((name, number(name, text)) for name, text in zip(columns, line.split("\t"))))


def only(names, rows):
    """Of the text's columns those that the table has: it does not say which node wrote a row."""
    for row in rows:
        yield tuple((name, value) for name, value in row if name in names)


def exports(server, folder):
    fill_lake(folder)
    url, killed = server.url(), 0
    for zone in ("bronze", "silver", "gold"):
        command = export(folder, zone, "--into", url, "--table", f"ex_{zone}", "--time", "ns")
        begun = time.monotonic()
        if subprocess.run(command, capture_output=True, check=False).returncode:
            fail(f"{command}: exit code")
        takes = time.monotonic() - begun
        names = {name for name, _ in next(in_table(server, f"ex_{zone}"))}
        expected = collections.Counter(only(names, exported(folder, zone)))
        differ(f"export of {zone}", expected, in_table(server, f"ex_{zone}"))
        for _ in range(4):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            time.sleep(dice.uniform(0.1, 0.9) * takes)  # somewhere in the middle, on any machine
            process.kill()
            killed += process.wait() == -signal.SIGKILL
            differ(f"export of {zone}, killed", expected, in_table(server, f"ex_{zone}"))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or "rows are in" not in done.stderr:
            fail(f"{command}: exit code {done.returncode}: {done.stderr}")
        differ(f"export of {zone}, repeated", expected, in_table(server, f"ex_{zone}"))
    # Killed before anything of it was ever there.
    command = export(folder, "silver", "--into", url, "--table", "ex_first", "--tags", "line1.*", "--time", "ns",
                     "--from", str(all_kinds.START + 10**12), "--to", str(all_kinds.START + 3 * 10**12))
    for _ in range(3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(dice.uniform(0.1, 0.5) * takes)
        process.kill()
        killed += process.wait() == -signal.SIGKILL
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        fail(f"{command}: exit code {done.returncode}: {done.stderr}")
    names = {name for name, _ in next(in_table(server, "ex_first"))}
    rows = differ("an export of a part", only(names, exported(folder, "silver", "--tags", "line1.*", "--from",
                  str(all_kinds.START + 10**12), "--to", str(all_kinds.START + 3 * 10**12))), in_table(server, "ex_first"))
    if not rows or killed < 5:
        fail(f"{rows} rows, {killed} exports killed: that shows nothing")
    # Another export into the same table stands beside it.
    other = export(folder, "silver", "--into", url, "--table", "ex_first", "--tags", "line2.*", "--time", "ns")
    subprocess.run(other, capture_output=True, check=True)
    subprocess.run(command, capture_output=True, check=True)
    both = int(server.ask("SELECT count(*) FROM ex_first")[0])
    if both <= rows or server.ask("SELECT count(*) FROM ex_first WHERE tag LIKE 'line1.%'") != [str(rows)]:
        fail(f"two exports into one table: {both} rows, of which {rows} are the first one's")
    away = subprocess.run(export(folder, "gold", "--into", f"postgres://u:{SECRET}@127.0.0.1:1/x"), capture_output=True,
                          text=True, timeout=PATIENCE, check=False)
    if away.returncode != 1 or "nothing is written" not in away.stderr or SECRET in away.stderr:
        fail(f"an export to nobody: exit code {away.returncode}: {away.stderr}")
    return killed


def main():
    with postgres_server.Server() as server, tempfile.TemporaryDirectory(prefix="potline-pg-test-") as folder:
        print(f"{every_kind(server, folder)} rows of {len(all_kinds.KINDS)} kinds as in the files", flush=True)
        input_file(folder)
        refusals(server, folder)
        mapped_columns(server, folder)
        held_up(server, folder)
        strange_offsets(server, folder)
        print("refused and strange things are said, and nothing is lost by them", flush=True)
        print(f"exports, {exports(server, folder)} of them killed: each row once")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Rows in PostgreSQL, whatever dies: the engine, the server, both, also in the middle of a transaction.

Samples, windows and events go to tables of a real server, and beside them to files. The engine is killed at random
instants; the server is stopped and killed under it, and connections are cut at a COMMIT; the server is away for a while,
in which alarms and files go on, and the engine is killed meanwhile. In the end each table holds the rows of the file beside it, each once.

    postgres_test.py [--kills N] [--away SECONDS] [--seed N] [--rows N] [--keep]
"""
import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import time

import rig

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import postgres_server  # noqa: E402  pylint: disable=wrong-import-position

GRAPH = """
potline: 1
name: postgres
partitions: 2
checkpoint: {checkpoint}
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", header: false, rate: "{rate}/s", batch: 1024 }}
  tenths: {{ op: window.tumbling, from: in, size: 10s, aggregates: [count, mean, min, max, last] }}
  high: {{ op: threshold, from: in, rules: [ {{ name: volts-high, tags: "*.voltage", above: 4.5, hysteresis: 0.1 }} ] }}
  list: {{ op: alarms, from: high, alarms: [ {{ match: "*", priority: low, consequence: none, action: look, respond: 1m }} ] }}
  samples_csv: {{ op: sink.csv, from: in, path: "{out}/samples.csv" }}
  windows_csv: {{ op: sink.csv, from: tenths, path: "{out}/windows.csv" }}
  events_ndjson: {{ op: sink.ndjson, from: list, path: "{out}/events.ndjson" }}
  samples: {{ op: sink.postgres, from: in, table: samples, {common} }}
  windows: {{ op: sink.postgres, from: tenths, table: windows, {common} }}
  events: {{ op: sink.postgres, from: list, table: events, {common} }}
"""
COMMON = 'url: "${{PGURL}}", create: true, time: ns, rows: 5000, retry: 500ms, timeout: 3s, hold: {hold}, linger: 20s'
# What is flagged because it has waited in a backlog is the same row.
MARK = "backfilled"


class Job:
    def __init__(self, work, name, server, rate, checkpoint="200ms", hold="1MiB"):
        self.out = os.path.join(work, name)
        self.data = os.path.join(self.out, "data")
        self.graph = os.path.join(self.out, "graph.yaml")
        self.server, self.url = server, server.url()
        os.makedirs(self.out)
        with open(self.graph, "w", encoding="utf-8") as file:
            text = GRAPH.format(work=work, out=self.out, rate=rate, checkpoint=checkpoint,
                                common=COMMON.format(hold=hold))
            file.write(text.replace('"${{PGURL}}"', '"${PGURL}"'))

    def start(self, **env):
        return subprocess.Popen([f"{rig.BIN}/potline", "run", self.graph, "--data", self.data, "--quiet", "--until-eof"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                env=rig.environment(PGURL=self.url, **env))

    def finish(self):
        process = self.start()
        try:
            said = process.communicate(timeout=rig.PATIENCE)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            rig.fail(f"{self.out}: hangs: {process.communicate()[1]}")
        if process.returncode:
            rig.fail(f"{self.out}: exit code {process.returncode}: {said}")
        return said

    def size(self, name):
        path = os.path.join(self.out, name)
        return os.path.getsize(path) if os.path.exists(path) else 0


def unmark(quality):
    flags = [flag for flag in quality.split("|") if flag != MARK]
    return "|".join(flags)


def number(text):
    return None if text in ("", "nan") else float(text)


def csv_rows(path, text_columns):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    names = lines[0].split(",")
    for line in lines[1:]:
        row = dict(zip(names, line.split(",")))
        yield tuple((name, unmark(row[name]) if name == "quality" else row[name] if name in text_columns
                     else int(row[name]) if name.endswith("_ns") else number(row[name])) for name in sorted(names))


def table_rows(server, table, names, text_columns):
    columns = ", ".join(f'"{name}"' for name in names)
    for line in server.ask(f"SELECT {columns} FROM {table}"):
        row = dict(zip(names, line.split("\t")))
        yield tuple((name, unmark(row[name]) if name == "quality" else row[name] if name in text_columns
                     else int(row[name]) if name.endswith("_ns") else number(row[name])) for name in sorted(names))


def event_rows(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            yield (row["id"], row["kind"], row["tag"], json.dumps(row.get("body"), sort_keys=True))


def differ(what, expected, found):
    expected, found = collections.Counter(expected), collections.Counter(found)
    lost, more = expected - found, found - expected
    if lost or more:
        rig.fail(f"{what}: {sum(lost.values())} rows are lost, {sum(more.values())} are too many\n"
                 f"  lost {list(lost)[:2]}\n  more {list(more)[:2]}")
    return sum(expected.values())


def compare(job):
    """Each table against the file beside it, row by row; returns how many there are."""
    rows = 0
    for table in ("samples", "windows"):
        path = os.path.join(job.out, f"{table}.csv")
        with open(path, encoding="utf-8") as file:
            names = file.readline().rstrip("\n").split(",")
        columns = [name for name in names if name not in ("asset", "unit")]
        if columns != names:
            rig.fail(f"{table}.csv has columns that the table does not: {names}")
        rows += differ(table, csv_rows(path, ("tag", "quality")),
                       table_rows(job.server, table, names, ("tag", "quality")))
    found = []
    for line in job.server.ask("SELECT id, kind, tag, coalesce(body::text, 'null') FROM events"):
        event, kind, tag, body = line.split("\t")
        found.append((event, kind, tag, json.dumps(json.loads(body), sort_keys=True)))
    rows += differ("events", event_rows(os.path.join(job.out, "events.ndjson")), found)
    return rows


def start_afresh(server):
    for table in ("samples", "windows", "events", "potline_offsets"):
        server.ask(f"DROP TABLE IF EXISTS {table}")


def calm(work, server):
    job = Job(work, "calm", server, 100000000)
    job.finish()
    rows = compare(job)
    job.finish()  # the end of the data once more: its rows are taken back and come again
    if compare(job) != rows:
        rig.fail("a second run over the end changes how many rows there are")
    return rows


def killed_engine(work, server, options, dice):
    """SIGKILL at random instants, and at named places of a checkpoint."""
    job = Job(work, "killed", server, options.rate)
    places = ("node.snapshot", "node.saved", "node.commit", "node.committed", "checkpoint.last", "checkpoint.is_last")
    kills, moved, before, stretch = 0, 0, None, 1
    while kills < options.kills:
        env = {"POTLINE_FAULT": f"{dice.choice(places)}:{dice.randint(1, 30)}"} if dice.random() < 0.4 else {}
        process = job.start(**env)
        try:
            said = process.communicate(timeout=dice.uniform(0.1, 0.9) * stretch)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        if not rig.was_killed(process):
            if process.returncode:
                rig.fail(f"after {kills} kills: exit code {process.returncode}: {said}")
            break
        kills += 1
        now = server.ask("SELECT sum(position) FROM potline_offsets", may_fail=True)
        if now == before:
            stretch = min(stretch * 1.5, 10)  # a slow machine, or a slow build
        moved, before = moved + (now != before), now
    job.finish()
    if moved < 3:
        rig.fail(f"only {moved} of {kills} kills came while rows were being written")
    return compare(job), kills


def killed_server(work, server, options, dice):
    """The server dies while it works: all of it at once, or its clients are thrown out. The engine notices, and goes on."""
    job = Job(work, "server", server, options.rate)
    process = job.start()
    deaths = 0
    while process.poll() is None and deaths < options.kills:
        time.sleep(dice.uniform(0.05, 0.6))
        how = dice.choice(("immediate", "kill", "terminate"))
        if how == "terminate":
            server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'potline'")
        else:
            server.stop(how)
            server.start()
        deaths += 1
    said = process.communicate(timeout=rig.PATIENCE)[1]
    if process.returncode:
        rig.fail(f"the engine did not get over the death of the server: {process.returncode}: {said}")
    if "the server is away" not in said or "the server is there again" not in said:
        rig.fail(f"nobody said that the server was away, and back: {said}")
    return compare(job), deaths


def frozen(work, server, options, dice):
    """A backend stands still in the middle of its work, is given up, and goes on with what it had been told."""
    job = Job(work, "frozen", server, options.rate)
    process = job.start()
    stopped = 0
    while process.poll() is None and stopped < 2:
        time.sleep(0.7)
        backends = server.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'potline'")
        if not backends:
            continue
        backend = int(dice.choice(backends))
        os.kill(backend, signal.SIGSTOP)
        time.sleep(5)
        os.kill(backend, signal.SIGCONT)
        stopped += 1
    said = process.communicate(timeout=rig.PATIENCE)[1]
    if process.returncode or not stopped:
        rig.fail(f"{stopped} backends stood still: {process.returncode}: {said}")
    return compare(job), stopped


def cut_commits(work, server, options, dice):
    """The connection breaks at a COMMIT, before the server has heard of it or before the client hears that it is done; and
    the engine is killed now and then as well."""
    cutter = postgres_server.Cutter(server, dice, 0.2)
    job = Job(work, "cut", server, options.rate)
    job.url = cutter.url()
    kills = 0
    while True:
        process = job.start()
        try:
            said = process.communicate(timeout=dice.uniform(0.5, 2.5) if kills < 5 else rig.PATIENCE)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        if process.returncode:
            rig.fail(f"exit code {process.returncode}: {said}")
        break
    cutter.close()
    if cutter.before < 3 or cutter.behind < 3:
        rig.fail(f"only {cutter.before} connections were cut before a COMMIT and {cutter.behind} behind one")
    return compare(job), cutter.before, cutter.behind


def open_sizes(job):
    return {name: job.size(name) for name in ("samples.csv", "events.ndjson")}


def server_away(work, server, options):
    """Away for a while: files and alarms go on, and the engine dies meanwhile, more than once."""
    job = Job(work, "away", server, options.rate, hold="64KiB")
    process = job.start()
    time.sleep(1)
    server.stop("immediate")
    end, kills, still = time.time() + options.away, 0, 0
    while time.time() < end:
        before = open_sizes(job)
        time.sleep(1)
        if process.poll() is not None:
            rig.fail(f"the engine ended while the server was away: {process.communicate()[1]}")
        still += open_sizes(job)["samples.csv"] <= before["samples.csv"]
        if time.time() > end - options.away + (kills + 1) * options.away / 3 and kills < 2:
            process.kill()
            process.communicate()
            process = job.start()
            kills += 1
    if still > 2 * kills + 1:
        rig.fail(f"the file beside the table stood still {still} times while the server was away")
    server.start()
    said = process.communicate(timeout=rig.PATIENCE)[1]
    if process.returncode:
        rig.fail(f"the server came back, and the engine ended: {process.returncode}: {said}")
    return compare(job), kills


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1500000 if rig.LONG else 300000)
    parser.add_argument("--kills", type=int, default=rig.times(25, 200))
    parser.add_argument("--away", type=float, default=60 if rig.LONG else 10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    options.rate = 20000
    dice = random.Random(options.seed)
    with postgres_server.Server() as server, rig.folder(options.keep) as work:
        rig.make_input(work, options.rows)
        print(f"undisturbed: {calm(work, server)} rows", flush=True)
        start_afresh(server)
        rows, kills = killed_engine(work, server, options, dice)
        print(f"engine killed {kills} times: {rows} rows, each once", flush=True)
        start_afresh(server)
        rows, deaths = killed_server(work, server, options, dice)
        print(f"server killed {deaths} times: {rows} rows, each once", flush=True)
        start_afresh(server)
        rows, stopped = frozen(work, server, options, dice)
        print(f"{stopped} backends stood still for longer than they may: {rows} rows, each once", flush=True)
        start_afresh(server)
        rows, before, behind = cut_commits(work, server, options, dice)
        print(f"connection cut {before} times before a COMMIT, {behind} times behind one: {rows} rows, each once",
              flush=True)
        start_afresh(server)
        rows, kills = server_away(work, server, options)
        print(f"server away for {options.away:.0f} s, engine killed {kills} times meanwhile: {rows} rows, each once")


if __name__ == "__main__":
    main()

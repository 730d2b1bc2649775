#!/usr/bin/python3
"""Two engines of a group, each of which follows the other one's state (log.standby): the one that takes over reads but the
last moment of it, by what it says. Without that it reads all of it. Prints how long it takes from the death of an engine until
there is a checkpoint of every partition again, both ways.

    kafka_standby_test.py [--tags N] [--open N]

The windows of each tag that have closed by then are those of an engine alone, each once, up to the last one that is there;
and some of them have closed behind the death.

A long test, with some 200 MB of state; without POTLINE_LONG, and without options, it is left out.
"""
import argparse
import collections
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

from kafka_engines import Broker, Engine, all_rows, fail, rows_of, run_alone, same, wait

PARTITIONS, FIRST = 2, 1_700_000_000
GRAPH = """
potline: 1
name: {name}
partitions: {partitions}
checkpoint: 200ms
checkpoint_timeout: 2m
max_tags: 100000
max_keys: 100000
log: {log}
nodes:
  past: {{ op: source.csv, path: past.csv, header: false, disorder: 1d, idle: 0s, rate: 20000/s }}
  now: {{ op: source.csv, path: now.csv, header: false, idle: 0s, rate: 160/s, batch: 16 }}
  open: {{ op: window.tumbling, from: past, size: 1s, quantiles: [0.5] }}
  live: {{ op: window.tumbling, from: now, size: 1s }}
  gold: {{ op: sink.lake, from: [open, live], zone: gold }}
"""


def write_rows(folder, options):
    """All rows of a tag beside each other, so that its state is written about once."""
    with open(f"{folder}/past.csv", "w", encoding="utf-8") as file:
        for tag in range(options.tags):
            file.writelines(f"{FIRST + step},line{tag % 8 + 1}.pot{tag // 8}.volt,{4 + tag % 97 / 100 + step / 1000:.3f}\n"
                            for step in range(options.open))
    with open(f"{folder}/now.csv", "w", encoding="utf-8") as file:
        file.writelines(f"{FIRST + i // 8},line{i % 8 + 1}.now,1\n" for i in range(160 * 600))


class Watch(threading.Thread):
    """When which partition had a checkpoint, and how many bytes of state were put."""

    def __init__(self, broker, topic):
        super().__init__(daemon=True)
        self.last, self.bytes = {}, 0
        self.kcat = subprocess.Popen(["kcat", "-b", broker.address, "-q", "-u", "-C", "-t", topic, "-o", "beginning", "-X",
                                      "isolation.level=read_committed", "-f", "%p %S %k\\n"], stdout=subprocess.PIPE)
        self.start()

    def run(self):
        for line in self.kcat.stdout:
            partition, size, key = (line.rstrip(b"\n").split(b" ", 2) + [b"", b""])[:3]
            if size.isdigit():
                self.bytes += int(size)
            if key == b"\0epoch":
                self.last[partition] = time.monotonic()

    def all_since(self, instant):
        return len(self.last) == PARTITIONS and min(self.last.values()) > instant

    def end(self):
        self.kcat.kill()
        self.kcat.wait()


def by_tag(rows):
    """tag -> {start of a window: (row, how often)}"""
    found = collections.defaultdict(dict)
    for row, count in rows.items():
        found[row[0]][row[1]] = (row, count)
    return found


def check_windows(folder, engines, before):
    found, alone = by_tag(all_rows(engines, "gold")), by_tag(rows_of(folder, "alone.data", "gold"))
    expected, got = collections.Counter(), collections.Counter()
    for tag, windows in found.items():
        last = max(windows, key=int)
        expected.update(row for start, (row, _) in alone[tag].items() if int(start) <= int(last))
        for row, count in windows.values():
            got[row] += count
    same(expected, got, "gold")
    if sum(got.values()) <= before:
        fail("no window has closed behind the death")


def try_way(broker, standby, options):
    """How many entries were read by the one that took over."""
    name = "with" if standby else "without"
    with tempfile.TemporaryDirectory() as folder:
        write_rows(folder, options)
        with open(f"{folder}/alone.yaml", "w", encoding="utf-8") as file:
            file.write(GRAPH.format(name="alone", partitions=PARTITIONS, log="{ kind: embedded }").replace("rate: 20000/s", "rate: 0")
                       .replace("rate: 160/s", "rate: 0"))
        run_alone(folder, "alone.yaml")
        with open(f"{folder}/group.yaml", "w", encoding="utf-8") as file:
            file.write(GRAPH.format(name=name, partitions=PARTITIONS,
                                    log=broker.log(more=f", standby: {str(standby).lower()}, timeout: 30s")))
        engines = [Engine(folder, i) for i in range(2)]
        for engine in engines:
            engine.start()
        wait(lambda: all(len(e.rows("nodes --cluster")) == 2 for e in engines), 300, "they do not find each other")
        wait(lambda: sorted(row["partitions"] for row in engines[0].rows("nodes --cluster")) == ["0", "1"], 300,
             lambda: f"not one partition each: {engines[0].rows('nodes --cluster')}")
        watch = Watch(broker, f"{name}.changelog")
        wait(lambda: is_read(engines), 600, lambda: f"the past is not read: {[e.rows('nodes') for e in engines]}")
        begin = time.monotonic()
        wait(lambda: watch.all_since(begin + 1), 600, "no checkpoints")
        if standby:
            wait(lambda: [row["group_standby"] for e in engines for row in e.rows("status")] == [1, 1], 300,
                 lambda: f"nobody follows: {[e.rows('status') for e in engines]}")
        before = sum(all_rows(engines, "gold").values())
        begin = time.monotonic()
        engines[0].kill()
        wait(lambda: watch.all_since(begin + 1), 300, "nobody takes over")
        taken = time.monotonic() - begin
        told = re.findall(r"partition . is taken over.*", engines[1].heard())[-1]
        wait(lambda: sum(all_rows(engines, "gold").values()) > before, 120, "no window closes behind the death")
        engines[0].start()  # takes back what it had kept of windows behind its last checkpoint
        wait(lambda: len(engines[0].rows("nodes --cluster")) == 2, 120, "it does not come back")
        for engine in engines:
            engine.kill(signal.SIGTERM)
        check_windows(folder, engines, before)
        watch.end()
        print(f"{name} standby: {watch.bytes >> 20} MiB of changelog, taken over after {taken:.1f} s: {told}", flush=True)
        if ("is here already" in told) != standby:
            fail(f"{name} standby: {told}")
        return int(re.search(r"(\d+) entries", told)[1])


def is_read(engines):
    return any(row["node"] == "past" and row["state"] == "ended" for engine in engines for row in engine.rows("nodes"))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--tags", type=int, default=24_000 if os.environ.get("POTLINE_LONG") else 0)
    parser.add_argument("--open", type=int, default=60, help="windows of each tag that stay open")
    options = parser.parse_args()
    if not options.tags:
        print("skipped: long (POTLINE_LONG=1, or --tags)")
        sys.exit(77)
    broker = Broker()
    followed, all_of_it = (try_way(broker, standby, options) for standby in (True, False))
    if followed * 2 > all_of_it:
        fail(f"{followed} entries were read of what was followed, {all_of_it} of what was not")
    broker.end()


main()

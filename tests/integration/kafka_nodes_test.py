#!/usr/bin/python3
"""A node that is taken out of a group's graph and put back begins with nothing, as it does in an engine alone: also for an
engine that has its state from the changelog, also as another kind. Engines die in the middle of taking it out: before the
brokers know of it, and before their own folder does."""
import collections
import csv
import re
import signal
import subprocess
import tempfile
import time

from kafka_engines import POTLINE, Broker, Engine, all_run, apply, fail, shell, wait, write

TAGS, ROWS, SECOND = 12, 400_000, 60  # of which it takes 600 a second, so that they do not end; rows in a second of event time
LOOK = 0.5  # seconds between two looks at all there is, so that these are not what the machine is busy with
CHANGELOG = "group.changelog"
HEAD = """
potline: 1
name: group
partitions: 2
checkpoint: 100ms
log: {log}
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, rate: 600/s, batch: 60, idle: 0s }}
  keep: {{ op: sink.lake, from: in, zone: silver }}
"""
SAME = '  wide: { op: window.tumbling, from: in, size: 1d, updates: 10s }\n  gold: { op: sink.lake, from: wide, zone: gold }\n'
OTHER = '  wide: { op: threshold, from: in, rules: [ { name: high, tags: "*", above: 1, hysteresis: 0.1 } ] }\n' \
        '  gold: { op: sink.lake, from: wide, zone: gold }\n'
OUT, IN = {"in", "keep"}, {"in", "keep", "wide", "gold"}


def write_rows(folder):
    """Of each tag its rows are numbered, so that a window says of which it is."""
    with open(f"{folder}/rows.csv", "w", encoding="utf-8") as file:
        file.writelines(f"{1_700_000_000 + i // SECOND},line{i % TAGS % 4}.pot{i % TAGS}.volt,{i // TAGS}\n" for i in range(ROWS))


def ends(broker):
    """How far each partition of the changelog goes now."""
    said = subprocess.run(["kcat", "-b", broker.address, "-Q", "-t", f"{CHANGELOG}:0:-1", "-t", f"{CHANGELOG}:1:-1"],
                          capture_output=True, text=True, check=True).stdout
    return {int(p): int(offset) for p, offset in re.findall(r"\[(\d+)\] offset (\d+)", said)}


def entries(broker, partition, end):
    """Key and whether it has a value, of all that is committed in front of there. Engines go on writing, so kcat, which ends
    where nothing more is there, would follow them for as long as it is not quicker than they are."""
    reader = subprocess.Popen(["kcat", "-b", broker.address, "-q", "-u", "-C", "-t", CHANGELOG, "-p", str(partition), "-o", "beginning",
                               "-e", "-X", "isolation.level=read_committed", "-f", "%o %K %S %k"], stdout=subprocess.PIPE)
    raw, offset = b"", -1
    while offset + 1 < end and (more := reader.stdout.read1(1 << 20)):
        raw, at = raw + more, 0
        while len(head := raw[at:at + 80].split(b" ", 3)) == 4:
            begin = at + sum(len(word) + 1 for word in head[:3])
            number, length, size = map(int, head[:3])
            if len(raw) < begin + max(length, 0):
                break
            at, offset = begin + max(length, 0), number
            yield raw[begin:at], size >= 0
        raw = raw[at:]
    reader.kill()
    reader.wait()


def kept(broker, node="wide"):
    """Keys of its state in each partition of the changelog, as whoever takes over would find them."""
    time.sleep(LOOK)
    keys, front = (set(), set()), node.encode() + b"\0"
    for partition, end in ends(broker).items():
        for key, there in entries(broker, partition, end):
            if key.startswith(front):
                (keys[partition].add if there else keys[partition].discard)(key)
    return keys


def windows(engine):
    """What its folder has of them: tag -> (count, least, greatest number)."""
    time.sleep(LOOK)
    done = subprocess.run([POTLINE, "export", "--data", engine.data, "--zone", "gold"], cwd=engine.folder, capture_output=True,
                          text=True, check=False)
    found = collections.defaultdict(list)
    for row in csv.DictReader(done.stdout.splitlines()) if done.returncode == 0 else []:
        found[row["tag"]].append((int(row["count"]), float(row["min"]), float(row["max"])))
    return found


def begun(engine):
    """The first row of each tag's window, as its last one says, once it has all of them; every window is of all rows since."""
    found = windows(engine)
    for tag, rows in found.items():
        for count, least, greatest in rows:
            if count != greatest - least + 1:
                fail(f"{engine.data}: {tag}: {count} rows from {least} to {greatest}: some of another time, or lost")
    return {tag: rows[-1][1] for tag, rows in found.items()} if len(found) == TAGS else None


def dies(engine, point):
    if engine.process.wait(timeout=60) != -signal.SIGKILL:
        fail(f"{point}: {engine.data} ended: {engine.heard()[-2000:]}")
    engine.process = None


def none_is_kept(broker, what):
    wait(lambda: not any(kept(broker)), 60, lambda: f"{what}: the changelog keeps {kept(broker)}")


def out_and_in(broker, folder):
    """One of two dies before the brokers have been told; the same kind is put back, and another engine takes all over."""
    first, second, third = Engine(folder, 0), Engine(folder, 1), Engine(folder, 2)
    first.start()
    second.start(POTLINE_FAULT="group.leaving:1")
    all_run([first, second], "start", IN)
    wait(lambda: sorted(row["partitions"] for row in first.rows("nodes --cluster")) == ["0", "1"], 60, "not one partition each")
    wait(lambda: all(kept(broker)), 60, "there is no state")
    said = apply(first, "out.yaml", "--probation", "1s", "--yes")
    if "what 2 nodes know is gone for good" not in said:
        fail(f"it is not said that there is no way back for it: {said}")
    dies(second, "group.leaving")
    second.start()
    all_run([first, second], "taken out", OUT)
    none_is_kept(broker, "taken out")
    apply(first, "group.yaml", "--probation", "1s")
    all_run([first, second], "put back", IN)
    wait(lambda: all(kept(broker)), 60, "it keeps nothing")
    first.kill()
    second.kill()
    third.start(POTLINE_FAULT="group.left:1")
    began = wait(lambda: begun(third), 60, lambda: f"no windows, exit code {third.process.poll()}: {third.rows('nodes --cluster')} {third.heard()[-2000:]}")
    if min(began.values()) <= 0:
        fail(f"what it knew before it was taken out is back: {began}")
    return third


def as_another_kind(broker, folder, third):
    """It dies before its own folder knows, of the partitions that it has been given so far; and the node comes back as what
    its old state means nothing to."""
    shell(third, "graph apply out.yaml --probation 1s --yes")
    dies(third, "group.left")
    wait(lambda: not all(kept(broker)), 60, lambda: f"the brokers have not been told: {kept(broker)}")
    third.start()
    all_run([third], "taken out again", OUT)
    none_is_kept(broker, "taken out again")
    apply(third, "other.yaml", "--probation", "1s")
    all_run([third], "another kind", IN)
    wait(lambda: all(kept(broker)), 60, "the other kind keeps nothing")
    third.kill()
    fourth = Engine(folder, 3)
    fourth.start()
    all_run([fourth], "taken over", IN)
    if not any(row["node"] == "wide" and row["op"] == "threshold" for row in fourth.rows("nodes")):
        fail(f"it is not what it was said to be: {fourth.rows('nodes')}")
    fourth.kill(signal.SIGTERM)


def main():
    broker = Broker()
    with tempfile.TemporaryDirectory() as folder:
        write_rows(folder)
        head = HEAD.format(log=broker.log())
        write(folder, "group.yaml", head + SAME)
        write(folder, "out.yaml", head)
        write(folder, "other.yaml", head + OTHER)
        as_another_kind(broker, folder, out_and_in(broker, folder))
    broker.end()
    print("taken out and put back, as the same and as another kind: it began with nothing, wherever it was taken over")


main()

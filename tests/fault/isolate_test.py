#!/usr/bin/python3
"""Nodes in processes of their own: whatever becomes of those, the engine lives and ends with the right result.

A window and a sink work in processes of their own. Held against the same job without them: undisturbed; with their
processes killed again and again at random; stopped by SIGSTOP, which the heartbeat finds; and with an operator that ends
its process at a row (unsound.c) in one way or another. When that happens at the same row three times, the node is stopped
and says so. Without a log a process begins afresh, and what it had is counted as lost. A dead engine leaves no process
behind. Commands reach an operator where it works.

    isolate_test.py [--rows N] [--kills N] [--rate N] [--seed N] [--keep]
"""
import argparse
import json
import os
import random
import signal
import subprocess
import time

import rig

GRAPH = """
potline: 1
name: isolated
partitions: {partitions}
checkpoint: 100ms
log: {{ kind: {log} }}
tags: [ {{ match: "*.voltage", unit: V, range: [0, 10] }} ]
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", header: false, rate: "{rate}/s", batch: 512 }}
  clean: {{ op: cleanse, from: in, range: true, gaps: {{ max: 5s, fill: linear }} }}
  tenths: {{ op: window.tumbling, from: clean, size: 10s, aggregates: [count, mean, min, max, last], {isolate} }}
  late: {{ op: filter, from: clean, include: "*.current" }}
  odd: {{ op: unsound, from: tenths, {odd}, {isolate} }}
  minutes: {{ op: window.tumbling, from: odd, size: 1m, aggregates: [count, mean, min, max, last] }}
  out: {{ op: sink.csv, from: tenths, path: "{out}/tenths.csv", {isolate} }}
  lines: {{ op: sink.ndjson, from: minutes, path: "{out}/minutes.ndjson" }}
  gold: {{ op: sink.lake, zone: gold, from: [odd, minutes], {isolate} }}
"""
FILES = ("tenths.csv", "minutes.ndjson")
SOUND = "how: segfault"


class Job(rig.Job):
    def __init__(self, work, name, rate=100000000, mode="process", odd=SOUND, log="embedded", hang="10s", partitions=2,
                 gold=True):
        self.out = os.path.join(work, name)
        self.data = os.path.join(self.out, "data")
        self.graph = os.path.join(self.out, "graph.yaml")
        os.makedirs(self.out)
        text = GRAPH.format(work=work, out=self.out, rate=rate, mode=mode, log=log, odd=odd, partitions=partitions,
                            isolate=f"isolate: {mode}, hang: {hang}")
        lines = [line for line in text.splitlines() if gold or not line.startswith("  gold:")]
        with open(self.graph, "w") as file:
            file.write("\n".join(lines))

    def start(self, **options):
        path = os.path.join(os.path.dirname(rig.SHIM), "plugins")
        died_plainly = os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0:handle_abort=0"
        return super().start(POTLINE_PLUGIN_PATH=path, ASAN_OPTIONS=died_plainly, **options)


def children(pid):
    """The processes of nodes that this engine has now."""
    return rig.processes("-P", str(pid))


def wait_for(what, why, seconds=rig.PATIENCE):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            rig.fail(f"it does not come: {why}")
        time.sleep(0.01)


def end_of(process):
    try:
        said = process.communicate(timeout=rig.PATIENCE)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        rig.fail("hangs")
    return process.returncode, said


def good_end(process):
    code, said = end_of(process)
    if code:
        rig.fail(f"exit code {code}: {said}")
    return said


def compare(calm, job):
    for name in FILES:
        rig.compare_lines(name, calm.lines(name), job.lines(name))
    for zone in ("bronze", "gold"):
        rig.compare_lines(zone, calm.rows(zone), job.rows(zone))


def kill_one(process, dice):
    """Kills a process of a node at random: false when there is none, or it has just ended, as in an engine made anew."""
    victims = children(process.pid)
    try:
        if victims:
            os.kill(dice.choice(victims), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return bool(victims)


def disturb(process, options, dice):
    """Kills processes of nodes at random; most rounds wait for an epoch, some do not."""
    kills = 0
    while process.poll() is None and kills < options.kills:
        time.sleep(dice.uniform(0.02, 0.8))
        kills += kill_one(process, dice)
    return kills


def killed(work, calm, options):
    dice, kills, jobs = random.Random(options.seed), 0, 0
    while kills < options.kills:
        jobs += 1
        job = Job(work, f"killed{jobs}", rate=options.rate)
        process = job.start()
        disturbed = disturb(process, options, dice)
        kills += disturbed
        said = good_end(process)
        if disturbed and "ended by signal 9 (Killed)" not in said:
            rig.fail(f"nobody said that a process was killed: {said}")
        compare(calm, job)
    print(f"{kills} processes killed in {jobs} jobs: files, bronze and gold are the same", flush=True)


def hung(work, calm, options):
    job = Job(work, "hung", rate=options.rate, hang="300ms")
    process = job.start()
    wait_for(lambda: len(children(process.pid)) >= 4, "processes of nodes")
    time.sleep(1)
    stopped = random.Random(options.seed).choice(children(process.pid))
    os.kill(stopped, signal.SIGSTOP)
    said = good_end(process)
    if "it hangs: nothing was heard of it" not in said:
        rig.fail(f"nobody said that a process hung: {said}")
    if rig.is_alive(stopped):
        rig.fail("the hung process is there still")
    compare(calm, job)
    print("a stopped process is found, ended and replaced", flush=True)


def unsound(work, calm, how, said_of_it, times=2):
    marks = os.path.join(work, f"marks.{how}")
    job = Job(work, how, hang="300ms", odd=f'how: {how}, row: 700, times: {times}, marks: "{marks}"')
    said = good_end(job.start())
    if said_of_it not in said or "as it was told, it ends" not in said:
        rig.fail(f"{how}: {said_of_it!r} and its last words were not said: {said}")
    if os.path.getsize(marks) != times:
        rig.fail(f"{how}: {os.path.getsize(marks)} times, not {times}")
    compare(calm, job)


def hopeless(work):
    marks = os.path.join(work, "marks.hopeless")
    job = Job(work, "hopeless", odd=f'how: segfault, row: 700, times: 99, marks: "{marks}"')
    code, said = end_of(job.start())
    if code != 1 or "times while it was at the same record" not in said or "node odd" not in said:
        rig.fail(f"hopeless: exit code {code}: {said}")
    if os.path.getsize(marks) not in (3, 4):
        rig.fail(f"hopeless: tried {os.path.getsize(marks)} times")
    letters = rig.export(job.data, "dead")[1]
    if "process died" not in letters:
        rig.fail(f"hopeless: no letter of the record: {letters}")
    return job


def sound_again(calm, job):
    """The operator was mended: the record is done like any other."""
    with open(job.graph) as file:
        text = file.read()
    with open(job.graph, "w") as file:
        file.write(text.replace("times: 99", "times: 0"))
    good_end(job.start())
    compare(calm, job)


def without_a_log(work, options):
    job = Job(work, "unlogged", rate=options.rate, log="none", gold=False)
    process = job.start()
    dice, deaths = random.Random(options.seed), 0
    for _ in range(6):
        time.sleep(dice.uniform(0.3, 0.6))
        deaths += kill_one(process, dice)
    said = good_end(process)
    if deaths < 3 or "ended by signal 9 (Killed)" not in said:
        rig.fail(f"unlogged: {deaths} deaths: {said}")
    print(f"without a log: {deaths} deaths, and the job ends", flush=True)


def orphans(work, options):
    job = Job(work, "orphans", rate=options.rate)
    process = job.start()
    wait_for(lambda: len(children(process.pid)) >= 4, "processes of nodes")
    left = children(process.pid)
    process.kill()
    process.communicate()
    rig.expect_no_orphans(left)
    print("a dead engine leaves no process behind", flush=True)


def changed_between_runs(work, calm, options):
    """What was kept by a process is taken up within the engine, and the other way round."""
    for mode, other in (("process", "none"), ("none", "process")):
        job = Job(work, f"first-{mode}", rate=options.rate, mode=mode)
        process = job.start()
        time.sleep(1.5)
        process.kill()
        process.communicate()
        with open(job.graph) as file:
            text = file.read()
        with open(job.graph, "w") as file:
            file.write(text.replace(f"isolate: {mode}", f"isolate: {other}"))
        good_end(job.start())
        compare(calm, job)
    print("what one kept the other goes on with", flush=True)


def shell(job, *words):
    code, out, said = rig.run("shell", "--data", job.data, "--json", "-c", " ".join(words))
    if code:
        rig.fail(f"{words}: exit code {code}: {said}{out}")
    return [json.loads(line) for line in out.splitlines()]


def is_replaced(job, name):
    """False also while the engine is made anew, when nobody answers."""
    code, out, _ = rig.run("shell", "--data", job.data, "--json", "-c", "nodes")
    rows = [json.loads(line) for line in out.splitlines()] if code == 0 else []
    return any(row["node"] == name and row["process_deaths"] and row["pid"] for row in rows)


def commands(work, options):
    """The operator answers where it works; what was set and paused holds when its process is replaced."""
    job = Job(work, "commands", rate=options.rows // 40)
    process = job.start(until_eof=False)
    node = lambda name: {row["node"]: row for row in shell(job, "nodes")}[name]
    limit = lambda: {row["option"]: row["value"] for row in shell(job, "options", "odd")}["limit"]
    wait_for(lambda: rig.run("shell", "--data", job.data, "-c", "version")[0] == 0, "the control plane")
    wait_for(lambda: node("odd")["rows_in"] > 0, "rows")
    said = {"option": "odd.limit", "from": "0", "to": "5", "holds": "until this run ends; then 0 again, as the graph file says"}
    if shell(job, "set", "odd.limit", "5")[0] != said or limit() != "5":
        rig.fail("set did not reach the process")
    code, _, said = rig.run("shell", "--data", job.data, "-c", "set odd.row 5")
    if code == 0 or "fixed while the node runs" not in said:
        rig.fail(f"a fixed option was set: {said}")
    if len(shell(job, "tap", "odd", "--rows", "3")) < 3:
        rig.fail("nothing was tapped")
    counted = {row["counter"]: row["value"] for row in shell(job, "stats", "odd")}
    if not counted["rows"]:
        rig.fail(f"its counters do not come: {counted}")
    shell(job, "pause", "late")
    victim = node("odd")["pid"]
    if victim not in children(process.pid):
        rig.fail(f"process {victim} is none of the engine's")
    os.kill(victim, signal.SIGKILL)
    # The engine is made anew; its control plane answers again.
    wait_for(lambda: is_replaced(job, "odd"), "another process")
    if node("odd")["pid"] == victim or limit() != "5" or node("late")["state"] != "paused":
        rig.fail(f"what people said is forgotten: {limit()}, {node('late')}")
    shell(job, "resume", "late")
    code, _, said = rig.run("shell", "--data", job.data, "-c", "stop")
    if code and "the engine ends" not in said and "lost the engine" not in said:  # its end may overtake the answer
        rig.fail(f"it does not stop: {said}")
    good_end(process)
    print("set, options, tap, stats, pause: they reach a node where it works, and hold", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1000000 if rig.LONG else 300000)
    parser.add_argument("--kills", type=int, default=rig.times(20, 200))
    parser.add_argument("--rate", type=int, default=50000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="one of the parts that need no other: orphans, commands, without_a_log")
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    with rig.folder(options.keep) as work:
        rig.make_input(work, options.rows)
        if options.only:
            globals()[options.only](work, options)
            return
        calm = Job(work, "calm", mode="none")
        calm.finish()
        apart = Job(work, "apart")
        apart.finish()
        compare(calm, apart)
        killed(work, calm, options)
        hung(work, calm, options)
        unsound(work, calm, "segfault", "ended by signal 11 (Segmentation fault)")
        unsound(work, calm, "abort", "ended by signal 6 (Aborted)")
        unsound(work, calm, "exit", "ended by itself with exit code 7")
        unsound(work, calm, "hang", "it hangs: nothing was heard of it")
        unsound(work, calm, "noise", "its process writes: ", times=1)
        sound_again(calm, hopeless(work))
        changed_between_runs(work, calm, options)
        without_a_log(work, options)
        orphans(work, options)
        commands(work, options)


if __name__ == "__main__":
    main()

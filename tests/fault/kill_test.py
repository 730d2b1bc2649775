#!/usr/bin/python3
"""A job killed again and again gives what it gives undisturbed.

Rows of a file, paced, go through cleansing, a diamond and windows into files and zones, with a checkpoint every 200 ms. The
engine dies by SIGKILL: at random instants (a kill counts when the log has grown since the start), at named places inside
it (base/fault.h), and at system calls of RocksDB's write-ahead log, flushes and compactions and of the output files
(shim.c). A node works in a process of its own, which ends with the engine. In the end the files are the same byte for byte, and silver, gold and bronze hold the same rows, each once.

    kill_test.py [--rows N] [--kills N] [--rate N] [--partitions N,N] [--seed N] [--keep]
"""
import argparse
import collections
import random
import subprocess
import sys
import time

import rig

# Name, and how many passes of it come soon.
PLACES = (("log.append", 60), ("log.appended", 60), ("zone.put", 60), ("zone.written", 60), ("checkpoint.put", 15),
          ("checkpoint.last", 3), ("checkpoint.is_last", 3), ("checkpoint.synced", 3), ("checkpoint.move", 20),
          ("checkpoint.moved", 3), ("node.snapshot", 40), ("node.saved", 40), ("node.commit", 20), ("node.committed", 20),
          ("spill.put", 2), ("open.store", 1), ("open.log", 2), ("open.order", 1), ("open.zone", 20), ("open.zones", 1),
          ("open.node", 10))
# Call and file, and how many of it come soon.
CALLS = (("write:*.sst", 8), ("sync:*.sst", 6), ("write:*.log", 60), ("sync:*.log", 6), ("write:MANIFEST-*", 8),
         ("sync:MANIFEST-*", 8), ("rename:CURRENT", 1), ("write:*.csv", 10), ("write:*.ndjson", 3))
SMALL_BUFFER = "256"  # KiB: flushes and compactions all the time
SOON = 1.5  # seconds


def choose(dice, counts):
    """How this round is to die: kind, environment, and for how long it is let run. Each kind has its share."""
    wanted = {"instant": 0.4, "place": 0.3, "call": 0.3}
    total = sum(counts.values()) + 1
    kind = max(wanted, key=lambda name: (wanted[name] * total - counts[name], dice.random()))
    if kind == "instant":
        return kind, {"POTLINE_FAULT_BUFFER": dice.choice((None, SMALL_BUFFER))}, dice.uniform(0.02, 1.0)
    if kind == "place":
        name, passes = dice.choice(PLACES)
        return kind, {"POTLINE_FAULT": f"{name}:{dice.randint(1, passes)}",
                      "POTLINE_FAULT_BUFFER": dice.choice((None, SMALL_BUFFER))}, SOON
    call, passes = dice.choice(CALLS)
    action = dice.choice(("kill", "killed", "torn") if call.startswith("write") else ("kill", "killed"))
    return kind, {"POTLINE_SHIM": f"{call}:{dice.randint(1, passes)}:{action}", "POTLINE_FAULT_BUFFER": SMALL_BUFFER}, SOON


def disturb(job, options, dice, counts):
    """Kills until there have been enough kills or it has finished; counts those that count, by kind."""
    began = time.time()
    while sum(counts.values()) < options.kills:
        kind, env, seconds = choose(dice, counts)
        before = job.log_size()
        process = job.start(**env)
        guests = []
        try:
            said = process.communicate(timeout=seconds)[1]
        except subprocess.TimeoutExpired:
            guests = rig.processes("-P", str(process.pid))
            process.kill()
            process.communicate()
            kind = "instant"
        else:
            if not process.returncode:
                return
            if not rig.was_killed(process):
                rig.fail(f"after {dict(counts)} with {env}: exit code {process.returncode}: {said}")
        rig.expect_no_orphans(guests)
        if kind != "instant" or job.log_size() > before:
            counts[kind] += 1
        if sys.stderr.isatty():
            print(f"\r{dict(counts)}, {time.time() - began:.0f} s", end="", file=sys.stderr)
    job.finish()


def check(options, partitions, work):
    dice = random.Random(options.seed)
    calm = rig.undisturbed(work, options.rows, partitions, f"calm{partitions}")
    counts, jobs, began = collections.Counter(), 0, time.time()
    while sum(counts.values()) < options.kills:
        jobs += 1
        wild = rig.Job(work, f"wild{partitions}.{jobs}", options.rows, options.rate, partitions)
        disturb(wild, options, dice, counts)
        rig.compare(calm, wild)
    wild.finish()  # a finished job adds nothing
    rig.compare(calm, wild)
    kinds = ", ".join(f"{counts[kind]} at {kind}s" for kind in ("instant", "place", "call"))
    print(f"{jobs} x {options.rows} rows, {partitions} partitions, {sum(counts.values())} kills ({kinds}) in "
          f"{time.time() - began:.0f} s: files, bronze, silver and gold are the same", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5000000 if rig.LONG else 600000)
    parser.add_argument("--kills", type=int, default=rig.times(12, 200), help="for each number of partitions")
    parser.add_argument("--rate", type=int, default=100000)
    parser.add_argument("--partitions", default="1,4")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    with rig.folder(options.keep) as work:
        rig.make_input(work, options.rows)
        for partitions in options.partitions.split(","):
            check(options, int(partitions), work)


if __name__ == "__main__":
    main()

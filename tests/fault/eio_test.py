#!/usr/bin/python3
"""A write that fails for good (EIO, or ENOSPC where room had been found) ends the engine with a message; started again it ends with the right result.

The N-th write, sync, rename or allocation of the write-ahead log, a table file, the manifest or an output file fails; so do
the store's own writes at named places. The engine ends with exit code 1 and says what failed, never by a signal, and never
as if all were well; where RocksDB itself can go on (a compaction that can be done again) it may. Each time the job goes on
from where it was.

    eio_test.py [--rows N] [--rounds N] [--seed N] [--keep]
"""
import argparse
import collections
import random
import re
import subprocess

import rig

# Call and file, how many of them come soon, and whether the engine must notice. Room that is not taken beforehand is none.
RULES = (("write:*.log", 40, True), ("sync:*.log", 4, True), ("write:*.sst", 12, False), ("sync:*.sst", 6, False),
         ("write:MANIFEST-*", 8, False), ("sync:MANIFEST-*", 8, False), ("rename:CURRENT", 1, True),
         ("write:*.dbtmp", 1, True), ("write:tenths.csv", 2, True), ("write:high.ndjson", 1, False),
         ("store.write", 60, True), ("store.sync", 4, True))
SAID = re.compile(r"Input/output error|IO error|write failed|disk is full|POTLINE_FAULT|did not succeed|cannot be written", re.IGNORECASE)
SOON = 20  # seconds; by then it has ended


def disturbed(job, rule, number, action):
    """Runs with the rule until the end; returns the exit code and what was said. None: the rule was not reached."""
    if ":" in rule:
        env = {"POTLINE_SHIM": f"{rule}:{number}:{action}"}
    else:
        env = {"POTLINE_FAULT": f"{rule}:{number}:eio"}
    process = job.start(POTLINE_FAULT_BUFFER="128", **env)
    try:
        said = process.communicate(timeout=SOON)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, ""
    return process.returncode, said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=400000)
    parser.add_argument("--rounds", type=int, default=max(len(RULES), rig.times(24, 200)))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    dice, counts = random.Random(options.seed), collections.Counter()
    with rig.folder(options.keep) as work:
        rig.make_input(work, options.rows)
        calm = rig.undisturbed(work, options.rows, 2)
        number, job = 0, None
        for turn in range(options.rounds):
            rule, soon, must = RULES[turn % len(RULES)]
            if job is None:
                number += 1
                job = rig.Job(work, f"wild{number}", options.rows, 400000, 2)
            n = dice.randint(1, soon) if turn >= len(RULES) else 1  # each is reached once
            action = "enospc" if ":" in rule and turn // len(RULES) % 2 else "eio"
            code, said = disturbed(job, rule, n, action)
            if code is None:
                rig.fail(f"{rule}, number {n}, {action}: neither ended nor finished")
            if code not in (0, 1):
                rig.fail(f"{rule}, number {n}, {action}: exit code {code}: {said}")
            if code == 1 and not SAID.search(said):
                rig.fail(f"{rule}, number {n}, {action}: not a word of what failed: {said!r}")
            if code == 0:
                rig.compare(calm, job)
                job = None
            counts[rule, "ended" if code else "finished"] += 1
        if job:
            job.finish()
            rig.compare(calm, job)
        for rule, _, must in RULES:
            if must and not counts[rule, "ended"]:
                rig.fail(f"{rule}: nothing ever failed")
        ended = sum(count for (_, what), count in counts.items() if what == "ended")
        print(f"{options.rounds} rounds, {ended} ended by the failure, {number} jobs: files and zones are the same")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""The end of the write-ahead log torn after a kill: what is lost comes again, and the job ends with the right result.

After each kill the newest write-ahead log is cut by a random number of bytes, or a bit near its end is flipped, or zeros
stand where its last page was: what a loss of power leaves of what was not synced. Sometimes whole epochs are gone with it,
while the output files hold rows of them. Opening says that something was cut off, and how much; the job is then let go
on, and in the end everything is as undisturbed.

    torn_test.py [--rows N] [--rounds N] [--rate N] [--partitions N,N] [--seed N] [--keep]
"""
import argparse
import os
import random
import re
import subprocess

import rig

PAGE = 4096


def newest_log(data):
    store = os.path.join(data, "store")
    logs = [name for name in os.listdir(store) if name.endswith(".log")] if os.path.isdir(store) else []
    return os.path.join(store, max(logs, key=lambda name: int(name.split(".")[0]))) if logs else None


def tear(path, dice):
    """Returns what was done and whether it can be seen: a cut between two records cannot."""
    size = os.path.getsize(path)
    if size < 4 * PAGE:
        return None
    how = dice.choice(("cut", "cut deep", "flip", "zeros"))
    with open(path, "r+b") as file:
        if how == "cut":
            file.truncate(size - dice.randint(1, 2000))
        elif how == "cut deep":
            file.truncate(size - dice.randint(1, size * 3 // 4))
        elif how == "zeros":
            begin = (size - 1) // PAGE * PAGE
            file.seek(begin)
            file.write(b"\0" * (size - begin))
        else:
            file.seek(size - dice.randint(1, 30))
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1 << dice.randrange(8)]))
    return how


def run_for(job, seconds):
    """What it said, and whether it has finished."""
    process = job.start()
    try:
        said = process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[1], False
    if process.returncode:
        rig.fail(f"exit code {process.returncode}: {said}")
    return said, True


def check(options, partitions, work):
    dice = random.Random(options.seed)
    calm = rig.undisturbed(work, options.rows, partitions, f"calm{partitions}")
    wild = rig.Job(work, f"wild{partitions}", options.rows, options.rate, partitions)
    torn, told, finished, how = 0, 0, False, None
    while torn < options.rounds and not finished:
        said, finished = run_for(wild, dice.uniform(0.3, 1.0))
        cut = re.search(r"its last (\d+) bytes are cut off", said)
        told += cut is not None
        if how == "flip" and not cut:
            rig.fail(f"a record with a flipped bit was dropped without a word: {said!r}")
        path = newest_log(wild.data)
        how = tear(path, dice) if path and not finished else None
        torn += how is not None
    wild.finish()
    if not told:
        rig.fail("nothing was ever said of what was cut off")
    rig.compare(calm, wild)
    if torn < options.rounds:
        rig.fail(f"finished after {torn} rounds: more rows are needed")
    print(f"{options.rows} rows, {partitions} partitions, {torn} torn logs, {told} times told: files and zones are the same",
          flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=3000000 if rig.LONG else 500000)
    parser.add_argument("--rounds", type=int, default=rig.times(8, 50))
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

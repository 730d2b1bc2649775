#!/usr/bin/python3
"""A process that stands still for a while (SIGSTOP, SIGCONT: a suspended machine, a debugger, a starved host) goes on.

In the middle of it one pause is long against every interval in the graph; the result is as undisturbed, and the run needs
no restart.

    pause_test.py [--rows N] [--pauses N] [--seed N] [--keep]
"""
import argparse
import random
import signal
import time

import rig


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2000000 if rig.LONG else 300000)
    parser.add_argument("--pauses", type=int, default=rig.times(12, 100))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    dice = random.Random(options.seed)
    with rig.folder(options.keep) as work:
        rig.make_input(work, options.rows)
        calm = rig.undisturbed(work, options.rows, 4)
        wild = rig.Job(work, "wild", options.rows, 100000, 4)
        process, pauses = wild.start(), 0
        while pauses < options.pauses and process.poll() is None:
            time.sleep(dice.uniform(0.01, 0.2))
            process.send_signal(signal.SIGSTOP)
            time.sleep(3 if pauses == options.pauses // 2 else dice.uniform(0.01, 0.5))
            process.send_signal(signal.SIGCONT)
            pauses += 1
        said = process.communicate(timeout=rig.PATIENCE)[1]
        if process.returncode:
            rig.fail(f"exit code {process.returncode}: {said}")
        if pauses < options.pauses:
            rig.fail(f"finished after {pauses} pauses: more rows are needed")
        rig.compare(calm, wild)
        print(f"{options.rows} rows, {pauses} pauses: files and zones are the same")


if __name__ == "__main__":
    main()

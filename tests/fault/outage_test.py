#!/usr/bin/python3
"""The loss of power: what was not synced is gone, and the job still ends with the right result.

The shim writes down how long each file was when it was last synced. After a kill, every file of the data folder and every
output file is cut back to that length, and what was never synced is emptied: less than that no disk keeps. The epochs that
were said to be safe are then still there; the rest comes again from the source.

    outage_test.py [--rows N] [--outages N] [--rate N] [--seed N] [--keep]
"""
import argparse
import os
import random
import subprocess

import rig


def synced_lengths(path):
    """By path, how long a file was when it was last synced."""
    lengths = {}
    if os.path.exists(path):
        with open(path) as file:
            for line in file:
                size, _, name = line.rstrip("\n").partition(" ")
                lengths[name] = int(size)
    return lengths


def lose_power(job, synced):
    """Cuts every file back to what is sure to be on the disk; returns how many bytes went."""
    lost = 0
    for folder, _, names in os.walk(job.out):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path) or name in ("graph.yaml", "LOG", "LOCK") or name.startswith("LOG.old"):
                continue
            sure, size = synced.get(path, 0), os.path.getsize(path)
            if sure < size:
                os.truncate(path, sure)
                lost += size - sure
    return lost


def folders_stay(job):
    """A folder that was made is there after an outage: the one that it is in has been synced."""
    journal, place = os.path.join(job.out, "folders"), os.path.join(job.out, "place")
    data, kept, back = (os.path.join(place, name, name) for name in ("data", "kept", "back"))
    os.mkdir(place)
    env = {"POTLINE_SHIM_SYNCED": journal}
    for words in (("user", "add", "anna", "--role", "admin", "--password-file", __file__, "--data", data),
                  ("backup", "--data", data, "--to", kept), ("restore", "--from", kept, "--data", back)):
        code, _, said = rig.run(*words, **env)
        if code:
            rig.fail(said)
    synced = synced_lengths(journal)
    for folder, names, _ in os.walk(place):
        if names and folder not in synced:
            rig.fail(f"{folder} was not synced, so {names} may be gone")


def last_epoch(job):
    code, out, said = rig.run("shell", "--data", job.data, "--json", "-c", "status")
    return rig.json_row(out)["epoch"] if code == 0 else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=3000000 if rig.LONG else 1000000)
    parser.add_argument("--outages", type=int, default=rig.times(10, 50))
    parser.add_argument("--rate", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    dice, lost, outages, highest = random.Random(options.seed), 0, 0, 0
    with rig.folder(options.keep) as work:
        rig.make_input(work, options.rows)
        calm = rig.undisturbed(work, options.rows, 2)
        wild = rig.Job(work, "wild", options.rows, options.rate, 2)
        journal = os.path.join(work, "synced")
        env = {"POTLINE_SHIM_SYNCED": journal}
        while outages < options.outages:
            process = wild.start(POTLINE_FAULT_BUFFER=dice.choice((None, "256")), **env)
            try:
                said = process.communicate(timeout=dice.uniform(0.3, 1.0))[1]
            except subprocess.TimeoutExpired:
                epoch = last_epoch(wild)
                process.kill()
                process.communicate()
            else:
                rig.fail(f"after {outages} outages: exit code {process.returncode}: {said}")
            if epoch and epoch < highest:
                rig.fail(f"epoch {highest} was safe, and behind an outage it is {epoch}")
            highest = max(highest, epoch)
            lost += lose_power(wild, synced_lengths(journal))
            outages += 1
        wild.finish()
        rig.compare(calm, wild)
        folders_stay(wild)
        if not lost:
            rig.fail("nothing was ever lost: that was no outage")
        print(f"{options.rows} rows, {outages} outages, {lost} bytes lost: files and zones are the same")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""A full disk makes everything wait, says so, and harms nothing; with room again the engine goes on by itself.

First the disk only seems full (shim.c: statvfs says so, and writes to the output files fail), again and again, once with
the process killed meanwhile. Then, where this process may mount one, a small file system really fills up. Each time
`status` says that the disk is full, no row comes in until there is room, and the end is as undisturbed, without a restart.

    full_test.py [--rows N] [--times N] [--seed N] [--keep]
"""
import argparse
import contextlib
import os
import subprocess
import time

import rig

SMALL = {"POTLINE_FAULT_BUFFER": "64"}  # KiB: room is looked for that often, too
MIB = 1 << 20


def status(job):
    """The row of `status`, or None while the engine does not answer."""
    code, out, _ = rig.run("shell", "--data", job.data, "--json", "-c", "status")
    if code:
        return None
    return rig.json_row(out)


def wait_until(what, job, process, true):
    end = time.time() + rig.PATIENCE
    while time.time() < end:
        row = status(job)
        if row and true(row):
            return row
        if process.poll() is not None:
            rig.fail(f"ended while waiting until {what}: exit code {process.returncode}: {process.stderr.read()}")
        time.sleep(0.05)
    return rig.fail(f"waited in vain until {what}: {row}")


def stands_still(job, process):
    """The disk is full: that is told, and after what was under way no row comes in."""
    wait_until("the disk is full", job, process, lambda row: row["disk_full"])
    time.sleep(0.3)
    before = status(job)
    time.sleep(0.7)
    after = status(job)
    if before["rows_in"] != after["rows_in"] or not after["disk_full"]:
        rig.fail(f"the disk is full, and rows come in: {before['rows_in']} to {after['rows_in']}")


def end_of(process):
    said = process.communicate(timeout=rig.PATIENCE)[1]
    if process.returncode:
        rig.fail(f"exit code {process.returncode}: {said}")
    for words in ("the disk is full", "all sources wait until it does", "takes rows again"):
        if words not in said:
            rig.fail(f"\"{words}\" was not said: {said!r}")


def seems_full(options, work, calm):
    wild = rig.Job(work, "seems", options.rows, 100000, 2)
    flag = os.path.join(work, "full")
    env = dict(SMALL, POTLINE_SHIM_FULL=flag, POTLINE_SHIM_FULL_WRITES=flag, POTLINE_SHIM_FULL_PATTERN="*.csv")
    process = wild.start(**env)
    for turn in range(options.times):
        wait_until("rows come in", wild, process, lambda row: row["rows_in"] > 0 and not row["disk_full"])
        time.sleep(0.2)
        with open(flag, "w"):
            pass
        stands_still(wild, process)
        if turn == options.times // 2:  # dies while the disk is full; comes back when it is not
            process.kill()
            process.communicate()
            os.unlink(flag)
            process = wild.start(**env)
        else:
            os.unlink(flag)
    end_of(process)
    rig.compare(calm, wild)
    print(f"{options.rows} rows, a disk that seemed full {options.times} times: files and zones are the same", flush=True)


def output_is_full(options, work, calm):
    """Only the disk of the output files is full: epochs are kept of what waits, and a kill does not lose it."""
    wild = rig.Job(work, "output", options.rows, 100000, 2)
    flag = os.path.join(work, "full-output")
    env = dict(SMALL, POTLINE_SHIM_FULL_WRITES=flag, POTLINE_SHIM_FULL_PATTERN="*.csv")
    for turn in range(options.times):
        process = wild.start(**env)
        wait_until("rows come in", wild, process, lambda row: row["rows_in"] > 0)
        with open(flag, "w"):
            pass
        size = os.path.getsize(os.path.join(wild.out, "tenths.csv"))
        time.sleep(0.3 + 0.2 * turn)
        if os.path.getsize(os.path.join(wild.out, "tenths.csv")) != size:
            rig.fail("a file grew that could not")
        process.kill()
        process.communicate()
        os.unlink(flag)
    wild.finish()
    rig.compare(calm, wild)
    print(f"{options.rows} rows, a full disk under the output {options.times} times: files and zones are the same", flush=True)


@contextlib.contextmanager
def small_disk(work, size):
    """A file system of its own, or None where this process may not mount one."""
    path = os.path.join(work, "disk")
    os.makedirs(path)
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield path if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", path], check=True)


def fill(path, leave):
    """Takes the room away, towards the end bit by bit, as a disk fills up, until only `leave` bytes are left."""
    with open(path, "ab") as file:
        disk = os.statvfs(path)
        os.posix_fallocate(file.fileno(), 0, max(disk.f_bavail * disk.f_frsize - leave - 32 * MIB, 1))
        while True:
            disk = os.statvfs(path)
            room = disk.f_bavail * disk.f_frsize
            if room <= leave:
                return
            file.write(b"\0" * min(MIB // 4, room - leave))
            file.flush()
            time.sleep(0.01)


def is_full(options, work, calm):
    with small_disk(work, 256 * MIB) as disk:
        if not disk:
            print("no file system could be mounted: a disk that is really full is not tried")
            return
        os.symlink(os.path.join(work, "in.csv"), os.path.join(disk, "in.csv"))
        wild = rig.Job(disk, "really", options.rows, 100000, 2)
        process = wild.start(**SMALL)
        for leave in (8 * MIB, 2 * MIB, 4 * MIB)[:options.times]:
            wait_until("rows come in", wild, process, lambda row: row["rows_in"] > 0 and not row["disk_full"])
            fill(os.path.join(disk, "filler"), leave)
            stands_still(wild, process)
            os.unlink(os.path.join(disk, "filler"))
        end_of(process)
        rig.compare(calm, wild)
        print(f"{options.rows} rows, a small disk full {min(options.times, 3)} times: files and zones are the same")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=3000000 if rig.LONG else 500000)
    parser.add_argument("--times", type=int, default=15 if rig.LONG else 3)
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    with rig.folder(options.keep) as work:
        rig.make_input(work, options.rows)
        calm = rig.undisturbed(work, options.rows, 2)
        seems_full(options, work, calm)
        output_is_full(options, work, calm)
        is_full(options, work, calm)


if __name__ == "__main__":
    main()

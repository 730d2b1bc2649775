#!/usr/bin/python3
"""A flipped bit in a data folder is found, or does no harm.

In copies of a folder that was closed in good order a random bit of a random file is flipped; every fourth pair of copies
has no mark, as after a kill, and there it is a table file. Then every read (the zones exported, the audit verified, a job
that goes on) either says what is damaged and ends with an exit code that is not 0, or gives exactly the right answer. It
never dies of a signal, never hangs, and never gives a wrong answer.

    flip_test.py [--copies N] [--seed N] [--only FILE] [--keep]
"""
import argparse
import collections
import os
import random
import shutil
import time

import rig

ROWS = 60000
SLOW = 120  # seconds; longer is a hang
SMALL = {"POTLINE_FAULT_BUFFER": "64"}  # KiB: table files and compactions, and not only a write-ahead log


def prepare(work):
    """A finished job, to be read, and one stopped half-way, to be gone on with; both have had people at them."""
    rig.make_input(work, ROWS)
    whole = rig.Job(work, "whole", ROWS, 100000000, 2)
    half = rig.Job(work, "half", ROWS, 60000, 2)
    for job in (whole, half):
        for i in range(8):
            code, _, said = rig.run("user", "add", f"user{i}", "--role", "operator", "--data", job.data,
                                    "--password-file", password(work))
            if code:
                rig.fail(f"user add: {said}")
    whole.finish(**SMALL)
    for seconds in (0.4, 0.4):
        process = half.start(**SMALL)
        time.sleep(seconds)
        process.terminate()
        said = process.communicate()[1]
        if process.returncode:
            rig.fail(f"stopped half-way: exit code {process.returncode}: {said}")
    return whole, half


def password(work):
    path = os.path.join(work, "password")
    with open(path, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write("correct horse battery\n")
    return path


def files_of(data):
    found = []
    for folder, _, names in os.walk(data):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.path.getsize(path):
                found.append(os.path.relpath(path, data))
    return sorted(found)


def kind_of(name):
    base = os.path.basename(name)
    return os.path.splitext(base)[1] or base.split("-")[0]


def flip(data, name, dice):
    path = os.path.join(data, name)
    bit = dice.randrange(os.path.getsize(path) * 8)
    with open(path, "r+b") as file:
        file.seek(bit // 8)
        byte = file.read(1)[0]
        file.seek(bit // 8)
        file.write(bytes([byte ^ 1 << bit % 8]))
    return bit


def judge(what, code, out, said, expected):
    """'found' or 'harmless'; a complaint otherwise."""
    if code is None or code < 0:
        return f"{what}: {'hangs' if code is None else f'died of signal {-code}'}: {said}"
    if code:
        text = said.lower()
        named = any(word in text for word in ("damage", "corrupt", "checksum", "not whole", "gap", "missing", "cannot be read"))
        return "found" if said.strip() and named else f"{what}: exit code {code}, and not a word about damage: {said!r}"
    return "harmless" if expected() == out else f"{what}: a wrong answer, and no error: {said}"


def read_all(data, expected):
    for zone in rig.ZONES:
        code, out, said = rig.export(data, zone)
        yield judge(f"export {zone}", code, rig.comparable(zone, out), said, lambda z=zone: expected[z])
    code, out, said = rig.run("audit", "verify", "--data", data)
    yield judge("audit verify", code, out, said, lambda: expected["audit"])


def go_on(job, expected):
    """Runs the half-done job to its end."""
    code, _, said = rig.run("run", job.graph, "--data", job.data, "--quiet", "--until-eof", "--set", "in.rate=0/s",
                            "--set", "alone.rate=0/s", timeout=SLOW)

    yield judge("run", code, [job.lines(name) for name in rig.FILES] if code == 0 else None, said,
                lambda: expected["files"])
    if code:
        return
    for zone in rig.ZONES:
        code, out, said = rig.export(job.data, zone)
        yield judge(f"export {zone} behind a run", code, rig.comparable(zone, out), said,
                    lambda z=zone: expected["gone on"][z])


def expect(whole, half, work):
    """The right answers, of the folders as they are."""
    right = {zone: whole.rows(zone) for zone in rig.ZONES}
    right["audit"] = rig.run("audit", "verify", "--data", whole.data)[1]
    calm = rig.undisturbed(work, ROWS, 2)
    right["files"] = [calm.lines(name) for name in rig.FILES]
    right["gone on"] = {zone: calm.rows(zone) for zone in rig.ZONES}
    copy = Copy(half)
    for verdict in go_on(copy, right):
        if verdict != "harmless":
            rig.fail(f"a copy without a flipped bit: {verdict}")
    copy.remove()
    return right


class Copy:
    """A job's folder copied, and standing where it stood: what its sinks know is of files under their own paths."""

    def __init__(self, job):
        self.out, self.kept, self.data, self.graph = job.out, job.out + ".kept", job.data, job.graph
        os.rename(self.out, self.kept)
        shutil.copytree(self.kept, self.out, ignore=lambda _, names: [name for name in names if name.endswith(".sock")])

    lines = rig.Job.lines
    rows = rig.Job.rows

    def remove(self):
        shutil.rmtree(self.out)
        os.rename(self.kept, self.out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--copies", type=int, default=rig.times(40, 1000))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="flip bits only of files of this kind, as .sst")
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    dice, counts, complaints = random.Random(options.seed), collections.defaultdict(collections.Counter), []
    with rig.folder(options.keep) as work:
        whole, half = prepare(work)
        right = expect(whole, half, work)
        for number in range(options.copies):
            going_on, killed = number % 2, number // 2 % 4 == 3
            copy = Copy(half if going_on else whole)
            if killed:
                os.unlink(os.path.join(copy.data, "closed"))
            by_kind = collections.defaultdict(list)
            for name in files_of(copy.data):
                by_kind[kind_of(name)].append(name)
            kind = options.only or (".sst" if killed else None) or dice.choice(sorted(by_kind) + ([".sst"] * 4 if ".sst" in by_kind else []))
            name = dice.choice(by_kind[kind])
            bit = flip(copy.data, name, dice)
            for verdict in go_on(copy, right) if going_on else read_all(copy.data, right):
                if verdict not in ("found", "harmless"):
                    complaints.append(f"copy {number}, {name}, bit {bit}: {verdict}")
                    print(complaints[-1], flush=True)
                    verdict = "wrong"
                counts[kind][verdict] += 1
            copy.remove()
    for kind in sorted(counts):
        print(f"{kind}: " + ", ".join(f"{counts[kind][verdict]} {verdict}" for verdict in sorted(counts[kind])))
    if complaints:
        rig.fail(f"{len(complaints)} of the reads of {options.copies} copies went wrong")


if __name__ == "__main__":
    main()

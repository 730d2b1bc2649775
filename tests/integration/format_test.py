#!/usr/bin/python3
"""Data folders of every format there has been are opened, gone on with and brought up to date; one of a newer version is
refused, and not a byte of it is touched.

formats/N holds folders as the first version with format N has left them, in the middle of a graph: one that was stopped
in good order, one that was killed. They stay as they are.
"""
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "formats")
NEWEST = 1


def potline(*words, code=0, text=()):
    done = subprocess.run([POTLINE, *words], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "RATE": "1000000"})
    assert done.returncode == code, (words, done)
    for part in [text] if isinstance(text, str) else text:
        assert part in done.stderr, (words, part, done.stderr)
    return done.stdout


def rows(data, zone):
    lines = potline("export", "--data", data, "--zone", zone).splitlines()[1:]
    return sorted(line.rsplit(",", 1)[0] if zone == "bronze" else line for line in lines)  # sequences count barriers too


def hashes(folder):
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                found[path] = (hashlib.sha256(file.read()).hexdigest(), os.stat(path).st_mtime_ns)
    return found


def unpack(version, kind, to):
    with tarfile.open(os.path.join(HERE, version, f"{kind}.tar.xz")) as tar:
        tar.extractall(to)
    return os.path.join(to, kind)


def opened(version, root):
    graph = os.path.join(HERE, version, "graph.yaml")
    fresh = os.path.join(root, f"fresh-{version}")
    potline("run", graph, "--data", fresh, "--until-eof", "--quiet")
    for kind in ("stopped", "killed"):
        to = os.path.join(root, version)
        data = unpack(version, kind, to)
        before = rows(data, "gold")  # a reader needs nothing to be brought up to date
        assert 0 < len(before) < len(rows(fresh, "gold")), (kind, len(before))
        assert "0 findings" in potline("doctor", "--data", data)
        potline("run", graph, "--data", data, "--until-eof", "--quiet")
        for zone in ("bronze", "gold"):
            assert rows(data, zone) == rows(fresh, zone), (version, kind, zone)
        with open(os.path.join(data, "format")) as file:
            assert file.read() == f"{NEWEST} {NEWEST}\n"
        potline("audit", "verify", "--data", data)
    print(f"format {version}: opened, gone on with, brought up to date")


def newer(root):
    data = unpack(str(NEWEST), "stopped", os.path.join(root, "newer"))
    with open(os.path.join(data, "format"), "w") as file:
        file.write(f"{NEWEST + 1} {NEWEST + 1}\n")
    before = hashes(data)
    said = f"written by a newer version: format {NEWEST + 1}, this one reads up to {NEWEST}"
    graph = os.path.join(HERE, str(NEWEST), "graph.yaml")
    potline("run", graph, "--data", data, "--until-eof", "--quiet", code=1, text=said)
    potline("export", "--data", data, "--zone", "gold", code=1, text=said)
    potline("backup", "--data", data, "--to", os.path.join(root, "place"), code=1, text=said)
    potline("savepoint", "--data", data, "--to", os.path.join(root, "saved"), code=1, text=said)
    potline("user", "list", "--data", data, code=1, text=said)
    after = {path: what for path, what in hashes(data).items()}
    assert after == before, set(after.items()) ^ set(before.items())
    print("a newer format is refused, and nothing is touched")


def main():
    versions = sorted((name for name in os.listdir(HERE) if re.fullmatch(r"\d+", name)), key=int)
    assert versions and int(versions[-1]) == NEWEST, "a folder of the newest format is to be kept here"
    with tempfile.TemporaryDirectory() as root:
        for version in versions:
            opened(version, root)
        newer(root)


if __name__ == "__main__":
    sys.exit(main())

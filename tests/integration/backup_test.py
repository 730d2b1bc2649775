#!/usr/bin/python3
"""Backups of a data folder, running and stopped: incremental, verified, encrypted like the folder, killed at every step, on a
full disk; and restored, so that a run goes on from there and ends as one that was never disturbed."""
import contextlib
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
SECOND = 10**9
BEGIN = 1735689600
ROWS = 24000
GRAPH = """
potline: 1
name: kept
checkpoint: 100ms
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", header: false, rate: "{rate}/s", batch: 128 }}
  QwertzWindow: {{ op: window.tumbling, from: in, size: 50s, aggregates: [count, first, last] }}
  out: {{ op: sink.csv, from: QwertzWindow, path: "{work}/out.csv", columns: [start_ns, tag, count, first, last] }}
  silver: {{ op: sink.lake, zone: silver, from: in }}
  gold: {{ op: sink.lake, zone: gold, from: QwertzWindow }}
"""
VALUES = [100 + 0.37 * n for n in range(997)]


def environment(**more):
    gone = ("POTLINE_KEY_FILE", "CREDENTIALS_DIRECTORY")
    return {**{k: v for k, v in os.environ.items() if k not in gone}, **more}


def potline(*words, code=0, text=(), env=None, given=""):
    done = subprocess.run([POTLINE, *words], input=given, capture_output=True, text=True, timeout=120,
                          env=environment(**(env or {})))
    assert done.returncode == code, (words, done)
    for part in [text] if isinstance(text, str) else text:
        assert part in done.stderr, (words, part, done.stderr)
    return done


class Job:
    """A graph over a file, with its folder, its outputs and (with `key`) a key."""

    def __init__(self, root, name, key=None):
        self.work = os.path.join(root, name)
        self.data = os.path.join(self.work, "data")
        self.place = os.path.join(self.work, "backups")
        self.key = ["--key-file", key] if key else []
        os.makedirs(self.work)
        with open(self.path("in.csv"), "w") as file:
            file.writelines(f"{(BEGIN + n // 8) * SECOND},Qwertz{n % 8}.pot01.voltage,{VALUES[n % 997]!r}\n"
                            for n in range(ROWS))

    def path(self, name):
        return os.path.join(self.work, name)

    def graph(self, rate):
        with open(self.path("graph.yaml"), "w") as file:
            file.write(GRAPH.format(work=self.work, rate=rate))
        return self.path("graph.yaml")

    def command(self, rate=1000000, data=None):
        return ["run", self.graph(rate), "--data", data or self.data, *self.key, "--quiet", "--until-eof"]

    def finish(self, data=None):
        potline(*self.command(data=data))

    @contextlib.contextmanager
    def running(self, rate=8000, **env):
        process = subprocess.Popen([POTLINE, *self.command(rate)], stderr=subprocess.PIPE, text=True,
                                   env=environment(**env))
        try:
            self.wait(lambda status: status["rows_in"] > 0, process)
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def ask(self, *words, code=0):
        done = potline("shell", "--data", self.data, "--json", "-c", " ".join(words), code=code)
        return [json.loads(line) for line in done.stdout.splitlines()] if code == 0 else done.stderr

    def wait(self, until, process=None):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            done = subprocess.run([POTLINE, "shell", "--data", self.data, "--json", "-c", "status"], capture_output=True,
                                  text=True)
            if done.returncode == 0 and until(json.loads(done.stdout)):
                return
            assert process is None or process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        sys.exit("it never came so far")

    def back_up(self, *more, **options):
        return potline("backup", "--data", self.data, "--to", self.place, *self.key, *more, **options)

    def list(self):
        done = potline("backup", "--list", self.place, "--json")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def restore(self, to, *more, **options):
        return potline("restore", "--from", self.place, "--data", self.path(to), *self.key, *more, **options)

    def outputs(self, data=None):
        with open(self.path("out.csv")) as file:
            found = {"out.csv": file.read()}
        for zone in ("bronze", "silver", "gold"):
            done = potline("export", "--data", data or self.data, "--zone", zone, *self.key)
            found[zone] = sorted(done.stdout.splitlines()[1:])
            if zone == "bronze":  # sequences count barriers too
                found[zone] = [row.rsplit(",", 1)[0] for row in found[zone]]
            assert len(found[zone]) > 100, (zone, len(found[zone]))
        return found


def hashes(folder):
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                found[os.path.relpath(os.path.join(place, name), folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


def same(found, expected):
    for name, rows in expected.items():
        assert found[name] == rows, (name, len(found[name]), len(rows))


def stored(job, ending=".sst-"):
    return sorted(name for name in os.listdir(os.path.join(job.place, "files")) if ending in name)


def flip(path, at=-200):
    with open(path, "r+b") as file:
        file.seek(at, os.SEEK_END if at < 0 else os.SEEK_SET)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


# ---- Tests ----


def beside_the_engine(root, calm):
    """Three backups of a running folder, while rows come in; each can be gone on from."""
    job = Job(root, "live")
    with job.running(rate=3000) as process:
        assert "an absolute path" in job.ask("backup", "--to", "somewhere", code=1)
        said = job.back_up().stderr
        assert re.search(r"backup 1: (\d+) files, \1 of them", said), said
        row = job.ask("backup", "--to", job.place)[0]
        assert row["kind"] == "backup" and row["to"] == job.place, row
        while (state := job.ask("copies")[0])["state"] == "running":
            time.sleep(0.02)
        assert state["state"] == "done" and state["backup"] == 2 and state["copy"] == row["copy"], state
        before = job.ask("status")[0]["rows_in"]
        said = job.back_up("--verify").stderr
        files, copied = map(int, re.search(r"backup 3: (\d+) files, (\d+) of them", said).groups())
        assert copied < files, said
        job.wait(lambda status: status["rows_in"] > before, process)
        assert process.wait(timeout=60) == 0
    whole = job.outputs()
    same(whole, calm)
    assert not os.path.exists(os.path.join(job.data, "snapshot"))
    audit = potline("audit", "query", "--data", job.data).stdout
    assert audit.count(f"backup {job.place}") >= 5 and "backup 3: " in audit, audit
    rows = job.list()
    assert [row["backup"] for row in rows] == [1, 2, 3] and rows[0]["epoch"] < rows[2]["epoch"], rows
    for row in rows:
        to = job.path(f"again{row['backup']}")
        said = job.restore(f"again{row['backup']}", "--id", str(row["backup"])).stderr
        assert f"backup {row['backup']} of {row['time'][:10]}" in said and f"epoch {row['epoch']}" in said, said
        job.finish(data=to)
        same(job.outputs(data=to), whole)
        assert "restore store" in potline("audit", "query", "--data", to).stdout
        potline("audit", "verify", "--data", to)
        assert "0 findings" in (said := potline("doctor", "--data", to).stdout), said
    print("three backups beside a running engine, each restored and gone on with: every output is the same")


def of_a_stopped_folder(root, calm):
    job = Job(root, "stopped")
    job.finish()
    job.back_up()
    bronze = set(stored(job))
    job.back_up()
    assert bronze <= set(stored(job)), "tables were copied again"
    job.back_up("--keep", "2", text="1 older removed")
    assert [row["backup"] for row in job.list()] == [2, 3]
    potline("backup", "--to", job.place, "--verify", text="every backup is whole")
    known = {name.encode() for name in os.listdir(os.path.join(job.place, "files"))}
    lists = b"".join(open(os.path.join(job.place, name), "rb").read() for name in os.listdir(job.place)
                     if name.endswith(".backup"))
    assert all(name.rsplit(b"-", 1)[1] in lists for name in known), "a file that no backup needs is still there"
    job.restore("again")
    same(job.outputs(data=job.path("again")), calm)
    # What must not be written over, and what is not there.
    job.restore("again", code=2, text="not empty")
    potline("restore", "--from", job.place, "--data", job.path("none"), "--id", "1", code=2, text="there is no backup 1")
    potline("restore", "--from", job.place, "--data", job.path("none"), "--at", "2020-01-01T00:00:00Z", code=2,
            text="every backup is younger")
    potline("restore", "--from", job.work, "--data", job.path("none"), code=2, text="neither empty nor a place of backups")
    potline("backup", "--data", job.data, "--to", job.work, code=2, text="neither empty nor a place of backups")
    potline("backup", "--data", job.path("none"), "--to", job.place, code=2, text="not a data folder")
    potline("backup", "--list", job.path("none"), code=2)
    potline("backup", "--data", job.data, "--to", job.place, "--keep", "0", code=2, text="--keep")
    potline("backup", code=2, text="--to DIR")
    assert not os.path.exists(job.path("none"))
    # Another folder's, in the same place: each is counted by itself, and none is taken for another.
    other = Job(root, "second")
    other.finish()
    said = potline("backup", "--data", other.data, "--to", job.place, "--keep", "1").stderr
    assert "removed" not in said, said
    assert [(row["backup"], row["of"]) for row in job.list()] == [(2, job.data), (3, job.data), (4, other.data)]
    job.restore("none", code=1, text=["several data folders", job.data, other.data, "--id"])
    job.restore("theirs", "--id", "4", text=f"of the data folder {other.data}")
    os.rename(other.data, other.path("moved"))
    potline("backup", "--data", other.path("moved"), "--to", job.place, "--keep", "1", text="1 older removed")
    os.remove(os.path.join(job.place, "000005.backup"))
    # By time.
    first = job.list()[0]
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    job.restore("by_time", "--at", stamp, text="backup 3 of")
    assert first["time"] < stamp
    print("backups of a stopped folder: tables are shared, two are kept, refusals name what is wrong")


def with_versions(root):
    """What was replayed and published is in it, once; a restore that was killed has left nothing of another one."""
    key = os.path.join(root, "key_of_versions")
    potline("keys", "generate", "--out", key)
    job = Job(root, "versions", key)
    job.finish()
    live = job.outputs()["gold"]
    for name, size in (("longer", "100s"), ("other", "25s")):
        potline("replay", job.graph(1000000), "--data", job.data, *job.key, "--version", name, "--margin", "2m",
                "--set", f"QwertzWindow.size={size}", "--quiet")
    potline("versions", "publish", "longer", "--data", job.data, *job.key)
    published = job.outputs()["gold"]
    assert published != live
    job.back_up()
    potline("versions", "drop", "other", "--data", job.data, *job.key)
    said = job.back_up("--keep", "1", text="1 older removed").stderr
    files, copied = map(int, re.search(r"backup 2: (\d+) files, (\d+) of them", said).groups())
    assert copied < files / 2, said
    potline("backup", "--to", job.place, "--verify", text="every backup is whole")
    potline("versions", "withdraw", "longer", "--data", job.data, *job.key)
    assert job.outputs()["gold"] == live
    count = len(hashes(os.path.join(job.data, "versions", "longer")))
    for fault in ("backup.copied:3", f"backup.copied:{count + 3}", "restore.copied:1"):
        done = subprocess.run([POTLINE, "restore", "--from", job.place, "--data", job.path("again"), *job.key],
                              capture_output=True, text=True, timeout=60, env=environment(POTLINE_FAULT=fault))
        assert done.returncode < 0, (fault, done)
        job.restore("again")
        assert os.listdir(job.path("again/versions")) == ["longer"]
        assert job.outputs(data=job.path("again"))["gold"] == published
        assert job.outputs(data=job.path("again"))["silver"] == job.outputs()["silver"]
        shutil.rmtree(job.path("again"))
    print("versions are in backups, encrypted and shared like all else")


def encrypted(root):
    key = os.path.join(root, "key")
    potline("keys", "generate", "--out", key)
    other = os.path.join(root, "other")
    potline("keys", "generate", "--out", other)
    key_id = potline("keys", "id", "--key-file", key).stdout.strip()
    calm, job = Job(root, "calm-sealed", key), Job(root, "sealed", key)
    calm.finish()
    with job.running() as process:
        potline("backup", "--data", job.data, "--to", job.place)  # the engine has the key
        process.kill()
    job.back_up()  # what a kill has left
    job.finish()
    job.back_up("--verify")
    assert {row["key"] for row in job.list()} == {key_id}
    needles = [f"Qwertz{n}" for n in range(8)] + ["QwertzWindow", "pot01", "voltage"]
    needles = [n.encode() for n in needles] + [struct.pack("<d", value) for value in VALUES]
    for place, _, names in os.walk(job.place):
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                content = file.read()
            found = [n for n in needles if n in content]
            assert not found, (name, found)
            assert name.endswith(".backup") or name == "potline-backups" or name.startswith(("closed-", "format-")) or \
                content.startswith(b"potline1"), name
    potline("backup", "--data", job.data, "--to", job.place, code=2, text=key_id)
    potline("restore", "--from", job.place, "--data", job.path("x"), code=2, text=[key_id, "--key-file"])
    potline("restore", "--from", job.place, "--data", job.path("x"), "--key-file", other, code=2, text=key_id)
    assert not os.path.exists(job.path("x"))
    for number in (1, 2):
        to = job.path(f"again{number}")
        job.restore(f"again{number}", "--id", str(number))
        potline("export", "--data", to, "--zone", "bronze", code=2, text=key_id)
        job.finish(data=to)
        same(job.outputs(data=to), calm.outputs())
    print("backups of an encrypted folder: nothing readable in them, the same key, restored and gone on with")


FAULTS = ["snapshot.made:1", "backup.copy:1", "backup.copy:5", "backup.copied:1", "backup.copied:4", "backup.list:1",
          "backup.listed:1", "backup.pruned:1"]


def killed(root, calm):
    """At every step, in the engine and by itself: earlier backups stay whole, and the next one goes through."""
    job = Job(root, "killed")
    with job.running(rate=1000):
        job.back_up()
    for fault in FAULTS:
        with job.running(rate=1000, POTLINE_FAULT=fault) as process:
            job.wait(lambda status: status["rows_in"] > 0, process)
            done = subprocess.run([POTLINE, "backup", "--data", job.data, "--to", job.place, "--keep", "1"],
                                  capture_output=True, text=True, timeout=60, env=environment())
            assert done.returncode == 1 and process.wait(timeout=30) < 0, (fault, done)
        potline("backup", "--to", job.place, "--verify", text="every backup is whole")
        job.back_up()
        assert not os.path.exists(os.path.join(job.data, "snapshot")), fault
    job.finish()
    for fault in FAULTS[1:]:
        done = subprocess.run([POTLINE, "backup", "--data", job.data, "--to", job.place, "--keep", "1"], capture_output=True,
                              text=True, timeout=60, env=environment(POTLINE_FAULT=fault))
        assert done.returncode < 0, (fault, done)
        potline("backup", "--to", job.place, "--verify", text="every backup is whole")
    job.back_up("--keep", "1")
    assert len(job.list()) == 1 and not [n for n in os.listdir(os.path.join(job.place, "files")) if n.endswith(".part")]
    # And a restore: until its end the folder is none.
    for fault in ("backup.copy:1", "backup.copied:3", "restore.copied:1"):
        done = subprocess.run([POTLINE, "restore", "--from", job.place, "--data", job.path("again")], capture_output=True,
                              text=True, timeout=60, env=environment(POTLINE_FAULT=fault))
        assert done.returncode < 0, (fault, done)
        potline(*job.command(data=job.path("again")), code=1, text="a restore did not come to its end")
        potline("export", "--data", job.path("again"), "--zone", "gold", code=1, text="a restore did not come to its end")
    job.restore("again")
    same(job.outputs(data=job.path("again")), calm)
    print(f"{2 * len(FAULTS) - 1} backups and 3 restores killed: what was there is whole, and the next one goes through")


def damaged(root):
    job = Job(root, "damaged")
    job.finish()
    potline("backup", "--data", job.data, "--to", job.path("first"))  # opens it, so that there are tables
    job.back_up()
    largest = max(stored(job), key=lambda name: os.path.getsize(os.path.join(job.place, "files", name)))
    path = os.path.join(job.place, "files", largest)
    flip(path, at=os.path.getsize(path) // 2)
    potline("backup", "--to", job.place, "--verify", code=1, text=["backup 1 is not whole", largest])
    job.restore("again", code=1, text=largest)
    potline("export", "--data", job.path("again"), "--zone", "gold", code=1, text="a restore did not come to its end")
    job.back_up("--verify", text=["it is copied again", largest])  # the folder still has it
    potline("backup", "--to", job.place, "--verify", text="every backup is whole")
    job.restore("again")
    # A list that is damaged is told, the others stand, and no file goes.
    before = set(os.listdir(os.path.join(job.place, "files")))
    flip(os.path.join(job.place, "000001.backup"), at=40)
    done = potline("backup", "--list", job.place, code=1, text=["000001.backup", "damaged"])
    assert " 2  " in done.stdout, done.stdout
    potline("restore", "--from", job.place, "--data", job.path("x"), "--id", "1", code=1, text="damaged")
    job.restore("second", "--id", "2")
    job.back_up("--keep", "1", text="no file is removed")
    assert before <= set(os.listdir(os.path.join(job.place, "files")))
    # A list from a stranger does not lead out of the folder.
    evil = os.path.join(job.place, "000009.backup")
    with open(os.path.join(job.place, "000002.backup")) if os.path.exists(os.path.join(job.place, "000002.backup")) else \
            open(os.path.join(job.place, "000003.backup")) as file:
        text = file.read()
    with open(evil, "w") as file:
        file.write(text.replace("store/CURRENT", "store/../../CURRENT"))
    potline("restore", "--from", job.place, "--data", job.path("y"), "--id", "9", code=1, text="damaged")
    # A newer one is not touched.
    with open(os.path.join(job.place, "potline-backups"), "w") as file:
        file.write("potline backups 2\n")
    before = hashes(job.place)
    job.back_up(code=1, text="newer version")
    potline("backup", "--list", job.place, code=1, text="newer version")
    assert hashes(job.place) == before
    # A folder that is damaged itself is no backup.
    table = max((n for n in os.listdir(os.path.join(job.data, "store")) if n.endswith(".sst")),
                key=lambda n: os.path.getsize(os.path.join(job.data, "store", n)))
    flip(os.path.join(job.data, "store", table), at=-60)
    potline("backup", "--data", job.data, "--to", job.path("elsewhere"), code=1, text=["damaged", table])
    print("damage of a file, of a list and of the folder is named; a damaged file is mended by the next backup")


@contextlib.contextmanager
def small_disk(path, size):
    os.makedirs(path)
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path],
                                                   stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", path], check=True)


def full(root, calm):
    job = Job(root, "full")
    job.finish()
    with small_disk(job.place, "8m") as mounted:
        if not mounted:
            print("no file system could be mounted: a full disk is not tried")
            return
        job.back_up()
        filler = os.path.join(job.place, "files", "filler")
        with open(filler, "wb", buffering=0) as file:
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 4096)
        before = job.list()
        job.back_up(code=1, text=[job.place, "the disk is full"])
        assert job.list() == before
        potline("backup", "--to", job.place, "--verify", text="every backup is whole")
        live = Job(root, "full-live")
        with live.running() as process:
            potline("backup", "--data", live.data, "--to", job.place, code=1, text="the disk is full")
            assert process.wait(timeout=60) == 0
        same(live.outputs(), calm)
        os.unlink(filler)
        job.back_up()
        job.restore("again")
    same(job.outputs(data=job.path("again")), calm)
    print("a full disk: told, the earlier backup is whole, and with room the next one goes through")


def who_may(root):
    job = Job(root, "may")
    for user, role in (("olga", "operator"), ("emil", "engineer"), ("anna", "admin")):
        with open(job.path(user), "w") as file:
            file.write("a password 4 " + user)
        potline("user", "add", user, "--role", role, "--data", job.data, "--password-file", job.path(user))
    with job.running():
        for user, code in (("olga", 1), ("emil", 0)):
            done = potline("shell", "--data", job.data, "--user", user, "--password-file", job.path(user), "-c",
                           f"backup --to {job.place}", code=code)
            assert code == 0 or "operator" in done.stderr, done.stderr
    audit = potline("audit", "query", "--data", job.data).stdout
    assert re.search(r"olga.*backup.*refused", audit) and re.search(r"emil.*backup .*begun", audit), audit
    print("who may: an operator is refused, an engineer is not, and the audit says so")


def main():
    with tempfile.TemporaryDirectory() as root:
        undisturbed = Job(root, "calm")
        undisturbed.finish()
        calm = undisturbed.outputs()
        beside_the_engine(root, calm)
        of_a_stopped_folder(root, calm)
        with_versions(root)
        encrypted(root)
        killed(root, calm)
        damaged(root)
        full(root, calm)
        who_may(root)


if __name__ == "__main__":
    main()

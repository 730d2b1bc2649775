#!/usr/bin/python3
"""Encrypted data folders: nothing readable in them, the right key or none, kills, and from one key to another."""
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
SECOND = 10**9
NAMES = ["zyx41.Qwertz_bath_temp", "zyx41.Qwertz_voltage", "zyx77.Qwertz_current"]
VALUES = [random.Random(4).uniform(900, 1000) for _ in range(500)]
FILE_GRAPH = """
potline: 1
name: quietly
nodes:
  QwertzIn: { op: source.csv, path: "%s", header: false }
  QwertzLake: { op: sink.lake, zone: silver, from: QwertzIn }
"""
LIVE_GRAPH = """
potline: 1
name: lively
nodes:
  gen: { op: source.generator, tags: "zyx{1..20}.Qwertz_voltage", rate: 20000/s }
  out: { op: sink.lake, zone: silver, from: gen }
"""


def clean_environment(**more):
    gone = ("POTLINE_KEY_FILE", "CREDENTIALS_DIRECTORY")
    return {**{k: v for k, v in os.environ.items() if k not in gone}, **more}


def potline(*words, code=0, text=(), env=None, secret=None, given=""):
    done = subprocess.run([POTLINE, *words], input=given, capture_output=True, text=True, timeout=120,
                          env=clean_environment(**(env or {})))
    assert done.returncode == code, (words, done)
    for part in [text] if isinstance(text, str) else text:
        assert part in done.stderr, (words, part, done.stderr)
    if secret:
        assert secret not in done.stdout + done.stderr, words
    return done.stdout


def new_key(folder, name):
    path = os.path.join(folder, name)
    potline("keys", "generate", "--out", path)
    assert os.stat(path).st_mode & 0o777 == 0o600
    return path


def key_id(path):
    return potline("keys", "id", "--key-file", path).strip()


def write(path, text):
    with open(path, "w") as out:
        out.write(text)
    return path


def write_rows(folder):
    rows = (f"{1750000000 * SECOND + i * SECOND},{NAMES[i % 3]},{VALUES[i % 500]!r}\n" for i in range(3000))
    return write(os.path.join(folder, "in.csv"), "".join(rows))


def files_of(folder):
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in names if name != "control.sock")


def needles():
    for name in [*NAMES, "Qwertz", "QwertzIn", "zyx41", "zyx77"]:
        yield name.encode()
        yield name.encode("utf-16-le")
        yield name.encode("utf-16-be")
    for value in VALUES:
        yield struct.pack("<d", value)
        yield struct.pack(">d", value)
        yield repr(value).encode()


def readable(folder):
    """What of the names and values stands in the files of a folder, or in their names."""
    found = set()
    wanted = re.compile(b"|".join(re.escape(n) for n in sorted(needles(), key=len, reverse=True)))
    for path in files_of(folder):
        with open(path, "rb") as file:
            found.update(wanted.findall(file.read()))
        found.update(wanted.findall(os.path.relpath(path, folder).encode()))
    return found


def state_of(folder):
    return {path: (os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in files_of(folder)}


def exported(data, key, zone="silver"):
    return potline("export", "--data", data, "--zone", zone, *(["--key-file", key] if key else []))


# ---- Tests ----


def keys(folder):
    first, second = potline("keys", "generate"), potline("keys", "generate")
    assert re.fullmatch(r"[A-Za-z0-9+/]{43}=\n", first) and first != second
    path = new_key(folder, "kept")
    potline("keys", "generate", "--out", path, code=1, text="exists")
    secret = open(path).read().strip()
    os.chmod(path, 0o640)
    potline("keys", "id", "--key-file", path, code=2, text=[path, "others than its owner", "chmod 600"], secret=secret)
    os.chmod(path, 0o600)
    assert re.fullmatch("[0-9a-f]{16}", key_id(path))
    potline("keys", "id", "--key-file", write(os.path.join(folder, "no-key"), "x\n"), code=2,
            text="others than its owner")
    os.chmod(os.path.join(folder, "no-key"), 0o600)
    potline("keys", "id", "--key-file", os.path.join(folder, "no-key"), code=2, text="a key expected")
    potline("keys", "id", "--key-file", folder + "/none", code=2, text="cannot be read")
    potline("keys", "id", code=2, text="--key-file FILE is needed")
    potline("keys", "rotatte", code=2, text="did you mean rotate")
    # Where a key may come from, in this order.
    environment = {"POTLINE_KEY_FILE": path}
    assert potline("keys", "id", env=environment).strip() == key_id(path)
    other = new_key(folder, "potline-key")
    assert potline("keys", "id", env={"CREDENTIALS_DIRECTORY": folder}).strip() == key_id(other)
    assert potline("keys", "id", env={"CREDENTIALS_DIRECTORY": folder, **environment}).strip() == key_id(path)
    assert potline("keys", "id", "--key-file", other, env=environment).strip() == key_id(other)
    potline("keys", "id", env={"CREDENTIALS_DIRECTORY": folder + "/none"}, code=2, text="is needed")


def nothing_readable(folder, graph):
    """The same run in the clear shows that the search finds what it looks for."""
    key, data, plain = new_key(folder, "key"), os.path.join(folder, "data"), os.path.join(folder, "plain")
    secret = open(key).read().strip()
    potline("run", graph, "--until-eof", "--data", plain)
    potline("run", graph, "--until-eof", "--data", data, "--key-file", key, secret=secret)
    potline("user", "add", "Qwertz", "--role", "admin", "--data", data, "--key-file", key, given="a long password\n")
    found = readable(plain)
    doubles = {struct.pack("<d", value) for value in VALUES}
    assert found & {name.encode() for name in NAMES} and found & doubles and b"QwertzIn" in found, found
    assert readable(data) == set(), readable(data)
    assert not any(name.startswith("LOG") for name in os.listdir(data + "/store")), os.listdir(data + "/store")
    rows = exported(data, key)
    assert rows.count("\n") == 3001 and rows == exported(plain, None)
    potline("audit", "verify", "--data", data, "--key-file", key, secret=secret)
    assert "Qwertz" in potline("user", "list", "--data", data, env={"POTLINE_KEY_FILE": key}, secret=secret)
    return key, data, plain


def refusals(folder, graph, key, data, plain):
    wrong = new_key(folder, "wrong")
    rules = write(os.path.join(folder, "rules.lua"), "")
    commands = [("run", graph, "--until-eof", "--data"), ("run", graph, "--for", "1s", "--fresh", "--data"),
                ("export", "--zone", "silver", "--data"), ("audit", "query", "--data"), ("audit", "verify", "--data"),
                ("user", "list", "--data"), ("user", "remove", "x", "--data"),
                ("alarms", "backtest", "--rules", rules, "--data")]
    before, before_plain = state_of(data), state_of(plain)
    for command in commands:
        potline(*command, data, code=2, text=[data, key_id(key), "no key is given", "--key-file"])
        if "--fresh" in command:
            continue  # whoever gives a key may empty the folder
        potline(*command, data, "--key-file", wrong, code=2, text=[data, key_id(key), key_id(wrong)])
        potline(*command, plain, "--key-file", key, code=2, text=[plain, "in the clear", key_id(key)])
        potline(*command, data, "--key-file", wrong + "none", code=2, text="cannot be read")
    assert state_of(data) == before and state_of(plain) == before_plain
    mixed = os.path.join(folder, "mixed")
    shutil.copytree(data, mixed, copy_function=shutil.copy)
    shutil.copy(next(p for p in files_of(plain) if p.endswith(".log")), mixed + "/store/999999.log")
    potline("export", "--zone", "silver", "--data", mixed, "--key-file", key, code=1,
            text=["damaged", "999999.log", "in the clear, unlike the others"])
    shutil.rmtree(mixed)


def fresh(folder, graph, plain):
    """A folder in the clear is not mixed with an encrypted one, but may be emptied for it."""
    key, data = new_key(folder, "fresh-key"), os.path.join(folder, "fresh")
    shutil.copytree(plain, data)
    potline("run", graph, "--until-eof", "--fresh", "--data", data, "--key-file", key)
    assert readable(data) == set()
    assert exported(data, key) == exported(plain, None)
    shutil.rmtree(data)


def encrypt(folder, plain):
    key, data = new_key(folder, "late-key"), os.path.join(folder, "late")
    shutil.copytree(plain, data)
    rows = exported(data, None)
    potline("keys", "encrypt", "--data", data, code=2, text="--key-file FILE is needed")
    potline("keys", "encrypt", "--data", data + "none", "--key-file", key, code=2, text="not a data folder")
    potline("keys", "encrypt", "--data", data, "--key-file", key, text=["files", f"now under the key {key_id(key)}"])
    assert readable(data) == set(), readable(data)
    assert set(os.listdir(data)) <= {"closed", "format", "store"}, os.listdir(data)
    assert exported(data, key) == rows
    potline("keys", "encrypt", "--data", data, "--key-file", key, text="already")
    records = json.loads(potline("audit", "query", "--json", "--action", "keys *", "--data", data, "--key-file", key))
    assert [(r["action"], r["from"], r["to"], r["outcome"]) for r in records] == \
        [("keys encrypt", "in the clear", key_id(key), outcome) for outcome in ("begun", "done")], records
    shutil.rmtree(data)


def begin_engine(graph, data, key):
    return subprocess.Popen([POTLINE, "run", graph, "--data", data, "--key-file", key, "--quiet"],
                            env=clean_environment(), stderr=subprocess.PIPE)


def sequences(data, key):
    lines = exported(data, key, "bronze").splitlines()
    column = lines[0].split(",").index("sequence") if lines else 0
    return [int(line.split(",")[column]) for line in lines[1:]]


def read_beside(engine, data, key, rows):
    """How many rows a reader sees while the engine writes, once there are more than `rows`."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert engine.poll() is None, engine.stderr.read()
        done = subprocess.run([POTLINE, "export", "--data", data, "--zone", "bronze", "--key-file", key],
                              capture_output=True, text=True, timeout=60, env=clean_environment())
        if done.returncode == 0 and done.stdout.count("\n") > rows + 1:
            return done.stdout.count("\n") - 1
        time.sleep(0.02)
    raise AssertionError("no rows came")


def killed(folder):
    """What a reader has seen beside the writer is there after a kill, and no row is missing in between."""
    graph, key, data = write(folder + "/live.yaml", LIVE_GRAPH), new_key(folder, "live-key"), folder + "/live"
    rows = 0
    for _ in range(5):
        engine = begin_engine(graph, data, key)
        seen = read_beside(engine, data, key, rows)
        time.sleep(random.uniform(0, 0.3))
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        potline("export", "--data", data, "--zone", "bronze", code=2, text="no key is given")
        found = sequences(data, key)
        assert len(found) >= seen > rows and found == list(range(found[0], found[0] + len(found)))
        rows = len(found)
    assert readable(data) == set()
    return graph, key, data


def ahead(folder, graph, key, data):
    """Most of it beside the engine, the rest while it is down."""
    new = new_key(folder, "ahead-key")
    engine = begin_engine(graph, data, key)
    read_beside(engine, data, key, 0)
    rotate = ("keys", "rotate", "--data", data, "--key-file", key, "--new-key-file", new)
    potline(*rotate, code=1, text=[f"in use by process {engine.pid}", "--ahead"])
    potline(*rotate, "--ahead", text="files")
    read_beside(engine, data, key, 0)
    engine.terminate()
    engine.communicate(timeout=60)
    rows = exported(data, key, "bronze")
    potline(*rotate, text=f"now under the key {key_id(new)}")
    assert exported(data, new, "bronze") == rows
    potline("export", "--data", data, "--zone", "bronze", "--key-file", key, code=2, text=key_id(new))
    assert readable(data) == set()
    assert set(os.listdir(data)) <= {"closed", "control.sock", "format", "store"}, os.listdir(data)


def rotate_killed(folder, key, data):
    """Killed at random moments a rotation leaves the old key or the new one, and all rows; a next call goes on."""
    rows = exported(data, key)
    new, kills = new_key(folder, "key-0"), 0
    rotate = lambda: [POTLINE, "keys", "rotate", "--data", data, "--key-file", key, "--new-key-file", new]
    potline("keys", "rotate", "--data", data, "--key-file", new, "--new-key-file", key, code=0, text="already")
    potline("keys", "rotate", "--data", data, "--key-file", key, "--new-key-file", key, code=2, text="is the old one")
    potline("keys", "rotate", "--data", data, "--new-key-file", new, code=2, text="the key until now")
    third = new_key(folder, "third")
    potline("keys", "rotate", "--data", data, "--key-file", third, "--new-key-file", new, code=2,
            text=[data, key_id(key), key_id(third)])
    begun = time.monotonic()
    subprocess.run(rotate(), check=True, capture_output=True, env=clean_environment())
    span = time.monotonic() - begun
    assert exported(data, new) == rows
    for i in range(1, 25):
        key, new = new, new_key(folder, f"key-{i}")
        process = subprocess.Popen(rotate(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=clean_environment())
        time.sleep(random.uniform(0, span))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        under = [k for k in (key, new) if subprocess.run(
            [POTLINE, "export", "--data", data, "--zone", "silver", "--key-file", k, "--out", folder + "/rows"],
            capture_output=True, env=clean_environment()).returncode == 0]
        assert len(under) == 1, under
        assert open(folder + "/rows").read() == rows
        subprocess.run(rotate(), check=True, capture_output=True, env=clean_environment())
        assert exported(data, new) == rows
        assert set(os.listdir(data)) <= {"closed", "format", "store"}, os.listdir(data)
    assert kills > 5, kills
    potline("audit", "verify", "--data", data, "--key-file", new)


def main():
    with tempfile.TemporaryDirectory() as folder:
        graph = write(os.path.join(folder, "graph.yaml"), FILE_GRAPH % write_rows(folder))
        keys(folder)
        key, data, plain = nothing_readable(folder, graph)
        refusals(folder, graph, key, data, plain)
        fresh(folder, graph, plain)
        encrypt(folder, plain)
        ahead(folder, *killed(folder))
        rotate_killed(folder, key, data)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Users and the audit from the command line: what is done, what is refused, and beside an engine that holds the folder."""
import json
import os
import pty
import shlex
import subprocess
import sys
import tempfile
import time

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
PASSWORD = "correct horse battery"
GRAPH = """
potline: 1
name: held
nodes:
  gen: { op: source.generator, tags: "pot{1..2}.voltage", rate: 10/s }
  out: { op: sink.null, from: gen }
"""


def potline(*words, code=0, text="", password=None):
    done = subprocess.run([POTLINE, *words], input=password or "", capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (words, done)
    assert text in done.stderr, (words, done.stderr)
    assert PASSWORD not in done.stdout + done.stderr
    return done.stdout


def names(data):
    return {row["user"]: row["role"] for row in json.loads(potline("user", "list", "--json", "--data", data))}


def changes(folder, data):
    potline("user", "add", "boss", "--role", "admin", "--data", data, password=PASSWORD + "\n")
    file = os.path.join(folder, "password")
    with open(file, "w") as out:
        out.write(PASSWORD + "\nignored\n")
    potline("user", "add", "anna", "--role", "operator", "--password-file", file, "--data", data)
    assert names(data) == {"boss": "admin", "anna": "operator"}
    potline("user", "role", "anna", "engineer", "--data", data)
    potline("user", "passwd", "anna", "--data", data, password="another one\n")
    assert names(data)["anna"] == "engineer"


def refusals(data):
    potline("user", "ad", "x", "--data", data, code=2, text="did you mean add?")
    potline("user", "add", "x", "--role", "operater", "--data", data, code=2, text="did you mean operator?")
    potline("user", "add", "x", "--data", data, code=2, text="a role is missing")
    potline("user", "role", "anna", "--data", data, code=2, text="role NAME ROLE")
    potline("user", "list", code=2, text="--data DIR is needed")
    potline("user", "add", "x", "--role", "operator", "--data", data, code=1, text="at least 8", password="short\n")
    potline("user", "add", "x", "--role", "operator", "--data", data, code=1, text="at most 256", password="x" * 300)
    potline("user", "add", "x", "--role", "operator", "--data", data, code=1, text="no password")
    potline("user", "add", "anna", "--role", "operator", "--data", data, code=1, text="already", password=PASSWORD)
    potline("user", "remove", "boss", "--data", data, code=1, text="last admin")
    potline("user", "role", "boss", "manager", "--data", data, code=1, text="last admin")
    potline("user", "remove", "nobody", "--data", data, code=1, text='no user "nobody"')
    potline("user", "remove", "anna", "--data", data + "-none", code=1)
    assert not os.path.exists(data + "-none"), "made a folder to remove somebody from"


def typed(data):
    """On a terminal the password is asked for twice and is not shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(POTLINE, [POTLINE, "user", "passwd", "anna", "--data", data])
    seen = b""
    for prompt in (b"anna: ", b"once more: "):
        while not seen.endswith(prompt):
            seen += os.read(terminal, 1000)
        os.write(terminal, PASSWORD.encode() + b"\n")
    try:
        while more := os.read(terminal, 1000):
            seen += more
    except OSError:
        pass  # the other side has ended
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, seen
    assert PASSWORD.encode() not in seen, seen


def audit(data):
    records = json.loads(potline("audit", "query", "--json", "--data", data))
    done = [r["action"] for r in records if r["outcome"] == "done"]
    assert done == ["users add", "users add", "users role", "users passwd", "users passwd"], records
    refused = [(r["action"], r["object"]) for r in records if r["outcome"] != "done"]
    assert ("users remove", "boss") in refused and ("users role", "boss") in refused and ("users add", "anna") in refused, records
    assert all(r["origin"] == "cli" and r["user"] for r in records)
    assert (records[2]["object"], records[2]["from"], records[2]["to"]) == ("anna", "operator", "engineer")
    assert len(potline("audit", "query", "--action", "*passwd", "--data", data).splitlines()) == 2
    assert potline("audit", "query", "--user", "nobody-of-that-name", "--data", data) == ""
    assert potline("audit", "query", "--to", records[0]["time"], "--data", data) == ""
    assert len(potline("audit", "query", "--from", records[0]["time"], "--data", data).splitlines()) == 11
    assert potline("audit", "verify", "--data", data) == "11 records are whole\n"
    potline("audit", "verfy", "--data", data, code=2, text="did you mean verify")
    potline("audit", "query", "--from", "noon", "--data", data, code=2, text="is no time")


def written(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as out:
        out.write(text + "\n")
    return path


def signs_in(folder, data, user, password, code=0):
    file = written(folder, "tried", password)
    potline("shell", "--data", data, "--user", user, "--password-file", file, "-c", "whoami", code=code)


def passwords(folder, data):
    """What signs in is never what is set: that comes from a file of its own or from standard input."""
    boss = ("shell", "--data", data, "--user", "boss", "--password-file", written(folder, "boss", PASSWORD))
    said = potline(*boss, "-c", "users add eve engineer", password="the password of eve\n")
    assert said == "eve added as engineer\n", said
    signs_in(folder, data, "eve", "the password of eve")
    signs_in(folder, data, "eve", PASSWORD, code=1)
    new = written(folder, "new", "another of eve's")
    assert potline(*boss, "--new-password-file", new, "-c", "users passwd eve") == "eve has a new password\n"
    signs_in(folder, data, "eve", "another of eve's")
    two = potline(*boss, "-c", "users add tom manager", "-c", "users add kim operator", password="of tom's own\nof kim's own\n")
    assert two == "tom added as manager\nkim added as operator\n", two
    signs_in(folder, data, "kim", "of kim's own")
    potline(*boss, "-c", "users add joe operator", code=1, text="no password")
    potline(*boss, password="users add joe operator\n", code=1, text="needs --new-password-file")
    hinted = subprocess.run([POTLINE, "user", "add", "joe", "--role", "operator", "--password-file", new, "--data", data],
                            capture_output=True, text=True).stderr
    words = shlex.split(hinted.split("use: ")[1])
    assert potline(*words[1:]) == "joe added as operator\n", words
    signs_in(folder, data, "joe", "another of eve's")
    assert "joe" in names(data)


def beside_an_engine(folder, data):
    graph = os.path.join(folder, "graph.yaml")
    with open(graph, "w") as out:
        out.write(GRAPH)
    engine = subprocess.Popen([POTLINE, "run", graph, "--data", data, "--quiet"])
    try:
        end = time.monotonic() + 60
        while not os.path.exists(os.path.join(data, "control.sock")):
            assert time.monotonic() < end and engine.poll() is None
            time.sleep(0.05)
        potline("user", "remove", "anna", "--data", data, code=1,
                text=f"an engine holds this folder; use: potline shell --data {data} -c 'users remove anna'")
        assert "anna" in names(data)
        potline("audit", "verify", "--data", data)
        passwords(folder, data)
    finally:
        engine.terminate()
        engine.wait(60)
    potline("user", "remove", "anna", "--data", data)
    assert "anna" not in names(data)


def everybody_signs_in(folder, data):
    """Without --require-login whoever opens the folder's socket is an admin, users or not; with it nobody is anybody."""
    graph, empty = os.path.join(folder, "graph.yaml"), os.path.join(folder, "empty")
    potline("run", graph, "--data", empty, "--quiet", "--require-login", code=1, text="there is no admin yet")
    engine = subprocess.Popen([POTLINE, "run", graph, "--data", data, "--quiet", "--require-login"])
    try:
        end = time.monotonic() + 60
        while not os.path.exists(os.path.join(data, "control.sock")):
            assert time.monotonic() < end and engine.poll() is None
            time.sleep(0.05)
        for command in ("nodes", "users add eve2 admin", "stop"):
            potline("shell", "--data", data, "-c", command, code=1, text="sign in first: login NAME", password=PASSWORD + "\n")
        boss = ("--user", "boss", "--password-file", written(folder, "boss", PASSWORD))
        assert '"role":"admin"' in potline("shell", "--data", data, *boss, "--json", "-c", "whoami")
        potline("shell", "--data", data, *boss, "-c", "stop")
        assert engine.wait(60) == 0
    finally:
        engine.kill()
        engine.wait(60)


def main():
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        changes(folder, data)
        refusals(data)
        typed(data)
        audit(data)
        beside_an_engine(folder, data)
        everybody_signs_in(folder, data)
    print("users: changed, refused, typed, recorded, beside an engine")


if __name__ == "__main__":
    sys.exit(main())

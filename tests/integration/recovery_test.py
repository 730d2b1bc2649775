#!/usr/bin/python3
"""What a data folder keeps across runs: another graph over it, the end of a run, what waited for a peer that was away."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

BIN = os.environ["POTLINE_BIN"]
HEAD = "potline: 1\nname: recovery\ncheckpoint: {every}\n"


def fail(text):
    sys.exit(f"recovery: {text}")


class Folder:
    def __init__(self):
        self.root = tempfile.TemporaryDirectory()
        self.data = os.path.join(self.root.name, "data")

    def path(self, name):
        return os.path.join(self.root.name, name)

    def write(self, name, text, mode="w"):
        with open(self.path(name), mode) as file:
            file.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name)) as file:
            return file.read()

    def graph(self, nodes, every="10s", more=""):
        return self.write("graph.yaml", HEAD.format(every=every) + more + "nodes:\n" + "".join(f"  {n}\n" for n in nodes))

    def command(self, graph, *more):
        return [f"{BIN}/potline", "run", graph, "--data", self.data, "--quiet", *more]

    def run(self, graph, *more, code=0, **env):
        done = subprocess.run(self.command(graph, *more), capture_output=True, text=True, timeout=120, env={**os.environ, **env})
        if done.returncode != code:
            fail(f"exit code {done.returncode}, not {code}: {done.stderr}")
        return done.stderr

    def start(self, graph, *more):
        return subprocess.Popen(self.command(graph, *more), stderr=subprocess.PIPE, text=True)

    def ask(self, *words):
        done = subprocess.run([f"{BIN}/potline", "shell", "--data", self.data, "--json", "-c", " ".join(words)],
                              capture_output=True, text=True, timeout=60)
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else None

    def rows(self, zone, node=None):
        done = subprocess.run([f"{BIN}/potline", "export", "--data", self.data, "--zone", zone, *(["--node", node] if node else [])],
                              capture_output=True, text=True)
        if done.returncode:
            fail(done.stderr)
        return sorted(done.stdout.splitlines()[1:])


def expect(text, said):
    if text not in said:
        fail(f"{text!r} is not said, but:\n{said}")


def samples(first, count):
    """A row a second of one tag, its value the number of the row."""
    return "".join(f"{(1735689600 + i) * 1000000000},line1.pot01.voltage,{i}\n" for i in range(first, first + count))


IN = 'in: {{ op: source.csv, path: "{path}", header: false }}'
WINDOW = "{name}: {{ op: window.tumbling, from: in, size: {size}, aggregates: [count, first, last]{more} }}"


def nodes(folder, *, size="10s", name="win", more="", op=None):
    made = [IN.format(path=folder.path("in.csv"))]
    made.append(op or WINDOW.format(name=name, size=size, more=more))
    made.append(f'out: {{ op: sink.csv, from: {name}, path: "{folder.path("out.csv")}", columns: [start_ns, tag, count, first, last] }}')
    return made


def another_graph():
    """State follows a node's name; what does not fit is named and refused, and nothing is touched."""
    folder = Folder()
    folder.write("in.csv", samples(0, 25))
    folder.run(folder.graph(nodes(folder)), "--until-eof")
    first = folder.read("out.csv")
    assert first.count("\n") == 4, first

    said = folder.run(folder.graph(nodes(folder, more=", by: asset")), "--until-eof", code=1)
    expect("node win: its state was made with other values", said)
    expect("graph.yaml:6", said)
    expect("--reset win", said)
    said = folder.run(folder.graph(nodes(folder, op="win: { op: filter, from: in }")), "--until-eof", code=1)
    expect("its state was made by window.tumbling, it is filter now", said)
    expect("no such node", folder.run(folder.graph(nodes(folder)), "--until-eof", "--reset", "windows", code=1))
    expect("it is a source", folder.run(folder.graph(nodes(folder)), "--until-eof", "--reset", "in", code=1))
    assert folder.read("out.csv") == first

    # The file has grown: the same graph goes on as if there had been no end.
    folder.write("in.csv", samples(25, 10), "a")
    folder.run(folder.graph(nodes(folder)), "--until-eof")
    grown = folder.read("out.csv")
    assert grown.splitlines()[3].split(",")[2:] == ["10", "20", "29"], grown
    assert grown.splitlines()[4].split(",")[2:] == ["5", "30", "34"], grown

    # Renamed, and it takes over its window at hand.
    said = folder.run(folder.graph(nodes(folder, name="tenths", more=", was: win")), "--until-eof")
    expect("node tenths takes over what was kept of win", said)
    assert folder.read("out.csv") == grown

    # Afresh: rows that its window had seen are not in it.
    folder.write("in.csv", samples(35, 3), "a")
    said = folder.run(folder.graph(nodes(folder, name="tenths", size="20s")), "--until-eof", "--reset", "tenths")
    expect("node tenths starts afresh", said)
    assert folder.read("out.csv").splitlines()[-1].split(",")[2:] == ["3", "35", "37"], folder.read("out.csv")

    # A node that is gone is forgotten.
    said = folder.run(folder.graph([IN.format(path=folder.path("in.csv")), "null: { op: sink.null, from: in }"]), "--until-eof")
    expect("nodes tenths, out are not in the graph any more", said)

    # A graph of another name is refused by all that would go, and touches nothing.
    other = folder.write("other.yaml", folder.read("graph.yaml").replace("name: recovery", "name: other").replace("null:", "void:"))
    said = folder.run(other, "--until-eof", code=1)
    expect("the data folder is of the graph recovery", said)
    expect("of null;", said)
    expect("--another-graph", said)
    folder.run(folder.path("graph.yaml"), "--until-eof")
    said = folder.run(other, "--until-eof", "--another-graph")
    expect("node null is not in the graph any more", said)
    folder.run(folder.path("graph.yaml"), "--until-eof", "--another-graph")

    # Another file of that name is noticed.
    folder.write("in.csv", samples(5, 40))
    expect("is another file than the one that was being read", folder.run(folder.graph(nodes(folder)), "--until-eof", code=1))
    print("another graph: refused by name, renamed, afresh, forgotten; a file that has grown, and another one")


def killed_on_the_way():
    """A kill while state gets another name, or is forgotten: the old graph finds all of it, or nothing."""
    tags = 12000  # more state than one write takes
    rows = lambda second: "".join(f"{(1735689600 + second) * 10**9},t{i},{second}\n" for i in range(tags))
    for fault in (f"recovery.copy:{tags // 2}", "recovery.describe:1"):
        for more, reset in ((", was: win", []), ("", ["--reset", "win"])):
            if reset and "copy" in fault:
                continue  # nothing is copied then
            folder = Folder()
            folder.write("in.csv", rows(1) + rows(2))
            graph = folder.graph(nodes(folder))
            folder.run(graph, "--until-eof")
            name = "win" if reset else "tenths"
            folder.run(folder.graph(nodes(folder, name=name, more=more)), "--until-eof", *reset, code=-signal.SIGKILL,
                       POTLINE_FAULT=fault)
            folder.write("in.csv", rows(3), "a")
            folder.run(folder.graph(nodes(folder)), "--until-eof")
            counts = {line.split(",")[2] for line in folder.read("out.csv").splitlines()[1:]}
            assert counts == {"3"}, f"{more}{reset}, killed at {fault}: windows of {counts} rows"
            folder.run(folder.graph(nodes(folder, name=name, more=more)), "--until-eof")
            assert len(folder.read("out.csv").splitlines()) == tags + 1
    print(f"killed on the way: {tags} windows are those of the old graph or of the new one, never some of each")


def decided():
    """What people have decided about alarms and rules goes with a node that gets another name, also when it starts afresh."""
    folder = Folder()
    folder.write("in.csv", samples(0, 2000))
    folder.write("high.lua", 'rule { name = "high", tags = "*", params = { limit = { 100, low = 0, high = 1000 } }, when = "value > limit" }')
    front = [f'in: {{ op: source.csv, path: "{folder.path("in.csv")}", header: false, rate: 20/s, batch: 1 }}',
             "low: { op: threshold, from: in, rules: [ { name: low, below: 5000 } ] }"]

    def named(alarms, rules, was=None):
        more = [f", was: {name}" if name else "" for name in was or (None, None)]
        return folder.graph([*front, f"{alarms}: {{ op: alarms, from: low{more[0]} }}",
                             f'{rules}: {{ op: rules, from: in, scripts: ["{folder.path("high.lua")}"]{more[1]} }}',
                             f"null: {{ op: sink.null, from: [{alarms}, {rules}] }}"], every="100ms")

    def life(graph, *more, commands=()):
        process = folder.start(graph, *more)
        end = time.monotonic() + 60
        while not (folder.ask("alarms list --state all") and folder.ask("rules params")):
            assert time.monotonic() < end and process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        for command in commands:
            assert folder.ask(command) is not None, command
        found = folder.ask("alarms list --state all")[0]["state"], folder.ask("rules params high")[0]["value"]
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 0, said
        return found
    was = life(named("list", "watch"), commands=("alarms shelve low@line1.pot01.voltage 1h why", "rules set high limit 200"))
    assert was == ("shelved", 200), was
    found = life(named("told", "seen", ("list", "watch")))
    assert found == was, f"under other names: {found}"
    found = life(named("told", "new", ("told2", "seen")), "--reset", "new")
    assert found == was, f"under another name and afresh: {found}"
    print("decided: what people decided goes with another name")


def on_command():
    """`checkpoint` answers when all is safe: a kill right behind it loses nothing of the state."""
    folder = Folder()
    graph = folder.graph(['gen: { op: source.generator, tags: "line1.pot{01..05}.voltage", rate: 5000/s }',
                          "win: { op: window.tumbling, from: gen, size: 1h, aggregates: [count] }",
                          "gold: { op: sink.lake, zone: gold, from: win }"], every="0s")
    process = folder.start(graph)
    try:
        end = time.monotonic() + 60
        while not (answer := folder.ask("status")) or answer[0]["rows_in"] < 5000:
            assert time.monotonic() < end and process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        before = folder.ask("status")[0]
        saved = folder.ask("checkpoint")[0]
        assert saved["epoch"] > before["epoch"] and saved["checkpoint_bytes"] > 0, (before, saved)
        after = folder.ask("status")[0]
        assert after["epoch"] == saved["epoch"] and after["epoch_age_s"] < 60, after
    finally:
        process.kill()
        process.wait()
    folder.run(graph, "--for", "1s")
    done = subprocess.run([f"{BIN}/potline", "shell", "--data", folder.data, "-c", "status"], capture_output=True)
    assert done.returncode, "nobody is there any more"
    print(f"on command: epoch {saved['epoch']}, {saved['checkpoint_bytes']} bytes in {saved['checkpoint_ms']:.1f} ms")


def drained():
    """A drain closes windows early for those who look; the next run goes on as if it had not been."""
    folder = Folder()
    made = ['gen: {{ op: source.generator, tags: "line1.pot{{01..02}}.voltage", rate: {rate}/s, count: 20000 }}',
            "win: {{ op: window.tumbling, from: gen, size: 30s, aggregates: [count, mean] }}",
            "gold: {{ op: sink.lake, zone: gold, from: win }}"]
    slow = folder.graph([line.format(rate=4000) for line in made])
    process = folder.start(slow)
    end = time.monotonic() + 60
    while not (answer := folder.ask("status")) or answer[0]["rows_in"] < 3000:
        assert time.monotonic() < end and process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    folder.ask("drain")
    assert process.wait(60) == 0, process.stderr.read()
    early = folder.rows("gold")
    assert early
    folder.run(folder.graph([line.format(rate=0) for line in made]), "--until-eof")
    found = folder.rows("gold")
    calm = Folder()
    calm.run(calm.graph([line.format(rate=0) for line in made]), "--until-eof")
    assert found == calm.rows("gold"), (len(found), len(calm.rows("gold")))
    assert not set(early) <= set(found), "the drain has closed no window early"
    print(f"drained: {len(early)} windows then, {len(found)} in the end, as without")


class Peer(threading.Thread):
    def __init__(self, port):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.text = b""

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            while block := connection.recv(1 << 20):
                self.text += block


def peer_away():
    """What waits for a peer that is away survives kills, and another name of its sink; checkpoints do not wait for it."""
    folder, rows = Folder(), 400000
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    gen = f'gen: {{ op: source.generator, tags: "line1.pot{{01..20}}.voltage", count: {rows}, rate: 200000/s }}'
    sink = f'op: sink.socket, from: gen, connect: "127.0.0.1:{port}", header: false, backoff_max: 200ms'
    graph = folder.graph([gen, f"away: {{ {sink} }}"], every="100ms")
    for _ in range(3):
        process = folder.start(graph)
        end = time.monotonic() + 60
        epoch = None
        while epoch is None or (folder.ask("status") or [{"epoch": 0}])[0]["epoch"] < epoch + 3:
            assert time.monotonic() < end and process.poll() is None, process.stderr.read()
            epoch = epoch or ((folder.ask("status") or [{}])[0].get("epoch"))
            time.sleep(0.02)
        process.kill()
        process.wait()
    peer = Peer(port)
    peer.start()
    graph = folder.graph([gen, f"far: {{ {sink}, was: away }}"], every="100ms")
    expect("node far takes over what was kept of away", folder.run(graph, "--until-eof"))
    end = time.monotonic() + 20
    keys = lambda: {line.rsplit(b",", 1)[0] for line in peer.text.split(b"\n") if line}
    while len(keys()) < rows and time.monotonic() < end:
        time.sleep(0.2)
    lines = peer.text.count(b"\n")
    assert len(keys()) == rows, f"{len(keys())} of {rows} rows"
    print(f"a peer away: {rows} rows through three kills and under another name, {lines - rows} of them twice")


if __name__ == "__main__":
    signal.alarm(280)
    another_graph()
    killed_on_the_way()
    decided()
    on_command()
    drained()
    peer_away()

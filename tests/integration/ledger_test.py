#!/usr/bin/python3
"""The loss ledger and dead letters, against what is known: a file with counted faults, read at once and under SIGKILLs; a
plant that is away for a time, and an engine that is; letters that come in after all, repaired or with the right options."""
import base64
import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
SECOND = 10**9
BEGIN = 1750000000 * SECOND


class Folder:
    def __init__(self, root, name):
        self.root = os.path.join(root, name)
        os.makedirs(self.root)
        self.data = os.path.join(self.root, "data")

    def write(self, name, text, mode="w"):
        path = os.path.join(self.root, name)
        with open(path, mode) as file:
            file.write(text)
        return path

    def graph(self, *nodes, every="10s"):
        return self.write("graph.yaml", f"potline: 1\nname: ledger\npartitions: 2\ncheckpoint: {every}\nnodes:\n" +
                          "".join(f"  {node}\n" for node in nodes))

    def start(self, graph, *more):
        return subprocess.Popen([f"{BIN}/potline", "run", graph, "--data", self.data, "--quiet", *more],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, graph, *more):
        done = self.start(graph, *more)
        assert done.wait(timeout=120) == 0, done.returncode

    def command(self, *words, code=0):
        done = subprocess.run([f"{BIN}/potline", words[0], *words[1:], "--data", self.data], capture_output=True, timeout=60)
        assert done.returncode == code, (words, done.returncode, done.stderr.decode())
        return done.stdout, done.stderr.decode()

    def ask(self, words):
        done = subprocess.run([f"{BIN}/potline", "shell", "--data", self.data, "--json", "-c", words], capture_output=True,
                              text=True, timeout=60)
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else None

    def ledger(self, *more, code=0):
        report = json.loads(self.command("ledger", "--json", *more, code=code)[0])
        for line in [report["total"], *report["sources"], *report["tags"]]:
            assert line["adds_up"], line
            assert line["expected"] == sum(line[k] for k in ("accepted", "late", "duplicate", "rejected", "missing")), line
        return report

    def letters(self, *more):
        return [json.loads(line) for line in self.command("dead", "export", *more)[0].splitlines()]

    def samples(self, zone="bronze"):
        done = subprocess.run([f"{BIN}/potline", "export", "--data", self.data, "--zone", zone, "--kind", "samples"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return list(csv.DictReader(io.StringIO(done.stdout)))


def counts(line):
    return {key: line[key] for key in ("accepted", "late", "duplicate", "rejected", "missing")}


def bytes_of(letter):
    return letter["text"].encode() if "text" in letter else base64.b64decode(letter["bytes"])


# ---- A file whose faults are counted ----

BATCH = 50  # late is what is behind the rows of the batches before


def faulty_file(rows):
    """Lines over two hours and more, and by tag what has to become of them; the malformed ones with their places."""
    dice = random.Random(7)
    tags = [f"line{n}.pot{p}.voltage" for n in (1, 2, 3) for p in (1, 2)]
    truth = {tag: dict.fromkeys(("accepted", "late", "duplicate", "rejected", "missing"), 0) for tag in tags}
    truth[""] = dict.fromkeys(truth[tags[0]], 0)
    lines, bad = [], {}
    for i in range(rows):
        tag, at = tags[i % len(tags)], BEGIN + i * SECOND
        kind = dice.choices(["good", "twice", "late", "empty", "time", "fields", "binary"], [93, 1, 1, 1, 2, 1, 1])[0]
        if i < 10 * BATCH:
            kind = "good"
        if kind == "late":  # far behind, and no time of another row
            at -= 600 * SECOND + 5
        line = {"time": f"at {i},{tag},1", "fields": f"only {i}, two", "binary": f"\xff\x00{i}",
                "empty": f"{at},{tag},"}.get(kind, f"{at},{tag},{i}")
        lines.append(line.encode("latin-1"))
        if kind == "twice":
            lines.append(lines[-1])
            truth[tag]["duplicate"] += 1
        outcome = {"twice": "accepted", "good": "accepted", "empty": "missing", "late": "late"}.get(kind, "rejected")
        truth[tag if kind not in ("fields", "binary") else ""][outcome] += 1
        if outcome == "rejected":
            bad[len(lines)] = lines[-1]
    return b"\n".join(lines) + b"\n", truth, bad


def check_faults(folder, path, truth, bad):
    report = folder.ledger()
    assert {line["tag"]: counts(line) for line in report["tags"]} == truth, report["tags"]
    causes = {(line["tag"], line["cause"]): line["rejected"] for line in report["causes"]}
    assert sum(causes.values()) == len(bad), causes
    assert {cause for _, cause in causes} == {"time", "fields"}, causes
    letters = folder.letters()
    assert {letter["place"]: bytes_of(letter) for letter in letters} == {f"{path}:{n}": text for n, text in bad.items()}
    assert len(letters) == len(bad), "a letter is there twice"
    return report


def known_faults(root):
    folder = Folder(root, "calm")
    content, truth, bad = faulty_file(8000)
    path = folder.write("in.csv", "")
    with open(path, "wb") as file:
        file.write(content)
    nodes = f'in: {{ op: source.csv, path: "{path}", header: false, batch: {BATCH}, rate: "%s" }}', "out: { op: sink.null, from: in }"
    folder.run(folder.graph(nodes[0] % "0", nodes[1]), "--until-eof")
    calm = check_faults(folder, path, truth, bad)
    raw = folder.command("dead", "export", "--format", "raw")[0]
    assert raw == b"".join(bad[n] + b"\n" for n in sorted(bad)), "not byte for byte"
    table = list(csv.DictReader(io.StringIO(folder.command("dead", "export", "--format", "csv")[0].decode())))
    assert [base64.b64decode(row["bytes"]) for row in table] == [bad[n] for n in sorted(bad)]
    assert folder.command("dead")[0].count(b"\n") == len(bad)
    folder.command("doctor")

    # The same under kills.
    for seed in range(2):
        dice = random.Random(seed)
        folder = Folder(root, f"killed-{seed}")
        graph = folder.graph(nodes[0] % "2500/s", nodes[1], every="200ms")
        kills = 0
        while True:
            run = folder.start(graph, "--until-eof")
            try:
                run.wait(timeout=dice.uniform(0.2, 1.2) if kills < 6 else 60)
            except subprocess.TimeoutExpired:
                run.send_signal(signal.SIGKILL)
                run.wait()
                kills += 1
                continue
            assert run.returncode == 0, run.returncode
            break
        assert kills >= 3, kills
        assert check_faults(folder, path, truth, bad) == calm, "another ledger under kills"
        folder.command("doctor")
        print(f"ledger: {len(bad)} letters and the counts of {len(truth) - 1} tags are the same after {kills} kills")
    return truth, bad


def limits(root):
    """--max-loss, --from and --to, --tag."""
    folder = Folder(root, "limits")
    hours = [f"{BEGIN + hour * 3600 * SECOND},a.{tag},1" for hour in range(4) for tag in ("x", "y")]
    path = folder.write("in.csv", "\n".join(hours[:3] + ["broken,a.y,1", "nonsense"] + hours[3:]) + "\n")
    graph = folder.graph(f'in: {{ op: source.csv, path: "{path}", header: false }}', "out: { op: sink.null, from: in }")
    folder.run(graph, "--until-eof")
    assert folder.ledger()["total"]["expected"] == 10
    said = folder.command("ledger", "--max-loss", "21%", code=0)[1]
    assert said == "", said
    said = folder.command("ledger", "--max-loss", "0.1", code=1)[1]
    assert "a.y of in: 20.0000% lost, more than 10%" in said and "a.x" not in said and "in total 20.0000%" in said, said
    assert folder.ledger("--tag", "a.x", "--max-loss", "0%")["total"]["loss"] == 0
    part = folder.ledger("--from", str(BEGIN + 3600 * SECOND), "--to", str(BEGIN + 3 * 3600 * SECOND))
    assert part["total"]["accepted"] == 4, part["total"]
    assert folder.ledger("--source", "no*")["total"]["expected"] == 0
    folder.command("ledger", "--max-loss", "two", code=2)

    # Many tags: sources and causes first, then the worst; --all has every one.
    folder = Folder(root, "many")
    path = folder.write("in.csv", "".join(
        f"{BEGIN + n * SECOND},b.t{tag:02},1\n" + "".join(f"broken,b.t{tag:02},1\n" for _ in range(tag if n == 0 else 0))
        for n in range(10) for tag in range(60)))
    folder.run(folder.graph(f'in: {{ op: source.csv, path: "{path}", header: false }}', "out: { op: sink.null, from: in }"),
               "--until-eof")
    for more, shown in (((), 20), (("--all",), 60)):
        out, said = folder.command("ledger", "--max-loss", "0.01%", *more, code=1)
        lines = out.decode().splitlines()
        tags = [line.split()[0] for line in lines if line.startswith("  b.t")]
        assert tags == [f"b.t{59 - n:02}" for n in range(shown)], tags
        front = [line.split()[0] for line in lines[1:4]]
        assert front == ["in", "time", "total"] and lines[2].split()[5] == str(sum(range(60))), lines[:4]
        assert ("... and 40 more tags" in out.decode()) == (not more), lines[-1]
        named = [line for line in said.splitlines() if " of in: " in line]
        assert len(named) == min(shown, 59) and "b.t59 of in" in named[0], said
        assert ("... and 39 more tags" in said) == (not more), said
    assert len(folder.ledger()["tags"]) == 60
    print("ledger: limits, hours, patterns, and the worst tags first")


# ---- Letters that come in after all ----

def other_options(root):
    """Lines whose times had another form than the graph said: the graph is put right, and they come in once, under kills."""
    folder = Folder(root, "options")
    good = [f"{BEGIN // SECOND + i},a.x,{i}" for i in range(100)]
    late = [f"2025-06-15T16:{i // 60:02}:{i % 60:02}Z,a.x,{1000 + i}" for i in range(300)]
    path = folder.write("in.csv", "\n".join(good + late) + "\n")
    nodes = 'in: {{ op: source.csv, path: "{}", header: false, time_format: "{}", rate: 20000/s }}', "out: { op: sink.lake, zone: silver, from: in }"
    folder.run(folder.graph(nodes[0].format(path, "s"), nodes[1]), "--until-eof")
    before = folder.ledger()["total"]
    assert (before["accepted"], before["rejected"], before["expected"]) == (100, 300, 400), before
    out = folder.command("dead", "reinject", "--cause", "ti*")[1]
    assert "300 queued, 0 left out" in out, out
    assert {letter["state"] for letter in folder.letters()} == {"queued"}
    assert "0 queued" in folder.command("dead", "reinject")[1], "queued twice"

    graph = folder.graph(nodes[0].format(path, "iso"), nodes[1], every="100ms")
    dice = random.Random(3)
    for _ in range(4):
        run = folder.start(graph)
        time.sleep(dice.uniform(0.05, 0.25))
        run.send_signal(signal.SIGKILL)
        run.wait()
    folder.run(graph, "--until-eof")
    for zone in ("bronze", "silver"):
        values = sorted(float(row["value"]) for row in folder.samples(zone))
        assert values == [*range(100), *range(1000, 1300)], f"{zone}: {len(values)} rows, {len(set(values))} different ones"
    after = folder.ledger()["total"]
    assert (after["accepted"], after["rejected"], after["expected"]) == (400, 0, 400), after
    assert {letter["state"] for letter in folder.letters()} == {"reinjected"}
    assert "0 queued" in folder.command("dead", "reinject")[1], "given in twice"
    folder.run(graph, "--until-eof")
    assert len(folder.samples()) == 400
    folder.command("doctor")
    print("ledger: 300 letters came in once with the right options, through kills")


def repaired(root):
    """Letters that people have repaired, in a running engine and for the next one; and one that is still wrong."""
    folder = Folder(root, "repaired")
    path = folder.write("in.ndjson", '{"time_ns":1,"tag":"a.x","value":1}\n{"time_ns":2,"tag":"a.x","value":}\nno json\n')
    graph = folder.graph(f'in: {{ op: source.ndjson, path: "{path}", follow: true }}', "out: { op: sink.null, from: in }")
    run = folder.start(graph)
    wait(lambda: len(folder.ask("dead") or []) == 2)
    assert {row["cause"] for row in folder.ask("dead")} == {"not_json"}
    said = subprocess.run([f"{BIN}/potline", "dead", "reinject", "--data", folder.data], capture_output=True, text=True)
    assert said.returncode == 1 and "an engine runs on it" in said.stderr, said.stderr
    for wrong, hint in (("im", "did you mean in?"), ("nothing*", 'no source "nothing*"')):
        said = subprocess.run([f"{BIN}/potline", "shell", "--data", folder.data, "-c", f"dead reinject --source {wrong}"],
                              capture_output=True, text=True)
        assert said.returncode != 0 and "the graph has no source" in said.stderr and hint in said.stderr, said
    assert folder.ask("dead reinject --source in --reason '*'")[0]["queued"] == 2
    wait(lambda: {row["state"] for row in folder.ask("dead")} == {"refused"})
    assert len(folder.ask("dead --state refused")) == 2
    folder.ask("checkpoint")
    total = folder.ask("ledger")[-1]
    assert (total["accepted"], total["rejected"]) == (1, 2), total
    assert any(row["action"] == "dead reinject" for row in folder.ask("audit"))
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=60) == 0

    letters = folder.letters()
    letters[0]["text"] = letters[0]["text"].replace(':}', ':2}')
    second = {**letters[0], "text": letters[0]["text"].replace(":2}", ":7}")}
    file = folder.write("repaired.ndjson", json.dumps(letters[0]) + "\n" + json.dumps(second) + "\n")
    said = folder.command("dead", "reinject", "--file", file)[1]
    assert "1 queued" in said and "queued already" in said, said
    run = folder.start(graph)
    wait(lambda: "reinjected" in {row["state"] for row in folder.ask("dead") or []})
    folder.ask("checkpoint")
    total = folder.ask("ledger")[-1]
    assert (total["accepted"] + total["late"], total["rejected"], total["expected"]) == (2, 1, 3), total
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=60) == 0
    assert sorted(row["value"] for row in folder.samples()) == ["1", "2"]
    assert "no letter 0000000000000007" in folder.command("dead", "reinject", "--file", folder.write(
        "unknown.ndjson", '{"id":"0000000000000007","text":"x"}\n'), code=1)[1]
    print("ledger: repaired letters came in, the one that is still wrong did not")


# ---- A plant that is away, and an engine that is ----

POLL = 200 * 10**6


def wait(until, patience=60):
    end = time.monotonic() + patience
    while not until():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.05)


def start_plant(folder, port):
    address = os.path.join(folder.root, "address")
    if os.path.exists(address):
        os.unlink(address)
    plant = subprocess.Popen([f"{BIN}/potline-plant", "--lines", "1", "--pots", "2", "--quiet", "--listen", f"127.0.0.1:{port}",
                              "--address-file", address])
    wait(lambda: os.path.exists(address) and os.path.getsize(address))
    with open(address) as file:
        return plant, int(file.read().rsplit(":", 1)[1])


def outage(root):
    """Every poll of every register is expected, also those of the time in which the device, or the engine, is away."""
    folder = Folder(root, "outage")
    table = subprocess.run([f"{BIN}/potline-plant", "--lines", "1", "--pots", "2", "--print-map"], capture_output=True, text=True)
    registers = folder.write("map.csv", table.stdout)
    plant, port = start_plant(folder, 0)
    graph = folder.graph(f'plc: {{ op: source.modbus, endpoint: "127.0.0.1:{port}", poll: 200ms, align: true, time: schedule, '
                         f'backoff_max: 200ms, registers: "{registers}" }}', "out: { op: sink.null, from: plc }", every="200ms")
    run = folder.start(graph)
    wait(lambda: (folder.ask("status") or [{"rows_in": 0}])[0]["rows_in"] > 200)
    plant.kill()
    plant.wait()
    gone = time.time_ns()
    time.sleep(2)
    returns = time.time_ns()
    plant, _ = start_plant(folder, port)
    back = time.time_ns()
    time.sleep(1.5)
    run.send_signal(signal.SIGKILL)
    run.wait()
    died = time.time_ns()
    time.sleep(1.5)
    begins = time.time_ns()
    run = folder.start(graph)
    born = time.time_ns()
    time.sleep(2)
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=60) == 0
    plant.kill()
    plant.wait()

    good, stale = {}, {}
    for row in folder.samples():
        (stale if "stale" in row["quality"] or "missing" in row["quality"] else good).setdefault(row["tag"], []).append(int(row["time_ns"]))
    report = folder.ledger()
    tags = {line["tag"]: line for line in report["tags"]}
    assert tags.keys() == good.keys() and len(tags) > 20, len(tags)
    for tag, line in tags.items():
        slots = sorted(good[tag] + stale.get(tag, []))
        due = (slots[-1] - slots[0]) // POLL + 1
        assert line["expected"] == due, (line, due)
        assert line["accepted"] == len(good[tag]), line
        assert line["missing"] == due - len(good[tag]), line
        slots = range(slots[0], slots[-1], POLL)
        away = [slot for slot in slots if gone < slot < returns or died < slot < begins]
        most = [slot for slot in slots if gone < slot < back or died < slot < born]
        assert not set(away) & set(good[tag]), "a value of a time when nobody gave one"
        assert len(away) <= line["missing"] <= len(most) + 12, (line["missing"], len(away), len(most))
    absent = {line["cause"] for line in report["causes"]}
    assert "not_running" in absent, absent
    assert folder.ledger("--max-loss", "2%", code=1)["total"]["holds"] is False
    print(f"ledger: {report['total']['missing']} of {report['total']['expected']} polls missed, each of them known")


def main():
    with tempfile.TemporaryDirectory(prefix="potline-ledger-") as root:
        known_faults(root)
        limits(root)
        other_options(root)
        repaired(root)
        outage(root)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""`potline explain`, against what went in: windows over cleansed, filled, late and doubled samples, computed and joined values,
rule events and alarms; at rest and from the running engine, after a change by people, and with another graph."""
import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
POTLINE = os.path.join(BIN, "potline")
SECOND = 10**9
START = 1_760_000_000 * SECOND // (60 * SECOND) * (60 * SECOND)
LENGTH = 240
POTS = ["line1.pot1", "line1.pot2", "line2.pot1", "line2.pot2"]
LIMIT = 5.2

RULE = """
rule {
  name = "high", tags = "*.voltage", params = { limit = { %s, low = 4, high = 10 } },
  when = function(value, limit) return value > limit end, clear = function(value, limit) return value < limit - 0.1 end,
  hold = "3s", severity = 700, message = "{tag} at {value} V",
}
"""
GRAPH = """
potline: 1
name: explained
partitions: 2
checkpoint: 1s
tags: [ { match: "*.voltage", unit: V, range: [2, 9] } ]
nodes:
  in: { op: source.csv, path: "${IN}", header: false, time_format: ns%s }
  lab: { op: source.csv, path: "${LAB}", header: false, time_format: ns, idle: 1s }
  clean: { op: cleanse, from: in, range: true, spike: { method: hampel, window: 7, k: 4, floor: 0.05 }, gaps: { max: 4s, fill: linear, interval: 1s } }
  power: { op: map, from: clean, values: [ { tag: "*.power", expr: "voltage * current" } ] }
  bath: { op: join, from: { left: clean, right: lab }, each: "*.voltage", take: alf3, tolerance: 8h }
  tenths: { op: window.tumbling, from: clean, size: 10s }
  works: { op: window.tumbling, from: power, size: 10s }
  minutes: { op: window.tumbling, from: tenths, size: 1m }
  watch: { op: rules, from: clean, scripts: [high.lua] }
  list: { op: alarms, from: watch }
  silver: { op: sink.lake, zone: silver, from: [clean, power, bath] }
  gold: { op: sink.lake, zone: gold, from: [tenths, minutes, works] }
  found: { op: sink.lake, zone: gold, from: watch }
"""


def text_of(time):
    whole, rest = divmod(time, SECOND)
    shown = __import__("datetime").datetime.fromtimestamp(whole, __import__("datetime").timezone.utc)
    return shown.strftime("%Y-%m-%dT%H:%M:%S") + (f".{rest:09d}".rstrip("0") if rest else "") + "Z"


def make_rows():
    """Rows as they come: one a second of each tag, but for what is wrong with some; and what it is."""
    random.seed(5)
    rows, faults = [], {}
    for i in range(LENGTH):
        for pot in POTS:
            at, fault = START + i * SECOND, None
            value = round(random.uniform(4.28, 4.32), 4)
            if pot == POTS[0]:
                fault = {33: "range", 47: "spike", 52: "gap", 53: "gap", 71: "late", 84: "twice"}.get(i)
                if 120 <= i < 140:  # what the rule is about
                    value = round(5.5 + 0.01 * random.random(), 4)
            if fault == "gap":
                continue
            value = {"range": 61.0, "spike": 4.9}.get(fault, value)
            if fault:
                faults[(at, pot + ".voltage")] = fault
            late = 15 if fault == "late" else 0
            rows.append((i + late, at, pot + ".voltage", value))
            rows += [(i, at, pot + ".voltage", value)] if fault == "twice" else []
            rows.append((i, at, pot + ".current", round(random.uniform(349.98, 350.02), 3)))
    rows.sort(key=lambda row: row[0])
    return [row[1:] for row in rows], faults


class Plant:
    def __init__(self, folder):
        self.folder, self.data = folder, os.path.join(folder, "data")
        self.rows, self.faults = make_rows()
        self.lab = [(START + 20 * SECOND, POTS[1] + ".alf3", 11.25), (START + 100 * SECOND, POTS[1] + ".alf3", 10.5)]
        self.write("in.csv", self.rows)
        self.write("lab.csv", self.lab)
        self.environment = {**os.environ, "IN": os.path.join(folder, "in.csv"), "LAB": os.path.join(folder, "lab.csv")}
        self.graph = self.put("graph.yaml", GRAPH % ", batch: 16")
        self.put("high.lua", RULE % LIMIT)

    def put(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)
        return os.path.join(self.folder, name)

    def write(self, name, rows):
        self.put(name, "".join(f"{at},{tag},{value}\n" for at, tag, value in rows))

    def run(self, *words, code=0):
        done = subprocess.run([POTLINE, *words], capture_output=True, text=True, env=self.environment, timeout=200)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def explain(self, *words):
        return json.loads(self.run("explain", *words, "--data", self.data, "--json", "--rows", "500").stdout)

    def export(self, zone, kind):
        return list(csv.DictReader(io.StringIO(self.run("export", "--data", self.data, "--zone", zone, "--kind", kind).stdout)))

    def came(self, tag, begin, end):
        """What went in of a tag with begin <= time < end, by time."""
        return sorted((at, value) for at, name, value in self.rows if name == tag and begin <= at < end)


def listed(said, tag):
    return sorted((sample["time"], sample["value"]) for sample in said["samples"] if sample["tag"] == tag)


def as_text(pairs):
    return [(text_of(at), value) for at, value in pairs]


def steps(said, at, tag):
    return [(step["node"], step["what"], step.get("quality"))
            for sample in said["samples"] if sample["time"] == text_of(at) and sample["tag"] == tag for step in sample["became"]]


def check_windows(plant):
    """Every window of a pot with faults and some others: exactly the samples of its time, and it is made again."""
    windows = [row for row in plant.export("gold", "windows") if int(row["end_ns"]) - int(row["start_ns"]) == 10 * SECOND]
    chosen = [row for row in windows if row["tag"] == POTS[0] + ".voltage"]
    chosen += random.sample([row for row in windows if row["tag"].endswith((".voltage", ".current"))], 6)
    for row in chosen:
        begin, end, tag = int(row["start_ns"]), int(row["end_ns"]), row["tag"]
        said = plant.explain("window", tag, text_of(begin + 3 * SECOND), "--node", "tenths")
        assert said["again"]["equal"] and said["again"]["node"] == "tenths" and said["zone"] == "gold", said
        assert said["row"]["count"] == int(row["count"]) and said["row"]["mean"] == float(row["mean"])
        inside = [(at, value) for at, value in listed(said, tag) if text_of(begin) <= at < text_of(end)]
        assert inside == as_text(plant.came(tag, begin, end)), (row, inside)
        assert {sample["tag"] for sample in said["samples"]} == {tag}
        assert [node["node"] for node in said["nodes"]] == ["tenths", "clean", "in"], said["nodes"]
        places = {sample["place"] for sample in said["samples"]}
        assert len(places) == len(said["samples"]) == said["samples_total"]
    return len(chosen)


def check_faults(plant):
    """What cleansing and windows did with each sample that was not well."""
    tag = POTS[0] + ".voltage"
    for (at, name), fault in plant.faults.items():
        begin = at // (10 * SECOND) * (10 * SECOND)
        said = plant.explain("window", name, str(begin), "--node", "tenths")
        became = steps(said, at, name)
        if fault == "range":
            assert ("clean", "flagged", "bad|out_of_range") in became, became
            assert said["row"]["skipped"] == 1
        if fault == "spike":
            assert ("clean", "flagged", "bad|spike") in became, became
        if fault == "late":
            assert ("tenths", "went to late", "good|late") in became, became
            late = [sample for sample in said["samples"] if sample["time"] == text_of(at)]
            filled = [made["row"]["time"] for made in said["made"] if made["node"] == "clean"]
            assert len(late) == 1 and not late[0]["needed"] and said["row"]["count"] == 10, said["row"]
            assert filled == [text_of(at)], filled  # in its place
            assert any(sum_["late"] >= 1 for sum_ in said["ledger"] if sum_["tag"] == name), said["ledger"]
        if fault == "twice":
            same = [sample for sample in said["samples"] if sample["time"] == text_of(at)]
            assert len(same) == 2 and sum(sample.get("duplicate", False) for sample in same) == 1, same
            assert any(sum_["duplicate"] >= 1 for sum_ in said["ledger"] if sum_["tag"] == name), said["ledger"]
    # The two seconds that are missing were filled: rows of clean that have no sample.
    said = plant.explain("window", tag, str(START + 50 * SECOND), "--node", "tenths")
    filled = {made["row"]["time"]: made["row"]["quality"] for made in said["made"] if made["node"] == "clean"}
    expected = {text_of(START + i * SECOND): "uncertain|replaced|backfilled" for i in (52, 53)}
    assert filled == expected and said["row"]["count"] == 10, (filled, said["row"])


def check_windows_of_windows(plant):
    said = plant.explain("window", POTS[3] + ".current", text_of(START), "--node", "minutes")
    assert said["again"]["equal"] and said["again"]["node"] == "minutes" and said["row"]["count"] == 60, said
    assert listed(said, POTS[3] + ".current") == as_text(plant.came(POTS[3] + ".current", START, START + 60 * SECOND))
    parts = [made["row"] for made in said["made"] if made["node"] == "tenths"]
    assert len(parts) == 6 and sum(part["count"] for part in parts) == 60, parts
    assert [other["row"]["end"] for other in said["others"]] == [text_of(START + 10 * SECOND)], said["others"]


def check_computed(plant):
    """A window of computed values takes the samples of both signals; a joined value the newest analysis."""
    begin = START + 100 * SECOND
    said = plant.explain("window", POTS[2] + ".power", str(begin), "--node", "works")
    assert said["again"]["equal"], said["again"]
    for signal in (".voltage", ".current"):
        assert listed(said, POTS[2] + signal) == as_text(plant.came(POTS[2] + signal, begin, begin + 10 * SECOND)), signal
    assert said["samples_needed"] == 20, said["samples_needed"]
    powers = [made for made in said["made"] if made["node"] == "power"]
    assert len(powers) == 10 and all(made["row"]["tag"] == POTS[2] + ".power" for made in powers)
    for at, (when, value) in ((90, plant.lab[0][::2]), (150, plant.lab[1][::2])):
        said = plant.explain("sample", POTS[1] + ".alf3", text_of(START + at * SECOND))
        assert said["again"]["equal"] and said["again"]["node"] == "bath" and said["row"]["value"] == value, said
        needed = {(sample["tag"], sample["time"], sample["source"]) for sample in said["samples"] if sample["needed"]}
        assert needed == {(POTS[1] + ".alf3", text_of(when), "lab"),
                          (POTS[1] + ".voltage", text_of(START + at * SECOND), "in")}, needed


def check_event_and_alarm(plant, limit, state):
    events = [row for row in plant.export("gold", "events") if row["kind"] == "rule.raised"]
    assert len(events) == 1, events
    said = plant.explain("event", events[0]["id"])
    tag = POTS[0] + ".voltage"
    assert said["again"]["equal"] and said["again"]["node"] == "watch", said["again"]
    rule = said["rule"]
    assert rule["name"] == "high" and rule["node"] == "watch" and rule["place"].endswith("high.lua:2"), rule
    assert rule["numbers"]["limit"] == limit and len(rule["sha256"]) == 16, rule
    needed = [sample for sample in said["samples"] if sample["needed"]]
    assert needed and {sample["tag"] for sample in needed} == {tag}
    assert needed[-1]["value"] == rule["numbers"]["value"] > limit, (needed[-1], rule)
    assert steps(said, START + 120 * SECOND, tag) == [("clean", "flagged", "bad|spike")], "the first beyond it was no news yet"
    assert steps(said, START + 124 * SECOND, tag) == [] and said["row"]["time"] == text_of(START + 125 * SECOND)
    raised = plant.explain("alarm", f"high@{tag}")
    assert raised["again"]["equal"] and raised["again"]["node"] == "list", raised["again"]
    assert any(made["node"] == "watch" and made["row"]["kind"] == "rule.raised" and made["row"]["id"] == events[0]["id"]
               for made in raised["made"]), raised["made"]
    assert [sample["place"] for sample in raised["samples"]] == [sample["place"] for sample in said["samples"]]
    assert raised["graph"]["name"] == "explained" and raised["graph"]["same"] is state
    text = plant.run("explain", "alarm", f"high@{tag}", "--data", plant.data).stdout
    assert "made again: equal" in text and "rule.raised" in text and "high.lua:2" in text, text


def check_models(plant):
    """What was made by rules says by which, and so does what was made of that; also when there are others by now."""
    (event,) = [row for row in plant.export("gold", "events") if row["kind"] == "rule.raised"]
    (model,) = plant.explain("event", event["id"])["models"]
    name, version, scripts = model["model"].split()
    assert name == "rules" and version and len(scripts) == 16 and model == {"model": model["model"], "node": "watch", "now": model["model"]}
    assert plant.explain("alarm", f"high@{POTS[0]}.voltage")["models"] == [model]
    assert plant.explain("window", POTS[0] + ".voltage", text_of(START), "--node", "tenths")["models"] == []
    plant.put("high.lua", RULE % LIMIT + "-- the same, and yet another file\n")
    (later,) = plant.explain("event", event["id"])["models"]
    assert later["model"] == model["model"] and later["now"].startswith(f"rules {version} ") and later["now"] != model["model"], later
    text = plant.run("explain", "event", event["id"], "--data", plant.data).stdout
    assert f"{model['model']}, of node watch; now it is {later['now']}" in text, text
    plant.put("high.lua", RULE % LIMIT)


def check_file(plant):
    """The graph is taken from the history; what has become of its file since then is told."""
    def told():
        graph = plant.explain("window", POTS[0] + ".voltage", text_of(START), "--node", "tenths")["graph"]
        return graph["same"], graph["gone"]
    with open(plant.graph) as file:
        text = file.read()
    assert told() == (True, False)
    plant.put("graph.yaml", text.replace("size: 10s", "size: 20s", 1))
    assert told() == (False, False)
    os.remove(plant.graph)
    assert told() == (False, True)
    plant.put("graph.yaml", text)


def check_at_rest(plant):
    plant.run("run", plant.graph, "--data", plant.data, "--until-eof", "--quiet")
    count = check_windows(plant)
    check_faults(plant)
    check_windows_of_windows(plant)
    check_computed(plant)
    check_event_and_alarm(plant, LIMIT, True)
    check_models(plant)
    check_file(plant)
    return count


def check_another_graph(plant):
    """What is not made again is said, and what comes instead."""
    begin = START + 40 * SECOND
    said = plant.explain("window", POTS[0] + ".voltage", str(begin), "--node", "tenths", "--set", "clean.spike.k=100")
    assert not said["again"]["equal"] and said["again"]["instead"]["skipped"] == 0, said["again"]
    assert said["graph"]["same"] is False and said["graph"]["hash"] != said["graph"]["hash_now"]
    assert listed(said, POTS[0] + ".voltage")[:10] == as_text(plant.came(POTS[0] + ".voltage", begin, begin + 10 * SECOND))
    # Behind a start with another one, too.
    other = plant.put("other.yaml", (GRAPH % ", batch: 16").replace("tenths: { op: window.tumbling, from: clean, size: 10s }",
                                                                    "tenths: { op: window.tumbling, from: clean, size: 20s }"))
    plant.run("run", other, "--data", plant.data, "--until-eof", "--quiet")
    said = plant.explain("window", POTS[0] + ".voltage", str(begin), "--node", "tenths")
    assert said["again"]["equal"] and said["graph"]["number"] == 1 and said["graph"]["same"], (said["again"], said["graph"])
    assert said["graph"]["file"] == plant.graph, said["graph"]
    # What was set at a start belongs to the graph of then.
    data = plant.data
    plant.data = plant.folder + "/set"
    plant.run("run", plant.graph, "--data", plant.data, "--until-eof", "--quiet", "--set", "tenths.size=15s", "--set", "clean.spike.k=100")
    said = plant.explain("window", POTS[0] + ".voltage", str(begin), "--node", "tenths")
    assert said["again"]["equal"] and said["graph"]["same"] and said["row"]["end"] == text_of(START + 45 * SECOND), said["row"]
    assert said["graph"]["set"] == ["tenths.size=15s", "clean.spike.k=100"], said["graph"]
    said = plant.explain("window", POTS[0] + ".voltage", str(begin), "--node", "tenths", "--set", "clean.spike.k=4")
    assert not said["graph"]["same"], "what is set now holds"
    plant.data = data


class Live:
    """An engine whose files grow, on a folder of its own, encrypted."""

    def __init__(self, plant):
        self.plant, self.data = plant, os.path.join(plant.folder, "live")
        self.key = os.path.join(plant.folder, "key")
        plant.run("keys", "generate", "--out", self.key)
        graph = GRAPH % ", follow: true, batch: 16, idle: 1s"
        self.text = graph.replace("time_format: ns, idle: 1s }", "time_format: ns, idle: 1s, follow: true }")
        plant.put("live.yaml", self.text)
        self.write(plant.rows[:600], "w")
        environment = {**plant.environment, "IN": os.path.join(plant.folder, "live.csv")}
        self.engine = subprocess.Popen([POTLINE, "run", "live.yaml", "--data", self.data, "--key-file", self.key, "--quiet"],
                                       cwd=plant.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def write(self, rows, mode="a"):
        with open(os.path.join(self.plant.folder, "live.csv"), mode) as file:
            file.write("".join(f"{at},{tag},{value}\n" for at, tag, value in rows))

    def ask(self, words, code=0):
        done = subprocess.run([POTLINE, "shell", "--data", self.data, "--json", "--timeout", "60s", "-c", words],
                              capture_output=True, text=True, timeout=150)
        if code is not None:
            assert done.returncode == code, (words, done.stdout, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else done.stderr

    def wait(self, what, words):
        """Until the answer has it."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            rows = self.ask(words, code=None)
            if isinstance(rows, list) and any(what(row) for row in rows):
                return [row for row in rows if what(row)]
            assert self.engine.poll() is None
            time.sleep(0.3)
        raise AssertionError((words, rows))

    def end(self):
        self.engine.terminate()
        assert self.engine.wait(60) == 0


def check_running(plant):
    """The same from the running engine; what people had changed is in force where they had changed it."""
    live = Live(plant)
    try:
        check_live(plant, live)
    finally:
        live.engine.kill()
        live.engine.wait()


def check_live(plant, live):
    live.wait(lambda row: row["node"] == "tenths" and row["rows_in"] >= 590, "nodes")
    live.ask("rules set high limit 5.45 --reason summer")
    live.ask("set clean.spike.k 1000")
    live.write(plant.rows[600:])
    tag = POTS[0] + ".voltage"
    live.wait(lambda row: row["alarm"] == f"high@{tag}", "alarms")
    live.ask("checkpoint")
    said = live.ask(f"explain alarm high@{tag} --rows 50")
    parts = {(row["part"], row["name"]): row for row in said}
    assert parts["again", "equal"]["value"] is True, said
    assert any(row["part"] == "changes" and row["name"].startswith("high.limit") and "summer" in row["text"] for row in said), said
    assert any(row["part"] == "rule" and "5.45" in row["text"] for row in said), said
    (model,) = [row["text"] for row in said if row["part"] == "models"]
    (node,) = live.wait(lambda row: row["node"] == "watch", "nodes")
    assert node["model"].startswith("rules ") and node["model"] in model, (node, model)
    samples = [row for row in said if row["part"] == "samples"]
    assert samples[0]["time"] == text_of(START + 120 * SECOND) and len(samples) < 6, samples  # none is a spike by now
    begin = START + 40 * SECOND
    said = live.ask(f"explain window {tag} {text_of(begin)} --node tenths")
    assert {(row["part"], row["name"]): row for row in said}["again", "equal"]["value"] is True, said
    assert any("spike" in row["text"] for row in said if row["part"] == "samples"), said  # then one was
    assert "neither gold nor silver" in live.ask("explain alarm nothing", code=1)
    assert "time is missing" in live.ask("explain window x", code=1)
    # By the graph that was in force then, whatever has been applied and set since, and wherever it is asked.
    live.ask("set clean.spike.k 900")
    plant.put("later.yaml", live.text.replace("size: 10s }\n  works", "size: 30s }\n  works"))
    live.ask("graph apply later.yaml --yes --probation 0s")
    said = live.ask(f"explain window {tag} {text_of(begin)} --node tenths")
    parts = {(row["part"], row["name"]): row for row in said}
    assert parts["again", "equal"]["value"] is True and parts["graph", "number"]["value"] == 1, said
    assert not any(row["part"] == "changes" and "900" in row["text"] for row in said), said
    live.ask(f"alarms ack high@{tag}")
    live.ask("checkpoint")
    live.end()
    os.remove(plant.folder + "/live.yaml")
    done = subprocess.run([POTLINE, "explain", "alarm", f"high@{tag}", "--data", live.data, "--key-file", live.key],
                          capture_output=True, text=True, cwd="/",
                          env={**plant.environment, "IN": os.path.join(plant.folder, "live.csv")})
    assert done.returncode == 0 and "made again: equal" in done.stdout and "high.limit" in done.stdout, done
    assert "live.yaml is not there any more" in done.stdout and "now it is" not in done.stdout, done.stdout
    check_deed(plant, live)


def check_deed(plant, live):
    """What a person did is not done again, and is told as what the row may come of. (The alarm was over: it ended by that.)"""
    whose = ["--data", live.data, "--key-file", live.key]
    said = plant.run("export", *whose, "--zone", "gold", "--kind", "events").stdout
    (event,) = [row for row in csv.DictReader(io.StringIO(said)) if row["kind"] == "alarm.normal"]
    text = plant.run("explain", "event", event["id"], *whose).stdout
    assert "made again: not; it may come of what people did" in text and "alarms ack" in text, text


def check_refusals(plant):
    for words, said in ((["window", "no.such", "0"], "neither gold nor silver has that window"),
                        (["event", "12"], "neither gold nor silver has that event"),
                        (["window", POTS[0] + ".voltage", str(START), "--node", "list"], "is of node list")):
        done = plant.run("explain", *words, "--data", plant.data, code=1)
        assert said in done.stderr, done.stderr
    for words in (["window", "x"], ["window", "x", "soon"], ["windw", "x", "1"], ["event", "1", "2"], ["event", "1", "--rows", "-1"]):
        plant.run("explain", *words, "--data", plant.data, code=2)
    plant.run("explain", "event", "1", code=2)
    plant.run("explain", "event", "1", "--data", plant.folder + "/nowhere", code=1)


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        plant = Plant(folder)
        count = check_at_rest(plant)
        check_another_graph(plant)
        check_refusals(plant)
        check_running(plant)
    print(f"{count} windows, computed and joined values, an event and an alarm: made again, of what went in")


main()

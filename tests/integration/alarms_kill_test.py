#!/usr/bin/python3
"""What happened to alarms, and what people decided about them, through one SIGKILL after the other.

Rows of a file, paced, cross limits all the time; while it runs alarms are acknowledged and shelved from the shell, and the
engine is killed at random instants, some right behind the answer to a command. In the end every event of the undisturbed run
is there once, with its id; each decision that was answered has been told once, and all of them hold."""
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
KILLS = 40 if os.environ.get("POTLINE_LONG") else 12
ROUNDS, ROUND = 500 * KILLS, 15 * 10**6  # they last twice as long as the kills take where it is quiet
BASE = 1_700_000_000 * 10**9
STAY, FLIP, ALONE = [f"stay.t{i:02}" for i in range(12)], [f"flip.t{i}" for i in range(3)], [f"alone.t{i}" for i in range(5)]
DECIDED = ["alarm.acknowledged", "alarm.normal", "alarm.shelved"]  # one that has returned is normal once acknowledged
GRAPH = """
potline: 1
name: alarms-kill
partitions: 2
checkpoint: 200ms
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", header: false, rate: "{rate}/s", batch: 256 }}
  limits: {{ op: threshold, from: in, rules: [ {{ name: high, tags: "*", above: 5, hysteresis: 1 }}, {{ name: peak, tags: "alone.*", above: 8, for: 100ms }} ] }}
  own: {{ op: rules, from: in, scripts: [ "{work}/rules.lua" ] }}
  list:
    op: alarms
    from: [limits, own]
    flood: {{ count: 1000 }} # how many there are depends on what is shelved
    stale: 20s
    alarms:
      - {{ match: high, tags: "stay.*", priority: high, consequence: a, action: b, respond: 1h }}
      - {{ match: high, priority: high, consequence: a, action: b, respond: 1s, off_delay: 70ms }}
      - {{ match: swing, priority: medium, consequence: a, action: b, respond: 2s, latch: true }}
      - {{ match: peak, priority: low, consequence: a, action: b, respond: 5m, on_delay: 50ms }}
  out: {{ op: sink.ndjson, from: list, path: "{out}/alarms.ndjson" }}
"""
RULES = """
rule {
  name = "swing", tags = "alone.*", memory = { slow = 0, seen = 0 }, hold = "60ms", release = "30ms", severity = 400,
  message = "{slow:3} of {seen:0}",
  when = function(value, slow, seen)
    slow, seen = slow + 0.2 * (value - slow), seen + 1
    return math.abs(value - slow) > 1.5, slow, seen
  end,
}
"""


def make_rows(path):
    """`stay` crosses its limit once, one after the other; the others come and go."""
    dice = random.Random(7)
    value = {tag: 0.0 for tag in FLIP + ALONE}
    with open(path, "w") as file:
        for i in range(ROUNDS):
            now = BASE + i * ROUND
            for k, tag in enumerate(STAY):
                file.write(f"{now + k},{tag},{9 if i > 40 * (k + 1) else 1}\n")
            for k, tag in enumerate(value):
                if dice.random() < 0.05:
                    value[tag] = dice.choice([0.5, 3, 4.5, 6, 9])
                file.write(f"{now + 100 + k},{tag},{value[tag]}\n")


class Life:
    def __init__(self, graph, data):
        self.data = data
        self.process = subprocess.Popen([POTLINE, "run", graph, "--data", data, "--until-eof", "--quiet"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while self.process.poll() is None and self.shell("version").returncode:
            assert time.monotonic() < end, "it does not answer"

    def shell(self, command):
        return subprocess.run([POTLINE, "shell", "--data", self.data, "--json", "-c", command], capture_output=True, text=True,
                              timeout=60)

    def state(self, tag):
        done = self.shell(f"alarms list high@{tag} --state all")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["state"] if done.stdout else "none"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def finish(self):
        said = self.process.stderr.read()
        assert self.process.wait() == 0, said


def decide(life, told, number):
    """Acknowledges and shelves what is there; notes what was answered."""
    for tag in STAY[:6] + FLIP:
        reason = f"seen {tag} {number}"
        if (tag in FLIP or tag not in told["acked"]) and life.shell(f"alarms ack high@{tag} --reason '{reason}'").returncode == 0:
            told["reasons"].append(reason)
            told["acked"].add(tag)
            if tag in STAY:
                break
    for tag in STAY[6:9]:
        reason = f"known {tag} {number}"
        if tag not in told["shelved"] and life.shell(f"alarms shelve high@{tag} 1h '{reason}'").returncode == 0:
            told["reasons"].append(reason)
            told["shelved"].add(tag)
            break


def hold(life, told):
    """What was decided holds, as soon as the log has been read again: meanwhile the list is that of some time before."""
    for tag, state in [(t, "acknowledged") for t in told["acked"] if t in STAY] + [(t, "shelved") for t in told["shelved"]]:
        end = time.monotonic() + 30
        found = None
        while life.process.poll() is None and found != state:
            assert time.monotonic() < end, f"{tag} is {found}, not {state}"
            try:
                found = life.state(tag)
            except AssertionError:  # an engine that has died meanwhile says nothing
                assert life.process.wait(60) is not None


def disturb(graph, data, told):
    dice = random.Random(int(os.environ.get("SEED", "3")))
    kills = 0
    while kills < KILLS:
        life = Life(graph, data)
        assert life.process.poll() is None, f"finished after {kills} kills: {life.process.stderr.read()}"
        time.sleep(dice.uniform(0, 0.5))
        if kills % 3 == 1:
            hold(life, told)
        decide(life, told, kills)
        if dice.random() < 0.5:
            time.sleep(dice.uniform(0, 0.3))
        life.kill()
        kills += 1
    life = Life(graph, data)
    hold(life, told)
    life.finish()


def events_of(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def text(event):
    return json.dumps(event, sort_keys=True)


def is_alone(event):
    return "@alone" in json.dumps(event) or "@stay.t09" in json.dumps(event) or "@stay.t1" in json.dumps(event)


def gold(data):
    done = subprocess.run([POTLINE, "export", "--data", data, "--zone", "gold"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.splitlines())


def judge(calm, wild, told):
    counts = collections.Counter(text(e) for e in wild)
    twice = [e for e, n in counts.items() if n > 1]
    assert not twice, f"told twice: {twice[0]}"
    ids = collections.Counter(e["id"] for e in wild)
    assert max(ids.values()) == 1, "two events have one id"
    expected, found = ({text(e) for e in events if is_alone(e)} for events in (calm, wild))
    assert expected == found, f"missing {sorted(expected - found)[:2]}, too many {sorted(found - expected)[:2]}"
    for reason in told["reasons"]:
        times = sum(e["kind"] in DECIDED and e["body"]["reason"] == reason for e in wild)
        assert times == 1, f"{reason!r} was told {times} times"
    decided = sum(e["kind"] in DECIDED and bool(e["body"]["user"]) for e in wild)
    assert decided == len(told["reasons"]), f"{decided} decisions were told, {len(told['reasons'])} were answered"
    for tag in STAY:
        kinds = [e["kind"] for e in wild if e["tag"] == tag and e["kind"] not in ("alarm.stale", "alarm.overdue")]
        more = ["alarm.acknowledged"] if tag in told["acked"] else ["alarm.shelved"] if tag in told["shelved"] else []
        assert kinds == ["alarm.unacknowledged", *more], (tag, kinds)
    raised = collections.Counter(e["body"]["alarm"] for e in wild if e["kind"] == "alarm.unacknowledged")
    for tag in FLIP:
        expected = sum(e["kind"] == "alarm.unacknowledged" and e["tag"] == tag for e in calm)
        assert raised[f"high@{tag}"] == expected, (tag, raised[f"high@{tag}"], expected)


def without_a_log(work):
    """Nothing is read again, the file begins anew, and rules raise what they raised: what was decided holds."""
    out = os.path.join(work, "forgets")
    os.makedirs(out)
    graph, data = os.path.join(out, "graph.yaml"), os.path.join(out, "data")
    with open(graph, "w") as file:
        file.write(GRAPH.format(work=work, out=out, rate=4000).replace("checkpoint: 200ms", "log: { kind: none }"))
    told = {"reasons": [], "acked": set(), "shelved": set()}
    life = Life(graph, data)
    end = time.monotonic() + 60
    while len(told["acked"] & set(STAY)) < 2 or not told["shelved"]:
        decide(life, told, 0)
        assert time.monotonic() < end and life.process.poll() is None, told
    life.kill()
    life = Life(graph, data)
    hold(life, told)
    first = f"high@{STAY[0]}"
    while json.loads(life.shell(f"alarms list {first} --state all").stdout)["unconfirmed"]:
        assert time.monotonic() < end and life.process.poll() is None, "its rule does not raise it"
    hold(life, told)
    life.kill()
    print(f"without a log: {len(told['acked'] & set(STAY))} stay acknowledged, {len(told['shelved'])} shelved")


def main():
    with tempfile.TemporaryDirectory() as work:
        make_rows(os.path.join(work, "in.csv"))
        with open(os.path.join(work, "rules.lua"), "w") as file:
            file.write(RULES)
        told = {"reasons": [], "acked": set(), "shelved": set()}
        graphs = {}
        for name, rate in (("calm", 10**6), ("wild", 4000)):
            os.makedirs(os.path.join(work, name))
            graphs[name] = os.path.join(work, name, "graph.yaml")
            with open(graphs[name], "w") as file:
                file.write(GRAPH.format(work=work, out=os.path.join(work, name), rate=rate))
        data = {name: os.path.join(work, name, "data") for name in graphs}
        done = subprocess.run([POTLINE, "run", graphs["calm"], "--data", data["calm"], "--until-eof", "--quiet"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        disturb(graphs["wild"], data["wild"], told)
        calm, wild = (events_of(os.path.join(work, name, "alarms.ndjson")) for name in ("calm", "wild"))
        judge(calm, wild, told)
        assert len(gold(data["wild"])) == len(wild) + 1, (len(gold(data["wild"])), len(wild))
        twice = [line for line, n in collections.Counter(gold(data["wild"])).items() if n > 1]
        assert not twice, f"twice in gold: {twice[0]}"
        print(f"{KILLS} kills, {len(told['reasons'])} decisions: {len(wild)} events, each once; what was decided holds")
        without_a_log(work)


if __name__ == "__main__":
    sys.exit(main())

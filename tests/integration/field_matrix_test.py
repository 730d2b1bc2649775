#!/usr/bin/python3
"""The matrix of faults between who recommends and the field: a table of what became of the set points sent around each of them. Here
over Modbus TCP; field_matrix_mqtt_test.py, _sparkplug_ and _opcua_ are the same on other peers (field_ways.py).

Each set point comes to an end that is told; where the engine was killed, each that had left has an end in the audit, be it that nobody
knows; then it works again. The peer's own log of what it received judges: no write out of limits, none that the audit did not know of."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from field_rig import HIGH, LOW, POTLINE, POTS, Plant, Rig, nanoseconds, wait

LONG, SHORT = bool(os.environ.get("POTLINE_LONG")), bool(os.environ.get("POTLINE_BRIEF"))
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
QUIET = ("setpoint.", "guard.refused")
HARMLESS, ALARM = ("verified", "superseded", "withdrawn"), 334  # as OPC UA part 9 means it: medium or worse


class Judge:
    """Compares what the plant received in a trial with limits and audit."""

    def __init__(self, rig, clock_is_true=True):
        self.rig, self.clock_is_true = rig, clock_is_true
        self.mark = len(rig.plant.writes())

    def __call__(self):
        noted = {}
        for record in self.rig.engine.audit():
            noted.setdefault(record["object"], []).append((float(record["to"]), nanoseconds(record["time"])))
        received = self.rig.plant.writes()[self.mark:]
        beyond = unaudited = 0
        for wall, tag, value, _ in received:
            low, high = (LOW, HIGH) if tag.endswith(".acd_set") else (60, 140)
            beyond += not (tag and low - 1e-3 <= value <= high + 1e-3)
            unaudited += not any(abs(was - value) < 1e-4 and (when <= wall + self.rig.plant.early or not self.clock_is_true)
                                 for was, when in noted.get(tag, []))
        return len(received), beyond, unaudited


def some(rig, count, **how):
    wishes = {f"{pot}.feed_set": round(rig.dice.uniform(61, 139), 3) for pot in rig.dice.sample(POTS, count)}
    return rig.optimiser.send(wishes, **how)


def kinds_since(rig, mark):
    """What was told besides the ends of set points: the alarms."""
    counted = {}
    for event in rig.told.read()[mark:]:
        if not event["kind"].startswith(QUIET):
            counted[event["kind"]] = counted.get(event["kind"], 0) + 1
    return counted


def ends_of(rig, ids, patience):
    """{end: how many}; those without one when patience has run out are `none`."""
    left, ends = set(ids), {}
    deadline = time.monotonic() + patience
    while left:
        for event in rig.told.read():
            body = event.get("body") or {}
            if body.get("id") in left and event["kind"].startswith(QUIET):
                left.discard(body["id"])
                end = event["kind"].rpartition(".")[2]
                assert end in HARMLESS or event["severity"] >= ALARM, f"nobody is alarmed: {event}"
                ends[end] = ends.get(end, 0) + 1
        if time.monotonic() > deadline:
            ends["none"] = len(left)
            break
        time.sleep(0.02)
    return ends


class Table:
    def __init__(self, protocol):
        self.protocol, self.rows = protocol, []

    def trial(self, rig, name, act, calm=lambda: None, meanwhile=3, unended=False, alarm=None, judge=None, send=some):
        judge, mark = judge or Judge(rig), len(rig.told.read())
        ids = list(some(rig, 5).values())
        act()
        for _ in range(meanwhile):
            ids += send(rig, 5).values()
            time.sleep(0.1)
        calm()
        rig.until_it_works(release=True)
        ends = ends_of(rig, ids, 2 if unended else rig.patience)
        if alarm:
            wait(lambda: alarm in kinds_since(rig, mark), f"{name}: no {alarm}: {kinds_since(rig, mark)}")
        wait(lambda: not rig.engine.unended(), lambda: f"{name}: no end in the audit: {rig.engine.unended()}")
        received, beyond, unaudited = judge()
        alarms = kinds_since(rig, mark)
        self.rows.append((name, len(ids), ends, received, beyond, unaudited, alarms))
        assert beyond == 0 and unaudited == 0, self.rows[-1]
        assert unended or "none" not in ends, self.rows[-1]

    def show(self):
        print(f"{'fault':34} {'sent':>4}  {'written':>7} {'beyond':>6} {'unaudited':>9}  ends; what was told besides")
        for name, sent, ends, received, beyond, unaudited, alarms in self.rows:
            told = ", ".join(f"{n} {kind}" for kind, n in sorted(ends.items()))
            more = ", ".join(sorted(alarms))
            print(f"{name:34} {sent:4}  {received:7} {beyond:6} {unaudited:9}  {told}; {more}")

    def keep(self, path):
        """For the page of all protocols: field_matrix_page.py."""
        names = ("fault", "sent", "ends", "written", "beyond", "unaudited", "told")
        with open(path, "w") as file:
            json.dump({"protocol": self.protocol, "rows": [dict(zip(names, row)) for row in self.rows]}, file, indent=1)


def is_brief(plant):
    return SHORT or (plant.brief and not LONG)


def faults_of_the_peer(rig, table):
    plant = rig.plant
    for line in plant.faults[::3] if is_brief(plant) else plant.faults:
        table.trial(rig, f"peer: {line}", lambda line=line: plant.trouble(line))
    table.trial(rig, "peer: dies and comes back", plant.kill, plant.come_back, alarm=None if hasattr(plant, "broker") else plant.alarm)


def faults_of_a_broker(rig, table):
    for fault in rig.plant.broker_faults[:1 if is_brief(rig.plant) else None]:
        table.trial(rig, fault, lambda fault=fault: rig.plant.break_broker(fault), alarm=rig.plant.alarm)


def faults_of_who_recommends(rig, table):
    table.trial(rig, "stale lease (expired when sent)", lambda: None, send=lambda rig, n: some(rig, n, lasts=0))
    rig.optimiser.generation = 20
    some(rig, 1)
    table.trial(rig, "old generation", lambda: None, send=lambda rig, n: some(rig, n, generation=19))
    table.trial(rig, "lease that is not renewed", lambda: some(rig, 5, lasts=0.3), lambda: time.sleep(0.5), alarm="guard.lapsed")


def is_killed(rig, table):
    """In the middle of writes: how those under way ended is told by nobody, but by the audit; the heart stops with its body."""
    def kill():
        some(rig, 20)
        time.sleep(rig.dice.uniform(0, 0.01))
        rig.engine.kill()
        if rig.plant.beats:
            beats = rig.plant.beats()
            time.sleep(0.3)
            assert rig.plant.beats() == beats, "a heart beats without a body"
        rig.engine.start()
        rig.optimiser.generation += 1

    for turn in range(10 if LONG else 1 if is_brief(rig.plant) else 2):
        table.trial(rig, f"engine: SIGKILL in a write ({turn + 1})", kill, unended=True)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        own = [int(child) for child in file.read().split()]
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            own += [int(child) for child in file.read().split()]
    return sorted(set(own))


def process_of(rig, node):
    for child in children(rig.engine.process.pid):
        with open(f"/proc/{child}/cmdline") as file:
            words = file.read().split("\0")
        if "node-process" in words and any(word.startswith(node) for word in words[2:]):
            return child
        if any(word.endswith(f"/{node}.mjs") for word in words):  # a program is that of its node
            return child
    return None


def parts_are_killed(rig, table):
    """Guard and sink in processes of their own: the engine lives, and makes them anew."""
    for node in ("safe", "write"):
        def kill(node=node):
            some(rig, 10)
            os.kill(wait(lambda: process_of(rig, node), f"{node} has no process"), 9)
            rig.optimiser.generation += 1
        table.trial(rig, f"process of {node}: SIGKILL", kill, unended=True, judge=Judge(rig, clock_is_true=False))


def clock_jumps(rig, table, path):
    def set_clock(offset):
        with open(path + ".new", "w") as file:
            file.write(offset)
        os.replace(path + ".new", path)
        time.sleep(0.1)

    for offset in ("+1h", "-1h"):
        table.trial(rig, f"clock jumps by {offset}", lambda offset=offset: set_clock(offset), lambda: set_clock("+0"),
                    judge=Judge(rig, clock_is_true=False))


def with_rig(peer, trials, table, isolate="", **environment):
    folder = tempfile.mkdtemp(prefix="potline-field-")
    environment = {name: value.format(folder=folder) for name, value in environment.items()}
    if "FAKETIME_TIMESTAMP_FILE" in environment:
        with open(environment["FAKETIME_TIMESTAMP_FILE"], "w") as file:
            file.write("+0")
    rig = Rig(folder, isolate, peer, **environment)
    try:
        rig.until_it_works()
        for trial in trials:
            trial(rig, table)
        if not isolate:
            rig.engine.stop()
    except BaseException:
        table.show()
        print(rig.engine.text()[-3000:], file=sys.stderr)
        raise
    finally:
        if rig.engine.process.poll() is None:
            rig.engine.kill()
        rig.plant.close()
        rig.optimiser.close()
    shutil.rmtree(folder)


def main(peer=Plant, *garbled):
    table = Table(peer.protocol)
    broker = [faults_of_a_broker] if hasattr(peer, "broker_faults") else []
    with_rig(peer, [faults_of_the_peer, *broker, faults_of_who_recommends, is_killed], table)
    if is_brief(peer):
        print("every third fault; garbled messages, parts in processes of their own, clock jumps: POTLINE_LONG=1 has them")
        table.show()
        return
    for other in garbled:
        first = len(table.rows)
        with_rig(other, [faults_of_the_peer], table)
        table.rows[first:] = [(f"{name} ({other.said})", *row) for name, *row in table.rows[first:]]
    with_rig(peer, [parts_are_killed], table, "isolate: process")
    if os.path.exists(FAKETIME):
        folder = tempfile.mkdtemp(prefix="potline-field-")
        path = f"{folder}/clock"
        with_rig(peer, [lambda rig, table: clock_jumps(rig, table, path)], table, LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=path,
                 FAKETIME_DONT_FAKE_MONOTONIC="1", FAKETIME_NO_CACHE="1",
                 ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
        shutil.rmtree(folder)
    else:
        print("clock jumps: left out, there is no libfaketime")
    table.show()
    if os.environ.get("POTLINE_FIELD_MATRIX"):
        table.keep(os.path.join(os.environ["POTLINE_FIELD_MATRIX"], f"{peer.__name__.lower()}.json"))


if __name__ == "__main__":
    main()

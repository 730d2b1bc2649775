#!/usr/bin/python3
"""Set points from a program to the registers of the simulated plant and back, with whatever may go wrong between.

The plant's own log judges: each write that it has received lies within the limits, and the audit had a record of it before it
came. Whatever happens, each set point comes to an end that is told."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from field_rig import HIGH, PATIENCE, POTLINE, POTS, Rig, wait, write_whole

LONG = bool(os.environ.get("POTLINE_LONG"))
def goes_through(rig):
    """Verified, renewed without a write, refused with nothing written."""
    rig.until_it_works()
    ids = rig.optimiser.send({f"{pot}.acd_set": 41 + i * 0.01 for i, pot in enumerate(POTS)})
    ends = {tag: rig.told.end_of(number) for tag, number in ids.items()}
    assert {e["kind"] for e in ends.values()} == {"setpoint.verified"}, ends
    assert all(abs(e["body"]["read_back"] - e["body"]["value"]) < 1e-3 for e in ends.values())
    latencies = sorted(e["body"]["latency_ms"] for e in ends.values())
    print(f"20 set points at once: {latencies[0]:.2f} to {latencies[-1]:.2f} ms until they were verified")
    before = len(rig.plant.writes())
    rig.optimiser.send({f"{pot}.acd_set": 41 + i * 0.01 for i, pot in enumerate(POTS)})
    wait(lambda: sum(row["renewals"] for row in rig.engine.ask("setpoints list")) >= 20, "it is not renewed")
    assert len(rig.plant.writes()) == before, "what stands there is written again"
    for value, why in ((HIGH + 0.001, "outside of its limits"), (1e9, "outside of its limits")):
        (number,) = rig.optimiser.send({"line1.pot03.acd_set": value}).values()
        event = rig.told.end_of(number)
        assert event["kind"] == "guard.refused" and event["body"]["why"] == why, event
    (number,) = rig.optimiser.send({"line1.pot03.acd_set": 42}, lasts=0).values()
    assert "expired" in rig.told.end_of(number)["body"]["why"]
    assert len(rig.plant.writes()) == before


def tells_its_life(rig):
    """`audit query` of one set point: who, when, old, new, read back, how long, where it stands in the log, and which model led to
    it, where who sends it says so."""
    tag, before = "line1.pot07.acd_set", 41.06  # as goes_through has left it
    places = []
    pack = rig.optimiser.pack
    for value, model in ((42.5, None), (42.75, "mpc 2.1 5f0c21ae"), (42.25, "mpc 2.2 77aa0b12; CellModel 1.0 0123456789abcdef")):
        rig.optimiser.pack = (lambda batch: pack({**batch, "model": model})) if model else pack
        (number,) = rig.optimiser.send({tag: value}).values()
        end = rig.told.end_of(number)
        assert end["kind"] == "setpoint.verified" and end["body"].get("model") == model, end
        assert rig.value(tag)["model"] == (model or "")
        done = subprocess.run([POTLINE, "audit", "query", "--data", rig.engine.data, "--object", tag, "--json"], capture_output=True,
                              text=True, check=True)
        sent, result = json.loads(done.stdout)[-2:]
        assert (sent["action"], result["action"]) == ("setpoint write", "setpoint result")
        for record in (sent, result):
            assert abs(float(record["from"]) - before) < 1e-4 and float(record["to"]) == value, record
            assert re.fullmatch(rf"test; judged by bath_temp 0:\d+; set point {number} of optimiser, generation 1, log 0:\d+"
                                + (f", by {model}" if model else ""), record["reason"]), record
        assert re.fullmatch(r"verified: read back [\d.]+ after [\d.]+ ms, 1 write", result["outcome"]), result
        places.append(int(re.search(r"log 0:(\d+)", sent["reason"])[1]))
        before = value
    assert places == sorted(set(places)), places
    (number,) = rig.optimiser.send({tag: HIGH + 1}).values()
    assert rig.told.end_of(number)["body"]["model"] == model
    rig.optimiser.pack = pack
    print("\n".join(subprocess.run([POTLINE, "audit", "query", "--data", rig.engine.data, "--object", tag], capture_output=True,
                                   text=True, check=True).stdout.splitlines()[-2:]))


def is_overridden(rig):
    """By people, a file and the switch in the field: nothing is written from then on."""
    tag, other = "line1.pot05.feed_set", "line1.pot06.feed_set"
    ways = {
        "shell": lambda: rig.engine.ask("override engage line1.pot05 --reason test"),
        "file": lambda: write_whole(f"{rig.folder}/stop", "line1.pot05\n"),
        "switch": lambda: rig.plant_switch("line1.pot05", 1),
    }
    for way, engage in ways.items():
        seen = rig.told.kinds().count("override.engaged")
        engage()
        wait(lambda: rig.told.kinds().count("override.engaged") > seen, f"{way} does not engage")
        before = len(rig.plant.writes())
        ids = rig.optimiser.send({tag: 111, other: round(rig.dice.uniform(70, 130), 3)})
        assert rig.told.end_of(ids[tag])["body"]["why"] == "an override is engaged"
        assert rig.told.end_of(ids[other])["kind"] == "setpoint.verified"
        assert [w[1] for w in rig.plant.writes()[before:] if w[1]] == [other]
        assert [row["scope"] for row in rig.engine.ask("override list")] == ["line1.pot05"]
        if way != "shell":
            assert rig.engine.shell("override release line1.pot05 --reason test").returncode != 0, "it is still on"
        if way == "file":
            os.unlink(f"{rig.folder}/stop")
        if way == "switch":
            rig.plant_switch("line1.pot05", 0)
        wait(lambda: rig.engine.shell("override release line1.pot05 --reason done").returncode == 0, "it is not released")
        (number,) = rig.optimiser.send({tag: 100 + len(way)}).values()
        assert rig.told.end_of(number)["kind"] == "setpoint.verified"


def with_switch(rig):
    """The crew's switch, thrown by pymodbus: a peer that shares nothing with us."""
    from pymodbus.client import ModbusTcpClient
    host, _, port = rig.plant.address.rpartition(":")

    def throw(pot, on):
        client = ModbusTcpClient(host, port=int(port))
        assert client.connect()
        assert not client.write_register(100 + 10 * (int(pot[-2:]) - 1) + 8, on, slave=1).isError()
        client.close()
    rig.plant_switch = throw


def survives_faults(rig):
    """Each fault of the peer: what is sent meanwhile comes to an end, and then it works again."""
    outcomes = []
    faults = ["hang 700ms", "refuse 700ms", "garble 500ms 0.5", "slow 700ms 300ms", "flood 300ms", "freeze 700ms", "restart"]
    for fault in faults * (4 if LONG else 1):
        rig.plant.trouble(fault)
        time.sleep(0.02)
        ids = {}
        for _ in range(3):
            ids |= {n: fault for n in rig.optimiser.send(
                {f"{pot}.feed_set": round(rig.dice.uniform(60, 140), 3) for pot in rig.dice.sample(POTS, 5)}).values()}
            time.sleep(0.1)
        kinds = {}
        for number in ids:
            kind = rig.told.end_of(number)["kind"]
            kinds[kind] = kinds.get(kind, 0) + 1
        rig.until_it_works(release=True)  # a garbled answer may have read as a switch that is on
        outcomes.append((fault, kinds))
    for fault, kinds in outcomes:
        print(f"  {fault:20} {', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))}")


def survives_kills(rig):
    """Killed at any moment: its heartbeat stops and the PLC falls back; a new run takes up the connection, and the optimiser of
    before cannot write any more."""
    generation = 10
    for _ in range(12 if LONG else 3):
        rig.optimiser.generation = generation
        rig.optimiser.send({f"{pot}.acd_set": round(rig.dice.uniform(37, 49), 3) for pot in POTS})
        time.sleep(rig.dice.uniform(0, 0.02))
        rig.engine.kill()
        beats = rig.plant.beats()
        time.sleep(0.3)
        assert rig.plant.beats() == beats, "a heart beats without a body"
        rig.engine.start()
        generation += 1
        rig.optimiser.generation = generation
        rig.until_it_works()
        (number,) = rig.optimiser.send({"line1.pot02.acd_set": 40}, generation=generation - 1).values()
        assert "older generation" in rig.told.end_of(number)["body"]["why"]
        wait(lambda: rig.plant.beats() > beats, "no heartbeat behind a restart")


def remembers(rig):
    """An override survives a kill right behind its answer, and what was manual stays so."""
    rig.engine.ask("override engage line1.pot07 --reason test")
    rig.engine.kill()
    rig.engine.start()
    rig.until_it_works()
    (number,) = rig.optimiser.send({"line1.pot07.feed_set": 99}).values()
    assert rig.told.end_of(number)["body"]["why"] == "an override is engaged"
    rig.engine.ask("guard mode line1.pot08 manual --reason test")
    rig.engine.kill()
    rig.engine.start()
    rig.until_it_works()
    (number,) = rig.optimiser.send({"line1.pot08.feed_set": 99}).values()
    assert rig.told.end_of(number)["body"]["why"] == "it is in manual"


def unguarded_is_refused(folder):
    text = open(f"{folder}/field.yaml").read().replace("from: safe\n", "from: wishes\n")
    path = f"{folder}/unguarded.yaml"
    with open(path, "w") as file:
        file.write(text)
    done = subprocess.run([POTLINE, "check", path], capture_output=True, text=True)
    assert done.returncode == 2 and "straight from a guard only" in done.stdout + done.stderr, done


def is_not_replayed(rig):
    """What is played again writes nothing to the field."""
    before = len(rig.plant.writes())
    done = subprocess.run([POTLINE, "replay", f"{rig.folder}/field.yaml", "--data", f"{rig.folder}/data", "--into", f"{rig.folder}/again"],
                          capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert len(rig.plant.writes()) == before


def run(steps, isolate=""):
    folder = tempfile.mkdtemp(prefix="potline-field-")
    rig = Rig(folder, isolate)
    with_switch(rig)
    try:
        for step in steps:
            begun = time.monotonic()
            step(rig)
            print(f"{step.__name__} {isolate}: {time.monotonic() - begun:.1f} s")
        unguarded_is_refused(folder)
        rig.engine.stop()
        is_not_replayed(rig)
        print(f"{rig.judge(10**9 if isolate else 0)} writes were received, each within its limits and in the audit")
    except BaseException:
        print(rig.engine.text()[-3000:], file=sys.stderr)
        raise
    finally:
        if rig.engine.process.poll() is None:
            rig.engine.kill()
        rig.plant.stop()
        rig.optimiser.close()
    shutil.rmtree(folder)


run([goes_through, tells_its_life, is_overridden, survives_faults, survives_kills, remembers])
run([goes_through, tells_its_life, is_overridden, remembers], "isolate: process")

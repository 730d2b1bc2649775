#!/usr/bin/python3
"""`potline explain event ID` of an anomaly that its detector remembers the whole past for, among other assets: it is made again of
its own asset's rows, and what is listed lies next to it."""
import json
import os
import random
import subprocess
import sys
import tempfile

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
GRAPH = """
potline: 1
name: events
nodes:
  in: { op: source.csv, path: "${IN}", layout: long, time: time_ns }
  clean: { op: cleanse, from: in }
  verdict: { op: detect, from: clean, adapt: 100 }
  kept: { op: sink.lake, zone: gold, from: verdict.events }
"""
PUMPS, SIGNALS, ROWS, FAULT, SHOWN = 12, ("flow", "power"), 1600, 1200, 8
BASE = 1_700_000_000


def main():
    with tempfile.TemporaryDirectory(prefix="potline-events-") as work:
        place = lambda name: os.path.join(work, name)
        dice = random.Random(3)
        with open(place("graph.yaml"), "w", encoding="utf-8") as file:
            file.write(GRAPH)
        with open(place("in.csv"), "w", encoding="utf-8") as file:
            file.write("time_ns,tag,value\n")
            for row in range(ROWS):
                for pump in range(PUMPS):
                    for signal in SIGNALS:
                        wrong = 12 if (pump, signal) == (7, "flow") and FAULT <= row < FAULT + 100 else 0
                        wrong = 12 if (pump, signal) == (3, "power") and row >= FAULT else wrong
                        file.write(f"{(BASE + row) * 10**9},unit.pump{pump:02}.{signal},{50 + wrong + dice.gauss(0, 1):.4f}\n")

        def call(*words):
            done = subprocess.run([POTLINE, *words], capture_output=True, text=True, timeout=200, check=False,
                                  env=dict(os.environ, IN=place("in.csv"), POTLINE_HTTP="off"))
            assert done.returncode == 0, f"{words}: {done.returncode}: {done.stderr}{done.stdout[-1000:]}"
            return done.stdout

        call("run", place("graph.yaml"), "--data", place("data"), "--until-eof", "-q")
        events = map(json.loads, call("export", "--data", place("data"), "--zone", "gold", "--format", "ndjson").splitlines())
        event = next(e for e in events if e["kind"] == "detect.began" and e["asset"] == "unit.pump07" and
                     e["body"]["start"] >= (BASE + FAULT) * 10**9)
        said = json.loads(call("explain", "event", event["id"], "--data", place("data"), "--json", "--rows", str(SHOWN)))
        assert said["again"]["equal"] and said["again"]["narrowed"], said["again"]
        # What other pumps have measured is not even read: before, it was all of them, again and again.
        assert said["again"]["rows"] <= ROWS * len(SIGNALS), said["again"]
        assert said["samples_needed"] > FAULT, said["samples_needed"]  # its detector remembers all of it
        samples = said["samples"]
        assert len(samples) == SHOWN and said["samples_total"] > SHOWN
        assert all(s["tag"].startswith("unit.pump07.") for s in samples), samples
        last = sorted({s["time"] for s in samples})
        assert last[-1] == event["time"] and len(last) == SHOWN // len(SIGNALS), (last, event["time"])
        made = [m["row"] for m in said["made"]]
        assert len(made) == SHOWN and min(m["time"] for m in made) >= last[0], (made, last)
        # That the rows end there is told by no event of that time.
        assert not any(m.get("kind") == "detect.ended" for m in made), made
        # The same fault, when its detector has got used to it: that is no end.
        used = next(e for e in map(json.loads, call("export", "--data", place("data"), "--zone", "gold", "--format", "ndjson").splitlines())
                    if e["kind"] == "detect.ended" and e["asset"] == "unit.pump03" and e["body"]["how"] == "lasts")
        text = call("explain", "event", used["id"], "--data", place("data"), "--rows", "1")
        assert "; it lasts, and has been taken for usual\n" in text, text
        print(f"an event of {said['samples_needed']} samples is made again of {said['again']['rows']} rows")


if __name__ == "__main__":
    sys.exit(main())

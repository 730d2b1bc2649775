#!/usr/bin/python3
"""What becomes of a plant's samples over Sparkplug B when the way to it goes wrong (potline-plant --trouble), and the same for
Modbus TCP beside it: a line for each trouble, which is what the README's table says. All of them with POTLINE_LONG, else the restart."""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mqtt_broker  # noqa: E402  pylint: disable=wrong-import-position
from mqtt_test import Engine, lines, wait  # noqa: E402  pylint: disable=wrong-import-position

TAG = "line1.pot01.voltage"
# What is seen of each: stale rows, a death and a birth, messages that are refused or missing, rows that come again.
TROUBLES = {
    "refuse 3s": {"stale", "died", "born"},
    "restart": {"stale", "died", "born"},
    "hang 3s": set(),  # nothing is said, and nothing is heard: the newest value grows old
    "garble 3s 1": {"refused"},
    "flood 3s": {"gap"},  # numbers that were there already
}


class Watch:
    """What has come of one trouble, in the files and counters of an engine."""

    def __init__(self, engine, folder):
        self.engine, self.rows, self.told = engine, f"{folder}/rows.ndjson", f"{folder}/told.ndjson"

    def counters(self):
        found = self.engine.ask("stats in")
        return {row["counter"]: row["value"] for row in found} if found else {}

    def seen(self, rows, told, before):
        new, events = lines(self.rows)[rows:], [row["kind"] for row in lines(self.told)[told:]]
        found = {"stale"} if any("stale" in row["quality"] for row in new) else set()
        found |= {kind.split(".")[1] for kind in events if kind.startswith("sparkplug.")}
        after = self.counters()
        found |= {"refused"} if after.get("bad", 0) > before.get("bad", 0) else set()
        found |= {"gap"} if after.get("gaps", 0) > before.get("gaps", 0) else set()
        return found


def main():
    troubles = TROUBLES if os.environ.get("POTLINE_LONG") else {"restart": TROUBLES["restart"]}
    plant_program = os.path.join(os.environ["POTLINE_BIN"], "potline-plant")
    with tempfile.TemporaryDirectory(prefix="potline-sparkfaults-") as folder, mqtt_broker.Broker(folder) as broker:
        fifo = os.path.join(folder, "trouble")
        plant = subprocess.Popen([plant_program, "--quiet", "--port", "0", "--lines", "1", "--pots", "2", "--step", "100ms", "--sparkplug",
                                  f"127.0.0.1:{broker.port}", "--trouble", fifo], preexec_fn=mqtt_broker.dies_with_us)
        engine = Engine(folder, "faults", f"""
  in: {{ op: source.sparkplug, server: "127.0.0.1:{broker.port}", groups: plant, rebirth_after: 500ms, backoff: 50ms }}
  one: {{ op: filter, from: in, include: {TAG} }}
  out: {{ op: sink.ndjson, from: one, path: "{folder}/rows.ndjson", node: false }}
  told: {{ op: sink.ndjson, from: in.events, path: "{folder}/told.ndjson" }}
""").start().connected()
        watch = Watch(engine, folder)

        def is_well():
            found = lines(watch.rows)[-3:]
            return len(found) == 3 and all(row["quality"] == "good" for row in found)

        wait(is_well, engine.text)
        for trouble, expected in troubles.items():
            rows, told, before = len(lines(watch.rows)), len(lines(watch.told)), watch.counters()
            with open(fifo, "w") as file:
                file.write(trouble + "\n")
            time.sleep(4 if trouble.partition(" ")[2] else 1)
            came = len(lines(watch.rows))
            wait(lambda: len(lines(watch.rows)) > came + 5 and is_well() and expected <= watch.seen(rows, told, before),
                 lambda: f"{trouble}: {watch.seen(rows, told, before)} {json.dumps(lines(watch.rows)[-3:])}")
            seen = watch.seen(rows, told, before)
            print(f"{trouble:12} {', '.join(sorted(seen)) or 'nothing but silence'}; well again", flush=True)
        engine.stop()
        plant.terminate()
        assert plant.wait(30) == 0


if __name__ == "__main__":
    main()

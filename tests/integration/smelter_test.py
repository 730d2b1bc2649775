#!/usr/bin/python3
"""The main job on the simulated plant, with sensor faults and an anode effect, judged by a computation of its own.

Bronze is exported and run through this file's own cleansing (missing, range, Hampel) and windows, in plain Python; silver's
flags and every gold window must agree, those with flagged rows included. The plant says which rows its registers showed.
"""
import csv
import fnmatch
import io
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
SECONDS = 60 if os.environ.get("POTLINE_LONG") else 30
GRAPH = "graphs/smelter.yaml"
FILTERED = (".bath_temp", ".shell_temp")  # what else jumps may well have done so
HAMPEL = {"window": 11, "k": 6.0, "floor": 0.05}
FAULTS = ["spike:line2.pot03.bath_temp:1:-:60,0.1", "dropout:line3.pot11.bath_temp:2:-:0.3",
          "frozen:line1.pot02.noise:3:-:", "stuck:line2.pot15.bath_temp:4:10:1400"]


def export(data, zone, *more):
    out = subprocess.run([f"{BIN}/potline", "export", "--data", data, "--zone", zone, *more], check=True,
                         capture_output=True, text=True).stdout
    return list(csv.DictReader(io.StringIO(out)))


def ranges():
    with open("graphs/maps/tags.csv", newline="") as file:
        return [(row["match"], float(row["low"]), float(row["high"])) for row in csv.DictReader(file)]


class Hampel:
    def __init__(self):
        self.values, self.step, self.before = [], 0.0, 0.0

    def is_spike(self, value):
        self.values = (self.values + [value])[-HAMPEL["window"]:]
        count, spike = len(self.values), False
        median = statistics.median(self.values)
        if count >= 3 and count > HAMPEL["window"] // 2:
            mad = statistics.median(abs(v - median) for v in self.values)
            scale = max(1.4826 * mad if mad > 0 else self.step, HAMPEL["floor"])
            spike = abs(value - median) > HAMPEL["k"] * scale
        if not spike:
            step = abs(value - self.before)
            if step > 0 and count > 1 and (step < self.step or self.step == 0):
                self.step = step
            self.before = value
        return spike


def cleanse(bronze):
    """Bronze rows by tag, in order, with the flags they should have."""
    rules, bounds, filters, last, rows = ranges(), {}, {}, {}, []
    for row in sorted(bronze, key=lambda r: (int(r["time_ns"]), int(r["sequence"]))):
        tag, at, value = row["tag"], int(row["time_ns"]), float(row["value"])
        if tag not in bounds:
            bounds[tag] = next(((lo, hi) for glob, lo, hi in rules if fnmatch.fnmatchcase(tag, glob)), (-math.inf, math.inf))
        flags = set() if row["quality"] == "good" else set(row["quality"].split("|"))
        if "bad" not in flags:
            if math.isnan(value):
                flags |= {"bad", "missing"}
            elif not bounds[tag][0] <= value <= bounds[tag][1]:
                flags |= {"bad", "out_of_range"}
            elif not tag.endswith(FILTERED):
                pass
            elif at > last.get(tag, -1) and filters.setdefault(tag, Hampel()).is_spike(value):
                flags |= {"bad", "spike"}
        last[tag] = max(at, last.get(tag, -1))
        rows.append((tag, at, value, flags))
    return rows


def windows(rows, size):
    """(tag, start) -> counted values, rows skipped."""
    found = {}
    for tag, at, value, flags in rows:
        good, skipped = found.setdefault((tag, at // size * size), ([], []))
        (skipped if "bad" in flags else good).append(value)
    return found


def same(told, own):
    told = float(told)
    return (math.isnan(told) and math.isnan(own)) or math.isclose(told, own, rel_tol=1e-9, abs_tol=1e-12)


def check_window(row, good, skipped):
    nan = math.nan
    mean = math.fsum(good) / len(good) if good else nan
    stddev = statistics.stdev(good) if len(good) > 1 else nan
    expected = {"mean": mean, "min": min(good, default=nan), "max": max(good, default=nan),
                "first": good[0] if good else nan, "last": good[-1] if good else nan}
    wrong = [name for name, own in expected.items() if not same(row[name], own)]
    if int(row["count"]) != len(good):
        wrong.append("count")
    if int(row["skipped"]) != len(skipped):
        wrong.append("skipped")
    told = float(row["stddev"])
    if not (math.isnan(told) and math.isnan(stddev)) and not math.isclose(told, stddev, rel_tol=1e-6, abs_tol=1e-9):
        wrong.append("stddev")
    if wrong:
        sys.exit(f"window {row['tag']} {row['start_ns']}: {', '.join(wrong)} differ: {row}, from {good} less {skipped}")


def check_events(events):
    """The anode effect was told by its rule and became an alarm that has a definition; the plant is well otherwise, and no
    rule has failed."""
    told = {(row["kind"], json.loads(row["body"]).get("rule"), row["tag"]) for row in events}
    for kind in ("rule.raised", "alarm.unacknowledged"):
        if (kind, "anode-effect", "line1.pot07.voltage") not in told:
            sys.exit(f"no {kind} of the anode effect: {told}")
    others = {row for row in told if row[1] != "anode-effect" and row[0] in ("rule.raised", "rule.disabled")}
    if others:
        sys.exit(f"more was told than the anode effect: {others}")
    alarms = [json.loads(row["body"]) for row in events if row["kind"] == "alarm.unacknowledged"]
    if not all(alarm["defined"] and alarm["action"] for alarm in alarms):
        sys.exit(f"an alarm without a definition: {alarms}")


def run_plant(work):
    address = os.path.join(work, "address")
    command = [f"{BIN}/potline-plant", "--quiet", "--listen", "127.0.0.1:0", "--address-file", address,
               "--anode-effect", "line1.pot07@8s", "--emitted", os.path.join(work, "emitted.csv")]
    for fault in FAULTS:
        command += ["--fault", fault]
    plant = subprocess.Popen(command)
    for _ in range(200):
        if os.path.exists(address) and open(address).read().strip():
            return plant, open(address).read().strip()
        time.sleep(0.05)
    plant.kill()
    sys.exit("the plant serves nothing")


def main():
    with tempfile.TemporaryDirectory() as work:
        data = os.path.join(work, "data")
        plant, address = run_plant(work)
        try:
            done = subprocess.run([f"{BIN}/potline", "run", GRAPH, "--data", data, "--for", f"{SECONDS}s", "--json"],
                                  capture_output=True, text=True, env={**os.environ, "POTLINE_PLANT": address})
        finally:
            plant.terminate()
            plant.wait()
        if done.returncode:
            sys.exit(f"potline run: exit code {done.returncode}\n{done.stderr}")
        summary = json.loads(done.stdout)
        print(done.stdout.strip())
        if summary["lines"] != 3 or summary["rows_flagged"] < 1 or summary["tags"] < 300 or summary["alarms"] < 1 or summary["windows"] < 300:
            sys.exit("the summary lacks lines, tags, alarms or windows")
        if summary["rows_in"] < (SECONDS - 3) * 60 * 5:
            sys.exit("fewer than 60 pots x 5 signals a second")

        bronze = export(data, "bronze", "--kind", "samples")
        if len(bronze) != summary["rows_in"] - 0 and abs(len(bronze) - summary["rows_in"]) > 50:
            sys.exit(f"bronze has {len(bronze)} samples of {summary['rows_in']} rows in")
        rows = cleanse(bronze)

        own = {(tag, at): flags for tag, at, _, flags in rows}
        flagged = 0
        for row in export(data, "silver"):
            told = set() if row["quality"] == "good" else set(row["quality"].split("|"))
            flagged += bool(told)
            if told != own[row["tag"], int(row["time_ns"])]:
                sys.exit(f"silver {row} should be flagged {own[row['tag'], int(row['time_ns'])]}")

        expected, mixed, checked = windows(rows, 10_000_000_000), 0, 0
        for row in export(data, "gold", "--kind", "windows"):
            if int(row["end_ns"]) - int(row["start_ns"]) != 10_000_000_000:
                continue
            good, skipped = expected[row["tag"], int(row["start_ns"])]
            check_window(row, good, skipped)
            mixed += bool(skipped) and bool(good)
            checked += 1
        check_events(export(data, "gold", "--kind", "events"))
        if not mixed or not flagged:
            sys.exit("no window with flagged rows: the faults did not show")
        print(f"{len(bronze)} bronze rows, {flagged} flagged; {checked} gold windows agree, {mixed} of them with flagged rows")


if __name__ == "__main__":
    main()

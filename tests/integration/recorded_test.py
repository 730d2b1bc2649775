#!/usr/bin/python3
"""Recordings of real plants through cleanse and windows (graphs/recorded/), row for row against this program.

What a row should be flagged as, which rows should be filled in, and what every window should hold is worked out here
from the recording itself: the checks are written down again from their definitions, slowly, with no code in common.

The recordings are found by POTLINE_TEST_DATA; without it the test is skipped.
"""

import calendar
import csv
import glob
import json
import math
import os
import subprocess
import sys
import tempfile
import time

SECOND = 10**9
POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
DATA = os.environ.get("POTLINE_TEST_DATA", "")
FLAGS = ["missing", "out_of_range", "spike", "rate", "frozen", "stale", "late", "replaced", "backfilled"]
NAN = float("nan")


# ---- The recordings, read again ----


def nanoseconds(text, form):
    return calendar.timegm(time.strptime(text, form)) * SECOND


def number(text, missing):
    if text in missing or text == "":
        return NAN
    if text in ("True", "False"):
        return float(text == "True")
    try:
        value = float(text)
    except ValueError:
        return NAN
    return NAN if any(value == float(m) for m in missing if m != "NA") else value


def wide(paths, when, prefix, columns=None, exclude=(), missing=(), delimiter=","):
    for path in paths:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, delimiter=delimiter)
            for row in rows:
                at = when(row)
                for name, text in row.items():
                    if name not in exclude and (columns is None or name in columns):
                        yield at, prefix + name, number(text, missing)


def seconds_to_ns(text):
    whole, _, part = text.partition(".")
    return int(whole) * SECOND + int((part + "000000000")[:9])


def long(path, prefix):
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            yield seconds_to_ns(row["time_s"]), prefix + row["node"], number(row["value"], ())


# ---- The checks, from their definitions ----


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


class Tag:
    """One tag's rows, judged in their order."""

    def __init__(self, rules, limits):
        self.rules, self.limits = rules, limits
        self.last = self.good = None
        self.window, self.step, self.before = [], 0.0, None
        self.same, self.same_since, self.same_rows = None, 0, 0
        self.used = None
        self.back = []

    def in_order(self, at):
        if self.last is None or at > self.last:
            self.back = []
            return True
        if at == self.last:
            return False
        self.back = self.back + [at] if self.back and at > self.back[-1] else [at]
        if len(self.back) < 8:
            return False
        self.back, self.used, self.good, self.same_rows = [], None, None, 0
        return True

    def is_spike(self, value):
        size, k, floor = self.rules["spike"]
        self.window = (self.window + [value])[-size:]
        spike = False
        if len(self.window) > size // 2 and len(self.window) >= 3:
            middle = median(self.window)
            deviation = median([abs(v - middle) for v in self.window])
            scale = max(1.4826 * deviation if deviation > 0 else self.step, floor)
            spike = abs(value - middle) > k * scale
        if not spike:
            change = abs(value - self.before) if self.before is not None else 0
            if change > 0 and (self.step == 0 or change < self.step):
                self.step = change
            self.before = value
        return spike

    def is_too_fast(self, at, value):
        return self.good is not None and abs(value - self.good[1]) > self.rules["rate"] * ((at - self.good[0]) / SECOND)

    def is_frozen(self, at, value):
        if self.same_rows == 0 or value != self.same:
            self.same, self.same_since, self.same_rows = value, at, 0
        self.same_rows += 1
        rows, lasting = self.rules.get("frozen", (0, 0))
        long_enough = lasting and at - self.same_since >= lasting
        return self.same_rows > 1 and bool(long_enough or (rows and self.same_rows >= rows))

    def fills(self, at, value):
        longest, interval = self.rules.get("gaps", (0, 0))
        if self.used is None or not interval or at - self.used[0] > longest:
            return
        start, base = self.used
        reached = start
        while at - reached > interval + interval // 2:
            reached += interval
            yield reached, base + (reached - start) / (at - start) * (value - base), "uncertain|replaced|backfilled"

    def judge(self, at, value):
        """The rows that leave because of this one."""
        low, high = self.limits
        flags, severity = set(), "good"
        ordered = self.in_order(at)
        if ordered:
            self.last = at
        if math.isnan(value):
            flags, severity = {"missing"}, "bad"
        elif not low <= value <= high:
            flags, severity = {"out_of_range"}, "bad"
        elif ordered:
            if "rate" in self.rules and self.is_too_fast(at, value):
                flags, severity = {"rate"}, "bad"
            if "spike" in self.rules and self.is_spike(value):
                flags, severity = flags | {"spike"}, "bad"
            if "frozen" in self.rules and self.is_frozen(at, value):
                flags.add("frozen")
                severity = "uncertain" if severity == "good" else severity
            if severity != "bad":
                self.good = (at, value)
        if ordered and severity != "bad":
            yield from self.fills(at, value)
            self.used = (at, value)
        yield at, value, "|".join([severity] + [flag for flag in FLAGS if flag in flags])


def judge_all(rows, rules):
    tags, out = {}, {}
    for at, name, value in rows:
        if name in rules.get("exclude", ()):
            out.setdefault(name, []).append((at, value, "bad|missing" if math.isnan(value) else "good"))
            continue
        if name not in tags:
            limits = next((l for part, l in rules["range"].items() if name.startswith(part)), (-1.8e308, 1.8e308))
            tags[name] = Tag(rules, limits)
            out[name] = []
        out[name].extend(tags[name].judge(at, value))
    return out


# ---- Windows ----


def windows_of(rows, size, offset):
    windows = {}
    for at, value, quality in rows:
        windows.setdefault((at - offset) // size * size + offset, []).append((at, value, quality))
    for start, inside in windows.items():
        good = [(at, value, quality) for at, value, quality in inside if not quality.startswith("bad")]
        values = [value for _, value, _ in good]
        row = {"count": len(good), "skipped": len(inside) - len(good)}
        if good:
            mean = sum(values) / len(values)
            row.update(mean=mean, min=min(values), max=max(values))
            row["first"] = min(enumerate(good), key=lambda x: (x[1][0], x[0]))[1][1]
            row["last"] = max(enumerate(good), key=lambda x: (x[1][0], x[0]))[1][1]
            if len(good) > 1:
                row["stddev"] = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
        yield start, row


def compare_windows(name, path, expected, size, offset):
    found = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            found[row["tag"], int(row["start_ns"])] = row
    total = 0
    for tag, rows in expected.items():
        for start, window in windows_of(rows, size, offset):
            total += 1
            row = found.get((tag, start))
            if row is None:
                raise AssertionError(f"{name}: no window of {tag} at {start}")
            for column in ("count", "skipped"):
                assert int(row[column]) == window[column], f"{name}: {tag} {start} {column}: {row}, not {window}"
            for column in ("mean", "min", "max", "first", "last", "stddev"):
                got, want = row[column], window.get(column)
                close = (got == "") if want is None else got != "" and math.isclose(
                    float(got), want, rel_tol=1e-9, abs_tol=1e-9 if column == "stddev" else 0)
                assert close, f"{name}: {tag} {start} {column}: {got}, not {want}"
    assert total == len(found), f"{name}: {len(found)} windows, not {total}"
    return total


# ---- Running and comparing ----


def compare_rows(name, path, expected):
    found, counts = {}, {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            value = float(row["value"]) if row["value"] else NAN
            found.setdefault(row["tag"], []).append((int(row["time_ns"]), value, row["quality"]))
    assert set(found) == set(expected), f"{name}: tags {set(found) ^ set(expected)}"
    for tag, rows in expected.items():
        for got, want in zip(found[tag], rows):
            same = got[0] == want[0] and got[2] == want[2] and (
                math.isnan(got[1]) if math.isnan(want[1]) else math.isclose(got[1], want[1], rel_tol=1e-12, abs_tol=1e-12))
            assert same, f"{name}: {tag}: {got}, not {want}"
        assert len(found[tag]) == len(rows), f"{name}: {tag}: {len(found[tag])} rows, not {len(rows)}"
        for _, _, quality in rows:
            for word in quality.split("|"):
                counts[word] = counts.get(word, 0) + 1
    return sum(len(rows) for rows in expected.values()), counts


def run(graph, path, folder, **extra):
    out, windows = os.path.join(folder, "out.csv"), os.path.join(folder, "windows.csv")
    env = dict(os.environ, IN=path, OUT=out, WINDOWS=windows, **extra)
    done = subprocess.run([POTLINE, "run", f"graphs/recorded/{graph}.yaml", "--until-eof", "--json"], env=env,
                          capture_output=True, text=True, timeout=200)
    if done.returncode:
        sys.exit(f"{graph}: potline ended with {done.returncode}\n{done.stderr}")
    return out, windows, json.loads(done.stdout)


def check(title, graph, path, rows, rules, **extra):
    expected = judge_all(rows, rules)
    with tempfile.TemporaryDirectory() as folder:
        out, windows, summary = run(graph, path, folder, **extra)
        total, counts = compare_rows(title, out, expected)
        told = 0
        if "window" in rules:
            told = compare_windows(title, windows, expected, *rules["window"])
            assert summary["rows_late"] == 0, f"{title}: {summary}"
    columns = ["missing", "out_of_range", "rate", "spike", "frozen", "backfilled"]
    print(f"{title:<22}{total:>9}" + "".join(f"{counts.get(c, 0):>13}" for c in columns) + f"{told:>9}", flush=True)
    return counts


SKAB = {
    "range": {"skab.Current": (0, 10), "skab.Pressure": (-1, 5), "skab.Temperature": (0, 120),
              "skab.Voltage": (200, 260), "skab.Volume": (0, 130)},
    "spike": (11, 6, 0), "frozen": (30, 0), "gaps": (5 * SECOND, SECOND), "window": (10 * SECOND, 0)}
GECCO = {
    "range": {"gecco.pH": (6, 9), "gecco.Cl": (0, 1), "gecco.Redox": (600, 900), "gecco.Trueb": (0, 0.2),
              "gecco.Tp": (0, 30)},
    "spike": (31, 8, 0.001), "frozen": (0, 3 * 3600 * SECOND), "gaps": (900 * SECOND, 60 * SECOND),
    "window": (3600 * SECOND, 0)}
BEIJING = {
    "range": {"air.PM": (0, 600), "air.CO": (0, 9000), "air.TEMP": (-30, 45), "air.WSPM": (0, 10)},
    "exclude": ("air.RAIN",), "spike": (25, 8, 0.5), "frozen": (24, 0), "gaps": (6 * 3600 * SECOND, 3600 * SECOND),
    "window": (86400 * SECOND, -8 * 3600 * SECOND)}
AIR = {
    "range": {"air.CO(GT)": (0, 8), "air.T": (-10, 50), "air.RH": (0, 100)},
    "spike": (25, 6, 0), "frozen": (6, 0), "gaps": (6 * 3600 * SECOND, 3600 * SECOND), "window": (86400 * SECOND, 0)}
LATHE = {"range": {}, "rate": 10000, "window": (60 * SECOND, 0)}


def main():
    if not DATA or not os.path.isdir(os.path.join(DATA, "skab")):
        print("skipped: POTLINE_TEST_DATA names no folder with the recordings")
        sys.exit(77)
    print(f"{'recording':<22}{'rows':>9}" + "".join(
        f"{c:>13}" for c in ("missing", "out of range", "too fast", "spike", "frozen", "filled in")) + f"{'windows':>9}")

    at = lambda row: nanoseconds(row["datetime"], "%Y-%m-%d %H:%M:%S")
    path = f"{DATA}/skab/anomaly-free/anomaly-free.csv"
    check("skab, anomaly-free", "skab", path, wide([path], at, "skab.", exclude=("datetime",), delimiter=";"), SKAB)
    paths = sorted(glob.glob(f"{DATA}/skab/valve1/*.csv"))
    rows = wide(paths, at, "skab.", exclude=("datetime", "anomaly", "changepoint"), delimiter=";")
    unsorted = {k: v for k, v in SKAB.items() if k not in ("gaps", "window")}
    check("skab, valve1, unsorted", "skab", f"{DATA}/skab/valve1/*.csv", rows, unsorted, FILL="none")

    path = f"{DATA}/gecco2018/gecco2018_water_quality.csv"
    names = ("Tp", "Cl", "pH", "Redox", "Leit", "Trueb", "Cl_2", "Fm", "Fm_2")
    at = lambda row: nanoseconds(row["Time"], "%Y-%m-%d %H:%M:%S")
    counts = check("gecco", "gecco", path, wide([path], at, "gecco.", columns=names, missing=("NA",)), GECCO)
    with open(path) as file:
        assert counts["missing"] == sum(line.split(",")[2:11].count("NA") for line in file), counts

    path = f"{DATA}/beijing-air/PRSA_Data_Dongsi_20130301-20170228.csv"
    at = lambda row: nanoseconds(f"{row['year']} {row['month']} {row['day']} {row['hour']}", "%Y %m %d %H") - 8 * 3600 * SECOND
    rows = wide([path], at, "air.", exclude=("No", "year", "month", "day", "hour", "wd", "station"), missing=("NA",))
    check("beijing", "beijing", path, rows, BEIJING)

    path = f"{DATA}/air-quality-uci/AirQualityUCI.csv"
    at = lambda row: nanoseconds(row["Date"] + " " + row["Time"], "%Y-%m-%d %H:%M:%S")
    rows = wide([path], at, "air.", exclude=("Date", "Time"), missing=("-200",))
    counts = check("air quality", "air-quality", path, rows, AIR)
    with open(path) as file:
        assert counts["missing"] == sum(line.rstrip("\r\n").split(",").count("-200") for line in file), counts

    for path in sorted(glob.glob(f"{DATA}/causrca/real_op/*.csv"))[:5]:
        title = "lathe, " + os.path.basename(path)[-9:-4]
        check(title, "causrca", path, long(path, "lathe."), LATHE)


main()

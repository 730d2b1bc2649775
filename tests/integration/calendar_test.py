#!/usr/bin/python3
"""Time zones and calendars against Python's zoneinfo: every zone there is at random times and at its changes, from 1950 to
2100; windows of shifts, days, weeks and months; and a graph over rows around changes of clocks.
"""
import csv
import os
import random
import subprocess
import sys
import tempfile
from datetime import date, datetime, timedelta, timezone
from zoneinfo import TZPATH, ZoneInfo, available_timezones

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
TIMES = os.path.join(os.environ.get("POTLINE_BUILD", "build/release"), "tests", "zone_times")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST, LAST = (int((datetime(year, 1, 1, tzinfo=timezone.utc) - EPOCH).total_seconds()) for year in (1950, 2100))
NAMED = ["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC", "Europe/Dublin", "Asia/Gaza",
         "Africa/Casablanca", "America/Nuuk", "Pacific/Apia", "America/St_Johns", "Pacific/Chatham", "Africa/Monrovia",
         "Asia/Tehran", "America/Caracas", "Antarctica/Troll", "Pacific/Kwajalein"]
random.seed(1)


def ask(zone, period, shifts, times):
    done = subprocess.run([TIMES, zone, period, *shifts], input="\n".join(map(str, times)), capture_output=True, text=True)
    assert done.returncode == 0, f"{zone}: {done.stderr}"
    answers = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(answers) == len(times), f"{zone}: {len(answers)} answers to {len(times)} times"
    return answers


def local(zone, time):
    return (EPOCH + timedelta(seconds=time)).astimezone(zone)


def offset(zone, time):
    return int(local(zone, time).utcoffset().total_seconds())


def clock(zone, time):
    """What the clock shows, in seconds from 1970-01-01T00:00 by that clock."""
    return time + offset(zone, time)


def check_offsets(name):
    zone = ZoneInfo(name)
    times = [random.randrange(FIRST, LAST) for _ in range(120)]
    answers = ask(name, "day", ["00:00"], times)
    edges = sorted({edge for _, begun, until, _, _ in answers for edge in (begun - 1, begun, until - 1, until)
                    if FIRST <= edge < LAST})
    checked = 0
    for time, (found, begun, until, _, _) in zip(times + edges, answers + ask(name, "day", ["00:00"], edges)):
        assert found == offset(zone, time), f"{name} at {time}: {found}, not {offset(zone, time)}"
        assert begun <= time < until, f"{name} at {time}: span {begun} to {until}"
        for other in (max(begun, FIRST), min(until, LAST) - 1, random.randrange(max(begun, FIRST), min(until, LAST))):
            assert offset(zone, other) == found, f"{name}: a change within {begun} to {until}, at {other}"
        checked += 1
    return checked


def first_shown(zone, wanted):
    """The first time at which the clock shows `wanted` or later, by going through the quarters of an hour and then the
    seconds: every change of clocks since 1950 lasts longer, or is exact to the second and found so."""
    time = wanted - 26 * 3600
    while clock(zone, time) < wanted:
        gap = wanted - clock(zone, time)
        if offset(zone, time) == offset(zone, min(time + gap, time + 900)):
            time += min(gap, 900)
        else:
            time += 1
    return time


def begins(day, period, shifts):
    """Is it a day on which a window of that period begins, and when: seconds of the day."""
    if period == "week" and day.weekday() != 0 or period == "month" and day.day != 1:
        return []
    return [int(s[:2]) * 3600 + int(s[3:]) * 60 for s in (shifts if period == "shift" else shifts[:1])]


def expected_window(zone, period, shifts, time):
    around = 45 if period == "month" else 10 if period == "week" else 3
    today = date(1970, 1, 1) + timedelta(days=clock(zone, time) // 86400)
    marks = [((today + timedelta(days=d)) - date(1970, 1, 1)).days * 86400 + s for d in range(-around, around + 1)
             for s in begins(today + timedelta(days=d), period, shifts)]
    before = [m for m in marks if m <= clock(zone, time) + 26 * 3600]
    edges = sorted({first_shown(zone, m) for m in marks if m in before[-8 * len(shifts):] or
                    m in [x for x in marks if x > clock(zone, time)][:8 * len(shifts)]})
    return max(e for e in edges if e <= time), min(e for e in edges if e > time)


def check_windows(name, period, shifts):
    zone = ZoneInfo(name)
    times = [random.randrange(FIRST, LAST) for _ in range(8)]
    for _, begun, until, _, _ in ask(name, "day", ["00:00"], times):
        times += [edge + random.randrange(-100000, 100000) for edge in (begun, until) if FIRST < edge < LAST]
    for time, (_, _, _, start, end) in zip(times, ask(name, period, shifts, times)):
        wanted = expected_window(zone, period, shifts, time)
        found = start // 10**9, end // 10**9
        assert start % 10**9 == 0 and end % 10**9 == 0 and found == wanted, \
            f"{name} {period} {shifts} at {time}: {found}, not {wanted}"
    return len(times)


GRAPH = """
potline: 1
name: calendar
log: {{ kind: none }}
nodes:
  in: {{ op: source.csv, path: "{folder}/in.csv", header: false }}
  win: {{ op: window.tumbling, from: in, calendar: {calendar}, quantiles: [0.5] }}
  out: {{ op: sink.csv, from: win, path: "{folder}/out.csv", columns: [start_ns, end_ns, tag, count] }}
  half: {{ op: sink.csv, from: win.quantiles, path: "{folder}/half.csv", columns: [time_ns, tag, value] }}
"""


def check_graph(name, calendar, day, hours):
    """A row each ten minutes from the day before to the day after: how many hours have the windows of `day`?"""
    zone = ZoneInfo(name)
    begin = int(datetime(*day, tzinfo=zone).timestamp()) - 2 * 86400
    with tempfile.TemporaryDirectory() as folder:
        times = range(begin, begin + 5 * 86400, 600)
        with open(os.path.join(folder, "in.csv"), "w") as file:
            file.writelines(f"{time * 10**9},line1.a,{i % 7}\n" for i, time in enumerate(times))
        path = os.path.join(folder, "graph.yaml")
        with open(path, "w") as file:
            file.write(GRAPH.format(folder=folder, calendar=calendar))
        done = subprocess.run([POTLINE, "run", path, "--until-eof", "-q"], capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        with open(os.path.join(folder, "out.csv"), newline="") as file:
            rows = [{k: v if k == "tag" else int(v) for k, v in row.items()} for row in csv.DictReader(file)]
        with open(os.path.join(folder, "half.csv"), newline="") as file:
            halves = list(csv.DictReader(file))
    assert sum(row["count"] for row in rows) == len(times), f"{name}: a row is lost or counted twice"
    for row in rows:
        inside = sum(row["start_ns"] <= time * 10**9 < row["end_ns"] for time in times)
        assert inside == row["count"], f"{name}: {row} should count {inside}"
    assert [(h["time_ns"], h["tag"]) for h in halves] == [(str(r["end_ns"]), "line1.a.p50") for r in rows]
    found = [(row["end_ns"] - row["start_ns"]) / 3600e9 for row in rows
             if local(zone, row["start_ns"] // 10**9).date() == date(*day)]
    assert found == hours, f"{name} {calendar} on {day}: windows of {found} hours, not {hours}"


def check_refusals():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "graph.yaml")
        for calendar, said in (("{ zone: Europe/Berln }", "did you mean 'Europe/Berlin'"),
                               ("{ zone: berlin }", "did you mean 'Europe/Berlin'"),
                               ("{ zone: ../../../etc/passwd }", "no time zone is called"),
                               ("{ zone: /etc/localtime }", "no time zone is called"),
                               ("{ zone: Europe }", "no time zone is called"),
                               ("{ zone: zone.tab }", "no time zone is called"),
                               ("{ zone: right/Europe/Berlin }", "cannot be read"),
                               ("{ shifts: ['6:00'] }", "no time of day"), ("{ shifts: ['24:00'] }", "no time of day"),
                               ("{ shifts: ['14:00', '06:00'] }", "in the order of the day"),
                               ("{ period: fortnight }", "fortnight")):
            with open(path, "w") as file:
                file.write(GRAPH.format(folder=folder, calendar=calendar))
            done = subprocess.run([POTLINE, "check", path], capture_output=True, text=True)
            assert done.returncode == 2 and said in done.stdout + done.stderr, (calendar, done)


def main():
    if not any(os.path.exists(os.path.join(path, "Europe/Berlin")) for path in TZPATH):
        print("no database of time zones (tzdata)")
        sys.exit(77)
    long = bool(os.environ.get("POTLINE_LONG"))
    every = sorted(z for z in available_timezones() if z != "localtime")
    zones = every if long else sorted(set(NAMED) | set(random.sample(every, 30 if os.environ.get("POTLINE_BRIEF") else 120)))
    print(f"{sum(map(check_offsets, zones))} offsets in {len(zones)} zones agree")
    kinds = (("day", ["00:00"]), ("shift", ["06:00", "14:00", "22:00"]), ("shift", ["00:30", "02:15", "02:45", "23:30"]),
             ("week", ["06:00"]), ("month", ["00:00"]))
    windows = sum(check_windows(zone, *kind) for zone in (sorted(set(NAMED) | set(random.sample(every, 40))) if long else NAMED)
                  for kind in kinds)
    print(f"{windows} windows agree")
    check_graph("Europe/Berlin", "{ zone: Europe/Berlin }", (2024, 3, 31), [23])
    check_graph("Europe/Berlin", "{ zone: Europe/Berlin, period: day }", (2024, 10, 27), [25])
    shifts = "{ zone: Europe/Berlin, shifts: ['06:00', '14:00', '22:00'] }"
    check_graph("Europe/Berlin", shifts, (2024, 3, 30), [8, 8, 7])
    check_graph("Europe/Berlin", shifts, (2024, 10, 26), [8, 8, 9])
    check_graph("America/Sao_Paulo", "{ zone: America/Sao_Paulo }", (2018, 11, 4), [23])
    check_graph("America/Sao_Paulo", "{ zone: America/Sao_Paulo }", (2018, 2, 17), [25])
    check_graph("Australia/Lord_Howe", "{ zone: Australia/Lord_Howe }", (2024, 4, 7), [24.5])
    check_graph("Asia/Kathmandu", "{ zone: Asia/Kathmandu }", (2024, 4, 7), [24])
    check_refusals()


main()

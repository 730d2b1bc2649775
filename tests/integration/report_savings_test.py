#!/usr/bin/python3
"""What `potline report` tells of foreseen savings, against sums by hand: a line's is a total with its pots' and its current's shares, the
plant's one by metal, a run without an answer is none, and pots past those that are shown are one row, so that shares still add up; what
a current has brought is told by its pots' answers of the same hours, each mean of several answers with its interval."""
import csv
import io
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time

import zmq

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
PATIENCE = 60
GRAPH = """
potline: 1
name: advised
nodes:
  runs: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/runs", encoding: json, kind: events, idle: 100ms }
  gold: { op: sink.lake, zone: gold, from: runs }
"""
SHOWN, POTS = 200, 203
# kWh/t at the baseline and as advised, kW, of pots; and of line1 as a whole, with its current.
LINE1 = [(13500 + i, 13500 + i - 50 - i / 10, 760 + i / 2) for i in range(POTS)]
LINE2 = [(14000, 13800, 800), (14200, 14200, 700)]
ALONE = (13000, 12990, 750)
WHOLE = {"before": 13600, "after": 13400, "made": 11.0}
# Of line3, minutes before the end: what its own answers save, and what its only pot's do. One of these is of no hour of the line's.
LINE3, POT3, MADE3 = {180: 100, 0: 300}, {170: 60, 90: 500, 10: 80}, 5.0


def figures(energy, **more):
    return {"energy": energy, "cost": energy / 20, "co2e": energy / 3, **more}


def pot_run(before, after, power, outcome="optimal"):
    return {"outcome": outcome, "solver": "multistart", "before": figures(before, power=power), "after": figures(after, power=power)}


def rows():
    """(kind, asset, body), and of some how many minutes before the end."""
    yield "optimize.line", "line1", {"outcome": "optimal", "solver": "slsqp", "before": figures(WHOLE["before"], made=WHOLE["made"]),
                                     "after": figures(WHOLE["after"], made=WHOLE["made"])}
    for i, pot in enumerate(LINE1):
        yield "optimize.run", f"line1.pot{i:03}", pot_run(*pot)
    for i, pot in enumerate(LINE2):
        yield "optimize.run", f"line2.pot{i:02}", pot_run(*pot)
    yield "optimize.run", "line2.pot00", pot_run(1, 2, 3, outcome="baseline")
    yield "optimize.run", "line1.pot000", {"outcome": "optimal", "before": "nothing"}
    yield "optimize.run", "alone", pot_run(*ALONE)
    for minutes, saved in LINE3.items():
        yield "optimize.line", "line3", {"outcome": "optimal", "solver": "slsqp", "before": figures(13600, made=MADE3),
                                         "after": figures(13600 - saved, made=MADE3)}, minutes
    for minutes, saved in POT3.items():
        yield "optimize.run", "line3.pot01", pot_run(13500, 13500 - saved, 760), minutes


def send(folder, begin):
    socket = zmq.Context.instance().socket(zmq.PUSH)
    socket.connect(f"ipc://{folder}/runs")
    told = list(rows())
    kinds, assets, bodies = zip(*(row[:3] for row in told))
    times = [begin + i * 10**6 - sum(row[3:]) * 60 * 10**9 for i, row in enumerate(told)]
    columns = {"time": times, "id": list(range(1, len(told) + 1)), "kind": kinds, "severity": [1] * len(told), "asset": assets, "tag": [""] * len(told),
               "body": bodies}
    socket.send(json.dumps({"kind": "events", "columns": columns}).encode())
    return socket


def savings(data, begin):
    at = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin / 1e9 + minutes * 60)) for minutes in (-240, 5)]
    done = subprocess.run([POTLINE, "report", "--data", data, "--from", at[0], "--to", at[1], "--format", "csv"], capture_output=True, text=True,
                          timeout=PATIENCE)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    told = {}
    for row in csv.DictReader(io.StringIO(done.stdout)) if done.returncode == 0 else ():
        if row["section"] == "Savings that the optimiser foresees":
            told.setdefault(row["row"], {})[row["column"]] = row["value"].lstrip("'")
    return list(told.values())


def saved_of(pots):
    """kWh/t by metal, and the metal, t/h."""
    metal = [power / before for before, _, power in pots]
    return sum((before - after) * made for (before, after, _), made in zip(pots, metal)) / sum(metal), sum(metal)


def check(told):
    by = {}
    for row in told:
        by.setdefault((row["Of"], row["Part of"]), row)
    assert len(by) == len(told), "a row twice"

    def near(key, column, expected, by_how_much=0.06):
        assert abs(float(by[key][column]) - expected) <= by_how_much, (key, column, expected, by[key])

    first, second, alone = saved_of(LINE1), saved_of(LINE2), saved_of([ALONE])
    whole = WHOLE["before"] - WHOLE["after"]
    metal = WHOLE["made"] + second[1] + alone[1] + MADE3
    third = sum(LINE3.values()) / 2
    plant = (whole * WHOLE["made"] + second[0] * second[1] + alone[0] * alone[1] + third * MADE3) / metal
    near(("plant", ""), "Saved, kWh/t", plant)
    near(("line1", "plant"), "Saved, kWh/t", whole)
    near(("line1", "plant"), "Share of that, kWh/t", whole * WHOLE["made"] / metal, 0.006)
    near(("line1, its current", "line1"), "Saved, kWh/t", whole - first[0])
    near(("line2", "plant"), "Saved, kWh/t", second[0])
    near(("no line", "plant"), "Saved, kWh/t", alone[0])
    assert ("line2, its current", "line2") not in by
    shown = [row for row in told if row["Of"].startswith("line1.pot")]
    assert ("alone", "no line") in by and len(shown) == SHOWN - 1, len(shown)
    assert ("4 more pots", "line1") in by and ("2 more pots", "line2") in by and ("line2.pot00", "line2") not in by
    near(("4 more pots", "line1"), "Saved, kWh/t", saved_of(LINE1[-4:])[0])
    assert (shown[0]["Runs"], shown[0]["Answers"]) == ("2", "1"), shown[0]
    near(("line3, its current", "line3"), "Saved, kWh/t", ((100 - 60) + (300 - 80)) / 2)
    near(("1 more pot", "line3"), "Share of that, kWh/t", (60 + 80) / 2, 0.006)
    for of, values in ((("line3, its current", "line3"), (40, 220)), (("line3", "plant"), (100, 300)), (("1 more pot", "line3"), (60, 500, 80))):
        mean, half = statistics.mean(values), {2: 12.706, 3: 4.3027}[len(values)] * statistics.stdev(values) / len(values) ** 0.5
        low, high = (float(value) for value in by[of]["95 % CI of that"].split(" to "))
        assert abs(low - mean + half) < 0.2 and abs(high - mean - half) < 0.2, (of, by[of], mean, half)
    assert by["line1", "plant"]["95 % CI of that"] == "-", "an interval of a single answer"
    for line, total in (("plant", plant), ("line1", whole), ("line2", second[0]), ("line3", third)):
        parts = sum(float(row["Share of that, kWh/t"]) for row in told if row["Part of"] == line)
        assert abs(parts - total) <= 0.005 * (SHOWN + 3), (line, parts, total)


def main():
    with tempfile.TemporaryDirectory() as folder:
        data, begin = f"{folder}/data", time.time_ns()
        with open(f"{folder}/graph.yaml", "w") as file:
            file.write(GRAPH)
        engine = subprocess.Popen([POTLINE, "run", f"{folder}/graph.yaml", "--data", data, "--quiet"],
                                  env={**os.environ, "FOLDER": folder, "POTLINE_HTTP": "off"})
        try:
            socket, end = send(folder, begin), time.monotonic() + PATIENCE
            while not (told := savings(data, begin)):
                assert time.monotonic() < end and engine.poll() is None, "no savings are told"
                time.sleep(0.2)
            socket.close(0)
        finally:
            engine.send_signal(signal.SIGTERM)
            code = engine.wait(PATIENCE)
        assert code == 0, code
        check(told)
        print(f"{len(told)} rows of savings add up")


if __name__ == "__main__":
    main()

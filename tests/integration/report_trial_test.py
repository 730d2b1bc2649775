#!/usr/bin/python3
"""`potline report --treated --since`: pots of an experiment beside those left alone. Treated pots run at less voltage from the third
day on, by a different amount each; all pots drift by the same. The effect, its interval and what was saved are those done by hand."""
import csv
import io
import json
import math
import os
import subprocess
import tempfile
import time

import zmq

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
FARADAY, EVERY, DAY, DAYS, SINCE = 9.3214647e-8, 300, 86400, 4, 2
BEGIN = 20000 * DAY  # a midnight, UTC
EFFICIENCY, DRIFT = 0.93, 0.03
# Volts before, and what treatment takes away. Pairs by what they were before: 01 with 05, 02 with 06, 03 with 07.
TREATED = {"line1.pot01": (4.20, 0.10), "line1.pot02": (4.30, 0.16), "line1.pot03": (4.40, 0.22)}
ALONE = {"line1.pot05": (4.21, 0), "line1.pot06": (4.31, 0), "line1.pot07": (4.41, 0), "line1.pot08": (4.70, 0)}
STUDENT_2 = 4.3027
GRAPH = """
potline: 1
name: plant
nodes:
  in: { op: source.csv, path: "${FOLDER}/in.csv", layout: long, time: time_ns }
  kpi: { op: kpi, from: in, hold: 10m, per: [ day ], shifts: [ "00:00" ] }
  gold: { op: sink.lake, zone: gold, from: [ kpi ] }
"""
# Later, on the same data folder: what a guard has let pass.
MOVED = """
potline: 1
name: plant
nodes:
  passed: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/passed", encoding: json, kind: setpoints, idle: 100ms }
  moves: { op: sink.lake, zone: gold, from: [ passed ] }
"""
PATIENCE = 60


def plant_rows():
    for second in range(0, DAYS * DAY + 6 * 3600, EVERY):
        after = second >= SINCE * DAY
        made = EFFICIENCY * FARADAY * 180e3 * second
        for pot, (volts, less) in {**TREATED, **ALONE}.items():
            at = volts + (DRIFT - less if after else 0)
            for name, value in (("voltage", at), ("current", 180.0), ("metal_level", 20 + made / (2300 * 32.4) * 100)):
                yield (BEGIN + second) * 10**9, f"{pot}.{name}", repr(value)


def moment(day):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN + day * DAY))


def tool(*arguments, code=0):
    done = subprocess.run([POTLINE, *arguments], capture_output=True, text=True, env={**os.environ, "POTLINE_HTTP": "off"})
    assert done.returncode == code, (arguments, done.returncode, done.stdout[-500:], done.stderr[-1500:])
    return done.stdout if code == 0 else done.stderr


def near(text, expected, most):
    assert abs(float(text) - expected) <= most, (text, expected)


def table(told, title):
    rows = {}
    for row in csv.DictReader(io.StringIO(told)):
        if row["section"] == title:
            rows.setdefault(int(row["row"]), {})[row["column"]] = row["value"]
    return list(rows.values())


def pass_set_points(folder, data):
    """One to each treated pot, a minute apart, the first when treatment began."""
    with open(f"{folder}/moved.yaml", "w") as file:
        file.write(MOVED)
    times = [(BEGIN + SINCE * DAY + 60 * i) * 10**9 for i in range(len(TREATED))]
    count = len(times)
    columns = {"time": times, "id": times, "tag": [f"{pot}.acd_set" for pot in TREATED], "value": [42.0] * count, "lower": [0] * count,
               "upper": [0] * count, "expiry": [time + 10**9 for time in times], "token": [1] * count, "origin": ["best"] * count,
               "reason": ["less resistance"] * count}
    socket = zmq.Context.instance().socket(zmq.PUSH)
    socket.connect(f"ipc://{folder}/passed")
    engine = subprocess.Popen([POTLINE, "run", f"{folder}/moved.yaml", "--data", data, "--quiet"], env={**os.environ, "POTLINE_HTTP": "off"})
    try:
        socket.send(json.dumps({"kind": "setpoints", "columns": columns}).encode())
        end = time.time() + PATIENCE
        while not tool("export", "--data", data, "--zone", "gold", "--kind", "setpoints").count("acd_set") == count:
            assert time.time() < end and engine.poll() is None, "set points are not kept"
            time.sleep(0.2)
    finally:
        engine.terminate()
        engine.wait(PATIENCE)
        socket.close(0)


def main():
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/data"
        with open(f"{folder}/in.csv", "w", newline="") as file:
            csv.writer(file).writerows([("time_ns", "tag", "value"), *plant_rows()])
        with open(f"{folder}/graph.yaml", "w") as file:
            file.write(GRAPH)
        os.environ["FOLDER"] = folder
        tool("run", f"{folder}/graph.yaml", "--data", data, "--quiet", "--until-eof")
        span = ["report", "--data", data, "--from", moment(0), "--to", moment(DAYS), "--format", "csv"]
        told = tool(*span, "--treated", "line1.pot0{1,2,3}", "--since", moment(SINCE))

        by_volt = 1000 / (0.33557273 * EFFICIENCY)  # kWh/t
        effects = [-less * by_volt for _, less in TREATED.values()]
        mean = sum(effects) / 3
        half = STUDENT_2 * math.sqrt(sum((e - mean) ** 2 for e in effects) / 2 / 3)
        energy = next(row for row in table(told, "Treated pots beside control") if row["Figure"] == "Energy, kWh/t")
        near(energy["Effect"], mean, 0.005 * -mean)
        near(energy["Treated before"], by_volt * 4.3, 100)
        near(energy["Control after"], by_volt * (4.31 + DRIFT), 100)
        near(energy["95 % from"], mean - half, 0.02 * half)
        near(energy["95 % to"], mean + half, 0.02 * half)
        assert energy["Pairs"] == "3", energy
        tonnes = 3 * EFFICIENCY * FARADAY * 180 * DAY * (DAYS - SINCE)
        saved = next(row for row in table(told, "Savings") if row["Of"] == "Energy, MWh")
        near(saved["Metal since then, t"], tonnes, 0.005 * tonnes)
        near(saved["Saved"], -mean * tonnes / 1000, 0.02)

        # Nobody says who was treated: those that set points have passed to.
        assert not table(tool(*span), "Savings"), "nothing was written, and something was saved"
        pass_set_points(folder, data)
        by_itself = tool(*span)
        for title in ("Treated pots beside control", "Savings"):
            assert table(by_itself, title) == table(told, title) != [], by_itself

        # While nothing was done yet, no effect is shown. And what cannot be compared.
        early = ["report", "--data", data, "--from", moment(0), "--to", moment(SINCE), "--format", "csv"]
        told = tool(*early, "--treated", "line1.pot0{1,2,3}", "--since", moment(1))
        none = next(row for row in table(told, "Treated pots beside control") if row["Figure"] == "Energy, kWh/t")
        near(none["Effect"], 0, 0.2)
        assert "go together" in tool(*span, "--treated", "*", code=2)
        assert "no pair" in tool(*span, "--treated", "*", "--since", moment(SINCE), code=1)
        assert "no pair" in tool(*span, "--treated", "line9.*", "--since", moment(SINCE), code=1)
    print(f"effect {mean:.1f} kWh/t, {mean - half:.1f} to {mean + half:.1f}, as done by hand")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""`potline model`: options that would do nothing are refused, a file of results is whole or none, numbers have units."""
import csv
import json
import os
import signal
import subprocess
import tempfile
import time

from modelling import POTLINE, potline


def refused(*arguments):
    done = potline(*arguments, code=2)
    assert not done.stdout, done
    return done.stderr


def nothing_in_vain(work):
    table = os.path.join(work, "a.csv")
    with open(table, "w", encoding="utf-8") as file:
        file.write("I_A,U_V\n1,1.5\n")
    for option in (("--data", table), ("--fit", "film"), ("--share", "0.3"), ("--judge", table), ("--report",)):
        assert f"{option[0]} does nothing with run; it is of calibrate" in refused("run", "SidewallLedgeModel", *option)
    for option in (("--out", table), ("--until", "8h"), ("--of", "voltage")):
        assert f"{option[0]} does nothing with calibrate; it is of run" in refused("calibrate", "ElectrodeKineticsModel", "--data", table, *option)
    assert "--until does nothing with verify" in refused("verify", "--until", "8h")
    assert "--plot does nothing with validate; it is of run, calibrate" in refused("validate", "--plot")
    assert "list takes no model; potline model show CellModel" in refused("list", "CellModel")
    assert "with --plot or --image" in refused("run", "CellModel", "--of", "voltage")
    assert "did you mean voltage?" in refused("run", "CellModel", "--of", "volt", "--plot")
    assert "a run takes longer than 0" in refused("run", "CellModel", "--until", "0s")
    assert "--every 9h is longer than the run" in refused("run", "CellModel", "--every", "9h", "--until", "8h")
    picture = os.path.join(work, "x.png")
    assert "are the same file" in refused("run", "CellModel", "--out", picture, "--image", picture) and not os.path.exists(picture)
    shot = json.loads(potline("run", "CellModel", "--set", "shot=50", "--until", "1m", "--json").stdout)["outputs"]
    none = json.loads(potline("run", "CellModel", "--until", "1m", "--json").stdout)["outputs"]
    assert abs(shot["undissolved"][0] - none["undissolved"][0] - 30) < 0.1 and shot["alumina_balance"][-1] < 1e-8, shot


def checked_models():
    done = potline("validate", "FourierHeatModel")
    assert done.stdout == "No published measurement is held against FourierHeatModel.\n", done
    said = json.loads(potline("validate", "FourierHeatModel", "--json").stdout)
    assert said["good"] and not said["findings"] and "No published measurement" in said["note"], said
    potline("verify", "FourierHeatModel")


def units(work):
    text = potline("run", "CellModel", "--until", "10m", "--json").stdout
    said = json.loads(text)
    assert said["units"]["time"] == "s" and said["units"]["position"] == "m"
    assert said["units"]["outputs"]["voltage"] == "V" and said["units"]["parameters"]["distance"] == "m"
    assert set(said["units"]["outputs"]) == set(said["outputs"]) and set(said["units"]["parameters"]) == set(said["parameters"])
    assert '"distance": 0.043,' in text and "0.042999999" not in text
    table = os.path.join(work, "run.csv")
    potline("run", "CellModel", "--until", "10m", "--out", table)
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    last = [float(r["value"]) for r in rows if r["quantity"] == "voltage"][-1]
    assert last == said["outputs"]["voltage"][-1] and any(r["position_m"] for r in rows) and not os.path.exists(table + ".part")


def interrupted(work):
    """What was under the name before stays; what was reached stands beside it, and where it stopped is said."""
    table = os.path.join(work, "long.csv")
    with open(table, "w", encoding="utf-8") as file:
        file.write("whole\n")
    call = [POTLINE, "model", "run", "AluminaTransportModel", "--set", "cells_along=200", "--set", "cells_across=10", "--until", "300d",
            "--every", "1h", "--within", "10m", "--out", table]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not os.path.exists(table + ".part") or os.path.getsize(table + ".part") < 4096:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 1 and "interrupted at " in said and f"s of 2.592e+07 s; what was reached is in {table}.part" in said, said
    with open(table, encoding="utf-8") as file:
        assert file.read() == "whole\n"
    with open(table + ".part", encoding="utf-8") as file:
        assert all(line.endswith("\n") and line.count(",") == 4 for line in file)
    # A limit of physics is no interruption: all until it is there.
    ended = os.path.join(work, "ended.csv")
    potline("run", "CellModel", "--set", "drift=-1e-5", "--until", "8h", "--out", ended, code=1)
    assert os.path.exists(ended) and not os.path.exists(ended + ".part")


def main():
    with tempfile.TemporaryDirectory() as work:
        nothing_in_vain(work)
        checked_models()
        units(work)
        interrupted(work)


main()

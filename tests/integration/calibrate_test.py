#!/usr/bin/python3
"""`potline model calibrate` as people use it: constants must be found again in data that are made here, files are read by the
names of their columns, what is wrong with one is said with its line, and what is told of a fit is true of it.
"""
import json
import math
import os
import random
import subprocess
import tempfile

from modelling import POTLINE, potline

FARADAY = 96485.33212


def calibrate(work):
    path, other = os.path.join(work, "a.csv"), os.path.join(work, "b.csv")
    noise = random.Random(3)
    for name, count in ((path, 30), (other, 11)):
        with open(name, "w", encoding="utf-8") as file:
            file.write("I_A,I_std_A,U_V,U_std_V\n")
            for i in range(1, count):
                current = 40 * i / count
                file.write(f"{current},0,{1.44 + 0.0225 * math.log(current) + 0.0103 * current + noise.gauss(0, 5e-4)},0\n")
    said = json.loads(potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--judge", other, "--json").stdout)
    found = {c["name"]: c for c in said["constants"]}
    for name, value in (("base", 1.44), ("slope", 0.0225), ("resistance", 0.0103)):
        c = found[name]
        assert abs(c["value"] - value) < 4 * c["deviation"], (name, c)
        assert c["low"] < c["value"] < c["high"]
    assert said["good"] and said["files"][1]["judge"] and said["files"][1]["judged"] < 2, said["files"]
    assert "there is no parameter" in potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--fit", "nothing", code=2).stderr
    assert "did you mean resistance" in potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--fit", "resistence", code=2).stderr
    assert "no experiment" in potline("calibrate", "CellModel", "--data", path, code=2).stderr
    assert "needs --data" in potline("calibrate", "CellModel", code=2).stderr
    fixed = json.loads(potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--set", "base=1.44", "--json").stdout)
    assert "base" not in {c["name"] for c in fixed["constants"]} and len(fixed["constants"]) == len(found) - 1, fixed["constants"]
    own = json.loads(potline("calibrate", "ElectrodeKineticsModel", "--data", f"{path},base=1.44", "--json").stdout)
    assert own["constants"] == fixed["constants"], own["constants"]
    for call in (("--data", path, "--set", "base=1.44"), ("--data", f"{path},base=1.44")):
        assert "base is named in --fit and has a value set" in potline("calibrate", "ElectrodeKineticsModel", *call, "--fit", "base,slope", code=2).stderr
    assert "base is set for 1 of 2 files" in potline("calibrate", "ElectrodeKineticsModel", "--data", f"{path},base=1.44", "--data", other, code=2).stderr
    shared = potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--judge", other, "--share", "0.3", code=2).stderr
    assert "--share has no meaning with --judge" in shared, shared
    parts = json.loads(potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--judge", other, "--json").stdout)["files"]
    assert [(f["points_fitted"], f["points_judging"]) for f in parts] == [(29, 0), (0, 10)], parts
    mistakes(work, path)
    assert "--fit names no constant; without --fit these are free: base,slope,resistance" in potline(
        "calibrate", "ElectrodeKineticsModel", "--data", path, "--fit", "", code=2).stderr
    assert "slope is named twice" in potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--fit", "slope,base,slope", code=2).stderr
    whole = json.loads(potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--share", "1", "--json").stdout)
    assert whole["foreseen"] is None and whole["told"] is None, whole
    broken = os.path.join(work, "broken.csv")
    with open(broken, "w", encoding="utf-8") as file:
        file.write("I_A,I_std_A,U_V,U_std_V\n1,2\nnonsense\n")
    potline("calibrate", "ElectrodeKineticsModel", "--data", broken, code=2)


def mistakes(work, good):
    """Files that are none, or of something else: what to do is said."""
    def said(*arguments, model="ElectrodeKineticsModel", code=2):
        return potline("calibrate", model, *arguments, code=code).stderr

    def write(name, text):
        path = os.path.join(work, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    assert "is a folder: name a file" in said("--data", work)
    assert "is empty: a line of column names" in said("--data", write("empty.csv", ""))
    assert "No such file" in said("--data", os.path.join(work, "none.csv"))
    turning = write("turning.csv", "E_V,j_mA_cm2\n" + "".join(f"{0.7 - 0.01 * i},{-1 - 0.02 * i}\n" for i in range(50)))
    assert f"{turning}: nothing tells rpm" in said("--data", turning) and f"write {turning},rpm=VALUE" in said("--data", turning)
    assert "of experiment koutecky-levich, not of electrolyser" in said("--data", good, "--judge", turning)
    assert "no experiment of FourierHeatModel has such columns" in said("--data", good, model="FourierHeatModel")
    assert "has no experiment to be calibrated by; these have: CathodeLiningModel" in said("--data", good, model="AluminaTransportModel")
    again = os.path.join(work, "again.csv")
    os.link(good, again)
    assert "is what is fitted to" in said("--data", good, "--judge", good)
    assert "is what is fitted to" in said("--data", f"{good},slope=0.02", "--judge", f"{again},slope=0.02")
    alone = write("2C_T.csv", "t_s,dT_K\n0,0\n10,0.1\n")
    assert "the voltage of this discharge, beside" in said("--data", alone, model="FourierHeatModel")
    few = write("few.csv", "I_A,I_std_A,U_V,U_std_V\n1,0,1.44,0\n2,0,1.46,0\n3,0,1.47,0\n")
    assert "give a longer record or more of it" in said("--data", few)


def gaps(work):
    """Rows without a number are left out, and counted with the line of the first; a file that is mostly such is none."""
    def written(every, text):
        path = os.path.join(work, "gaps.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("I_A,I_std_A,U_V,U_std_V\n")
            for i in range(40):
                current = 0.5 + i
                voltage = text if i % every == 3 % every else f"{1.44 + 0.0225 * math.log(current) + 0.0103 * current:.6f}"
                file.write(f"{current},0,{voltage},0\n")
        return ["calibrate", "ElectrodeKineticsModel", "--data", path]
    for text in ("n/a", "", "nan"):
        call = written(10, text)
        said = json.loads(potline(*call, "--json").stdout)["files"][0]
        assert (said["points"], said["left_out"], said["left_out_line"]) == (36, 4, 5), (text, said)
        assert "Left out: 4 rows of gaps.csv, the first in line 5" in potline(*call).stdout
    assert "40 of 40 rows hold no number" in potline(*written(1, "n/a"), code=2).stderr
    said = json.loads(potline(*written(41, "n/a"), "--json", code=0).stdout)["files"][0]
    assert (said["left_out"], said["left_out_line"]) == (1, 5), said


def foreseen(work):
    """What lies between is foreseen and told; what is far beyond what was fitted to is not."""
    noise = random.Random(11)
    parts = {}
    for name, currents in (("low", [0.5 + 0.05 * i for i in range(12)]), ("whole", [0.5 + i for i in range(60)]),
                           ("rest", [1.2 + 2.9 * i for i in range(20)])):
        parts[name] = os.path.join(work, f"{name}.csv")
        with open(parts[name], "w", encoding="utf-8") as file:
            file.write("I_A,I_std_A,U_V,U_std_V\n")
            for current in currents:
                file.write(f"{current},0,{1.44 + 0.0225 * math.log(current) + 0.0103 * current + noise.gauss(0, 2e-3)},0\n")
    for part, told in (("low", False), ("whole", True)):
        said = json.loads(subprocess.run([POTLINE, "model", "calibrate", "ElectrodeKineticsModel", "--data", parts[part], "--judge", parts["rest"],
                                          "--json"], capture_output=True, text=True).stdout)
        rest = said["files"][1]
        assert rest["told"] == said["told"] == told and rest["judged"] <= rest["foreseen"], said
        assert (rest["beyond"] > 10) == (not told), rest
    text = subprocess.run([POTLINE, "model", "calibrate", "ElectrodeKineticsModel", "--data", parts["low"], "--judge", parts["rest"]],
                          capture_output=True, text=True).stdout
    assert " about " in text and "<=" not in text, text
    aged = os.path.join(work, "aged.csv")
    with open(parts["rest"], encoding="utf-8") as file, open(aged, "w", encoding="utf-8") as other:
        other.write(file.readline())
        for row in file:
            current, _, voltage, _ = row.split(",")
            other.write(f"{current},0,{float(voltage) + 0.03},0\n")
    call = [POTLINE, "model", "calibrate", "ElectrodeKineticsModel", "--data", parts["whole"], "--judge"]
    exceeded = subprocess.run([*call, aged], capture_output=True, text=True).stdout
    assert "More than foreseen: aged.csv is missed by" in exceeded, exceeded
    assert "More than foreseen" not in subprocess.run([*call, parts["rest"]], capture_output=True, text=True).stdout
    for judge, as_foreseen in ((aged, False), (parts["rest"], True)):
        said = json.loads(subprocess.run([*call, judge, "--json"], capture_output=True, text=True).stdout)
        assert said["files"][1]["as_foreseen"] is as_foreseen and said["files"][0]["as_foreseen"] is None, said["files"]
    assert "Not told: that rest.csv is met within 10" in text and "are extrapolated to" in text, text


def piped(work):
    """A pipe is read whole where its experiment is named; where it is not, nothing of it is lost silently."""
    rows = "I_A,I_std_A,U_V,U_std_V\n" + "".join(f"{0.5 + i},0,{1.44 + 0.0225 * math.log(0.5 + i) + 0.0103 * (0.5 + i):.6f},0\n" for i in range(60))
    call = [POTLINE, "model", "calibrate", "ElectrodeKineticsModel", "--data", "/dev/stdin", "--json"]
    named = subprocess.run([*call, "--experiment", "electrolyser"], input=rows, capture_output=True, text=True)
    said = json.loads(named.stdout)
    assert said["good"] and said["files"][0]["points"] == 60, said
    unnamed = subprocess.run(call, input=rows, capture_output=True, text=True)
    assert unnamed.returncode == 2 and "--experiment" in unnamed.stderr and "electrolyser " in unnamed.stderr, unnamed


def disk(work):
    """One speed of a disk with a background; two constants that only several speeds tell apart are said to be open."""
    path = os.path.join(work, "disk_0900rpm.csv")
    noise, levich = random.Random(5), 0.62 * FARADAY * 1.9e-9 ** (2 / 3) * 1e-6 ** (-1 / 6) * 1.2 * math.sqrt(2 * math.pi * 15)
    with open(path, "w", encoding="utf-8") as file:
        file.write("E_V,j_mA_cm2\n")
        for i in range(200):
            e = 1.1 - 0.005 * i
            oxygen = 1 / (1 / (190 * 10 ** ((0.8 - e) / 0.08)) + 1 / 1e5 + 1 / (2.7 * levich)) if e < 0.98 else 0
            file.write(f"{e},{-(oxygen + 0.9 + 3.5 * (1.05 - e)) / 10 * (1 + noise.gauss(0, 0.002))}\n")
    said = json.loads(potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--json").stdout)
    found = {c["name"]: c for c in said["constants"]}
    assert abs(found["electrons"]["value"] - 2.7) < 0.02 and found["electrons"]["told"], found
    assert abs(found["background_slope"]["value"] - 3.5) < 0.3, found
    open_ = potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--fit", "electrons,background_slope,power").stdout
    assert "good by what was kept back, but not told by these data: electrons, power\n" in open_, open_
    assert " good\n" in potline("calibrate", "ElectrodeKineticsModel", "--data", path).stdout.split("all that judge")[1]
    assert open_.count("  (not told by these data)") == 2 and "Not all constants are told" in open_, open_


def figures(work):
    """A figure beyond its limit is a miss of the whole: a lining that does not answer to the voltage is within 5 % of 670 degC."""
    path = os.path.join(work, "T_lining.csv")
    with open(path, "w", encoding="utf-8") as file, open(os.path.join(work, "V_cell.csv"), "w", encoding="utf-8") as volts:
        file.write("x,T_lining\n")
        volts.write("x,V_cell\n")
        for minute in range(0, 600, 5):
            file.write(f"{minute},{670 - 8 / (1 + math.exp((430 - minute) / 15)):.3f}\n")
            volts.write(f"{minute},{4.3 - 0.1 * (minute > 380)}\n")
    dead = ("calibrate", "CathodeLiningModel", "--data", path, "--set", "gain=0", "--fit", "depth", "--share", "1")
    said = json.loads(potline(*dead, "--json", code=1).stdout)
    fall = next(f for f in said["figures"] if f["quantity"] == "in 100 min")
    assert said["judged"] < 5 and not said["good"] and not fall["good"] and fall["file"] == path and fall["error_unit"] == "K", said
    text = potline(*dead, code=1).stdout
    assert "MISS: a figure is beyond its limit" in text and text.index("figures of the curves") < text.index("MISS T_lining.csv"), text
    assert "limit 5 K" in text, text
    assert "Within the run: an interval of one record's noise alone" in text and "Between runs" not in text, text


def rod(path, power, film):
    """A heated rod by explicit steps: 30 s at rest, 200 s on, 130 s off."""
    n, k, rho, c, d = 60, 170.0, 2700.0, 900.0, 0.02
    h, area, around = 0.3 / n, math.pi / 4 * d * d, math.pi * d
    t, heater, step = [0.0] * n, 0.0, 0.1
    sensors = [(max(0.0, min(n - 1.0, s * 0.06 / h - 0.5))) for s in range(6)]
    with open(path, "w", encoding="utf-8") as file:
        file.write("t_s,T1_C,T2_C,T3_C,T4_C,T5_C,T6_C\n")
        for i in range(3601):
            if i % 10 == 0:
                shown = [25 + t[int(s)] + (s - int(s)) * (t[min(int(s) + 1, n - 1)] - t[int(s)]) for s in sensors]
                file.write(",".join(f"{x:.4f}" for x in [i * step, *shown]) + "\n")
            flux = [2 * k * area * (heater - t[0]) / h, *(k * area * (a - b) / h for a, b in zip(t, t[1:])), film * area * t[-1]]
            heater += step * ((power if 300 <= i < 2300 else 0) - flux[0]) / 20
            t = [x + step * (flux[m] - flux[m + 1] - film * around * h * abs(x) ** 0.15 * x / 10 ** 0.15) / (rho * c * area * h)
                 for m, x in enumerate(t)]


def own_constants(work):
    """Another day's rod: its own power and film are told by its first part, and the rest is predicted."""
    a, b = os.path.join(work, "rod_a.csv"), os.path.join(work, "rod_b.csv")
    rod(a, 7, 12)
    rod(b, 4, 16)
    said = json.loads(potline("calibrate", "FourierHeatModel", "--data", a, "--judge", b, "--json").stdout)
    other = said["files"][1]
    assert said["good"] and other["adapted"] and other["judged"] < 0.5, said
    own = {c["name"]: c for c in other["own"]}
    assert set(own) == {"power", "film"} and abs(own["power"]["value"] / 4 - 1) < 0.1, own
    assert own["film"]["low"] < own["film"]["value"] < own["film"]["high"] and not said["files"][0]["own"], own
    # Three minutes hardly tell a film: what is expected of it decides, and it is known no better (10, give or take 3).
    assert own["film"]["high"] > 15.5 and own["film"]["value"] - own["film"]["low"] > 4, own
    image = os.path.join(work, "rod.svg")
    text = potline("calibrate", "FourierHeatModel", "--data", a, "--judge", b, "--image", image).stdout
    assert text.count("of rod_b.csv, which judges: by its first part") == 2, text
    drawn = open(image, encoding="utf-8").read()
    assert all(f">{name}<" in drawn for name in ("sensor 1", "sensor 6", "hollow: kept back", "model: lines", "temperature rise (K)")), drawn[:400]
    columns(work, a, said)
    found = {c["name"]: c for c in said["constants"]}
    assert abs(found["power"]["value"] / 7 - 1) < 0.1 and found["power"]["file"] == a, found
    assert "file" not in found["end_capacity"]
    if not os.environ.get("POTLINE_LONG"):
        return
    both = json.loads(potline("calibrate", "FourierHeatModel", "--data", a, "--data", b, "--share", "1", "--json").stdout)
    powers = [c["value"] for c in both["constants"] if c["name"] == "power"]
    assert len(powers) == 2 and abs(powers[0] / 7 - 1) < 0.1 and abs(powers[1] / 4 - 1) < 0.1, both["constants"]


def columns(work, path, said):
    """Columns are found by their names: in another order a file says the same, and one that lacks a name is refused."""
    with open(path, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split(",") for line in file]

    def written(name, change):
        other = os.path.join(work, name)
        with open(other, "w", encoding="utf-8") as file:
            file.writelines(",".join(change(list(row), i)) + "\n" for i, row in enumerate(rows))
        return other

    turned = written("turned.csv", lambda row, i: [row[6], "note" if not i else "x", row[0], *row[5:0:-1]])
    alone = json.loads(potline("calibrate", "FourierHeatModel", "--data", path, "--json").stdout)
    other = json.loads(potline("calibrate", "FourierHeatModel", "--data", turned, "--json").stdout)
    assert [c["value"] for c in other["constants"]] == [c["value"] for c in alone["constants"]], other["constants"]
    assert said["experiment"] == other["experiment"] == "rod"

    trailing = written("trailing.csv", lambda row, i: row + [""] if i else row)
    other = json.loads(potline("calibrate", "FourierHeatModel", "--data", trailing, "--json").stdout)
    assert [c["value"] for c in other["constants"]] == [c["value"] for c in alone["constants"]], other["constants"]

    def renamed(row, i, place, name):
        return [name if not i and k == place else text for k, text in enumerate(row)]

    for name, change, says in (
            ("unnamed.csv", lambda row, i: renamed(row, i, 2, "T2C"), 'unnamed.csv:1: column T2_C (degC) is missing; "T2C" is there: did you mean T2_C?'),
            ("other.csv", lambda row, i: renamed(row, i, 3, "pressure"), "found: t_s,T1_C,T2_C,pressure,T4_C,T5_C,T6_C"),
            ("twice.csv", lambda row, i: renamed(row + row[:1], i, 7, "T3_C"), "twice.csv:1: column T3_C is there twice (columns 4 and 8)"),
            ("trailing.csv", lambda row, i: row + ["", ""] if i == 2 else row, "trailing.csv:3: 9 fields, where line 1 has 7"),
            ("decimal.csv", lambda row, i: [text.replace(".", ",") if i == 4 else text for text in row], "decimal.csv:5: 14 fields, where line 1 has 7")):
        bad = written(name, change)
        for call in (("--data", bad), ("--data", bad, "--experiment", "rod")):
            refused = potline("calibrate", "FourierHeatModel", *call, code=2)
            assert says in refused.stderr, refused.stderr
    bare = os.path.join(work, "bare.csv")
    with open(bare, "w", encoding="utf-8") as file:
        file.writelines(",".join(row) + "\n" for row in rows[1:])
    assert "bare.csv:1: numbers, where a line of names is expected: t_s,T1_C" in potline("calibrate", "FourierHeatModel", "--experiment", "rod", "--data", bare, code=2).stderr
    long = os.path.join(work, "long.csv")
    with open(long, "w", encoding="utf-8") as file:
        file.write("t_s,T1_C,T2_C,T3_C,T4_C,T5_C,T6_C\n" + "1" * 5000 + ",2,3,4,5,6,7\n")
    assert "long.csv:2: longer than 4094 bytes" in potline("calibrate", "FourierHeatModel", "--data", long, code=2).stderr


def slow(work):
    """Heat is reckoned from a discharge at 0.1C: of one that is hardly faster there is none to be reckoned."""
    def discharge(rate):
        for of, low in ((rate, 3.6 - 0.1 * rate), (0.1, 3.59)):
            with open(os.path.join(work, f"{of:g}C_U.csv"), "w", encoding="utf-8") as file:
                file.write("t_s,U_V\n" + "".join(f"{i * 360 / of},{low - 0.05 * i}\n" for i in range(11)))
        path = os.path.join(work, f"{rate:g}C_T.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("t_s,dT_K\n" + "".join(f"{i * 90 / rate},{rate * (1 - math.exp(-i / 8)):.4f}\n" for i in range(41)))
        return path

    for rate in (0.05, 0.11, 0.19):
        refused = potline("calibrate", "FourierHeatModel", "--data", discharge(rate), code=1).stderr
        assert f"a C-rate of {rate:g}: the heat is reckoned from" in refused and "at least 0.2C is wanted" in refused, refused
    refused = potline("calibrate", "FourierHeatModel", "--data", discharge(0.5), "--set", "rate=0.11", code=2).stderr
    assert "rate: 0.11 is not within 0.2 and 20 1/h" in refused, refused
    for rate in (0.2, 0.5):
        done = subprocess.run([POTLINE, "model", "calibrate", "FourierHeatModel", "--data", discharge(rate), "--json"], capture_output=True, text=True)
        assert json.loads(done.stdout)["experiment"] == "battery", done


def documented(work):
    """What `show` says of files is so: a file of the names and the example that it prints is one of the experiment."""
    seen = 0
    for name in (model["name"] for model in json.loads(potline("list", "--json").stdout)):
        text = potline("show", name).stdout
        for experiment in json.loads(potline("show", name, "--json").stdout)["experiments"]:
            needed = [c for c in experiment["columns"] if not c["optional"]]
            assert all(c["doc"] and c["unit"] is not None for c in experiment["columns"]), experiment
            header = ",".join(c["name"] for c in needed)
            assert header in text and experiment["example"] in text, (name, experiment["name"])
            path = os.path.join(work, "example.csv")
            with open(path, "w", encoding="utf-8") as file:
                file.write(header + "\n" + experiment["example"].replace("\t", ",") + "\n")
            done = subprocess.run([POTLINE, "model", "calibrate", name, "--data", path, "--experiment", experiment["name"]], capture_output=True, text=True)
            assert done.returncode in (0, 1, 2) and "column" not in done.stderr and "fields" not in done.stderr and "no row" not in done.stderr, done
            seen += 1
    assert seen >= 12, seen


def between_runs(work):
    """Three cells that differ by more than their noise: the interval of what they share holds how they differ."""
    noise, paths = random.Random(17), []
    for i, base in enumerate((1.42, 1.44, 1.46)):
        paths.append(os.path.join(work, f"cell{i}.csv"))
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write("U_V;I_A\n")  # in another order, with another separator, and without what is not needed
            for k in range(40):
                current = 0.5 + k
                file.write(f"{base + 0.0225 * math.log(current) + 0.0103 * current + noise.gauss(0, 5e-4)};{current}\n")

    def base(*files):
        call = [text for path in files for text in ("--data", path)] + ["--share", "1"]
        done = subprocess.run([POTLINE, "model", "calibrate", "ElectrodeKineticsModel", *call, "--json"], capture_output=True, text=True)
        text = subprocess.run([POTLINE, "model", "calibrate", "ElectrodeKineticsModel", *call], capture_output=True, text=True).stdout
        return {c["name"]: c for c in json.loads(done.stdout)["constants"]}["base"], text
    (one, text), (all_, between) = base(paths[0]), base(*paths)
    assert not one["between_runs"] and one["high"] - one["low"] < 0.004 and "within the run" in text, one
    assert all_["between_runs"] and all_["low"] < 1.42 and all_["high"] > 1.46, all_
    assert "Between runs: the interval holds how the 3 records differ" in between and "within the run" not in between, between


def pictures(work):
    """An impedance is drawn as Nyquist does, points that judge apart from those that were fitted to."""
    path, image = os.path.join(work, "cell_impedance.csv"), os.path.join(work, "nyquist.svg")
    with open(path, "w", encoding="utf-8") as file:
        file.write("f_Hz,Zre_ohm,Zim_ohm\n")
        for i in range(40):
            f = 10 ** (3 - i / 8)
            z = 64 + 46 / (1 + 2j * math.pi * f * 0.4)
            file.write(f"{f},{z.real},{z.imag}\n")
    call = ("calibrate", "ElectrodeKineticsModel", "--data", path, "--experiment", "impedance-arc")
    text = potline(*call, "--image", image, "--plot").stdout
    drawn = open(image, encoding="utf-8").read()
    assert all(f">{name}<" in drawn for name in ("- imaginary part (ohm)", "real part (ohm)", "fitted to", "kept back, judges", "imaginary part", "frequency (Hz)")), drawn[:400]
    assert "* fitted to" in text and "o kept back, judges" in text and "real part (ohm)" in text, text
    parts = json.loads(potline(*call, "--json").stdout)["files"][0]
    assert parts["points_fitted"] == parts["points_judging"] == 40, parts  # of both parts of 20 frequencies


def main():
    with tempfile.TemporaryDirectory() as work:
        calibrate(work)
        gaps(work)
        foreseen(work)
        piped(work)
        disk(work)
        figures(work)
        own_constants(work)
        documented(work)
        between_runs(work)
        slow(work)
        pictures(work)


main()

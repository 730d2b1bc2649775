#!/usr/bin/python3
"""`potline model` as people use it, and three models held against SciPy.

The same equations as the models', written down again here in NumPy and integrated by SciPy's BDF, must give the same
temperatures, thicknesses and concentrations to 1e-5. Then the command line: every verb, mistakes in arguments, a file of
profiles, plots, and constants that a calibration must find again in data that are made here.
"""
import json
import math
import os
import random
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from scipy.integrate import solve_ivp
    from scipy.optimize import brentq
except ImportError:
    print("skipped: SciPy is not there")
    sys.exit(77)

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
SIGMA, FARADAY, GAS = 5.670374419e-8, 96485.33212, 8.314462618
TOLERANCE = 1e-5


def potline(*arguments, code=0):
    done = subprocess.run([POTLINE, "model", *arguments], capture_output=True, text=True)
    if done.returncode != code:
        sys.exit(f"potline model {' '.join(arguments)}: exit code {done.returncode}, not {code}\n{done.stderr}{done.stdout[-2000:]}")
    return done


def run(model, until, **values):
    arguments = [text for name, value in values.items() for text in ("--set", f"{name}={value}")]
    return json.loads(potline("run", model, "--json", "--until", until, "--every", until, *arguments).stdout)


def same(what, ours, theirs, scale=None):
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    worst = np.max(np.abs(ours - theirs)) / (scale or np.max(np.abs(theirs)))
    print(f"{what}: {worst:.1e}")
    if not worst <= TOLERANCE:
        sys.exit(f"{what}: {worst:.2e} apart\n{ours}\n{theirs}")


def integrate(rate, until, start, atol):
    done = solve_ivp(rate, (0, until), start, method="BDF", rtol=1e-10, atol=atol)
    if not done.success:
        sys.exit(done.message)
    return done.y[:, -1]


# ---- Heat conduction: properties by temperature, radiation ----

def fourier():
    n, length, rho, film, emissivity, around = 30, 0.1, 2650.0, 15.0, 0.8, 35.0
    h = length / n

    def conductivity(t):
        return 42 - 0.026 * t

    def capacity(t):
        return 700 + 0.45 * t

    def outer(t):
        half = h / 2 / conductivity(t)
        k4 = (around + 273.15) ** 4

        def wrong(face):
            return (t - face) / half - film * (face - around) - emissivity * SIGMA * ((face + 273.15) ** 4 - k4)
        return (t - brentq(wrong, around - 1, t + 1, xtol=1e-13, rtol=1e-15)) / half

    def rate(_, t):
        k = conductivity(t)
        flux = np.empty(n + 1)
        flux[0] = (600 - t[0]) / (h / 2 / k[0])
        flux[1:-1] = (t[:-1] - t[1:]) / (h / 2 / k[:-1] + h / 2 / k[1:])
        flux[-1] = outer(t[-1])
        return (flux[:-1] - flux[1:]) / (rho * capacity(t) * h)

    theirs = integrate(rate, 1800, np.full(n, 100.0), 1e-8)
    ours = run("FourierHeatModel", "30m", cells=n, length=length, conductivity=42, conductivity_slope=-0.026, density=rho,
               capacity=700, capacity_slope=0.45, right_film=film, emissivity=emissivity, tolerance=1e-9)
    same("FourierHeatModel against SciPy", ours["profiles"]["temperature"]["value"][1:-1], theirs)


# ---- A ledge that freezes on a wall ----

def ledge():
    m, n, steel = 12, 10, 2
    bath, liquidus, film, start = 970.0, 955.0, 1000.0, 0.06
    rho, k, c, latent = 2800.0, 1.5, 1320.0, 520000.0
    width = np.array([0.1 / n] * n + [0.012 / steel] * steel)
    conductivity = np.array([20.0] * n + [40.0] * steel)
    heat = np.array([2650 * 1100.0] * n + [7850 * 600.0] * steel)

    def outer(t):
        half = width[-1] / 2 / conductivity[-1]

        def wrong(face):
            return (t - face) / half - 10 * (face - 35) - 0.8 * SIGMA * ((face + 273.15) ** 4 - 308.15 ** 4)
        return (t - brentq(wrong, 30, t + 1, xtol=1e-13, rtol=1e-15)) / half

    share = 1 - np.arange(m + 1) / m

    def rate(_, y):
        s = y[-1]
        h = s / m
        inside, wall = y[:m] / (rho * c * h), y[m:-1]
        inward = (liquidus - inside[0]) / (h / 2 / k)
        speed = (inward - film * (bath - liquidus)) / (rho * latent)
        joint = (inside[-1] - wall[0]) / (h / 2 / k + width[0] / 2 / conductivity[0])
        flux = np.concatenate(([inward], (inside[:-1] - inside[1:]) / (h / k), [joint]))
        face = np.concatenate(([liquidus], (inside[:-1] + inside[1:]) / 2, [0]))
        swept = share * speed * rho * c * face
        behind = np.empty(n + steel + 1)
        behind[0] = joint
        half = width / 2 / conductivity
        behind[1:-1] = (wall[:-1] - wall[1:]) / (half[:-1] + half[1:])
        behind[-1] = outer(wall[-1])
        return np.concatenate((flux[:-1] - flux[1:] + swept[:-1] - swept[1:], (behind[:-1] - behind[1:]) / (heat * width), [speed]))

    # From the steady temperatures of that thickness, as the model starts.
    def steady(flux):
        t, all_of_it = liquidus, []
        for w, kk in [(start / m, k)] * m + list(zip(width, conductivity)):
            all_of_it.append(t - flux * w / 2 / kk)
            t -= flux * w / kk
        return np.array(all_of_it), 10 * (t - 35) + 0.8 * SIGMA * ((t + 273.15) ** 4 - 308.15 ** 4) - flux

    flux = brentq(lambda q: steady(q)[1], 10, 16000, xtol=1e-9, rtol=1e-15)
    t = steady(flux)[0]
    y = np.concatenate((t[:m] * rho * c * start / m, t[m:], [start]))
    theirs = integrate(rate, 7200, y, np.concatenate((np.full(m, 1e-2), np.full(n + steel, 1e-8), [1e-12])))
    ours = run("SidewallLedgeModel", "2h", bath_temperature=bath, thickness=start, ledge_cells=m, lining_cells=n, tolerance=1e-9)
    same("SidewallLedgeModel against SciPy, thickness", ours["outputs"]["ledge"][-1], theirs[-1])
    cells = np.concatenate((theirs[:m] / (rho * c * theirs[-1] / m), theirs[m:-1]))
    same("SidewallLedgeModel against SciPy, temperatures", ours["profiles"]["temperature"]["value"][1:-1], cells)


# ---- An anode with a known current, then with a known overpotential ----

def electrode():
    n, delta, d, bulk, kelvin = 20, 20e-6, 1e-9, 0.025 * 2100 / 0.101961, 1233.15
    h, f, exchange = delta / n, FARADAY / GAS / kelvin, 48.447

    def spread(c, flux):
        inner = np.concatenate(([flux], d * (c[:-1] - c[1:]) / h, [d * (c[-1] - bulk) * 2 / h]))
        return (inner[:-1] - inner[1:]) / h

    common = dict(cells=n, thickness=delta, diffusivity=d, exchange=exchange, temperature=960, tolerance=1e-9)
    current = 8000.0
    c = integrate(lambda _, c: spread(c, -current / 6 / FARADAY), 0.05, np.full(n, bulk), 1e-8)
    surface = c[0] - h / 2 * current / 6 / FARADAY / d
    eta = brentq(lambda e: exchange * (surface / bulk * math.exp(1.08 * f * e) - math.exp(-0.92 * f * e)) - current, 0, 2)
    ours = run("ElectrodeKineticsModel", "50ms", control="current", current_density=current, **common)
    to_percent = 0.101961 / 2100 * 100
    same("ElectrodeKineticsModel against SciPy, known current", ours["profiles"]["alumina"]["value"][1:-1], c * to_percent)
    same("ElectrodeKineticsModel against SciPy, overpotential", ours["outputs"]["overpotential"][-1], eta)

    def flowing(c, e):
        a, b = exchange / bulk * math.exp(1.08 * f * e), exchange * math.exp(-0.92 * f * e)
        return (a * c[0] - b) / (1 + a * h / 2 / 6 / FARADAY / d)
    c = integrate(lambda _, c: spread(c, -flowing(c, 0.55) / 6 / FARADAY), 0.05, np.full(n, bulk), 1e-8)
    ours = run("ElectrodeKineticsModel", "50ms", control="potential", overpotential=0.55, **common)
    same("ElectrodeKineticsModel against SciPy, known potential", ours["outputs"]["current_density"][-1], flowing(c, 0.55))


# ---- The command line ----

def commands(work):
    names = [model["name"] for model in json.loads(potline("list", "--json").stdout)]
    for name in ("FourierHeatModel", "SidewallLedgeModel", "CathodeLiningModel", "AluminaTransportModel",
                 "ElectrodeKineticsModel", "CellModel"):
        assert name in names, names
        shown = json.loads(potline("show", name, "--json").stdout)
        assert shown["parameters"] and shown["outputs"] and "ssumed" in shown["doc"], name
        assert "Assumed" in potline("show", name).stdout
    assert "did you mean SidewallLedgeModel" in potline("run", "SidewalLedgeModel", code=2).stderr
    assert "did you mean film" in potline("run", "SidewallLedgeModel", "--set", "flim=3", code=2).stderr
    assert "is not within" in potline("run", "SidewallLedgeModel", "--set", "film=-3", code=2).stderr
    assert "is no number" in potline("run", "SidewallLedgeModel", "--set", "film=nan", code=2).stderr
    assert "is no input" in potline("run", "SidewallLedgeModel", "--set", "lining=0.2@1h", code=2).stderr
    assert "did you mean ledge" in potline("run", "SidewallLedgeModel", "--of", "lege", "--plot", code=2).stderr
    assert "not a duration" in potline("run", "SidewallLedgeModel", "--until", "8", code=2).stderr

    assert "potline model show" in potline("run", "SidewallLedgeModel", "--set", "zzz=3", code=2).stderr
    nowhere = potline("run", "SidewallLedgeModel", "--out", os.path.join(work, "none", "x.csv"), code=1)
    assert "No such file" in nowhere.stderr and not nowhere.stdout, nowhere
    for image, why in (("x.jpg", "neither .png nor .svg"), ("none/x.png", "No such file")):
        refused = potline("run", "SidewallLedgeModel", "--image", os.path.join(work, image), code=2)
        assert why in refused.stderr and not refused.stdout, refused
    assert "behind the end" in potline("run", "SidewallLedgeModel", "--set", "film=900@5h", "--until", "1h", code=2).stderr

    out = os.path.join(work, "profiles.csv")
    image = os.path.join(work, "plot.svg")
    plotted = potline("run", "SidewallLedgeModel", "--set", "film=900", "--set", "film=1100@1h", "--until", "2h", "--out", out,
                      "--plot", "--image", image).stdout
    assert "ledge (m)" in plotted and "temperature (degC) at 7200 s" in plotted
    assert "<svg" in open(image, encoding="utf-8").read()
    with open(out, encoding="utf-8") as file:
        assert file.readline() == "t_s,quantity,unit,position,value\n"
        rows = [line.rstrip("\n").split(",") for line in file]
    assert {row[1] for row in rows} >= {"ledge", "shell", "temperature"}
    assert all(math.isfinite(float(row[4])) for row in rows)

    # What is beyond a limit is said, with what was reached before it.
    frozen = potline("run", "CellModel", "--set", "current=0", "--set", "feed=0", "--until", "30d", "--every", "1h", "--json", code=1)
    said = json.loads(frozen.stdout)
    assert said["error"]["code"] == "RANGE" and "freezes" in said["error"]["text"]
    assert said["outputs"]["bath_temperature"][-1] is not None


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
    assert "slope is named twice" in potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--fit", "slope,base,slope", code=2).stderr
    whole = json.loads(potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--share", "1", "--json").stdout)
    assert whole["foreseen"] is None and whole["told"] is None, whole
    broken = os.path.join(work, "broken.csv")
    with open(broken, "w", encoding="utf-8") as file:
        file.write("I_A,I_std_A,U_V,U_std_V\n1,2\nnonsense\n")
    potline("calibrate", "ElectrodeKineticsModel", "--data", broken, code=1)


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
    assert "the voltage of this discharge, beside" in said("--data", alone, model="FourierHeatModel", code=1)
    few = write("few.csv", "I_A,I_std_A,U_V,U_std_V\n1,0,1.44,0\n2,0,1.46,0\n3,0,1.47,0\n")
    assert "give a longer record or more of it" in said("--data", few, code=1)


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
    assert "40 of 40 rows hold no number" in potline(*written(1, "n/a"), code=1).stderr
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
    assert "The intervals are of this record's noise alone" in text, text


def rod(path, power, film):
    """A heated rod by explicit steps: 30 s at rest, 200 s on, 130 s off."""
    n, k, rho, c, d = 60, 170.0, 2700.0, 900.0, 0.02
    h, area, around = 0.3 / n, math.pi / 4 * d * d, math.pi * d
    t, heater, step = np.zeros(n), 0.0, 0.1
    centres = (np.arange(n) + 0.5) * h
    with open(path, "w", encoding="utf-8") as file:
        file.write("t_s,T1_C,T2_C,T3_C,T4_C,T5_C,T6_C\n")
        for i in range(3601):
            if i % 10 == 0:
                file.write(",".join(f"{x:.4f}" for x in [i * step, *(25 + np.interp(np.linspace(0, 0.3, 6), centres, t))]) + "\n")
            flux = np.concatenate(([2 * k * area * (heater - t[0]) / h], k * area * (t[:-1] - t[1:]) / h, [film * area * t[-1]]))
            loss = film * around * h * np.sign(t) * np.abs(t) ** 1.15 / 10 ** 0.15
            heater += step * ((power if 300 <= i < 2300 else 0) - flux[0]) / 20
            t = t + step * (flux[:-1] - flux[1:] - loss) / (rho * c * area * h)


def own_constants(work):
    """Another day's rod: its own power and film are told by its first part, and the rest is predicted."""
    a, b = os.path.join(work, "rod_a.csv"), os.path.join(work, "rod_b.csv")
    rod(a, 7, 12)
    rod(b, 4, 16)
    said = json.loads(potline("calibrate", "FourierHeatModel", "--data", a, "--judge", b, "--json").stdout)
    other = said["files"][1]
    assert said["good"] and other["adapted"] and other["judged"] < 0.5, said
    found = {c["name"]: c for c in said["constants"]}
    assert abs(found["power"]["value"] / 7 - 1) < 0.1 and found["power"]["file"] == a, found
    assert "file" not in found["end_capacity"]
    if not os.environ.get("POTLINE_LONG"):
        return
    both = json.loads(potline("calibrate", "FourierHeatModel", "--data", a, "--data", b, "--share", "1", "--json").stdout)
    powers = [c["value"] for c in both["constants"] if c["name"] == "power"]
    assert len(powers) == 2 and abs(powers[0] / 7 - 1) < 0.1 and abs(powers[1] / 4 - 1) < 0.1, both["constants"]


def degrade():
    """Work that does not fit is degraded, and said: in rows, in JSON, at the end; the same each time."""
    hard = ["run", "CellModel", "--set", "current=0@1h", "--set", "current=180000@2h", "--until", "8h", "--every", "30m"]
    easy = json.loads(potline(*hard, "--json").stdout)
    assert set(easy["rung"]) == {0} and easy["steps"]["as asked"] >= 16
    less = json.loads(potline(*hard, "--budget", "30", "--json").stdout)
    assert max(less["rung"]) >= 2 and less["failures"]["as asked"] > 0, less["rung"]
    assert less == json.loads(potline(*hard, "--budget", "30", "--json").stdout)
    assert less["outputs"]["balance"][-1] < 1e-8
    far = abs(less["outputs"]["bath_temperature"][-1] - easy["outputs"]["bath_temperature"][-1])
    assert far < 2, far
    assert "degraded, first before" in potline(*hard, "--budget", "30").stdout
    none = json.loads(potline(*hard, "--budget", "1", "--json", code=1).stdout)
    assert set(none["rung"][1:]) == {4}, none["rung"]
    assert abs(none["outputs"]["bath_temperature"][0] - none["outputs"]["bath_temperature"][-1]) < 1e-6
    assert "--budget" in potline(*hard, "--budget", "none", code=2).stderr
    ended = json.loads(potline(*hard, "--within", "1us", "--json", code=1).stdout)
    assert ended["error"]["code"] == "LIMIT" and "--within" in ended["error"]["text"] and len(ended["time"]) == 1, ended["error"]


def stress():
    """Whatever the tables allow, and beyond: tests/bench/model_stress, a few runs of each model, or many."""
    runs = "40" if os.environ.get("POTLINE_LONG") else "2"
    program = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench", "model_stress")
    done = subprocess.run([sys.executable, program, "--bin", os.path.dirname(POTLINE), "--runs", runs, "--seed", "3"], capture_output=True, text=True)
    print(done.stdout, end="")
    assert done.returncode == 0, done.stdout + done.stderr


def checks():
    said = json.loads(potline("verify", "--json").stdout)
    assert said["good"] and said["missed"] == 0 and said["held"] > 200, said["missed"]
    orders = [f["found"] for f in said["findings"] if f["at_least"]]
    assert len(orders) >= 10 and min(orders) >= 1.9, orders
    print(f"{said['held']} findings held, {len(orders)} observed orders, the least {min(orders):.3f}")
    told = potline("validate", "--json", code=1)  # some published figures are missed, and said to be
    findings = json.loads(told.stdout)["findings"]
    assert all(f["source"] for f in findings)
    assert all(f.get("note") for f in findings if not f["good"]), "a miss without a reason"


def main():
    with tempfile.TemporaryDirectory() as work:
        fourier()
        ledge()
        electrode()
        commands(work)
        calibrate(work)
        gaps(work)
        foreseen(work)
        piped(work)
        disk(work)
        figures(work)
        own_constants(work)
        degrade()
        stress()
        checks()


main()

#!/usr/bin/python3
"""`potline model` as people use it, and three models held against SciPy.

The same equations as the models', written down again here in NumPy and integrated by SciPy's BDF, must give the same
temperatures, thicknesses and concentrations to 1e-5. Then the command line: every verb, mistakes in arguments, a file of
profiles, plots. Calibration is in calibrate_test.py.
"""
import json
import math
import os
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

from modelling import POTLINE, potline

SIGMA, FARADAY, GAS = 5.670374419e-8, 96485.33212, 8.314462618
TOLERANCE = 1e-5


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
    assert 'has the unit "mm"; a number in degC is expected, 600 to 1300' in potline(
        "run", "SidewallLedgeModel", "--set", "bath_temperature=43mm", code=2).stderr
    assert 'has the unit "zz"; a number in W/m2/K' in potline("run", "SidewallLedgeModel", "--set", "film=900zz", code=2).stderr
    potline("run", "SidewallLedgeModel", "--set", "bath_temperature=965degC", "--until", "1m")
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
        assert file.readline() == "t_s,quantity,unit,position_m,value\n"
        rows = [line.rstrip("\n").split(",") for line in file]
    assert {row[1] for row in rows} >= {"ledge", "shell", "temperature"}
    assert all(math.isfinite(float(row[4])) for row in rows)

    # What is beyond a limit is said, with what was reached before it.
    frozen = potline("run", "CellModel", "--set", "current=0", "--set", "feed=0", "--until", "30d", "--every", "1h", "--json", code=1)
    said = json.loads(frozen.stdout)
    assert said["error"]["code"] == "RANGE" and "freezes" in said["error"]["text"]
    assert said["outputs"]["bath_temperature"][-1] is not None


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
    itself = [f for f in findings if f["itself"]]
    assert len(itself) == json.loads(told.stdout)["itself"] == 10 and {f["good"] for f in itself} == {True}, itself
    assert json.loads(told.stdout)["held"] + json.loads(told.stdout)["missed"] == len(findings) - len(itself)
    text = potline("validate", code=1).stdout
    assert "published" in text and f"Not counted: {len(itself)} of what the model itself is made of" in text, text
    assert all(f["source"] for f in findings)
    assert all(f.get("note") for f in findings if not f["good"]), "a miss without a reason"


def main():
    with tempfile.TemporaryDirectory() as work:
        fourier()
        ledge()
        electrode()
        commands(work)
        degrade()
        stress()
        checks()


main()

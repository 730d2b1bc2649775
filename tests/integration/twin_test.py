#!/usr/bin/python3
"""The twin on the simulated plant: it is right within the aims, an anode effect is in the key figures as it was, it survives kill -9 to the last bit, a state that it has told
can be gone on from, and nothing of it can be written to the field. Figures of long runs: tests/bench/twin."""
import csv
import filecmp
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LONG = os.environ.get("POTLINE_LONG") == "1"
HOURS, KILLS, LINES, POTS, CHECKPOINT = (24, 40, 3, 20, "5s") if LONG else (2, 6, 1, 3, "100ms")
MINUTE = 60 * 10 ** 9
EFFECT, READING = "line1.pot01", 2  # who has one; s between readings, which its length may be off by
COMPARED = {"voltage": 0.042, "bath_temp": 2, "superheat": 3, "alumina": 0.2}


def fail(text):
    sys.exit(f"twin: {text}")


def tool(*command, code=0, **env):
    done = subprocess.run([f"{BIN}/{command[0]}", *command[1:]], capture_output=True, text=True, env={**os.environ, **env})
    if done.returncode != code:
        fail(f"{' '.join(command)}: exit code {done.returncode}, not {code}: {done.stderr[-2000:]}")
    return done.stdout + done.stderr


def prepare(work):
    """Two hours of three pots (a day of sixty): one with an anode effect, one with a voltage that freezes, one with a thermocouple
    that is gone for a while."""
    tool("potline-plant", "--no-server", "--quiet", "--lines", str(LINES), "--pots", str(POTS), "--seed", "5", "--for", f"{HOURS}h",
         "--emitted", f"{work}/in.csv", "--emitted-every", f"{READING}s", "--truth", f"{work}/truth.csv",
         "--anode-effect", f"{EFFECT}@100m",
         "--fault", "frozen:line1.pot02.voltage:70m:10m", "--fault", "dropout:line1.pot03.bath_temp:65m:20m:1")
    with open(os.path.join(ROOT, "graphs", "twin.yaml")) as file:
        text = file.read().replace("log: {", f"checkpoint: {CHECKPOINT}\nlog: {{", 1).replace("maps/", f"{ROOT}/graphs/maps/")
    if not LONG:  # so slowly that there are epochs between two kills
        text = text.replace("layout: long,", 'layout: long, rate: "40000/s",')
    with open(f"{work}/twin.yaml", "w") as file:
        file.write(text)


def variables(work, name):
    return {"IN": f"{work}/in.csv", "OUT": f"{work}/{name}.csv", "EVENTS": f"{work}/{name}.ndjson", "KPI": f"{work}/{name}.kpi"}


def rows(path):
    """Without the header; one by one: a day of sixty pots is more than fits."""
    with open(path) as file:
        for row in csv.reader(file):
            if row[0].isdigit():
                yield row


def undisturbed(work):
    tool("potline", "run", f"{work}/twin.yaml", "--quiet", "--until-eof", "--data", f"{work}/one", **variables(work, "one"))


def check_accuracy(work):
    """From one hour on, but for minutes in an anode effect and just behind one, whose voltage has no steady value. Energy,
    alumina and charge are accounted for at every step."""
    truth, effect = {}, set()
    for at, asset, quantity, value in rows(f"{work}/truth.csv"):
        if quantity in COMPARED:
            truth[int(at), asset, quantity] = float(value)
        elif quantity == "effect_voltage" and float(value) > 0.5:
            effect.update((int(at) + i * MINUTE, asset) for i in range(3))
    begin = min(at for at, _, _ in truth) + 60 * MINUTE
    off, residual = {}, {}
    for row in rows(f"{work}/one.csv"):
        asset, _, name = row[1].partition(".twin.")
        if name.endswith("_residual"):
            residual[name] = max(residual.get(name, 0), abs(float(row[2])))
        true = truth.get((int(row[0]), asset, name))
        if true is not None and int(row[0]) >= begin and row[2] and (int(row[0]), asset) not in effect:
            off.setdefault(name, []).append(float(row[2]) - true)
    for name, most in COMPARED.items():
        rms = math.sqrt(sum(e * e for e in off[name]) / len(off[name]))
        if len(off[name]) < LINES * POTS * 50 or not rms <= most:
            fail(f"{name} is {rms:.3f} off (rms of {len(off[name])}), at most {most}")
    if len(residual) != 3 or not max(residual.values()) <= 1e-6:
        fail(f"heat, alumina or charge is not accounted for: {residual}")


def check_faults(work):
    """Where a voltage has frozen there is no innovation, and health falls; a thermocouple that is gone costs some too."""
    begin = int(next(rows(f"{work}/in.csv"))[0])
    value = {(row[1], (int(row[0]) - begin) // MINUTE, int(row[0]) % MINUTE): row[2] for row in rows(f"{work}/one.csv")
             if row[1].endswith((".innovation", ".health")) and int(row[0]) - begin < 120 * MINUTE}
    at = lambda tag, minute: value[f"line1.{tag}", minute, 0]
    if at("pot02.twin.innovation", 78) not in ("", "nan") or float(at("pot02.twin.health", 79)) > 0.6:
        fail("a frozen voltage was believed")
    if not float(at("pot02.twin.health", 100)) > 0.8:
        fail("a voltage that is back was not believed")
    if not float(at("pot03.twin.health", 84)) < 0.9 * float(at("pot03.twin.health", 64)):
        fail("a thermocouple that was gone cost no health")


def check_figures(work):
    """The hour with an anode effect: it is counted, is as long as the plant's meter says, and its PFC follow from that (slope
    method of the IPCC's guidelines of 2006)."""
    met = {int(at): float(value) for at, asset, quantity, value in rows(f"{work}/truth.csv")
           if (asset, quantity) == (EFFECT, "effect_s")}
    begin = min(met)
    seconds = met[begin + 120 * MINUTE] - met[begin + 60 * MINUTE]
    hour = {row[1].rpartition(".")[2]: float(row[2]) for row in rows(f"{work}/one.kpi")
            if row[1].startswith(f"{EFFECT}.kpi.hour.") and int(row[0]) == begin + 120 * MINUTE and row[2]}
    pfc = 0.143 * seconds / 60 * 24 * (6630 + 0.121 * 11100)
    if hour["anode_effects"] != 24 or not 10 < seconds < 600:
        fail(f"one anode effect of {seconds} s in an hour is {hour['anode_effects']} a pot-day")
    if abs(60 * hour["anode_effect_minutes"] - seconds) > READING or abs(hour["pfc"] / pfc - 1) > READING / seconds:
        fail(f"an anode effect of {seconds} s and {pfc:.0f} kg CO2e/t is told as {hour}")


def told(work, name, kind):
    """All rows of gold in order, as a file: those of a day of sixty pots are no matter for memory."""
    path = f"{work}/{name}.{kind}"
    with open(f"{path}.unsorted", "w") as file:
        subprocess.run([f"{BIN}/potline", "export", "--data", f"{work}/{name}", "--zone", "gold", "--kind", kind], stdout=file, check=True)
    subprocess.run(["sort", "-o", path, f"{path}.unsorted"], env={**os.environ, "LC_ALL": "C"}, check=True)
    os.remove(f"{path}.unsorted")
    if os.path.getsize(path) < 1000:
        fail(f"{name} has told no {kind}")
    return path


def check_kills(work):
    """Killed again and again, each time when it has told more than before, it gives the rows of the undisturbed run."""
    env = {**os.environ, **variables(work, "two")}

    def told_so_far():
        return os.path.getsize(env["OUT"]) if os.path.exists(env["OUT"]) else 0
    command = [f"{BIN}/potline", "run", f"{work}/twin.yaml", "--quiet", "--until-eof", "--data", f"{work}/two"]
    kills = 0
    while True:
        engine = subprocess.Popen(command, env=env, stderr=subprocess.PIPE)
        if kills < KILLS:
            before = told_so_far()
            while engine.poll() is None and told_so_far() < before + 500_000:
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.2) if not LONG else random.uniform(4, 14))
            if engine.poll() is None:
                engine.send_signal(signal.SIGKILL)
                kills += 1
        text = engine.communicate(timeout=7200 if LONG else 600)[1]
        if engine.returncode == 0:
            break
        if engine.returncode != -signal.SIGKILL:
            fail(f"after {kills} kills: {text.decode()[-2000:]}")
    if kills == 0:
        fail("the run was over before it could be killed")
    for kind in ("samples", "events", "profiles"):
        one, two = (told(work, name, kind) for name in ("one", "two"))
        if not filecmp.cmp(one, two, shallow=False):
            other = subprocess.run(["diff", one, two], capture_output=True, text=True, errors="replace").stdout
            fail(f"after {kills} kills {kind} differ: {other[:1000]}")
    return kills


def newest(work, name):
    return [float(row[2]) for row in rows(f"{work}/one.csv") if row[1] == f"{EFFECT}.twin.{name}"][-1]


def check_units(work, ask, nothing):
    """Names and units are those of the twin's tags; parts sum up to the voltage, which is the one that was measured; a cell that
    freezes on the way is told of by times from now on, and compared where it ends."""
    parts = [name for name in {row[1].rpartition(".")[2] for row in rows(f"{work}/one.csv")} if name.startswith("u_")]
    of = [word for name in ("ledge", "voltage", "acd", *parts) for word in ("--of", name)]
    told = {line.split()[0]: line.split()[1:] for line in tool(*ask, "--set", "acd=-2mm", *of).splitlines()}
    now = {name: float(values[0]) for name, values in told.items() if name in ("ledge", "voltage", "acd", *parts)}
    if len(parts) != 10 or abs(sum(now[name] for name in parts) - now["voltage"]) > 1e-4:
        fail(f"the voltage's parts do not sum up: {now}")
    if abs(sum(newest(work, name) for name in parts) - newest(work, "voltage")) > 0.01 or abs(now["voltage"] - newest(work, "voltage")) > 0.01:
        fail(f"the voltage is {newest(work, 'voltage')} V, its parts and what-if say {now}")
    if abs(now["ledge"] - 1000 * nothing["ledge_bath"][0]) > 1e-3 or told["ledge"][-1] != "mm":
        fail(f"a ledge of {nothing['ledge_bath'][0]} m is {told['ledge']}")
    text = tool("potline", "what-if", EFFECT, "--data", f"{work}/one", "--for", "48h", "--set", "current=0")
    ends = re.search(r"^changed: ends after ([\d.]+) h: at (\S+) s .*freezes", text, re.M)
    if not ends or not 0 <= float(ends[2]) / 3600 - float(ends[1]) <= 0.1 or f", {float(ends[1]):g} h ahead" not in text:
        fail(f"what-if without current: {text}")


def check_what_if(work):
    ask = ["potline", "what-if", "line1.pot01", "--data", f"{work}/one", "--for", "4h"]
    got = json.loads(tool(*ask, "--set", "acd=-2mm", "--json"))
    nothing, changed = (got[k]["outputs"] for k in ("nothing", "changed"))
    if abs(nothing["distance"][-1] - changed["distance"][-1] - 0.002) > 1e-6 or nothing["alumina"][0] != changed["alumina"][0]:
        fail("what-if: acd=-2mm is not two millimetres less, from the same state")
    if not changed["voltage"][-1] < nothing["voltage"][-1] - 0.05 or not changed["bath_temperature"][-1] < nothing["bath_temperature"][-1]:
        fail("what-if: nearer anodes do not save voltage and heat")
    last = newest(work, "alumina")
    if abs(nothing["alumina"][0] - last) > 0.1:
        fail(f"what-if begins at {nothing['alumina'][0]} wt%, the twin was at {last}")
    text = tool(*ask, "--from", "now", "--set", "feed=0%", "--plot")
    if "an anode effect after" not in text or "doing nothing" not in text or not re.search(r"^set feed: 1\d\d\S* -> 0 kg/h$", text, re.M):
        fail(f"what-if without feed: {text}")
    check_units(work, ask, nothing)
    for wrong, hint in ((["--set", "acd=-2kA"], "a number in mm, cm"), (["--set", "metals=1"], "no input metals"),
                        (["--set", "acd=-2m"], "it may be 5 to 200 mm"), (["--set", "alf3=+1"], "a number in kg/h, kg/s"),
                        (["--set", "feeds=+5%"], "did you mean feed?"), (["--set", "acd=-2mm", "--of", "u_bah"], "did you mean u_bath?"),
                        ([], "--set acd=-2mm")):
        text = tool(*ask, *wrong, code=2)
        if hint not in text:
            fail(f"what-if {wrong} does not say {hint!r}: {text}")
    tool("potline", "what-if", "line9.pot01", "--data", f"{work}/one", "--set", "feed=+5%", code=2)


def check_steady(work):
    """A week of nothing keeps the alumina where it is, also where the current is another and more is used; a share of the feed is of
    what is used, an absolute one is what it says."""
    ask = ["potline", "what-if", EFFECT, "--data", f"{work}/one", "--json"]
    for change, days in (("acd=+0.1mm", 7), ("current=185kA", 2)):
        got = json.loads(tool(*ask, "--set", change, "--for", f"{days}d"))
        for branch in ("nothing", "changed"):
            alumina, metal = (got[branch]["outputs"][name] for name in ("alumina", "metal"))
            if got[branch]["reached"] != days * 86400 or max(abs(a - alumina[0]) for a in alumina) > 0.05 or abs(metal[-1] - metal[0]) > 20:
                fail(f"{change}, {branch}, {got[branch]['reached'] / 3600} h: alumina {min(alumina)} to {max(alumina)} wt% from {alumina[0]}, metal {metal[0]} to {metal[-1]} kg")
        if got["changed"]["outside"] is not None or got["nothing"]["outside"] is not None:
            fail(f"{change}: outside of what is meant: {got['changed']['outside']}, {got['nothing']['outside']}")
    rose = {}
    for change in ("feed=+2%", "feed=112kg/h"):
        got = json.loads(tool(*ask, "--set", change, "--for", "8h"))
        dissolved = [got["changed"]["outputs"]["alumina"][i] / 100 * got["changed"]["outputs"]["bath"][i] for i in (0, -1)]
        used = sum(got["changed"]["outputs"]["consumption"][1:]) / (len(got["time"]) - 1) * 8
        rose[change] = (dissolved[1] - dissolved[0], used)
    if abs(rose["feed=+2%"][0] - 0.02 * rose["feed=+2%"][1]) > 4 or abs(rose["feed=112kg/h"][0] - (112 * 8 - rose["feed=112kg/h"][1])) > 4:
        fail(f"a feed does not add what it says (kg more, kg used): {rose}")


def check_outside(work):
    """What the model is not meant for is said, and from when on; a branch is told of where it has ended, however far was asked for."""
    ask = ["potline", "what-if", EFFECT, "--data", f"{work}/one", "--set", "current=0"]
    text = tool(*ask, "--for", "4h")
    outside = re.search(r"^changed: outside of what the model is meant for from ([\d.]+) h on: superheat -[\d.]+ K \(0 to 40\); values are uncertain$", text, re.M)
    if not outside or not 0.1 < float(outside[1]) < 2 or "doing nothing: outside" in text:
        fail(f"what-if without current: {text}")
    got = json.loads(tool(*ask, "--for", "365d", "--json"))
    changed, limits = got["changed"], got["changed"]["outside"]
    if limits["quantity"] != "superheat" or (limits["low"], limits["high"]) != (0, 40) or abs(float(outside[1]) - limits["from"] / 3600) > 0.1:
        fail(f"JSON tells another limit: {limits}, the table {outside[0]}")
    end = got["time"].index(changed["reached"])
    if not 3 * 3600 < changed["reached"] < 20 * 3600 or len(changed["outputs"]["alumina"]) != end + 1 or len(got["nothing"]["outputs"]["alumina"]) <= end:
        fail(f"asked for a year, it freezes after {changed['reached']} s, of {got['time'][:end + 2]}")
    text = tool(*ask, "--for", "365d")
    if f"ends after {changed['reached'] / 3600:.2f} h" not in text or " 0 h ahead" in text:
        fail(f"what-if for a year: {text}")
    shown = tool("potline", "model", "show", "CellModel")
    if "twin.cell: superheat, K; meant for 0 to 40" not in shown or "twin.cell: alumina, wt%; meant for 1.5 to 8" not in shown:
        fail("model show does not say what the model is meant for")


def check_foreseen(work):
    """Feeders are blocked, and the twin knows it: whoever asks what would be is told what it foresees."""
    tool("potline-plant", "--no-server", "--quiet", "--lines", "1", "--pots", "1", "--seed", "5", "--for", "75m", "--emitted", f"{work}/blocked.csv",
         "--emitted-every", f"{READING}s", "--fault", f"starve:{EFFECT}:50m:2h")
    tool("potline", "run", f"{work}/twin.yaml", "--quiet", "--until-eof", "--data", f"{work}/starved", **{**variables(work, "starved"), "IN": f"{work}/blocked.csv"})
    ask = ["potline", "what-if", EFFECT, "--data", f"{work}/starved", "--set", "acd=-1mm", "--for", "1h"]
    got = json.loads(tool(*ask, "--json", "--from", "2025-01-01T01:00:00Z"))
    said = re.search(r"the twin foresees an anode effect in ([\d.]+) min \(probability ([\d.]+)\): of the counted feed (\d+) % arrives; this look ahead", got["note"] or "")
    if not said or not float(said[1]) < 30 or not float(said[2]) >= 0.2 or not int(said[3]) < 50 or abs(got["risk_minutes"] - float(said[1])) > 0.06:
        fail(f"feeders are blocked, and what-if says {got['note']}")
    if f"note: {got['note']}\n" not in tool(*ask, "--from", "2025-01-01T01:00:00Z"):
        fail("the table does not say what JSON does")
    sound = json.loads(tool(*ask, "--json", "--from", "2025-01-01T00:40:00Z"))
    if "arrives" in (sound["note"] or "") or not sound["risk"] < 0.2:
        fail(f"feeders are fine, and what-if says {sound['note']}")


def check_questions(work):
    """What a question cannot have is said: which cells, nodes and times there are."""
    ask = ["what-if", "--data", f"{work}/one", "--set", "acd=-2mm", "--for", "1h"]
    nobody = [f"line1.pot{i:02}" for i in range(1, POTS + 1)][:3]
    for more, hints in ((["line1.pot0"], ["did you mean line1.pot0", *nobody]), (["tank"], ["it is there of: line1.pot01, line1.pot02"]),
                        ([EFFECT, "--node", "twn"], ["by node twn", "those of it are by: states"]),
                        ([EFFECT, "--node", "state"], ["did you mean states?"]),
                        ([EFFECT, "--from", "2024-12-31T00:00:00Z"], ["so early: the first is of 2025-01-01T00:10:00Z"]),
                        ([EFFECT, "--from", "2199-01-01T00:00:00Z"], ["--from: that is in the future; the newest state of line1.pot01 is of 2025-01-0"]),
                        ([EFFECT, "--image", f"{work}/x.gif"], ["neither .png nor .svg"])):
        text = tool("potline", *ask, *more, code=2)
        if missing := [hint for hint in hints if hint not in text]:
            fail(f"what-if {more} does not say {missing}: {text}")
    text = tool("potline", *ask, EFFECT, "--from", "2025-01-04T02:00:00Z")
    if not re.search(r"^note: the newest state that is kept is [\d.]+ days old at that time$", text, re.M) or not LONG and "is 3.0 days old" not in text:
        fail(f"an old state is not said to be old: {text}")
    if "newest state" in tool("potline", *ask, EFFECT, "--from", "2025-01-01T01:15:00Z"):
        fail("a state of five minutes ago is said to be old")
    gone = subprocess.Popen([f"{BIN}/potline", *ask, EFFECT, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    gone.stdout.close()
    if (told := gone.stderr.read()) or gone.wait() != 128 + signal.SIGPIPE:
        fail(f"nobody reads what-if: {told}, exit code {gone.returncode}")


def check_refusals(work):
    """Neither what a twin says nor what might be can be written to the field."""
    graph = """potline: 1
name: wrong
nodes:
  in: {{ op: source.csv, path: in.csv }}
  twin: {{ op: twin.cell, from: in }}
  {sink}
"""
    field = "write: {{ op: sink.modbus, from: {0}, endpoint: '127.0.0.1:1', registers: [ {{ tag: a.b, address: 0, type: uint16 }} ] }}"
    guard = "safe: {{ op: guard, from: [ in, {0} ], limits: [ {{ tags: '*.set', low: 0, high: 1 }} ] }}"
    for sink, port in [(field, "twin"), (field, "twin.events"), (field, "what-if"), (guard, "twin.events"), (guard, "twin.profiles"),
                       (guard, "what-if"), (guard, "twin.what-if")]:
        with open(f"{work}/wrong.yaml", "w") as file:
            file.write(graph.format(sink=sink.format(port)))
        text = tool("potline", "check", f"{work}/wrong.yaml", code=2)
        if not re.search(r"wrong\.yaml:6:\d+: ", text):
            fail(f"{port} goes to the field: {text}")


def main():
    with tempfile.TemporaryDirectory() as work:
        prepare(work)
        undisturbed(work)
        check_accuracy(work)
        check_faults(work)
        check_figures(work)
        kills = check_kills(work)
        check_what_if(work)
        check_steady(work)
        check_outside(work)
        check_foreseen(work)
        check_questions(work)
        check_refusals(work)
        print(f"{HOURS} h of {LINES * POTS} pots within the aims; {kills} kills changed nothing; what-if and refusals")


if __name__ == "__main__":
    main()

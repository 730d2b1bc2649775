#!/usr/bin/python3
"""The loop on the simulated plant: twin, optimiser, guard, Modbus, plant. In lockstep, as fast as it goes, in mode advise: nothing
is written, runs of pots and of the line are recorded, one of each gives the same numbers again, and the report's savings are a total
with its parts. By the clock, in mode auto: the plant's own log says that set points come for each pot and for the line's current, within
limits and steps. (The guard's leases are by the clock, so it lets nothing pass in lockstep.)"""
import csv
import datetime
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LONG = os.environ.get("POTLINE_LONG") == "1"
SECONDS = 6 * 3600 if LONG else 1300
PATIENCE = 600 if LONG else 120
POTS = ["line1.pot01", "line1.pot02"]
CURRENT = "line1.current_set"
CLOCK = "clock: { table: input, time: 0, step: 4, acknowledge: 0, unit: 1 }"


WRITTEN = {CURRENT: (175, 185), **{f"{pot}.acd_set": (38, 48) for pot in POTS}}


def fail(text):
    sys.exit(f"optimize: {text}")


def rows(path):
    with open(path) as file:
        return list(csv.reader(file))


def tool(*command, code=0):
    done = subprocess.run([f"{BIN}/{command[0]}", *command[1:]], capture_output=True, text=True)
    if done.returncode != code:
        fail(f"{' '.join(command)}: exit code {done.returncode}, not {code}: {done.stderr[-2000:]}")
    return done.stdout + done.stderr


def registers(work):
    """All that the loop reads, in one file: one source has the plant's clock."""
    def of(name, wanted):
        with open(f"{ROOT}/graphs/maps/{name}.csv") as file:
            return [line for i, line in enumerate(file) if wanted(i, line.split(",")[0])]
    lines = of("line1", lambda i, tag: i == 0 or tag == "line1.line_current" or tag.rsplit(".", 1)[0] in POTS)
    lines += of("field1", lambda i, tag: tag in [CURRENT, *(f"{pot}.acd_set" for pot in POTS)])
    with open(f"{work}/line.csv", "w") as file:
        file.writelines(lines)
    with open(f"{work}/live.csv", "w") as file:
        file.writelines(line for line in lines if "_set" not in line)
    with open(f"{work}/stands.csv", "w") as file:
        file.writelines(line for i, line in enumerate(lines) if i == 0 or "_set" in line)


def graph_in_lockstep(work, name):
    with open(f"{ROOT}/graphs/optimize.yaml") as file:
        text = file.read()
    text = re.sub(r"    poll: 1s\n    align: true\n    time: schedule\n", f"    {CLOCK}\n", text, count=1)
    text = re.sub(r"  # What stands in.*?\n\n", "", text, flags=re.S)
    text = text.replace('"maps/line1.csv"', f'"{work}/line.csv"').replace("maps/", f"{ROOT}/graphs/maps/")
    text = text.replace(", stands]", "]").replace("every: 1h", "every: 10m")
    text = text.replace("gap: 18\n    idle: 5s", "gap: 18")
    with open(f"{work}/{name}.yaml", "w") as file:
        file.write(text)


def graph_by_clock(work, name):
    """A state each ten seconds, so that nobody has to wait for hours."""
    with open(f"{ROOT}/graphs/optimize.yaml") as file:
        text = file.read()
    text = text.replace("maps/", f"{ROOT}/graphs/maps/").replace("mode: advise", "mode: auto").replace("fresh: 5s", "fresh: 60s")
    text = text.replace("    every: 1m\n", "    every: 1m\n    state: 10s\n").replace("every: 1h", "every: 10s\n    renew: 5s\n    lease: 60s")
    text = text.replace(f"{ROOT}/graphs/maps/line1.csv", f"{work}/live.csv").replace(f"{ROOT}/graphs/maps/field1.csv", f"{work}/stands.csv")
    with open(f"{work}/{name}.yaml", "w") as file:
        file.write(text)


def run(work, name, *how, until=lambda: False):
    """A plant, and an engine on it until the plant has ended, or enough has come."""
    address = f"{work}/{name}.address"
    plant = subprocess.Popen([f"{BIN}/potline-plant", "--quiet", "--listen", "127.0.0.1:0", "--address-file", address, "--lines", "1",
                              "--pots", "2", "--seed", "11", "--writes", f"{work}/{name}.writes", *how])
    while not (os.path.exists(address) and open(address).read().endswith("\n")):
        if plant.poll() is not None:
            fail("the plant does not serve")
        time.sleep(0.01)
    with open(f"{work}/{name}.err", "w") as told:
        engine = subprocess.Popen([f"{BIN}/potline", "run", f"{work}/{name}.yaml", "--quiet", "--data", f"{work}/{name}"],
                                  env={**os.environ, "POTLINE_PLANT": open(address).read().strip()}, stderr=told)
        end = time.monotonic() + PATIENCE
        while plant.poll() is None and engine.poll() is None and not until():
            if time.monotonic() > end:
                plant.kill()
                engine.kill()
                fail(f"{name}: it does not end: {written(work, name)[-5:]} {open(f'{work}/{name}.err').read()[-2000:]}")
            time.sleep(0.05)
        engine.send_signal(signal.SIGTERM)
        code = engine.wait()
    plant.terminate()
    plant.wait()
    if code:
        fail(f"{name}: the engine ends with {code}: {open(f'{work}/{name}.err').read()[-2000:]}")


def written(work, name):
    """What the plant received for anodes and the line's current: (its time, tag, value, outcome)."""
    whole = [r for r in rows(f"{work}/{name}.writes")[1:] if len(r) == 7]
    return [(int(r[1]), r[4], float(r[5]), r[6]) for r in whole if r[4] in WRITTEN]


def all_written(work):
    return {tag for _, tag, _, _ in written(work, "auto")} == set(WRITTEN)


def check_loop(work):
    found = written(work, "auto")
    if not all_written(work):
        fail(f"set points of both pots and the line's current should have come, found {found[:5]}")
    last = {}
    for at, tag, value, outcome in found:
        low, high = WRITTEN[tag]
        if outcome != "accepted" or not low <= value <= high:
            fail(f"{tag} {value} at {at}: {outcome}")
        before, then = last.get(tag, (value, at))
        if abs(value - before) > 0.5 + 1e-4:
            fail(f"{tag} goes from {before} to {value} at once")
        last[tag] = (value, at)
    return len(found)


def savings_told(data):
    """{of: {column: value}} of the report."""
    always = ("--from", "1970-01-01T00:00:00Z", "--to", "2200-01-01T00:00:00Z")
    told = {}
    for row in csv.DictReader(io.StringIO(tool("potline", "report", "--data", data, "--format", "csv", *always))):
        if row["section"] == "Savings that the optimiser foresees":
            told.setdefault(row["row"], {})[row["column"]] = row["value"]
    return {row["Of"]: row for row in told.values()}


def moment(told):
    """Seconds, of a time as it is exported."""
    return told / 1e9 if isinstance(told, int) else datetime.datetime.fromisoformat(told.replace("Z", "+00:00")).timestamp()


def check_savings(data):
    """What the report tells of savings are means over the records of the runs, and a total with its parts: the pots', each by its share
    of the metal, and what the line's current brings besides, by the answers within an hour of the line's own."""
    runs = {}
    for line in tool("potline", "export", "--data", data, "--zone", "gold", "--kind", "events", "--format", "ndjson").splitlines():
        row = json.loads(line) if line.startswith("{") else {}
        if row.get("kind") in ("optimize.run", "optimize.line"):
            runs.setdefault(row["asset"], []).append({**row["body"], "at": moment(row["time"])})
    if set(runs) != {"line1", *POTS}:
        fail(f"runs of both pots and their line should be recorded, found {sorted(runs)}")
    answers = {asset: [body for body in bodies if body["outcome"] in ("optimal", "relaxed")] for asset, bodies in runs.items()}
    saved = {asset: sum(b["before"]["energy"] - b["after"]["energy"] for b in bodies) / len(bodies) for asset, bodies in answers.items()}
    share = dict.fromkeys(POTS, 0)
    for whole in answers["line1"]:
        near = {pot: min(answers[pot], key=lambda b: abs(b["at"] - whole["at"])) for pot in POTS}
        if any(abs(b["at"] - whole["at"]) > 3600 for b in near.values()):
            fail(f"pots should be decided within an hour of their line: {whole['at']}, {[b['at'] for b in near.values()]}")
        metal = {pot: b["before"]["power"] / b["before"]["energy"] for pot, b in near.items()}
        for pot, b in near.items():
            share[pot] += (b["before"]["energy"] - b["after"]["energy"]) * metal[pot] / sum(metal.values()) / len(answers["line1"])
    current = "line1, its current"
    expected = {"plant": saved["line1"], "line1": saved["line1"], current: saved["line1"] - sum(share.values()), **{pot: saved[pot] for pot in POTS}}
    told = savings_told(data)

    def number(of, column):
        return float(told[of][column].lstrip("'"))

    if set(told) != set(expected):
        fail(f"savings of {sorted(expected)} should be told, found {told}")
    for of, value in expected.items():
        if abs(number(of, "Saved, kWh/t") - value) > 0.11:
            fail(f"savings of {of}: {value} by the records, {told[of]} told")
    for of, whole in (("line1", "plant"), (current, "line1"), *((pot, "line1") for pot in POTS)):
        if told[of]["Part of"] != whole:
            fail(f"{of} is a part of {whole}: {told[of]}")
    for pot in POTS:
        if [told[pot]["Runs"], told[pot]["Answers"]] != [str(len(runs[pot])), str(len(answers[pot]))]:
            fail(f"{pot}: {len(runs[pot])} runs, {len(answers[pot])} answers: {told[pot]}")
        if abs(number(pot, "Share of that, kWh/t") - share[pot]) > 0.02:
            fail(f"{pot} is {share[pot]} kWh/t of the line's: {told[pot]}")
    parts = sum(number(of, "Share of that, kWh/t") for of in (current, *POTS))
    if abs(parts - number("line1", "Share of that, kWh/t")) > 0.03 or abs(parts - saved["line1"]) > 0.03:
        fail(f"the parts, {parts} kWh/t, do not make the line's {saved['line1']}: {told}")


def check_audit(data):
    """The life of one set point: what stood there, what was read back; by which models, and where in the log stands what led to it and
    what the guard judged it by."""
    for pot in POTS:
        records = json.loads(tool("potline", "audit", "query", "--data", data, "--object", f"{pot}.acd_set", "--json"))
        if [record["action"] for record in records[:2]] != ["setpoint write", "setpoint result"]:
            fail(f"{pot}: no life of a set point in the audit: {records}")
        for record in records[:2]:
            if not re.search(r"judged by .*bath_temp 0:\d+, line_current 0:\d+; set point \d+ of best, generation \d+, log 0:\d+, "
                             r"by optimize\.setpoints \S+ [0-9a-f]{16}; CellModel \S+ [0-9a-f]{16}$", record["reason"]):
                fail(f"{pot}: by which models, and what in the log? {record}")
            if not record["from"] or not record["to"]:
                fail(f"{pot}: from what to what? {record}")
        if not re.match(r"(verified|there already): read back [\d.]+ after [\d.]+ ms", records[1]["outcome"]):
            fail(f"{pot}: {records[1]}")


def refuse(work):
    """What a whole line has not, and what would split it, is refused before anything is run."""
    with open(f"{work}/line.json", "w") as file:
        json.dump({"current": 180, "pots": {pot: {"cell": {"distance": 0.043}} for pot in POTS}}, file)
    text = tool("potline", "optimize", "--state", f"{work}/line.json", "--export", code=2)
    if "line.json: it is of a whole line: --export is for one pot" not in text:
        fail(text)
    with open(f"{work}/split.yaml", "w") as file:
        file.write("potline: 1\nname: split\nkey_depth: 2\nnodes:\n"
                   "  states: { op: source.generator, tags: line1.pot01.noise, count: 10 }\n"
                   "  best: { op: optimize.setpoints, from: states, current: line, baseline: { current: 180 } }\n"
                   "  out: { op: sink.null, from: best }\n")
    text = tool("potline", "run", f"{work}/split.yaml", code=1)
    if "current: line needs all pots of a line in one partition: set key_depth: 1, not 2" not in text:
        fail(text)


def check_tradeoff(work):
    """Of a whole line: more metal takes more current and more energy by tonne, as far as the contract goes, and it is drawn."""
    with open(f"{work}/pair.json", "w") as file:
        json.dump({"current": 180, "pots": {pot: {"cell": {"distance": 0.043, "bath": 6200, "metal": 15000, "superheat": 11}} for pot in POTS}}, file)
    text = tool("potline", "optimize", "--state", f"{work}/pair.json", "--pareto", "--limit", "current=176..184:0", "--image", f"{work}/front.svg")
    points = [line.split() for line in text.splitlines()[1:10]]
    best = [tuple(map(float, point[:3])) for point in points if point[4] == "optimal"]
    front = sorted(set(best))
    if len(front) < 4 or best != sorted(best) or not any(point[4] == "relaxed" for point in points):
        fail(f"the trade-off of a line: {text}")
    for less, more in zip(front, front[1:]):
        if not (less[1] < more[1] and 176 <= less[2] < more[2] <= 184.001):
            fail(f"more metal for less energy, or past the contract: {text}")
    with open(f"{work}/front.svg") as file:
        if "<svg" not in file.read():
            fail("the trade-off has not been drawn")


def main():
    with tempfile.TemporaryDirectory() as work:
        refuse(work)
        check_tradeoff(work)
        registers(work)
        graph_in_lockstep(work, "advise")
        run(work, "advise", "--lockstep", "--for", f"{SECONDS}s")
        if written(work, "advise"):
            fail("mode advise has written")
        for asset in ("line1.pot01", "line1"):
            text = tool("potline", "optimize", asset, "--data", f"{work}/advise", "--replay", "last")
            if "the same numbers as recorded" not in text:
                fail(text)
        text = tool("potline", "optimize", "line1.pot02", "--data", f"{work}/advise", "--explain")
        if "kWh/t" not in text:
            fail(text)
        check_savings(f"{work}/advise")
        graph_by_clock(work, "auto")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        run(work, "auto", "--start", now, "--for", "1h", until=lambda: all_written(work))
        sent = check_loop(work)
        check_audit(f"{work}/auto")
        print(f"{SECONDS} s in lockstep in mode advise: nothing written, a recorded run is the same again; by the clock {sent} set points "
              "within limits and steps")


if __name__ == "__main__":
    main()

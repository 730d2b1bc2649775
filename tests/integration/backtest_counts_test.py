#!/usr/bin/python3
"""What potline alarms backtest counts, on a few rows of which every figure can be told beforehand.

Voltages of two pots of a line in a plant, as shares of the line's (two parts of a name make a line here): a share of more
than 0.7 is an alarm. A PLC that is lost makes alarms too, which no rows can make again."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
S = 10**9
BASE = int(time.time() - 500) * S  # what the PLC tells is in the midst of it
HIGH = [(100, 110), (200, 205), (400, 430), (450, 460)]  # seconds in which pot1 is high, as they become alarms
GRAPH = """
potline: 1
name: counts
key_depth: 2
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", header: false }}
  plc: {{ op: source.modbus, endpoint: "127.0.0.1:{port}", poll: 50ms, timeout: 20s, idle: 10ms, registers: [{{ tag: a.b, address: 0 }}] }}
  raw: {{ op: sink.lake, from: in, zone: silver }}
  share: {{ op: map, from: in, values: [ {{ tag: "*.pot?.share", expr: "voltage / `{{line}}.voltage`" }} ] }}
  watch: {{ op: threshold, from: share, rules: [ {{ name: greedy, tags: "*.share", above: 0.7 }} ] }}
  list:
    op: alarms
    from: [watch, plc.events]
    alarms:
      - {{ match: greedy, priority: high, consequence: heat, action: look, respond: 5m }}
      - {{ match: "modbus.*", priority: low, consequence: blind, action: call, respond: 5m }}
"""


def expect(what, told, expected):
    if told != expected:
        sys.exit(f"{what}: {told}, not {expected}")


def until(work, alarm, count):
    """So many times it became active, as whoever looks at the list is told."""
    end = time.monotonic() + 100
    told = None
    while time.monotonic() < end:
        told = subprocess.run([POTLINE, "shell", "--data", f"{work}/data", "--json", "-c", "alarms history"],
                              capture_output=True, text=True, timeout=100)
        if told.returncode == 0:
            rows = [row for row in map(json.loads, told.stdout.splitlines()) if row["event"] == "alarm.unacknowledged"]
            if sum(row["alarm"].startswith(alarm) for row in rows) >= count:
                return
        time.sleep(0.1)
    sys.exit(f"{alarm} is not told {count} times: {told.stdout} {told.stderr}")


def record(work):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with open(f"{work}/in.csv", "w") as file:
        for t in range(1000):
            high = any(start <= t < end for start, end in HIGH)
            for tag, value in [("", 10), (".pot1", 8 if high else 5), (".pot2", 5)]:
                file.write(f"{BASE + t * S},east.line1{tag}.voltage,{value}\n")
    with open(f"{work}/graph.yaml", "w") as file:
        file.write(GRAPH.format(work=work, port=port))
    plant = subprocess.Popen([f"{POTLINE}-plant", "--quiet", "--listen", f"127.0.0.1:{port}"])
    engine = subprocess.Popen([POTLINE, "run", f"{work}/graph.yaml", "--data", f"{work}/data"], stderr=subprocess.DEVNULL)
    try:
        until(work, "modbus.connected@plc", 1)
        plant.kill()
        until(work, "modbus.disconnected@plc", 1)
        until(work, "greedy@", len(HIGH))
    finally:
        plant.kill()
        plant.wait()
        engine.terminate()
        expect("exit code of the engine", engine.wait(100), 0)


def ask(work, *options, truth=None, code=0):
    if truth is not None:
        with open(f"{work}/truth.csv", "w") as file:
            file.write(truth)
        options += ("--truth", f"{work}/truth.csv")
    done = subprocess.run([POTLINE, "alarms", "backtest", "--rules", f"{work}/graph.yaml", "--data", f"{work}/data",
                           *options], capture_output=True, text=True, timeout=100)
    expect(f"exit code of {options}: {done.stderr}", done.returncode, code)
    return done


def backtest(work, *options, truth=None, code=0):
    done = ask(work, *options, truth=truth, code=code)
    return done.stderr.replace(work + "/", "") if code else done.stdout


def report_of(work, *options, truth=None):
    return json.loads(backtest(work, "--json", *options, truth=truth))


def truth_of(*known):
    return "start,end,tag,rule\n" + "".join(f"{BASE + start * S},{BASE + end * S},{tag},{rule}\n"
                                            for start, end, tag, rule in known)


def check_live(work):
    """What the graph told while it ran comes again; of the PLC, which told too, nothing is said."""
    report = report_of(work)
    expect("alarms", report["rules"], {"greedy": len(HIGH)})
    expect("against what was told", report["live"], {"alarms": len(HIGH), "new": [], "gone": []})
    report = report_of(work, "--set", "watch.rules=[{name: greedy, tags: '*.share', above: 0.9}]")
    expect("gone", [row["alarm"] for row in report["live"]["gone"]], ["greedy@east.line1.pot1.share"] * len(HIGH))


POT = "east.line1.pot1"


def check_truth(work):
    everything = truth_of((95, 110, POT, "greedy"), (200, 210, POT, "greedy"), (300, 310, POT, "greedy"),
                          (380, 395, POT, "greedy"), (2000, 2100, POT, "greedy"))
    found = report_of(work, "--tolerance", "5s", truth=everything)["truth"]
    expect("known", (found["known"], found["outside"]), (4, 1))  # one of them when nothing was recorded
    expect("caught", (found["caught"], found["right"], found["activations"]), (3, 3, 4))
    expect("delay", (round(found["delay_mean_s"], 3), found["delay_max_s"], found["lead_least_s"]), (8.333, 20, -5))
    found = report_of(work, "--to", str(BASE + 250 * S), truth=everything)["truth"]
    expect("known before 250 s", (found["known"], found["outside"], found["recall"], found["precision"]), (2, 3, 1.0, 1.0))
    found = report_of(work, "--from", str(BASE + 205 * S), "--to", str(BASE + 250 * S), truth=everything)["truth"]
    expect("from amid the second", (found["known"], found["outside"], found["caught"]), (1, 4, 0))
    told = backtest(work, "--to", str(BASE + 250 * S), truth=everything)
    if "not judged: 3 known events outside of the time that was run over" not in told:
        sys.exit(f"events that cannot be found are not told: {told}")


def check_wrong_truth(work):
    for truth, says in [
            (truth_of((10, 20, POT, ""), (30, 25, POT, "")), "truth.csv:3: it ends before it starts"),
            (f'start,end,tag\n{BASE},{BASE + 1},"a.b"\n', "truth.csv:2: quotes are not read"),
            (f"start,end,tag\n{BASE},{BASE + 1},{'a' * 5000}\n", "truth.csv:2: a line has at most"),
            (f"start,end,tag\n{BASE},then,{POT}\n", "truth.csv:2: expected a start"),
            ("start;end;tag\n", "truth.csv:1: the first line names the columns"),
            ("", "truth.csv:1: the first line names the columns"),
            (f"start,end,tag\n-9223372036854775807,9223372036854775806,{POT}\n", None)]:
        told = backtest(work, truth=truth, code=2 if says else 0)
        if says and says not in told:
            sys.exit(f"{truth[:80]!r}: {told}, not {says}")


def check_refusals(work):
    script = os.path.join(os.path.dirname(__file__), "../../lua/noise.lua")
    told = backtest(work, "--rules", script, "--set", "rules.budget=1", code=2)
    if "--set is for options of a graph" not in told:
        sys.exit(f"--set with a script: {told}")
    told = backtest(work, "--from", str(BASE + 5000 * S), code=1)
    if "no recorded rows" not in told:
        sys.exit(f"no rows: {told}")


def check_unasked(work):
    """Rules that no row came for are named: a verdict without them is none on them."""
    script = os.path.join(work, "several.lua")
    with open(script, "w") as out:
        out.write('rule { name = "any", tags = "*", when = "value > -1e9", severity = 300, message = "m" }\n'
                  'rule { name = "win", on = "windows", tags = "*", when = "mean > 0", severity = 300, message = "m" }\n'
                  'rule { name = "ev", on = "events", tags = "*", when = "severity > 0", severity = 300, message = "m" }\n')
    told = ask(work, "--rules", script).stderr
    if "rules that were not asked, since no row of theirs came: win (windows), ev (events)" not in told:
        sys.exit(f"rules that nobody asked: {told}")
    expect("in JSON", report_of(work, "--rules", script)["not_asked"],
           [{"rule": "win", "on": "windows"}, {"rule": "ev", "on": "events"}])
    expect("all asked", report_of(work)["not_asked"], [])


def main():
    with tempfile.TemporaryDirectory() as work:
        record(work)
        check_live(work)
        check_truth(work)
        check_wrong_truth(work)
        check_refusals(work)
        check_unasked(work)


if __name__ == "__main__":
    main()

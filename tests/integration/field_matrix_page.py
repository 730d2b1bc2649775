#!/usr/bin/python3
"""The page of all protocols (docs/field-faults.md), of what runs of the matrices have found:

    mkdir FOLDER
    for way in "" _mqtt _sparkplug _opcua; do
        POTLINE_BIN=$PWD/build/release/bin POTLINE_LONG=1 POTLINE_FIELD_MATRIX=FOLDER tests/integration/field_matrix${way}_test.py
    done
    tests/integration/field_matrix_page.py FOLDER >docs/field-faults.md
"""
import json
import os
import sys

FILES = ("plant", "mqtt", "sparkplug", "opcua")
FAULTS = {  # as trials begin, to what a reader calls them
    "peer: refuse": "peer refuses connections",
    "peer: cut": "peer's connections are cut",
    "peer: hang": "peer hangs",
    "peer: slow": "peer is slow",
    "peer: garble": "peer garbles",
    "peer: flood": "peer floods",
    "peer: freeze": "peer freezes",
    "peer: restart": "peer restarts",
    "peer: dies": "peer dies and comes back",
    "broker: restart": "broker restarts",
    "broker: SIGKILL": "broker is killed and comes back",
    "stale lease": "stale lease",
    "old generation": "old generation",
    "lease that": "lease that is not renewed",
    "engine: SIGKILL": "engine killed in a write",
    "process of safe": "guard killed in a write",
    "process of write": "way to the field killed in a write",
    "clock jumps by +": "clock jumps an hour ahead",
    "clock jumps by -": "clock jumps an hour back",
}
ENDS = ("verified", "failed", "refused", "expired", "superseded", "withdrawn", "unmapped", "none")
HEAD = """# Faults between who recommends and the field

Made by `tests/integration/field_matrix_page.py` of the long forms of `tests/integration/field_matrix*_test.py`, whose first lines say
how. The peers are the simulated plant (Modbus TCP), a device on paho behind Mosquitto (MQTT 5; what is garbled on 3.1.1, too), an edge
node of Eclipse Tahu (Sparkplug B), a server of node-opcua (OPC UA). Around each fault five set points are sent before it and fifteen
while it lasts. A cell says how they ended, and what was told besides: an end that is not verified is an event of at least medium
severity. Of a process that was killed some have no such end: they stand in the audit as written, and from the next start on as not
known. Behind each fault set points are verified again, or the test fails.
"""
FOOT = """
**Judged by the peer's own log**, over all trials:

| | {protocols} |
|---|{rule}|
| set points sent | {sent} |
| writes that the peer received | {written} |
| of them beyond the limits | {beyond} |
| of them not in the audit before | {unaudited} |

- `guard.lapsed`: a lease had run out, and the guard went to the baseline, or held.
- Refused, with a lease that holds: what the guard decides by was stale (`fresh`), of an older generation, or expired when it came.
- Over OPC UA the gateway's programs take seconds to begin: what was wished meanwhile is refused or expires.
"""


def fault_of(trial):
    return next(said for begins, said in FAULTS.items() if trial.startswith(begins))


def merged(rows):
    """{fault: ({end: how many}, kinds told)}"""
    found = {}
    for row in rows:
        ends, told = found.setdefault(fault_of(row["fault"]), ({}, set()))
        for end, count in row["ends"].items():
            ends[end] = ends.get(end, 0) + count
        told |= {kind for kind in row["told"] if not kind.endswith(".connected")}
    return found


def cell(found):
    if not found:
        return "-"
    ends, told = found
    said = ", ".join(f"{ends[end]} {'without an end' if end == 'none' else end}" for end in ENDS if ends.get(end))
    return said + "".join(f"; `{kind}`" for kind in sorted(told))


def main(folder):
    runs = []
    for name in FILES:
        with open(os.path.join(folder, f"{name}.json")) as file:
            runs.append(json.load(file))
    found = [merged(run["rows"]) for run in runs]
    sums = {name: " | ".join(f"{sum(row[name] for row in run['rows']):,}" for run in runs) for name in ("sent", "written", "beyond", "unaudited")}
    protocols, rule = " | ".join(run["protocol"] for run in runs), "---|" * (len(runs) - 1) + "---"
    print(HEAD)
    print(f"| fault | {protocols} |\n|---|{rule}|")
    for fault in dict.fromkeys(FAULTS.values()):
        print(f"| {fault} | {' | '.join(cell(ways.get(fault)) for ways in found)} |")
    print(FOOT.format(protocols=protocols, rule=rule, **sums), end="")


if __name__ == "__main__":
    main(sys.argv[1])

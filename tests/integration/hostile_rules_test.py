#!/usr/bin/python3
"""Rules that mean harm run in one path of a graph; the other path gets all its rows. Its latency is printed."""
import os
import socket
import subprocess
import sys
import tempfile
import time

POTLINE = os.path.abspath(os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline"))
ROWS = 40000
HOSTILE = {
    "endless": "while true do end",
    "jumps": "::again:: goto again",
    "tables": "local t = {} while true do t[#t + 1] = {} end",
    "texts": "local s = 'x' while true do s = s .. s end",
    "recursion": "local function f(n) return 1 + f(n) end return f(value) > 0",
    "slow": "for i = 1, 30000 do value = value + i end return false",
}
RULE = "rule {{ name = '{}', each = true, when = function(value) {} end }}\n"
GRAPH = """
potline: 1
name: hostile-rules
log: {{ kind: none }}
nodes:
  in: {{ op: source.generator, tags: "line1.pot{{1..4}}.v", count: {rows}, rate: 10000/s, live: true }}
  judge: {{ op: rules, from: in, scripts: hostile.lua }}
  found: {{ op: sink.csv, from: judge, path: "{folder}/found.csv", header: false, columns: [kind] }}
  out: {{ op: sink.socket, from: in, connect: "127.0.0.1:{port}", header: false, columns: [time_ns] }}
"""


def receive(listener):
    """Seconds from the making of each row to its arrival."""
    connection, _ = listener.accept()
    latencies, rest = [], b""
    while True:
        chunk = connection.recv(1 << 16)
        now = time.time_ns()
        if not chunk:
            return latencies
        *lines, rest = (rest + chunk).split(b"\n")
        latencies += [(now - int(line)) / 1e9 for line in lines]


def main():
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        with open(f"{folder}/hostile.lua", "w", encoding="utf-8") as file:
            file.writelines(RULE.format(name, body) for name, body in HOSTILE.items())
            file.write(RULE.format("good", "return value == value"))
        with open(f"{folder}/graph.yaml", "w", encoding="utf-8") as file:
            file.write(GRAPH.format(rows=ROWS, folder=folder, port=listener.getsockname()[1]))
        engine = subprocess.Popen([POTLINE, "run", "--quiet", "--until-eof", f"{folder}/graph.yaml"],
                                  stderr=subprocess.PIPE, text=True)
        latencies = sorted(receive(listener))
        messages = engine.communicate(timeout=60)[1]
        with open(f"{folder}/found.csv", encoding="utf-8") as file:
            kinds = file.read().split()
        good, disabled = kinds.count("rule.matched"), kinds.count("rule.disabled")
        p99 = latencies[int(len(latencies) * 0.99)] * 1e3 if latencies else float("nan")
        print(f"other path: {len(latencies)} of {ROWS} rows, p99 {p99:.2f} ms; good rule: {good}; "
              f"disabled: {disabled} of {len(HOSTILE)}")
        told = sum(f"rule {name} (" in messages and f"rules enable {name}" in messages for name in HOSTILE)
        if told != len(HOSTILE):
            print(f"{told} of {len(HOSTILE)} rules are told of as disabled:\n{messages}")
            return 1
        sound = engine.returncode == 0 and len(latencies) == ROWS and good == ROWS and disabled == len(HOSTILE)
        if not sound:
            print(f"exit code {engine.returncode}\n{messages}")
        return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())

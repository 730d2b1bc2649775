#!/usr/bin/python3
"""Whoever looks at the console sees that a device cannot be reached, once, and that it is back.

Two sources of one graph, a PLC and a peer of lines, have nobody at the other end at first. Each says so in one line,
whatever the number of its attempts; when the other end is there, each says that too.
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

BIN = os.environ["POTLINE_BIN"]
PATIENCE = 60
GRAPH = """
potline: 1
name: unreachable
log: {{ kind: none }}
nodes:
  plc: {{ op: source.modbus, endpoint: "127.0.0.1:{plc}", poll: 50ms, backoff: 10ms, backoff_max: 50ms, registers: [{{ tag: a, address: 0 }}] }}
  lines: {{ op: source.socket, connect: "127.0.0.1:{lines}", backoff: 10ms, backoff_max: 50ms, header: false }}
  out: {{ op: sink.csv, from: [plc, lines], path: "{work}/out.csv" }}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


def main():
    plc, lines = free_port(), free_port()
    said = []
    with tempfile.TemporaryDirectory() as work:
        with open(f"{work}/graph.yaml", "w", encoding="utf-8") as file:
            file.write(GRAPH.format(plc=plc, lines=lines, work=work))
        engine = subprocess.Popen([f"{BIN}/potline", "run", f"{work}/graph.yaml"], stderr=subprocess.PIPE, text=True)
        reader = threading.Thread(target=lambda: said.extend(engine.stderr), daemon=True)
        reader.start()
        device = None

        def count(*words):
            return sum(all(word in line for word in words) for line in said)

        def until(what, *words):
            end = time.monotonic() + PATIENCE
            while not count(*words):
                if time.monotonic() > end or not reader.is_alive():
                    raise AssertionError(f"{what}; it said:\n{''.join(said)}")
                time.sleep(0.02)

        try:
            until("nothing of the PLC", " warn ", f"127.0.0.1:{plc}", "cannot be reached")
            until("nothing of the peer", " warn ", f"127.0.0.1:{lines}", "trying again")
            time.sleep(2.5)  # tens of attempts, and past the limit of one line a second
            device = subprocess.Popen([f"{BIN}/potline-plant", "--quiet", "--listen", f"127.0.0.1:{plc}"])
            with socket.create_server(("127.0.0.1", lines)) as listener:
                listener.settimeout(PATIENCE)
                peer, _ = listener.accept()
                until("not that the PLC is back", " info ", f"127.0.0.1:{plc}", "answers")
                until("not that the peer is back", " info ", f"127.0.0.1:{lines}", "connected")
                peer.close()
            for port in (plc, lines):
                first = count(" warn ", f"127.0.0.1:{port}")
                assert first <= 2, f"{first} warnings of 127.0.0.1:{port}:\n{''.join(said)}"
            assert count(" warn ", f"127.0.0.1:{plc}") == 1, "".join(said)
        finally:
            if device:
                device.kill()
                device.wait()
            if engine.poll() is None:
                engine.send_signal(signal.SIGTERM)
            engine.wait(PATIENCE)
            reader.join(PATIENCE)
    return 0


if __name__ == "__main__":
    sys.exit(main())

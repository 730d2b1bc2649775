#!/usr/bin/python3
"""Who ends tools/run ends all that it has started, in good order, and gets the engine's exit code."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
PATIENCE = 60
GRAPH = """
potline: 1
name: started
nodes:
  in: { op: source.generator, tags: "line1.pot1.volt", count: 100000000, rate: 10/s }
  out: { op: sink.null, from: in }
"""


def fail(text):
    sys.exit(f"tools_run: {text}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


def serves(port):
    with socket.socket() as peer:
        return peer.connect_ex(("127.0.0.1", port)) == 0


def wait(what, why):
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        if time.monotonic() > end:
            fail(why)
        time.sleep(0.05)
    return found


def start(folder, graph, port):
    return subprocess.Popen([os.path.join(ROOT, "tools", "run"), "--graph", graph, "--data", os.path.join(folder, "data"), "--quiet"],
                            env={**os.environ, "POTLINE_PLANT_PORT": str(port)}, start_new_session=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def ask(folder):
    done = subprocess.run([f"{BIN}/potline", "shell", "--data", os.path.join(folder, "data"), "--json", "-c", "status"],
                          capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode == 0 and done.stdout


def ended(script, port, code):
    try:
        said = script.communicate(timeout=PATIENCE)[1]
    except subprocess.TimeoutExpired:
        fail("it does not end")
    if script.returncode != code:
        fail(f"exit code {script.returncode}, not {code}: {said}")
    if serves(port):
        fail("the plant is left")
    return said


def main():
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="potline-tools-run-") as folder:
        graph = os.path.join(folder, "graph.yaml")
        with open(graph, "w") as file:
            file.write(GRAPH)
        for how in (signal.SIGTERM, signal.SIGINT):
            script = start(folder, graph, port)
            wait(lambda: ask(folder) or (script.poll() is not None and fail(script.communicate()[1])), "there is no engine")
            script.send_signal(how)
            ended(script, port, 0)
            if ask(folder):
                fail(f"{how.name} leaves the engine")
        with open(graph, "w") as file:
            file.write(GRAPH.replace("sink.null", "sink.nul"))
        if "did you mean" not in ended(start(folder, graph, port), port, 2):
            fail("what was wrong is not told")
    print("SIGTERM and SIGINT end the engine and the plant; its exit code is the script's")


main()

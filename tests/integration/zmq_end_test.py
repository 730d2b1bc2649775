#!/usr/bin/python3
"""A file runs through source.csv into sink.zmq and ends: whoever pulls has every row, the last ones too; a publisher waits
for nobody."""
import os
import subprocess
import sys
import tempfile
import threading
import time

import zmq

sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "zmq"))
import batches  # noqa: E402

ROWS, TAGS, PATIENCE_MS = 60000, 7, 60000
GRAPH = """
potline: 1
name: zmq-end
nodes:
  in:  { op: source.csv, path: "${IN}", layout: long, time: time_ns }
  out: { op: sink.zmq, from: in, socket: push, bind: "${OUT}", hwm: 2, linger: 20s, on_full: block }
"""


def run(folder, *more):
    env = {**os.environ, "IN": f"{folder}/in.csv", "OUT": f"ipc://{folder}/out"}
    return subprocess.run([os.environ["POTLINE_BIN"] + "/potline", "run", f"{folder}/graph.yaml", "--until-eof", "--quiet",
                           *more], env=env, check=False, timeout=PATIENCE_MS / 1000).returncode


def pull(socket, rows, problems):
    """Everything in order, and late: the engine has ended before the last one is read."""
    following = 0
    while len(rows) < ROWS:
        if not socket.poll(PATIENCE_MS):
            problems.append(f"nothing came after {len(rows)} rows")
            return
        topic, payload = socket.recv_multipart()
        batch = batches.read_capnp(payload)
        if topic != b"samples/out" or batch["sequence"] != following:
            problems.append(f"samples/out and sequence {following} expected, found {topic} and {batch['sequence']}")
        rows += zip(*batch["columns"].values())
        following = batch["sequence"] + len(batch["columns"]["time"])
        time.sleep(0.03)


def test_every_row_arrives(folder):
    context = zmq.Context()
    socket = context.socket(zmq.PULL)
    socket.connect(f"ipc://{folder}/out")
    rows, problems = [], []
    thread = threading.Thread(target=pull, args=(socket, rows, problems))
    thread.start()
    code = run(folder)
    thread.join()
    context.destroy(linger=0)
    assert code == 0 and not problems, (code, problems)
    assert rows == [(i * 1000, f"line1.t{i % TAGS}", i / 4, 0) for i in range(ROWS)]


def test_publishing_to_nobody_ends(folder):
    assert run(folder, "--set", "out.socket=pub", "--set", "out.on_full=drop") == 0


def main():
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/graph.yaml", "w", encoding="utf-8") as file:
            file.write(GRAPH)
        with open(f"{folder}/in.csv", "w", encoding="utf-8") as file:
            file.write("time_ns,tag,value\n")
            file.writelines(f"{i * 1000},line1.t{i % TAGS},{i / 4}\n" for i in range(ROWS))
        test_every_row_arrives(folder)
        test_publishing_to_nobody_ends(folder)
    print(f"{ROWS} rows arrived, in order")


main()

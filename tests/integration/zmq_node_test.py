#!/usr/bin/python3
"""A Node subscriber (npm zeromq, @msgpack/msgpack) gets what went in, in every encoding."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "zmq")
sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.insert(0, HERE)
import engine as engines  # noqa: E402

ROWS, EVENTS, PATIENCE = 3000, 60, 60


def install():
    """The two packages, in the build folder; exits when there are none to be had."""
    if not shutil.which("npm"):
        print("skipped: there is no npm")
        sys.exit(77)
    folder = os.path.join(os.environ["POTLINE_BUILD"], "npm", "zmq")
    os.makedirs(folder, exist_ok=True)
    for name in ("package.json", "package-lock.json", "subscriber.mjs"):
        shutil.copy(os.path.join(HERE, name), folder)
    wanted = os.path.join(folder, "node_modules", ".package-lock.json")
    lock = os.path.join(folder, "package-lock.json")
    if os.path.exists(wanted) and os.path.getmtime(wanted) > os.path.getmtime(os.path.join(HERE, "package-lock.json")):
        return folder
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, capture_output=True,
                          text=True, check=False)
    if done.returncode:
        print(f"skipped: npm cannot install the packages of {lock}: {done.stderr.strip().splitlines()[-1:]}")
        sys.exit(77)
    return folder


class Subscriber:
    """The Node process; each of its lines is a message that it has read."""

    def __init__(self, folder, engine):
        self.collectors = {name: engines.Collector(name, name == "msgpack") for name in engine.endpoints}
        self.failure = None
        config = json.dumps({"endpoints": engine.endpoints, "serverKey": engine.public})
        self.process = subprocess.Popen(["node", "subscriber.mjs", config], cwd=folder, stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        try:
            for line in self.process.stdout:
                message = json.loads(line)
                batch = message["batch"]
                for name in ("time", "id"):
                    if name in batch["columns"]:
                        batch["columns"][name] = [int(text) for text in batch["columns"][name]]
                if "value" in batch["columns"]: # JavaScript writes 44.0 as 44
                    batch["columns"]["value"] = [None if v is None else float(v) for v in batch["columns"]["value"]]
                batch["sequence"] = int(batch["sequence"])
                self.collectors[message["encoding"]].take(message["topic"], batch)
        except (AssertionError, KeyError, ValueError) as error:
            self.failure = error

    def close(self):
        self.process.kill()
        self.thread.join()


def main():
    folder = install()
    samples, expected = engines.make_samples(ROWS)
    events = engines.make_events(EVENTS)
    with tempfile.TemporaryDirectory() as data:
        engine = engines.Engine(data)
        node = Subscriber(folder, engine)
        try:
            run(engine, node, samples, expected, events)
        finally:
            node.close()
            engine.close()


def run(engine, node, samples, expected, events):
    collectors, sent, deadline = node.collectors.values(), False, time.monotonic() + PATIENCE
    while not all(c.count == ROWS + EVENTS for c in collectors):
        assert not node.failure, repr(node.failure)
        assert time.monotonic() < deadline, {c.name: (c.count, c.seen) for c in collectors}
        assert node.process.poll() is None and engine.process.poll() is None, "a process has ended"
        if not sent and all(c.seen == {"samples", "events"} for c in collectors):
            sent = True
            engines.send_all(engine, samples, events)
        elif not sent:
            engine.probe()
        time.sleep(0.05)
    assert not node.failure, repr(node.failure)
    for collector in collectors:
        collector.check(expected, events)
    assert engine.stop() == 0
    print(f"Node read {ROWS} samples and {EVENTS} events in 3 encodings")


main()

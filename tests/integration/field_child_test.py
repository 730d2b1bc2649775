#!/usr/bin/python3
"""`potline run GRAPH --field FILE`: the field side in a process of its own, which outlives the engine, is found again by the next
one, is started again when it dies, and ends with the engine that ends in good order."""
import os
import re
import shutil
import signal
import subprocess
import tempfile

from field_rig import PATIENCE, POTLINE, Engine, free_port, wait

MAIN = """
potline: 1
name: main
nodes:
  in: {{ op: source.generator, tags: "line1.pot01.voltage", count: 0, rate: 10/s }}
  out: {{ op: sink.null, from: in }}
"""
FIELD = """
potline: 1
name: field
nodes:
  wishes: {{ op: source.zmq, socket: pull, bind: "tcp://127.0.0.1:{port}", kind: setpoints }}
  live: {{ op: source.generator, tags: "line1.pot01.feed_set", count: 0, rate: 10/s }}
  safe: {{ op: guard, from: [wishes, live], limits: [ {{ tags: "*.feed_set", low: 60, high: 140 }} ] }}
  decided: {{ op: sink.ndjson, from: safe.events, path: "{folder}/decided.ndjson" }}
"""


class Main(Engine):
    """The engine, which is started with its field side."""
    def __init__(self, folder):
        self.folder, self.field = folder, f"{folder}/main.field"
        super().__init__(f"{folder}/main.yaml", f"{folder}/main")

    def start(self):
        with open(self.said, "a") as said:
            self.process = subprocess.Popen([POTLINE, "run", self.graph, "--data", self.data, "--quiet", "--field", f"{self.folder}/field.yaml"],
                                            stderr=said)
        wait(lambda: self.alive() and self.shell("version").returncode == 0, self.text)
        wait(self.field_works, self.text)

    def field_works(self):
        return subprocess.run([POTLINE, "shell", "--data", self.field, "-c", "override list"], capture_output=True).returncode == 0

    def told(self, pattern, at_least=1):
        return wait(lambda: (found := re.findall(pattern, self.text())) and len(found) >= at_least and found,
                    lambda: f"{pattern} is not said {at_least} times: {self.text()}")

    def ask_field(self, command):
        done = subprocess.run([POTLINE, "shell", "--data", self.field, "-c", command], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout


def is_there(process):
    return os.path.exists(f"/proc/{process}") and open(f"/proc/{process}/stat").read().split()[2] != "Z"


def main():
    folder = tempfile.mkdtemp(prefix="potline-field-child-")
    for name, text in (("main", MAIN), ("field", FIELD)):
        with open(f"{folder}/{name}.yaml", "w") as file:
            file.write(text.format(folder=folder, port=free_port()))
    engine = Main(folder)
    child = 0
    try:
        child = int(engine.told(r"field side, \S+, is process (\d+)")[-1])
        assert os.getsid(child) == child, "what is sent to our terminal reaches it"

        engine.kill()
        assert is_there(child), "it has died with the engine"
        engine.ask_field("override engage line1.pot01 --reason test")
        engine.start()
        assert int(engine.told(r"at work already, as process (\d+)")[-1]) == child
        assert "line1.pot01" in engine.ask_field("override list")

        # Found, and gone: another one, which knows what holds.
        os.kill(child, signal.SIGKILL)
        second = int(engine.told(r"field side, \S+, is process (\d+)", 2)[-1])
        wait(engine.field_works, engine.text)
        assert "line1.pot01" in engine.ask_field("override list")
        os.kill(second, signal.SIGKILL)
        engine.told("was ended by signal 9")
        child = int(engine.told(r"field side, \S+, is process (\d+)", 3)[-1])
        wait(engine.field_works, engine.text)

        engine.stop()
        assert not is_there(child), "it is at work behind an orderly end"
        print("the field side outlives its engine, is found, started again twice, and ends with it")
    finally:
        if engine.process.poll() is None:
            engine.kill()
        if child and is_there(child):
            os.kill(child, signal.SIGKILL)
    shutil.rmtree(folder)


main()

#!/usr/bin/python3
"""A list of alarms that got another name (`was`) goes on with what people decided, through a SIGKILL: with a log that is
read again, and without one."""
import json
import os
import subprocess
import sys
import tempfile
import time

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
GRAPH = """
potline: 1
name: renamed
log: {{ kind: {log} }}
checkpoint: 1h
nodes:
  in: {{ op: source.generator, tags: "line{{1..2}}.p.v", rate: 100/s }}
  watch: {{ op: threshold, from: in, rules: [ {{ name: hot, tags: "*", above: -1e9 }} ] }}
  {list}: {{ op: alarms, from: watch{was} }}
  out: {{ op: sink.null, from: {list} }}
"""


class Engine:
    def __init__(self, work, log, name, was=""):
        self.data = f"{work}/{log}"
        with open(f"{work}/graph.yaml", "w") as file:
            file.write(GRAPH.format(log=log, list=name, was=was))
        self.process = subprocess.Popen([POTLINE, "run", f"{work}/graph.yaml", "--data", self.data],
                                        stderr=subprocess.DEVNULL)

    def states(self):
        done = self.say("alarms list --state all")
        return sorted((row["alarm"], row["state"], row["user"], row["reason"]) for row in map(json.loads, done.splitlines()))

    def say(self, command, code=0):
        done = subprocess.run([POTLINE, "shell", "--data", self.data, "--json", "-c", command], capture_output=True,
                              text=True, timeout=60)
        return done.stdout if done.returncode == code else ""

    def until(self, states):
        end = time.monotonic() + 60
        while (told := self.states()) != states:
            if time.monotonic() > end:
                sys.exit(f"{told}, not {states}")
            time.sleep(0.1)

    def end(self):
        self.process.kill()
        self.process.wait()


RAISED = [(f"hot@line{i}.p.v", "unacknowledged", "", "") for i in (1, 2)]
DECIDED = [("hot@line1.p.v", "acknowledged", "local", "seen"), ("hot@line2.p.v", "shelved", "local", "known")]


def check(work, log):
    engine = Engine(work, log, "list")
    try:
        engine.until(RAISED)
        if not engine.say("alarms ack hot@line1 --reason seen") or not engine.say("alarms shelve hot@line2 1h known"):
            sys.exit("nothing was decided")
        for _ in range(2):
            engine.end()
            engine = Engine(work, log, "alarm-list", ", was: list")
            engine.until(DECIDED)
    finally:
        engine.end()


def main():
    with tempfile.TemporaryDirectory() as work:
        check(work, "embedded")
        check(work, "none")


if __name__ == "__main__":
    main()

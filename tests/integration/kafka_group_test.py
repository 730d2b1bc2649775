#!/usr/bin/python3
"""Engines of a group on a real Kafka broker: partitions and sources move when one is killed, stopped, held up or added, and
all of them together give the windows that one engine with the embedded log gives, each once."""
import atexit
import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
ROWS, FAULTS = (1_500_000, 60) if os.environ.get("POTLINE_LONG") else (300_000, 6)
GRAPH = """
potline: 1
name: {name}
partitions: 4
checkpoint: 200ms
checkpoint_timeout: 3s
log: {log}
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, {rate}idle: 0s }}
  clean: {{ op: cleanse, from: in, spike: {{ method: hampel, window: 7 }} }}
  win: {{ op: window.tumbling, from: clean, size: 5s }}
  all: {{ op: sink.lake, from: win, zone: gold }}
"""
LAST = 1_700_100_000


def fail(text):
    sys.exit(f"kafka group: {text}")


class Broker:
    def __init__(self):
        self.process = subprocess.Popen(["tools/kafka/broker", "--set", "group.min.session.timeout.ms=1000",
                                         "--set", "group.initial.rebalance.delay.ms=0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if not line:
            code = self.process.wait()
            sys.exit(77) if code == 77 else fail(f"no broker: exit code {code}")
        self.address = line[1]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Engine:
    def __init__(self, folder, number):
        self.folder, self.data, self.process = folder, f"e{number}.data", None
        self.said = open(f"{folder}/e{number}.log", "w")

    def start(self):
        self.process = subprocess.Popen([f"{BIN}/potline", "run", "group.yaml", "--data", self.data, "--quiet"],
                                        cwd=self.folder, stderr=self.said)

    def runs(self):
        return self.process is not None

    def kill(self, number):
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        late = "not everything under way was worked off" in open(self.said.name).read()  # while the group is changing
        if number != signal.SIGKILL and code and not late:
            fail(f"{self.data}: exit code {code}: {open(self.said.name).read()[-2000:]}")
        self.process = None


def gold(folder, data):
    done = subprocess.run([f"{BIN}/potline", "export", "--data", data, "--zone", "gold"], cwd=folder, capture_output=True,
                          text=True)
    if done.returncode:
        return []
    lines = done.stdout.splitlines()[1:]
    return [line for line in lines if str(LAST) not in line]


def write_rows(folder):
    dice = random.Random(7)
    with open(f"{folder}/rows.csv", "w") as file:
        for i in range(ROWS):
            file.write(f"{1_700_000_000 + i // 120 / 5:.1f},line{i % 12 + 1}.pot{i % 120 // 12 + 1}.volt,{dice.gauss(4, .1):.4f}\n")
        for i in range(120):  # what closes the windows in front of it
            file.write(f"{LAST:.1f},line{i % 12 + 1}.pot{i // 12 + 1}.volt,4\n")


def main():
    broker, dice = Broker(), random.Random(3)
    with tempfile.TemporaryDirectory() as folder:
        write_rows(folder)
        for name, log in (("alone", "{ kind: embedded }"),
                          ("group", f'{{ kind: kafka, brokers: "{broker.address}", group: plant, session: 3s }}')):
            with open(f"{folder}/{name}.yaml", "w") as file:
                file.write(GRAPH.format(name=name, log=log, rate="" if name == "alone" else "rate: 12000/s, "))
        done = subprocess.run([f"{BIN}/potline", "run", "alone.yaml", "--data", "alone.data", "--quiet", "--until-eof"],
                              cwd=folder, capture_output=True, text=True)
        if done.returncode:
            fail(done.stderr)
        expected = collections.Counter(gold(folder, "alone.data"))
        engines = [Engine(folder, i) for i in range(3)]
        atexit.register(lambda: [e.process.kill() for e in engines if e.runs()])
        for engine in engines[:2]:
            engine.start()
        time.sleep(4)
        done = collections.Counter()
        for _ in range(FAULTS):
            engine = dice.choice(engines)
            if not engine.runs():
                engine.start()
                done["started"] += 1
            elif sum(e.runs() for e in engines) > 1 and dice.random() < 0.7:
                number = dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
                engine.kill(number)
                done[number.name] += 1
            else:
                engine.process.send_signal(signal.SIGSTOP)
                time.sleep(dice.choice([1, 5]))
                engine.process.send_signal(signal.SIGCONT)
                done["SIGSTOP"] += 1
            time.sleep(dice.uniform(1, 4))
        if not any(e.runs() for e in engines):
            engines[0].start()
        end, found = time.monotonic() + 150 + ROWS / 6000, collections.Counter()
        while time.monotonic() < end:
            time.sleep(2)
            found = collections.Counter(line for e in engines for line in gold(folder, e.data))
            if not expected - found:
                break
        for engine in engines:  # one that was killed takes back what was not decided when it begins again
            if not engine.runs():
                engine.start()
        time.sleep(8)
        for engine in engines:
            engine.kill(signal.SIGTERM)
        found = collections.Counter(line for e in engines for line in gold(folder, e.data))
        if found != expected:
            for e in engines:
                print(e.data, open(e.said.name).read()[-3000:])
            lost, more = expected - found, found - expected
            fail(f"{dict(done)}: of {sum(expected.values())} windows {sum(lost.values())} are lost {sorted(lost)[:3]}, "
                 f"{sum(more.values())} too many {sorted(more)[:3]}")
        print(f"{sum(expected.values())} windows, as alone: through {dict(done)}; "
              f"by engine: {[len(gold(folder, e.data)) for e in engines]}")
    broker.end()


main()

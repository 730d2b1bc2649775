#!/usr/bin/python3
"""The log on a real Kafka broker: the same graph gives what it gives on the embedded log, through SIGKILLs of the engine and
a broker that goes away; and only the engine that was started last may write."""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
ROWS, KILLS = 1_500_000, 6
GRAPH = """
potline: 1
name: {name}
partitions: 3
checkpoint: 300ms
log: {log}
nodes:
  in: {{ op: source.csv, path: rows.csv, header: false, rate: 150000/s }}
  clean: {{ op: cleanse, from: in, spike: {{ method: hampel, window: 7 }} }}
  win: {{ op: window.tumbling, from: clean, size: 10s }}
  out: {{ op: sink.csv, from: win, path: {name}.csv }}
  all: {{ op: sink.lake, from: win, zone: gold }}
"""


def fail(text):
    sys.exit(f"kafka log: {text}")


class Broker:
    def __init__(self):
        self.process = subprocess.Popen(["tools/kafka/broker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if not line:
            code = self.process.wait()
            if code == 77:
                sys.exit(77)
            fail(f"no broker: exit code {code}")
        self.address = line[1]

    def tell(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer != "ok":
            fail(f"{words}: {answer}")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def write_graph(folder, name, log):
    with open(f"{folder}/{name}.yaml", "w") as file:
        file.write(GRAPH.format(name=name, log=log))


def command(name):
    return [f"{BIN}/potline", "run", f"{name}.yaml", "--data", f"{name}.data", "--quiet", "--until-eof"]


def start(folder, name):
    return subprocess.Popen(command(name), cwd=folder, stderr=subprocess.PIPE, text=True)


def end(process, code=0, seconds=240):
    said = process.communicate(timeout=seconds)[1]
    if process.returncode != code:
        fail(f"exit code {process.returncode}, not {code}: {said}")
    return said


def lines(folder, name):
    with open(f"{folder}/{name}.csv") as file:
        return sorted(file)


def gold(folder, name):
    done = subprocess.run([f"{BIN}/potline", "export", "--data", f"{name}.data", "--zone", "gold"], cwd=folder,
                          capture_output=True, text=True)
    if done.returncode:
        fail(f"export: {done.stderr}")
    return sorted(done.stdout.splitlines())


def same(folder, what, name):
    for part, read in (("files", lines), ("gold", gold)):
        expected, found = read(folder, "embedded"), read(folder, name)
        if expected != found:
            lost, more = set(expected) - set(found), set(found) - set(expected)
            fail(f"{what}: {part}: {len(expected)} lines, {len(found)} found; {len(lost)} are lost {sorted(lost)[:2]}, "
                 f"{len(more)} are too many {sorted(more)[:2]}")
    print(f"{what}: {len(lines(folder, name))} windows as with the embedded log")


def killed(folder, broker, dice):
    write_graph(folder, "killed", f'{{ kind: kafka, brokers: "{broker.address}" }}')
    kills = 0
    while True:
        process = start(folder, "killed")
        try:
            process.wait(timeout=dice.uniform(1, 3) if kills < KILLS else 240)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        end(process)
        break
    if kills < KILLS:
        fail(f"its input was at an end after {kills} kills")
    same(folder, f"{kills} kills of the engine", "killed")


def away(folder, broker):
    write_graph(folder, "away", f'{{ kind: kafka, brokers: "{broker.address}", timeout: 2s }}')
    process = start(folder, "away")
    for pause in (1, 3):
        time.sleep(2.5)
        broker.tell("kill", "1")
        time.sleep(pause)
        broker.tell("start", "1")
    said = end(process)
    if "all sources wait until it does" not in said:
        fail(f"nobody says that the brokers were away: {said}")
    same(folder, "a broker that was killed twice", "away")


def fenced(folder, broker):
    write_graph(folder, "fenced", f'{{ kind: kafka, brokers: "{broker.address}" }}')
    first = start(folder, "fenced")
    time.sleep(2)
    other = [*command("fenced")]
    other[other.index("fenced.data")] = "other.data"
    second = subprocess.Popen(other, cwd=folder, stderr=subprocess.PIPE, text=True)
    said = end(first, 1)
    if "another engine has taken this writer's place" not in said:
        fail(f"the first engine does not say why it ends: {said}")
    second.send_signal(signal.SIGTERM)
    end(second)
    print("the first of two engines ends when the second one writes")


def main():
    broker, dice = Broker(), random.Random(4)
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/rows.csv", "w") as file:
            for i in range(ROWS):
                file.write(f"{1_700_000_000 + i // 60 / 5:.1f},line{i % 6 + 1}.pot{i % 60 // 6 + 1}.volt,{dice.gauss(4, 0.1):.4f}\n")
        write_graph(folder, "embedded", "{ kind: embedded }")
        end(start(folder, "embedded"))
        killed(folder, broker, dice)
        away(folder, broker)
        fenced(folder, broker)
    broker.end()


main()

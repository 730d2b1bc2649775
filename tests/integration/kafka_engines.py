"""Engines of a group on a real Kafka broker; for the tests of what they do together."""
import atexit
import collections
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

BIN = os.environ["POTLINE_BIN"]
POTLINE = os.path.join(BIN, "potline")
FIRST, LAST = 1_700_000_000, 1_700_100_000  # seconds: of the rows; of what closes the windows in front of it


def fail(text):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {text}")


def wait(what, seconds, why):
    """Until `what` gives something; it is what comes back."""
    end = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > end:
            fail(why() if callable(why) else why)
        time.sleep(0.05)
    return found


class Broker:
    def __init__(self):
        self.process = subprocess.Popen(["tools/kafka/broker", "--set", "group.min.session.timeout.ms=1000",
                                         "--set", "group.initial.rebalance.delay.ms=0"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if not line:
            code = self.process.wait()
            sys.exit(77) if code == 77 else fail(f"no broker: exit code {code}")
        self.address = line[1]

    def log(self, session="3s", more=""):
        return f'{{ kind: kafka, brokers: "{self.address}", group: plant, session: {session}{more} }}'

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer != "ok":
            fail(f"broker, {command}: {answer}")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Engine:
    """One of those that share FOLDER/GRAPH; it lives and dies as often as one likes."""
    all = []

    def __init__(self, folder, number, graph="group.yaml", **environment):
        self.folder, self.graph, self.data, self.process = folder, graph, f"e{number}.data", None
        self.environment = {**os.environ, **environment}
        self.path = f"{folder}/e{number}.log"
        self.said = open(self.path, "w")
        Engine.all.append(self)

    def start(self, *more, **environment):
        self.process = subprocess.Popen([POTLINE, "run", self.graph, "--data", self.data, "--quiet", *more], cwd=self.folder,
                                        stderr=self.said, env={**self.environment, **environment})

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def send(self, number):
        self.process.send_signal(number)

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        late = "not everything under way was worked off" in self.heard()  # while the group is changing
        if number != signal.SIGKILL and code and not late:
            fail(f"{self.data}: exit code {code}: {self.heard()[-2000:]}")
        self.process = None

    def heard(self):
        with open(self.path) as file:
            return file.read()

    def rows(self, command):
        """What a command of the running engine answers; nothing when it does not."""
        done = subprocess.run([POTLINE, "shell", "--data", self.data, "--json", "-c", command], cwd=self.folder,
                              capture_output=True, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []


class Listener:
    """Takes lines from whoever connects, and notes when they came; whole ones, each once, are in .lines if they are kept."""

    def __init__(self, keep=False):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.times, self.lines, self.keep = self.socket.getsockname()[1], [], set(), keep
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.read, args=(self.socket.accept()[0],), daemon=True).start()

    def read(self, peer):
        rest = ""
        try:
            while (part := peer.recv(1 << 16)):
                self.times.append(time.monotonic())
                if self.keep:
                    *lines, rest = (rest + part.decode()).split("\n")
                    self.lines.update(lines)
        except ConnectionResetError:
            pass

    def silence(self, begin, end):
        times = [begin] + sorted(t for t in self.times if begin < t < end) + [end]
        return max(b - a for a, b in zip(times, times[1:]))


def write(folder, name, text):
    with open(f"{folder}/{name}", "w") as file:
        file.write(text)


def shell(engine, command):
    return subprocess.run([POTLINE, "shell", "--data", engine.data, "--json", "-c", command], cwd=engine.folder,
                          capture_output=True, text=True)


def nodes(engine):
    return {row["node"] for row in engine.rows("nodes")}


def all_run(engines, what, wanted):
    """Until all of them run just these nodes, and say so of each other."""
    wait(lambda: all(nodes(e) == wanted for e in engines), 90,
         lambda: f"{what}: {[(nodes(e), e.heard()[-1500:]) for e in engines]}")
    wait(lambda: all(row["same_graph"] for e in engines for row in e.rows("nodes --cluster") if row["state"] != "stale"), 60,
         lambda: f"{what}: not all know: {engines[0].rows('nodes --cluster')}")


def apply(engine, file, *more, good=True, unless=None):
    """Answers what it is told; engines that are being made anew, or are on probation, are asked again. `unless`: what may be said in
    place of a good answer."""
    def ask():
        done = shell(engine, " ".join(["graph", "apply", file, *more]))
        busy = done.returncode and any(text in done.stderr for text in ("probation", "being started", "is ending", "cannot reach",
                                                                       "no engine", "under way"))
        return None if busy else done
    done = wait(ask, 60, lambda: f"{file}: never taken: {engine.heard()[-1500:]}")
    if (done.returncode == 0) != good and not (unless and unless in done.stderr):
        fail(f"graph apply {file}: {done}: {engine.heard()[-1500:]}")
    return done.stdout + done.stderr


@atexit.register
def end_all():
    for engine in Engine.all:
        if engine.runs():
            engine.send(signal.SIGCONT)
            engine.process.kill()


def rows_of(folder, data, zone):
    """Counter of what is there, but for ids (which have a place in the log in them), in front of the last second."""
    done = subprocess.run([POTLINE, "export", "--data", data, "--zone", zone], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        return collections.Counter()
    lines = csv.reader(done.stdout.splitlines())
    head = next(lines, [])
    left_out = [i for i, name in enumerate(head) if name == "id"]
    times = [i for i, name in enumerate(head) if name in ("time_ns", "end_ns")]
    return collections.Counter(tuple(value for i, value in enumerate(row) if i not in left_out) for row in lines
                               if all(int(row[i]) < LAST * 10**9 for i in times))


def all_rows(engines, zone):
    return sum((rows_of(engine.folder, engine.data, zone) for engine in engines), collections.Counter())


def same(expected, found, what):
    if expected == found:
        return
    lost, more = expected - found, found - expected
    for engine in Engine.all:
        print(engine.data, engine.heard()[-3000:])
    fail(f"{what}: of {sum(expected.values())} rows {sum(lost.values())} are lost {sorted(lost)[:3]}, "
         f"{sum(more.values())} too many {sorted(more)[:3]}")


def write_rows(folder, count, dice):
    """Five rows a second of each of 120 tags."""
    with open(f"{folder}/rows.csv", "w") as file:
        for i in range(count):
            file.write(f"{FIRST + i // 120 / 5:.1f},line{i % 12 + 1}.pot{i % 120 // 12 + 1}.volt,{dice.gauss(4, .1):.4f}\n")
        for i in range(120):
            file.write(f"{LAST:.1f},line{i % 12 + 1}.pot{i // 12 + 1}.volt,4\n")


def run_alone(folder, graph):
    done = subprocess.run([POTLINE, "run", graph, "--data", "alone.data", "--quiet", "--until-eof"], cwd=folder,
                          capture_output=True, text=True)
    if done.returncode:
        fail(done.stderr)

#!/usr/bin/python3
"""Engines of a group under faults drawn from a seed: engines and brokers are killed, held up for longer than their session
and woken, stopped in good order, and cut off from the network, each in a machine (network namespace) of its own.

All engines together must have the windows and the events of rules that one engine with the embedded log gives, each once;
so must the table and the topic that transactional sinks write. Prints how long it takes from the death of an engine, with all
others well, until there is a checkpoint with new rows of every partition again.

    group_test.py [--faults N] [--deaths N] [--engines N] [--brokers N] [--seed N] [--session DURATION] [--rate ROWS/S]
                  [--standby]

With POTLINE_LONG 100 faults, 12 deaths and three brokers; else a few, and one broker.
"""
import argparse
import atexit
import collections
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import netns
import rig

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import postgres_server  # noqa: E402  pylint: disable=wrong-import-position

BASE, TAGS, STEP = 1_700_000_000, 120, 0.2  # seconds between two rows of a tag
PARTITIONS = 6
LANES = PARTITIONS + 1  # of the log: the global section has one, too
CALM = 6  # seconds for which everything is to be there before the engines are ended
GRAPH = """
potline: 1
name: {name}
partitions: {partitions}
checkpoint: 200ms
log: {log}
nodes:
  a: {{ op: source.csv, path: "{work}/a.csv", header: false, {rate}idle: 0s }}
  b: {{ op: source.csv, path: "{work}/b.csv", header: false, {rate}idle: 0s }}
  clean: {{ op: cleanse, from: [a, b], spike: {{ method: hampel, window: 7 }} }}
  win: {{ op: window.tumbling, from: clean, size: 5s }}
  high: {{ op: threshold, from: [a, b], rules: [ {{ name: high, tags: "*", above: 4.2, hysteresis: 0.1 }} ] }}
  gold: {{ op: sink.lake, from: win, zone: gold }}
  notes: {{ op: sink.lake, from: high, zone: gold }}
"""
GATHER = """
  list: {{ op: alarms, from: high, alarms: [ {{ match: "*", priority: low, consequence: none, action: look, respond: 1m }} ] }}
  out: {{ op: sink.kafka, from: win, brokers: "{brokers}", topic: out-{name}, encoding: rows, key: tag }}
"""
TABLE = '  db: {{ op: sink.postgres, from: win, url: "{url}", table: {name}, job: {name}, create: true, time: ns, retry: 500ms }}\n'
COLUMNS = "\"window\", tag, count, mean, min, max, last"


def fail(text):
    sys.exit(f"group under faults: {text}")


class Brokers:
    """tools/kafka/broker, in machines of their own where there is a network."""

    def __init__(self, count, machines):
        command = [os.path.join(rig.ROOT, "tools", "kafka", "broker"), "--brokers", str(count), "--heap", "320m"]
        if machines:
            command += ["--host", ",".join(m.address for m in machines), "--netns", ",".join(m.name for m in machines)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        atexit.register(self.end)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            print(self.process.communicate()[1].strip().splitlines()[0])
            sys.exit(77)
        self.addresses = line.split()[1]

    def do(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer != "ok":
            fail(f"{words}: {answer}")

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait()


class Engine:
    def __init__(self, work, number, machine):
        self.name, self.machine, self.process = f"engine {number}", machine, None
        self.data, self.graph, self.said = f"{work}/e{number}.data", f"{work}/plant.yaml", f"{work}/e{number}.log"
        self.started = False
        atexit.register(self.end)

    def start(self, **env):
        self.started = True
        command = [f"{rig.BIN}/potline", "run", self.graph, "--data", self.data, "--quiet"]
        with open(self.said, "a", encoding="utf-8") as said:
            self.process = subprocess.Popen(self.machine.inside(command) if self.machine else command, stderr=said,
                                            stdout=said, env=rig.environment(**env))

    def runs(self):
        """One that has ended by itself has failed."""
        if self.process and self.process.poll() is not None:
            fail(f"{self.name} has ended with exit code {self.process.returncode}: {self.tail()}")
        return self.process is not None

    def tail(self):
        with open(self.said, encoding="utf-8") as file:
            return file.read()[-3000:]

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, number, meanwhile=lambda: None):
        self.signal(number)
        end = time.monotonic() + rig.PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            meanwhile()
            time.sleep(0.02)
        code = self.process.wait(timeout=0)
        late = "not everything under way was worked off" in self.tail()  # the group changes, or brokers are away
        if number != signal.SIGKILL and code and not late:
            fail(f"{self.name}: exit code {code}: {self.tail()}")
        self.process = None

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def topic(brokers, name, last):
    """The values of all messages that are committed, but for what the end of all gives."""
    end = time.strftime('"start":"%Y-%m-%dT%H:%M:%SZ"', time.gmtime(last))
    done = subprocess.run(["kcat", "-b", brokers.addresses, "-q", "-C", "-t", name, "-o", "beginning", "-e", "-X",
                           "isolation.level=read_committed", "-f", "%s\\n"], capture_output=True, text=True, check=False)
    return collections.Counter(line for line in done.stdout.splitlines() if end not in line)


def table(server, name, last):
    rows = server.ask(f"SELECT * FROM {name} ORDER BY 1, 2") or []
    return collections.Counter(row for row in rows if f"\t{int(last)}000000000\t" not in row)


class Watch(threading.Thread):
    """When which partition had a checkpoint, which there is when rows of it have been worked off: its place is a key."""

    def __init__(self, brokers, name):
        super().__init__(daemon=True)
        self.lock, self.last = threading.Lock(), {}
        self.kcat = subprocess.Popen(["kcat", "-b", brokers, "-q", "-u", "-C", "-t", name, "-o", "beginning", "-X",
                                      "isolation.level=read_committed", "-f", "%p %k\\n"], stdout=subprocess.PIPE)
        atexit.register(self.kcat.kill)
        self.start()

    def run(self):
        for line in self.kcat.stdout:
            partition, _, key = line.rstrip(b"\n").partition(b" ")
            if key == b"\0epoch":
                with self.lock:
                    self.last[partition] = time.monotonic()

    def all_since(self, instant):
        """Whether there was one of each behind that."""
        with self.lock:
            return len(self.last) == LANES and min(self.last.values()) > instant


class Faults:
    def __init__(self, options, engines, brokers, machines):
        self.options, self.engines, self.brokers, self.machines = options, engines, brokers, machines
        self.watch = None  # once there is something to be seen
        self.rows_until = time.monotonic() + options.seconds  # at the earliest
        self.dice, self.done = random.Random(options.seed), collections.Counter()
        self.undo = []  # what is to be mended, and when
        self.takeovers = []
        self.broken_broker = False

    def session(self):
        return float(self.options.session.rstrip("s"))

    def later(self, seconds, what, *arguments):
        self.undo.append((time.monotonic() + seconds, what, arguments))

    def look(self):
        """Mends what is due."""
        now = time.monotonic()
        for entry in [e for e in self.undo if e[0] <= now]:
            self.undo.remove(entry)
            entry[1](*entry[2])

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            for engine in self.engines:
                engine.runs()
            time.sleep(0.05)

    def mend(self):
        while self.undo:
            self.wait(0.1)

    def kill_engine(self, engine):
        engine.stop(signal.SIGKILL)
        self.later(self.dice.choice([0, 2, self.session() + 4]), engine.start)

    def stop_engine(self, engine):
        engine.stop(signal.SIGTERM, self.look)
        self.later(self.dice.choice([0, 3]), engine.start)

    def freeze_engine(self, engine):
        engine.signal(signal.SIGSTOP)
        self.later(self.dice.choice([0.5, self.session() + 1, self.session() + 5]), engine.signal, signal.SIGCONT)

    def cut_engine(self, engine):
        engine.machine.pull()
        self.later(self.dice.choice([1, self.session() + 2, self.session() + 6]), engine.machine.plug)

    def mend_broker(self, how, *arguments):
        how(*arguments)
        self.broken_broker = False

    def break_broker(self, name):
        number = self.dice.randrange(self.options.brokers) + 1
        self.broken_broker = True
        if name == "cut broker":
            self.machines[number - 1].pull()
            self.later(self.dice.uniform(1, 8), self.mend_broker, self.machines[number - 1].plug)
        else:
            back = "start" if name == "kill broker" else "thaw"
            self.brokers.do(name.split()[0], number)
            self.later(self.dice.uniform(1, 8), self.mend_broker, self.brokers.do, back, number)

    def one(self):
        kinds = ["kill engine"] * 5 + ["freeze engine"] * 3 + ["stop engine"] + ["kill broker"] * 2 + ["freeze broker"]
        if self.machines:
            kinds += ["cut engine"] * 3 + ["cut broker"]
        name = self.dice.choice(kinds)
        if name.endswith("broker"):
            if self.broken_broker:
                return False
            self.break_broker(name)
        else:
            busy = [argument for e in self.undo for argument in (getattr(e[1], "__self__", None),) if argument]
            whole = [e for e in self.engines if e.runs() and e not in busy and e.machine not in busy]
            if len(whole) < 2:
                return False
            getattr(self, name.replace(" ", "_"))(self.dice.choice(whole))
        self.done[name] += 1
        return True

    def go(self):
        while sum(self.done.values()) < self.options.faults:
            if self.one():
                print(f"{sum(self.done.values())}: {dict(self.done)}", file=sys.stderr, flush=True)
            self.wait(self.dice.uniform(0.5, 4))
            if self.dice.random() < 0.4:  # a while of peace
                self.mend()
                self.wait(2)
        self.mend()


    def all_work(self, instant):
        """Waits for a checkpoint of each partition behind that, as long as rows come: false when there is none."""
        while not self.watch.all_since(instant) and time.monotonic() < self.rows_until:
            self.wait(0.05)
        return self.watch.all_since(instant)

    def die_in_peace(self):
        for i in range(self.options.deaths):
            engine = self.engines[i % len(self.engines)]
            if not self.all_work(time.monotonic() + 1):
                return
            engine.stop(signal.SIGKILL)
            death = time.monotonic()
            if self.all_work(death + 1):  # what is heard before may be from before; no session is as short as that
                self.takeovers.append(time.monotonic() - death)
            engine.start()


def write_rows(work, seconds, rate):
    """Two files, for `seconds` at `rate` rows a second both together."""
    dice = random.Random(5)
    steps = int(seconds * rate / TAGS)
    end = (steps + 5000) // 25 * 25  # on a bound of windows
    for name, first in (("a", 0), ("b", TAGS // 2)):
        with open(f"{work}/{name}.csv", "w", encoding="utf-8") as file:
            for step in [*range(steps), end]:  # the last ones close the windows in front of them
                for tag in range(first, first + TAGS // 2):
                    value = dice.gauss(4, 0.1) if step < steps else 4
                    file.write(f"{BASE + step * STEP:.1f},line{tag % 12 + 1}.pot{tag // 12 + 1}.volt,{value:.4f}\n")
    return steps * TAGS, BASE + end * STEP


def gold(data, last):
    """Windows and events of a folder, but for what the end of all gives: as text without the order of their making."""
    code, text, said = rig.run("export", "--data", data, "--zone", "gold", "--kind", "windows")
    if code and "not a data folder" not in said:  # one that has had nothing to do yet has none
        fail(f"export of {data}: {said}")
    return collections.Counter(line for line in text.splitlines()[1:] if str(int(last)) not in line)


def events(data, last):
    code, text, said = rig.run("export", "--data", data, "--zone", "gold", "--kind", "events", "--format", "ndjson")
    if code and "not a data folder" not in said:  # one that has had nothing to do yet has none
        fail(f"export of {data}: {said}")
    end = time.strftime('"time":"%Y-%m-%dT%H:%M:%SZ"', time.gmtime(last))
    return collections.Counter(line for line in text.splitlines() if end not in line)


def differences(what, expected, found):
    lost, more = expected - found, found - expected
    if not lost and not more:
        return ""
    return (f"{what}: of {sum(expected.values())} {sum(lost.values())} are lost {sorted(lost)[:3]}, "
            f"{sum(more.values())} too many {sorted(more)[:3]}\n")


def gathers(work):
    """Whether what gathers all partitions may be in the graph of a group."""
    code, _, said = rig.run("run", f"{work}/plant.yaml", "--data", f"{work}/probe.data", "--quiet", "--for", "3s")
    if code and "gathers all partitions" not in said:
        fail(said)
    return not code


def write_graphs(work, options, brokers, url, all_of_it):
    group = f'{{ kind: kafka, brokers: "{brokers}", group: plant, session: {options.session}, timeout: 5s, standby: {str(options.standby).lower()} }}'
    for name, log, rate in (("alone", "{ kind: embedded }", ""), ("plant", group, f"rate: {options.rate // 2}/s, ")):
        with open(f"{work}/{name}.yaml", "w", encoding="utf-8") as file:
            text = GRAPH + (GATHER if all_of_it else "") + (TABLE if url and all_of_it else "")
            file.write(text.format(name=name, log=log, rate=rate, work=work, brokers=brokers, url=url,
                                   partitions=PARTITIONS))


def found_by(engines, brokers, server, last):
    """What all engines together have, by kind of output."""
    found = {"windows": sum((gold(e.data, last) for e in engines), collections.Counter()),
             "events": sum((events(e.data, last) for e in engines), collections.Counter())}
    found["topic"] = topic(brokers, "out-plant", last)
    if server:
        found["table"] = table(server, "plant", last)
    return found


def expected_of(work, brokers, server, last):
    code, _, said = rig.run("run", f"{work}/alone.yaml", "--data", f"{work}/alone.data", "--quiet", "--until-eof")
    if code:
        fail(f"undisturbed: {said}")
    expected = {"windows": gold(f"{work}/alone.data", last), "events": events(f"{work}/alone.data", last)}
    expected["topic"] = topic(brokers, "out-alone", last)
    if server:
        expected["table"] = table(server, "alone", last)
    return expected


def run(work, options, machines, server):
    broker_machines, engine_machines = machines[:options.brokers], machines[options.brokers:]
    brokers = Brokers(options.brokers, broker_machines)
    for name in ("alone", "plant"):
        brokers.do("topic", f"out-{name}", 3)
    rows, last = write_rows(work, options.seconds, options.rate)
    url = server and f"postgresql://potline@/postgres?host={server.folder}&port={server.port}"
    write_graphs(work, options, brokers.addresses, url, True)
    all_of_it = gathers(work)
    if not all_of_it:
        print("without sinks and alarms, which gather all partitions")
        write_graphs(work, options, brokers.addresses, url, False)
        server = None
    expected = expected_of(work, brokers, server, last)
    engines = [Engine(work, i + 1, engine_machines[i] if engine_machines else None) for i in range(options.engines)]
    for engine in engines:
        engine.start()
    faults = Faults(options, engines, brokers, broker_machines)
    faults.wait(6)
    faults.watch = Watch(brokers.addresses, "plant.changelog")
    faults.die_in_peace()
    faults.go()
    end, whole = time.monotonic() + options.seconds + 300, 0
    while time.monotonic() < end and whole < CALM:  # what is there may belong to no checkpoint yet
        faults.wait(2)
        found = found_by(engines, brokers, server, last)
        whole = 0 if any(expected[what] - found[what] for what in expected) else whole + 2
    for engine in engines:
        engine.stop(signal.SIGTERM)
    found = found_by(engines, brokers, server, last)
    wrong = "".join(differences(what, expected[what], found[what]) for what in expected)
    if wrong:
        for engine in engines:
            print(engine.name, engine.tail(), file=sys.stderr)
        fail(f"{dict(faults.done)}\n{wrong}")
    times = sorted(faults.takeovers)
    said = f"{times[len(times) // 2]:.1f} s in the middle, {times[-1]:.1f} s at most, of {len(times)}" if times else "none"
    print(f"{rows} rows, " + ", ".join(f"{sum(e.values())} {what}" for what, e in expected.items()) +
          f", as alone: through {sum(faults.done.values())} faults {json.dumps(faults.done)}; by engine: "
          f"{[sum(gold(e.data, last).values()) for e in engines]}; session {options.session}, taken over after: {said}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--faults", type=int, default=100 if rig.LONG else 4)
    parser.add_argument("--deaths", type=int, default=12 if rig.LONG else 1)
    parser.add_argument("--engines", type=int, default=3)
    parser.add_argument("--brokers", type=int, default=3 if rig.LONG else 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--session", default="3s")
    parser.add_argument("--rate", type=int, default=4800)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--standby", action="store_true", default=not rig.LONG)
    parser.add_argument("--no-network", action="store_true")
    options = parser.parse_args()
    options.seconds = options.seconds or options.faults * 4 + options.deaths * 8
    why = "not asked for" if options.no_network else netns.why_not()
    if why:
        print(f"without cuts of the network: {why}")
    network = None if why else netns.Network()
    machines = [network.add() for _ in range(options.brokers + options.engines)] if network else []
    with rig.folder() as work:
        try:
            server = postgres_server.Server()
        except SystemExit:
            print("without sink.postgres")
            server = None
        if server:
            with server:
                run(work, options, machines, server)
        else:
            run(work, options, machines, None)


if __name__ == "__main__":
    main()

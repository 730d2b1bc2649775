#!/usr/bin/python3
"""Operators, sinks and sources that are programs: whatever becomes of those, the result is the right one.

The moving correlation in Python is held against the same sum worked out here; then its processes are killed and stopped at
random, and what comes out is the same byte for byte. A source in Node is killed, and no row is lost or comes twice.
deeds.py sends garbage of every type, dies, hangs, and uses too much: that is refused and counted, and nothing is lost; what
it does at the same rows three times costs these rows, which go into the zone dead, and the stream goes on.

    external_test.py [--rows N] [--kills N] [--seed N] [--only PART] [--keep]
"""
import argparse
import concurrent.futures
import contextlib
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CLIENTS = os.path.join(ROOT, "tools", "clients")
DEEDS = os.path.join(HERE, "external")
sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "fault"), os.path.join(CLIENTS, "python"), DEEDS]
os.environ["CLIENT"] = os.path.join(CLIENTS, "python")
import correlation  # noqa: E402
import deeds  # noqa: E402
import rig  # noqa: E402

START, STEP = 1750000000000000000, 300000  # of the rows that bench_gen makes
WINDOW, HOLD, ENOUGH = 12, 2, 30
FIRST, SECOND, TIE = "line1.pot01.voltage", "line1.pot01.current", "line1.pot01.tie"
PYTHON = "/usr/bin/python3"

HEAD = """
potline: 1
name: external
checkpoint: 100ms
log: {{ kind: {log} }}
nodes:
"""
INPUT = '  in: {{ op: source.csv, path: "{work}/in.csv", header: false, batch: 256, rate: "{rate}/s" }}\n'
CORRELATION = INPUT + """
  tie: {{ op: external, from: in, command: [{python}, "{clients}/python/correlation.py"], hang: 1s,
          env: {env},
          options: {{ first: {first}, second: {second}, window: {window}, hold: {hold}, output: {tie} }} }}
  out: {{ op: sink.csv, from: tie, path: "{out}/tie.csv", header: false }}
  gold: {{ op: sink.lake, zone: silver, from: tie }}
"""
WRONG = INPUT + """
  odd: {{ op: external, from: in, command: [{python}, "{deeds}/deeds.py"], hang: {hang}, directory: "{out}",
          env: {env}, limits: {{ memory: 512MiB, cpu: {cpu}, files: 100 }},
          options: {{ deeds: "{what}", every: {every}, start: {start}, times: {times}, marks: "{out}" }} }}
  out: {{ op: sink.csv, from: odd, path: "{out}/odd.csv", header: false }}
"""
WAVE = """
  wave: {{ op: source.external, command: [node, "{node}/source.mjs"],
           options: {{ tag: line1.pot01.wave, count: {count}, batch: 50, step: 100ms }}, rate: "{rate}/s" }}
  out: {{ op: sink.csv, from: wave, path: "{out}/wave.csv", header: false }}
"""
RELAY = INPUT + """
  odd: {{ op: external, from: in, command: [{python}, "{deeds}/relay.py"], env: {env},
          format: capnp }}
  out: {{ op: sink.csv, from: odd, path: "{out}/odd.csv", header: false }}
"""
HOARD = INPUT + """
  odd: {{ op: external, from: in, command: [{python}, "{deeds}/hoarder.py"], env: {env},
          limits: {{ state: 1MiB }}, options: {{ tidy: {tidy} }} }}
  out: {{ op: sink.csv, from: odd, path: "{out}/odd.csv", header: false }}
"""
WRITER = INPUT + """
  put: {{ op: sink.external, from: in, command: [{python}, "{deeds}/writer.py"], env: {env},
          options: {{ path: "{out}/written.csv" }} }}
"""
NUMBERS = """
  numbers: {{ op: source.external, command: [{python}, "{deeds}/numbers.py"], env: {env},
              options: {{ count: 500, junk: 200, hang: 300, mark: "{out}/mark" }}, hang: 1s }}
  out: {{ op: sink.csv, from: numbers, path: "{out}/numbers.csv", header: false }}
"""
FIELD = """
  plc: {{ op: source.generator, tags: "line1.pot01.level", rate: 10/s }}
  safe: {{ op: guard, from: plc, mode: auto, limits: [ {{ tags: "*.set", low: 0, high: 9 }} ] }}
  write: {{ op: setpoint.external, from: safe, command: [{python}, "{deeds}/way.py"], env: {env}, options: {{ marks: "{out}" }} }}
  told: {{ op: sink.ndjson, from: write, path: "{out}/told.ndjson" }}
"""
COUNTER = INPUT + """
  count: {{ op: external, from: in, command: [node, "{deeds}/counter.mjs"], env: {{ CLIENT: "{node}/potline.mjs" }} }}
  out: {{ op: sink.csv, from: count, path: "{out}/count.csv", header: false }}
"""


class Job(rig.Job):
    def __init__(self, work, name, graph, log="embedded", **values):
        self.out = os.path.join(work, name)
        self.data = os.path.join(self.out, "data")
        self.graph = os.path.join(self.out, "graph.yaml")
        os.makedirs(self.out)
        env = f'{{ CLIENT: "{CLIENTS}/python", PYTHONDONTWRITEBYTECODE: 1 }}'
        values = {"env": env, "rate": 100000000, "hang": "5m", "cpu": "0s", "times": 1, "start": START, **values}
        with open(self.graph, "w") as file:
            file.write((HEAD + graph).format(work=work, out=self.out, clients=CLIENTS, deeds=DEEDS, first=FIRST, log=log,
                                             second=SECOND, window=WINDOW, hold=HOLD, tie=TIE, python=PYTHON, **values))


def programs(engine):
    """The processes that this engine has started and that have become programs."""
    found = subprocess.run(["pgrep", "-P", str(engine), "-f", "[a-z]+[.](py|mjs)$"], capture_output=True,
                           text=True)
    return [int(line) for line in found.stdout.split()]


def finish(process):
    try:
        said = process.communicate(timeout=rig.PATIENCE)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        rig.fail("hangs")
    if process.returncode:
        rig.fail(f"exit code {process.returncode}: {said}")
    return said


def expect(said, *texts):
    for text in texts:
        if text not in said:
            rig.fail(f"nobody said {text!r}: {said}")


# ---- The moving correlation ----

def work_out(path):
    """The lines that are to come, in the words of the operator's own documentation."""
    lines, pairs, last = [], [], None
    with open(path) as file:
        for time_ns, tag, value in csv.reader(file):
            if value == "" or value.lower() == "nan":
                continue
            if tag == FIRST:
                last = (int(time_ns), float(value))
            elif tag == SECOND and last and int(time_ns) - last[0] <= HOLD * 10**9:
                pairs = (pairs + [(last[1], float(value))])[-WINDOW:]
                result = correlation.correlate(pairs) if len(pairs) == WINDOW else None
                if result is not None:
                    lines.append((int(time_ns), TIE, result))
    return lines


def calm_correlation(work):
    calm = Job(work, "calm", CORRELATION)
    calm.finish()
    found = [(int(line[0]), line[1], float(line[2])) for line in csv.reader(calm.lines("tie.csv"))]
    expected = work_out(os.path.join(work, "in.csv"))
    if len(expected) < ENOUGH:
        rig.fail(f"only {len(expected)} correlations are to be expected: the input is too short")
    rig.compare_lines("tie.csv", expected, found)
    print(f"{len(found)} correlations are those worked out here", flush=True)
    return calm


def disturbed_correlation(work, options, calm):
    dice, count, jobs, signals = random.Random(options.seed), 0, 0, {signal.SIGKILL: 0, signal.SIGSTOP: 0}
    while count < options.kills:
        jobs += 1
        job = Job(work, f"wild{jobs}", CORRELATION, rate=options.rate)
        process = job.start()
        while process.poll() is None and count < options.kills:
            time.sleep(dice.uniform(0.05, 0.7))
            victims = programs(process.pid)
            if victims:
                which = signal.SIGSTOP if count % 4 == 3 else signal.SIGKILL
                os.kill(dice.choice(victims), which)
                signals[which] += 1
                count += 1
        said = finish(process)
        expect(said, "its process")
        rig.compare_lines("tie.csv", calm.lines("tie.csv"), job.lines("tie.csv"))
        for zone in ("bronze", "silver"):
            rig.compare_lines(zone, calm.rows(zone), job.rows(zone))
    print(f"killed {signals[signal.SIGKILL]} times and stopped {signals[signal.SIGSTOP]} times in {jobs} jobs: "
          "file, bronze and silver are the same", flush=True)


def dead_engine(work, options, calm):
    """The engine itself is killed: its programs end with it, and the next run goes on."""
    job = Job(work, "killed-engine", CORRELATION, rate=options.rate)
    process = job.start()
    while not (left := programs(process.pid)) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.4)
    process.kill()
    process.communicate()
    rig.expect_no_orphans(left)
    job.finish()
    rig.compare_lines("tie.csv", calm.lines("tie.csv"), job.lines("tie.csv"))
    print(f"a dead engine leaves none of its {len(left)} programs behind, and the next one goes on", flush=True)


# ---- Deeds ----

def passed_on(path):
    with open(path) as file:
        return [(int(row[0]), row[1]) for row in csv.reader(file)]


def out_of(job, rows):
    """What came out; the program has counted as many `rows` at its end."""
    lines = list(csv.reader(job.lines("odd.csv")))
    if lines[-1][1] != "counted" or float(lines[-1][2]) != rows:
        rig.fail(f"{rows} rows are to be counted: {lines[-1]}")
    return [(int(line[0]), line[1]) for line in lines[:-1]]


def deaths(job):
    """Why its programs died, as the audit has it."""
    code, out, said = rig.run("audit", "query", "--data", job.data, "--action", "process died", "--json")
    if code:
        rig.fail(f"audit query: {said}")
    return [record["reason"] for record in json.loads(out)]


def deed_job(work, name, what, rows, **values):
    return Job(work, name, WRONG, what=" ".join(what), every=rows * STEP // (len(what) + 1), **values)


def nonsense(work, options):
    """Every message that makes no sense, once each, in jobs of a few."""
    names, together = [*deeds.NONSENSE, "parts"], 9
    for start in range(0, len(names), together):
        some = names[start:start + together]
        job = deed_job(work, f"nonsense{start}", some, options.rows, rate=options.rate)
        said = job.finish()
        done = [name for name in os.listdir(job.out) if name.partition("-")[2] in some]
        if len(done) != len(some):
            rig.fail(f"only {done} of {some} were done: {said}")
        rig.compare_lines("odd.csv", passed_on(os.path.join(work, "in.csv")), out_of(job, options.rows))
        whys = deaths(job)
        refused = [why for why in whys if "it talks nonsense" in why]
        letters = rig.export(job.data, "dead")[1].splitlines()
        if len(refused) != len(some) or len(whys) != len(some) or len(letters) > 1:
            rig.fail(f"{some}: {len(refused)} were refused, {len(letters)} lines of letters: {whys}")
    job = deed_job(work, "too-large", ["too-large"], options.rows, hang="2s", rate=options.rate)
    job.finish()
    rig.compare_lines("odd.csv", passed_on(os.path.join(work, "in.csv")), out_of(job, options.rows))
    if not any("it hangs" in why for why in deaths(job)):  # ZeroMQ ends the connection: nothing is heard any more
        rig.fail(f"nobody said that it was silent: {deaths(job)}")
    print(f"{len(names) + 1} messages that make no sense: refused, and no row is lost", flush=True)


def shell(job, *words):
    code, out, said = rig.run("shell", "--data", job.data, "--json", "-c", " ".join(words))
    return [json.loads(line) for line in out.splitlines()] if code == 0 else []


def counted(work, options):
    job = Job(work, "counted", WRONG, what="rows-of-junk exit", every=600 * STEP, rate=options.rows // 60)
    process, last = job.start(until_eof=False), {}
    end = time.monotonic() + rig.PATIENCE
    while time.monotonic() < end:
        last = {row["node"]: row for row in shell(job, "nodes")}.get("odd", {})
        if last.get("process_deaths", 0) >= 2 and last["rows_in"] and last["model"]:  # the third one has come, too
            break
        if process.poll() is not None:
            rig.fail(f"it has ended: {process.communicate()}")
        time.sleep(0.1)
    process.terminate()
    finish(process)
    if (last.get("process_deaths"), last.get("process_nonsense"), last.get("process_skipped")) != (2, 1, 0):
        rig.fail(f"two deaths, one for nonsense: {last}")
    if last["model"] != "deeds 1":
        rig.fail(f"it has said which model it is: {last}")
    print("deaths and nonsense are counted", flush=True)


def deadly(work, options):
    """What it dies at three times is left out, once, and all else is there; so with each way to die."""
    ways = {"crash": "RuntimeError: these rows are too much for it", "rows-of-junk": "it talks nonsense (rows",
            "memory": "MemoryError", "files": "Too many open files"}
    if rig.LONG:
        ways |= {"killed": "ended by signal 9", "hang": "it hangs", "cpu": "ended by signal"}
    job = deed_job(work, "deadly", list(ways), options.rows, times=3, cpu="3s" if rig.LONG else "0s", rate=options.rate,
                   hang="2s" if rig.LONG else "5m")
    job.finish()
    for why in ways.values():
        if sum(why in said for said in deaths(job)) < 3:
            rig.fail(f"three deaths are to be of {why!r}: {deaths(job)}")
    everything = passed_on(os.path.join(work, "in.csv"))
    batches, at = [everything[i:i + 256] for i in range(0, len(everything), 256)], []
    for i in range(len(ways)):
        row = START + (i + 1) * (options.rows * STEP // (len(ways) + 1))
        at += [k for k, batch in enumerate(batches) if batch[0][0] <= row <= batch[-1][0]]
    kept = [row for k, batch in enumerate(batches) if k not in at for row in batch]
    rig.compare_lines("odd.csv", kept, out_of(job, len(kept)))
    code, letters, _ = rig.export(job.data, "dead")
    if code or letters.count("three times") != len(ways):
        rig.fail(f"{len(ways)} letters are to be there: {letters}")
    print(f"{len(ways)} records that it always dies at ({', '.join(ways)}): left out, a letter each", flush=True)


def environment(work, options):
    job = deed_job(work, "environment", ["none"], 10**9)
    said = job.finish(SECRET="s3")
    line = next(line for line in said.splitlines() if "environment:" in line)
    names = set(line.partition("environment: ")[2].split())
    allowed = {"CLIENT", "PYTHONDONTWRITEBYTECODE", "PATH", "HOME", "LANG", "TZ", "TMPDIR", "LC_CTYPE"}
    own = {"POTLINE_IN", "POTLINE_OUT", "POTLINE_NODE"}
    if not own <= names or names - own - allowed:
        rig.fail(f"an environment of {names}")
    print("the environment is a clean one", flush=True)


def without_a_log(work, options):
    job = deed_job(work, "unlogged", ["crash", "exit"], options.rows, log="none", rate=options.rate)
    said = job.finish()
    expect(said, "another begins afresh" if "another begins afresh" in said else "are lost", "RuntimeError")
    print("without a log it begins afresh", flush=True)


def relayed(work, options):
    job = Job(work, "relayed", RELAY)
    job.finish()
    rig.compare_lines("odd.csv", passed_on(os.path.join(work, "in.csv")),
                      [(int(line[0]), line[1]) for line in csv.reader(job.lines("odd.csv"))])
    print("in Cap'n Proto rows come back as they went", flush=True)


def hoarded(work, options):
    """A limit of what it keeps holds, of what is there and not of what was."""
    tidy = Job(work, "tidy", HOARD, tidy="true", rate=options.rate)
    tidy.finish()
    process = Job(work, "untidy", HOARD, tidy="false", rate=options.rate).start()
    end = time.monotonic() + rig.PATIENCE
    for line in process.stderr:
        if "its state is more than limits.state allows" in line:
            break
        if time.monotonic() > end:
            rig.fail("nothing holds what it keeps")
    else:
        rig.fail("nothing has held what it keeps")
    process.kill()
    process.communicate()
    print("what a program keeps has a limit", flush=True)


def kill_some(process, dice, most, which=signal.SIGKILL):
    kills = 0
    while process.poll() is None:
        time.sleep(dice.uniform(0.3, 0.9))
        victims = programs(process.pid)
        if victims and kills < most:
            with contextlib.suppress(ProcessLookupError):  # the run has ended meanwhile
                os.kill(victims[0], which)
                kills += 1
    return kills


def written(work, options):
    job = Job(work, "written", WRITER, rate=options.rate)
    process = job.start()
    kills = kill_some(process, random.Random(options.seed), 3)
    finish(process)
    with open(os.path.join(work, "in.csv")) as file:
        expected = [(int(time_ns), tag, float(value or "nan")) for time_ns, tag, value in csv.reader(file)]
    found = [(int(line[0]), line[1], float(line[2])) for line in csv.reader(job.lines("written.csv"))]
    rig.compare_lines("written.csv", [str(row) for row in expected], [str(row) for row in found])
    print(f"a sink, killed {kills} times: each row once", flush=True)


def numbered(work, options):
    """Rows of a source that can never be read are left out; when it hangs another one goes on."""
    job = Job(work, "numbers", NUMBERS)
    said = job.finish()
    found = [int(line[0]) // 10**9 for line in csv.reader(job.lines("numbers.csv"))]
    rig.compare_lines("numbers.csv", [n for n in range(500) if not 200 <= n < 210], found)
    code, letters, _ = rig.export(job.data, "dead")
    if code or len(letters.splitlines()) != 2 or "program" not in letters:
        rig.fail(f"one letter is to be there: {letters}")
    if not os.path.exists(os.path.join(job.out, "mark")):
        rig.fail("it has not hung")
    expect(said, "its process")
    print("a source: what can never be read is left out, and when it hangs it is replaced", flush=True)


# ---- In Node ----

def node_packages(options):
    folder = os.path.join(CLIENTS, "node")
    if os.path.isdir(os.path.join(folder, "node_modules", "zeromq")):
        return folder
    if not shutil.which("npm"):
        return None
    copy = os.path.join(os.environ.get("POTLINE_BUILD", "/tmp"), "npm", "clients")
    os.makedirs(copy, exist_ok=True)
    for name in ("package.json", "package-lock.json", "potline.mjs", "source.mjs"):
        shutil.copy(os.path.join(folder, name), copy)
    if not os.path.isdir(os.path.join(copy, "node_modules", "zeromq")):
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=copy, capture_output=True)
        if done.returncode:
            return None
    return copy


def source(work, options):
    folder = node_packages(options)
    if not folder:
        print("the source in Node is left out: its packages cannot be had")
        return
    count, dice = options.rows // 2, random.Random(options.seed)
    job = Job(work, "wave", WAVE, node=folder, count=count, rate=count // 4)
    process = job.start()
    kills = kill_some(process, dice, 4)
    said = finish(process)
    expect(said, "ended by signal 9 (Killed)")
    rows = [(int(line[0]), float(line[2])) for line in csv.reader(job.lines("wave.csv"))]
    if [row[0] for row in rows] != [1700000000000000000 + n * 10**8 for n in range(count)]:
        rig.fail(f"{len(rows)} rows, not {count} one behind the other")
    print(f"the source in Node, killed {kills} times: {count} rows, each once", flush=True)


def node_operator(work, options):
    folder = node_packages(options)
    if not folder:
        print("the operator in Node is left out: its packages cannot be had")
        return
    job = Job(work, "count", COUNTER, node=folder, rate=options.rate)
    process = job.start()
    kills = kill_some(process, random.Random(options.seed), 3)
    finish(process)
    counts, expected = {}, []
    for time_ns, tag in passed_on(os.path.join(work, "in.csv")):
        counts[tag] = counts.get(tag, 0) + 1
        expected.append((time_ns, tag, counts[tag]))
    found = [(int(line[0]), line[1], float(line[2])) for line in csv.reader(job.lines("count.csv"))]
    rig.compare_lines("count.csv", expected, found)
    print(f"an operator in Node, killed {kills} times: every row counted once", flush=True)


def field(work, _):
    """A set point whose program, or whose engine, dies with it has an end in the audit all the same; the next one is as any other."""
    job = Job(work, "field", FIELD)
    process = job.start(until_eof=False)

    def results(action="setpoint result"):
        out = rig.run("audit", "query", "--data", job.data, "--action", action, "--json")[1]
        return [(record["object"], record["to"], record["outcome"]) for record in json.loads(out or "[]")]

    def until(what, why):
        end = time.monotonic() + rig.PATIENCE
        while not what():
            if time.monotonic() > end or process.poll() is not None:
                rig.fail(f"{why}: {results()}")
            time.sleep(0.05)

    put = "guard set line1.pot01.set 5 --for 10m --reason test"
    until(lambda: rig.run("shell", "--data", job.data, "-c", put)[0] == 0, "it cannot be set")
    until(results, "nothing is known of its end")
    if results()[0][:2] != ("line1.pot01.set", "5") or not results()[0][2].startswith("not known: its process "):
        rig.fail(f"its program has died: {results()}")
    until(lambda: rig.run("shell", "--data", job.data, "-c", put)[0] == 0
          and any(result[2].startswith("verified: read back 5 ") for result in results()), "it is not verified")
    until(lambda: rig.run("shell", "--data", job.data, "-c", put.replace("set 5", "set 7"))[0] == 0
          and any(record[1] == "7" for record in results("setpoint write")), "it is not given")
    process.kill()
    process.communicate()
    if any(result[1] == "7" for result in results()):
        rig.fail(f"nobody has said how it ended: {results()}")
    process = job.start(until_eof=False)
    until(lambda: any(result[1] == "7" for result in results()), "the engine has died with it")
    if {result[2] for result in results() if result[1] == "7"} != {"not known: the engine died meanwhile"}:
        rig.fail(f"its engine has died: {results()}")
    process.terminate()
    finish(process)
    print("a set point that its program, or its engine, has died with has an end in the audit", flush=True)


PARTS = (field, nonsense, counted, deadly, environment, without_a_log, relayed, hoarded, written, numbered, source, node_operator)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=400000 if rig.LONG else 15000)
    parser.add_argument("--kills", type=int, default=200 if rig.LONG else 6)
    parser.add_argument("--rate", type=int, default=20000 if rig.LONG else 12000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="one of the parts that need no other")
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    with rig.folder(options.keep) as work:
        rig.make_input(work, options.rows)
        if options.only:
            globals()[options.only](work, options)
            return
        calm = calm_correlation(work)
        disturbed_correlation(work, options, calm)
        dead_engine(work, options, calm)
        with concurrent.futures.ThreadPoolExecutor(max_workers=3) as together:  # most of the time they wait
            for done in [together.submit(part, work, options) for part in PARTS]:
                done.result()


if __name__ == "__main__":
    main()

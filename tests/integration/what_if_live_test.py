#!/usr/bin/python3
"""What-if on a running engine: by command and by REST it goes on from where the twin is, the twin goes on meanwhile as if
nobody had asked, and what is wrong with a question is said."""
import ctypes
import json
import os
import random
import signal
import subprocess
import tempfile
import threading
import time

from resting import BIN, PATIENCE, Engine, wait

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ASSET = "line1.pot01"
MINUTE = 60 * 10 ** 9
TRIES = 15  # a minute of the plant each
YOUNG = "is not settled before an hour"
BELOW = "below constraint acd >= 39 mm of line1"
GRAPH = """
potline: 1
name: plant
checkpoint: 500ms
tags: %s/graphs/maps/tags.csv
nodes:
  in: { op: source.csv, path: "${IN}", layout: long, time: time_ns }
  tenths: { op: window.tumbling, from: in, size: 10s, aggregates: [count, mean, min, max, stddev, last] }
  twin: { op: twin.cell, from: tenths, model: { bath: 6200, metal: 15000, excess_fluoride: 12.3, alumina: 2.45 } }
  best: { op: optimize.setpoints, from: [twin, twin.events, in], isolate: process, hang: 0s, every: 6h, hold: 12h, settle: 5m, limits: [ { scope: line1, of: acd, low: 39, high: 48, rank: 0 } ] }
  out: { op: sink.csv, from: twin, path: "${OUT}" }
  kept: { op: sink.lake, zone: gold, from: [twin.events, best.events] }
""" % ROOT


def prepare(work):
    """A line of text a minute of the plant."""
    subprocess.run([f"{BIN}/potline-plant", "--no-server", "--quiet", "--lines", "1", "--pots", "1", "--seed", "7", "--for", "50m",
                    "--emitted", f"{work}/in.csv", "--emitted-every", "2s"], check=True)
    with open(f"{work}/in.csv") as file:
        header, *rows = file.readlines()
    begin, minutes = int(rows[0].split(",")[0]), {}
    for row in rows:
        minutes.setdefault((int(row.split(",")[0]) - begin) // MINUTE, []).append(row)
    return header, ["".join(minutes[i]) for i in sorted(minutes)]


def undisturbed(work):
    with open(f"{work}/graph.yaml", "w") as file:
        file.write(GRAPH)
    subprocess.run([f"{BIN}/potline", "run", f"{work}/graph.yaml", "--quiet", "--until-eof"], check=True,
                   env={**os.environ, "POTLINE_HTTP": "off", "IN": f"{work}/in.csv", "OUT": f"{work}/undisturbed.csv"})


def command(engine, name, **arguments):
    return engine.ask("POST", "/commands", {"command": name, "arguments": arguments}, engine.admin)


def steps(engine):
    told = command(engine, "stats", node="twin").json()
    return next(row["value"] for row in told["results"] if row["counter"] == "steps")


def check_gauges(engine):
    """What the model has lost is a gauge: in `stats`, over REST, to Prometheus."""
    rows = {row["counter"]: row for row in engine.ask("GET", "/nodes/twin/counters", token=engine.admin).json()}
    assert rows["steps"]["type"] == "counter" and rows["cells"]["type"] == "gauge" and rows["cells"]["value"] == 1, rows
    told = subprocess.check_output([f"{BIN}/potline", "shell", "--data", engine.data, "-c", "stats twin", "--json"], text=True)
    metrics = engine.ask("GET", "//metrics").body
    for name in ("energy_residual", "alumina_residual", "charge_residual"):
        assert rows[name]["type"] == "gauge" and 0 <= rows[name]["value"] < 1e-9, rows[name]
        assert f'"{name}"' in told, told
        assert f"# TYPE potline_operator_twin_cell_{name} gauge" in metrics, name


class Feed:
    """The plant's minutes into the engine, as many as the test lets through."""

    def __init__(self, path, header, minutes):
        self.minutes, self.at = minutes, 0
        self.file = open(path, "w")
        self.file.write(header)

    def give(self, count):
        for minute in self.minutes[self.at:self.at + count]:
            self.file.write(minute)
        self.at += count
        self.file.flush()


def thread_named(pid, name):
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/comm") as file:
                if file.read().strip() == name:
                    return int(thread)
        except OSError:
            pass  # it is over
    return None


class Stopped:
    """One thread of a process stands still; false: it was over before."""

    SEIZE, INTERRUPT, DETACH, ANY = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, thread):
        self.thread = thread

    def trace(self, request):
        null = ctypes.c_void_p()
        return ctypes.CDLL(None, use_errno=True).ptrace(ctypes.c_long(request), ctypes.c_long(self.thread), null, null) == 0

    def __enter__(self):
        if not self.trace(self.SEIZE):
            return False
        self.trace(self.INTERRUPT)
        return os.WIFSTOPPED(os.waitpid(self.thread, self.ANY)[1])

    def __exit__(self, *_):
        self.trace(self.DETACH)


def goes_on(engine, feed, seconds):
    """Does the twin take another minute of the plant in that time?"""
    gone = []

    def follow():
        before = steps(engine)
        feed.give(1)
        gone.append(wait(lambda: steps(engine) >= before + 5))

    following = threading.Thread(target=follow)
    following.start()
    following.join(seconds)
    return following, bool(gone)


def week_ahead(engine):
    return command(engine, "what-if", asset=ASSET, set="[feed=+1%]", **{"for": "7d"})


def check_meanwhile(engine, feed):
    """The thread that looks ahead is stopped on its way, and the twin goes on: it does not wait for it. Where it is stopped
    within the allocator others may have to wait for that, so it is tried again, at another moment."""
    begun = time.monotonic()
    week_ahead(engine)
    took = time.monotonic() - begun  # some hundredths of a second
    for _ in range(TRIES):
        answers = []
        ask = threading.Thread(target=lambda: answers.append(week_ahead(engine)))
        ask.start()
        thread = None
        while not thread and not answers:
            thread = thread_named(engine.process.pid, "what-if")
        time.sleep(random.uniform(0.1, 0.6) * took)
        following, gone = None, False
        with Stopped(thread or 0) as stopped:
            if stopped:
                following, gone = goes_on(engine, feed, PATIENCE / 4)
                assert not gone or not answers, answers
        ask.join()
        assert answers[0].status == 200, answers[0]
        if following:
            following.join()
        if gone:
            return
    raise AssertionError("no thread that looks ahead could be stopped, or the twin waits for it")


def near(engine):
    answer = command(engine, "what-if", asset=ASSET, set="[acd=-5mm]", **{"for": "1h"})
    assert answer.status == 200, answer
    return {row["output"]: row for row in answer.json()["results"]}


def check_failing_optimiser(engine):
    """The first question for its constraints does not get there: the answer goes without them, and says why."""
    wait(lambda: any(row["value"] for row in engine.ask("GET", "/nodes/best/counters", token=engine.admin).json()))  # it is at work
    rows = near(engine)
    assert rows["acd"]["difference"] < 0 and "constraint acd" not in rows, rows
    why = rows["constraints"]["note"].removeprefix("not all are known: ")
    assert why in ("it cannot be given to the node's process", "no answer yet"), rows  # the latter where two seconds were too short


def check_busy_optimiser(engine):
    """One that does not answer at all costs a what-if its constraints, and neither the answer nor the next ones."""
    child = next(int(pid) for pid in os.listdir("/proc") if pid.isdigit() and parent(pid) == engine.process.pid)
    os.kill(child, signal.SIGSTOP)
    try:
        for _ in range(3):
            rows = near(engine)
            assert rows["acd"]["difference"] < 0 and "constraint acd" not in rows, rows
            assert rows["constraints"]["note"] == "not all are known: no answer yet", rows
    finally:
        os.kill(child, signal.SIGCONT)
    rows = wait(lambda: (some := near(engine)) and "constraint acd" in some and some)
    assert "constraints" not in rows, rows


def parent(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def check_command(engine):
    answer = command(engine, "what-if", asset=ASSET, set="[acd=-2mm]", **{"for": "4h"})
    assert answer.status == 200, answer
    rows = {row["output"]: row for row in answer.json()["results"]}
    assert abs(rows["acd"]["difference"] + 2) < 1e-3 and rows["acd"]["unit"] == "mm" and rows["voltage"]["difference"] < -0.05, rows
    assert abs(rows["set acd"]["now"] - rows["acd"]["now"]) < 1e-9 and abs(rows["set acd"]["difference"] + 2) < 1e-9, rows
    assert "constraint acd" not in rows, rows
    left = wait(lambda: near(engine).get("constraint acd"))
    assert left["note"] == BELOW and 30 < left["changed"] < 39 < left["nothing"], left
    assert 600 < rows["settled"]["now"] < 3600 and YOUNG in rows["settled"]["note"], rows
    assert rows["reached"]["changed"] == 4 and "CellModel" in rows["reached"]["note"], rows
    starved = {row["output"]: row for row in command(engine, "what-if", asset=ASSET, set="[feed=0%]").json()["results"]}
    assert 0 < starved["anode_effect_after"]["changed"] < 8 and starved["anode_effect_after"]["nothing"] is None, starved
    for status, more in ((404, {"asset": "line9.pot01", "set": "[acd=-2mm]"}), (400, {"asset": ASSET, "set": "[acd=-2kA]"}),
                         (400, {"asset": ASSET, "set": "[metals=1]"}), (400, {"asset": ASSET, "set": "[alf3=+1]"}), (400, {"asset": ASSET})):
        wrong = command(engine, "what-if", **more)
        assert wrong.status == status, (more, wrong)


def run_of(engine, runs, changes, **times):
    """A run once it is over; before, nothing is said of constraints."""
    answer = engine.ask("POST", runs, {"asset": ASSET, "set": changes, **(times or {"until": "1h"})}, engine.admin)
    assert answer.status == 202, answer
    place = f"{runs}/{answer.json()['runId']}"

    def over():
        run = engine.ask("GET", place, token=engine.admin).json()
        assert (run["constraintsLeft"] is None) == (run["status"] != "done"), run
        return run["status"] in ("done", "failed") and run

    run = wait(over)
    assert run["status"] == "done", run
    return run


def check_folder(engine):
    """Without a question to the engine: what its folder keeps of the twin and of the optimiser's newest run."""
    ask = [f"{BIN}/potline", "what-if", ASSET, "--data", engine.data, "--for", "1h"]
    told = wait(lambda: (p := subprocess.run(ask + ["--set", "acd=-5mm", "--json"], capture_output=True, text=True)).returncode == 0
                and (answer := json.loads(p.stdout))["constraints"] and answer)
    left, = told["constraints"]
    assert left["note"] == BELOW.replace("line1", ASSET) and left["changed"] < 39 < left["nothing"], left
    text = subprocess.check_output(ask + ["--set", "acd=-5mm"], text=True)
    assert YOUNG in told["note"] and f"note: {told['note']}" in text, told["note"]
    assert f"mm, {left['note']}" in text and "none are known" not in text, text
    assert f"constraints: of the run of the optimiser at {told['constraints_at']}" in text, text
    assert json.loads(subprocess.check_output(ask + ["--set", "acd=-1mm", "--json"], text=True))["constraints"] == []


def known(run):
    """A run before whose end the optimiser has told its constraints; on a busy machine it may not have."""
    return wait(lambda: (r := run()) and "constraintsUnknown" not in r and r, why="constraints stay unknown")


def check_rest(engine):
    made = engine.ask("POST", "/pde-models", {"modelName": "CellModel", "parameters": {}}, engine.admin).json()
    other = engine.ask("POST", "/pde-models", {"modelName": "FourierHeatModel", "parameters": {}}, engine.admin).json()
    runs = f"/pde-models/{made['modelId']}/runs"
    run = known(lambda: run_of(engine, runs, ["acd=-2mm", "current=+1%"], until="4h", every="10m"))
    assert YOUNG in run["note"], run
    assert run["asset"] == ASSET and run["constraintsLeft"] == [] and len(run["time"]) == 25 and run["set"] == ["acd=-2mm", "current=+1%"], run
    both = {name: [run[of][name]["values"] for of in ("baseline", "outputs")] for name in ("distance", "alumina", "production")}
    nothing, changed = both["distance"]
    assert len(nothing) == 25 and abs(nothing[-1] - changed[-1] - 0.002) < 1e-6, both
    assert both["alumina"][0][0] == both["alumina"][1][0] and both["production"][1][-1] > both["production"][0][-1], both
    profiles = engine.ask("GET", f"{runs}/{run['runId']}/profiles", token=engine.admin).json()
    assert {profile["quantity"] for profile in profiles} >= {"bath_wall", "bottom"}, profiles[:1]
    left, = known(lambda: run_of(engine, runs, ["acd=-5mm"]))["constraintsLeft"]
    run_of(engine, runs, ["acd=-1mm"], until="3d", every="1h")
    assert left["note"] == BELOW and left["constraint"] == "acd" and left["low"] == 39 and left["changed"] < 39 < left["baseline"], left
    wrong = engine.ask("POST", runs, {"asset": ASSET, "set": ["acd=-2m"]}, engine.admin)
    assert wrong.status == 400 and wrong.json()["errors"][0]["pointer"] == "/set", wrong
    for status, at, asset in ((404, runs, "line9.pot01"), (422, f"/pde-models/{other['modelId']}/runs", ASSET)):
        wrong = engine.ask("POST", at, {"asset": asset, "set": ["acd=-2mm"]}, engine.admin)
        assert wrong.status == status, wrong
    check_questions(engine, runs)
    check_outside(engine, runs)


def check_questions(engine, runs):
    """A question that is half of one is none, as in the command; what is not known is told with what is."""
    for body, pointer, says in (({"asset": ASSET}, "/set", "what is to be different?"), ({"asset": ASSET, "set": []}, "/set", "acd=-2mm"),
                                ({"set": ["acd=-2mm"], "until": "1h"}, "/asset", "which one?"),
                                ({"asset": ASSET, "set": ["acd=-2mm"], "for": "8h"}, "/for", "it is not known here; known are until, every, asset, set"),
                                ({"asset": ASSET, "set": ["acd=-2mm"], "untill": "8h"}, "/untill", "did you mean until?")):
        wrong = engine.ask("POST", runs, body, engine.admin)
        error, = wrong.json()["errors"]
        assert wrong.status == 400 and error["pointer"] == pointer and says in error["message"], wrong
    assert engine.ask("POST", runs, {"until": "10m"}, engine.admin).status == 202


def check_outside(engine, runs):
    """What the model is not meant for is told, by REST and by the command; both feed what is used on the way."""
    cold = run_of(engine, runs, ["current=0"], until="3h")
    left, = cold["outside"]
    assert left["branch"] == "changed" and left["quantity"] == "superheat" and (left["low"], left["high"]) == (0, 40) and 300 < left["from"] < 7200, left
    assert "outside of what the model is meant for from" in left["note"], left
    rows = {row["output"]: row for row in command(engine, "what-if", asset=ASSET, set="[current=0]", **{"for": "3h"}).json()["results"]}
    assert rows["outside"]["nothing"] is None and 0.08 < rows["outside"]["changed"] < 2 and rows["outside"]["unit"] == "h", rows["outside"]
    assert rows["outside"]["note"].startswith("changed: outside of what the model is meant for"), rows["outside"]
    more = run_of(engine, runs, ["current=190kA"], until="2d", every="1h")
    assert more["outside"] == [] and len(more["time"]) == 49, more["outside"]
    for of in ("baseline", "outputs"):
        alumina = more[of]["alumina"]["values"]
        assert max(abs(value - alumina[0]) for value in alumina) < 0.05, (of, alumina)


def died_while_asked(engine):
    """Whether a question waited for the optimiser when it died; on a busy machine it may have waited long enough."""
    def knows():  # the engine may be on its way back
        answer = command(engine, "what-if", asset=ASSET, set="[acd=-5mm]", **{"for": "1h"})
        return answer.status == 200 and any(row["output"] == "constraint acd" for row in answer.json()["results"])

    wait(knows)
    child = next(int(pid) for pid in os.listdir("/proc") if pid.isdigit() and parent(pid) == engine.process.pid)
    os.kill(child, signal.SIGSTOP)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(command(engine, "what-if", asset=ASSET, set="[acd=-2mm]", **{"for": "4h"})))
    asking.start()
    asking.join(0.5)
    os.kill(child, signal.SIGKILL)
    asking.join(PATIENCE)
    assert answers[0].status == 200 or "goes back to its last checkpoint" in answers[0].body, answers
    return answers[0].status == 503


def check_killed_optimiser(work):
    """Where its process dies, the engine goes back to a checkpoint, and who waits for an answer is told that it does not end."""
    os.makedirs(f"{work}/killed")
    os.environ.update(IN=f"{work}/in.csv", OUT=f"{work}/killed/out.csv")
    os.environ.pop("POTLINE_FAULT", None)
    engine = Engine(f"{work}/killed", graph=GRAPH.replace("layout: long", "layout: long, follow: true"))
    wait(lambda: died_while_asked(engine), why="nobody waited for the optimiser that died")
    engine.process.send_signal(signal.SIGTERM)
    assert engine.process.wait(PATIENCE) == 0


def main():
    with tempfile.TemporaryDirectory() as work:
        header, minutes = prepare(work)
        undisturbed(work)
        os.mkfifo(f"{work}/pipe")
        os.environ.update(IN=f"{work}/pipe", OUT=f"{work}/asked.csv", POTLINE_FAULT="call.send:1:eio")
        feeds = []
        opening = threading.Thread(target=lambda: feeds.append(Feed(f"{work}/pipe", header, minutes)))
        opening.start()
        engine = Engine(work, graph=GRAPH, more=["--until-eof"])
        opening.join()
        feed = feeds[0]
        feed.give(30)
        wait(lambda: steps(engine) > 150)
        check_gauges(engine)
        check_failing_optimiser(engine)
        check_command(engine)
        check_busy_optimiser(engine)
        check_rest(engine)
        check_folder(engine)
        check_meanwhile(engine, feed)
        feed.give(len(minutes))
        feed.file.close()
        assert engine.process.wait(120) == 0
        rows = [sorted(open(f"{work}/{name}.csv")) for name in ("undisturbed", "asked")]
        assert rows[0] == rows[1] and len(rows[0]) > 1000, [len(some) for some in rows]
        check_killed_optimiser(work)
        print(f"{len(rows[0])} rows of the twin are the same with and without questions")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""A standby follows an engine and takes its place; what comes of it is what an undisturbed run gives.

The job of rig.py runs on one data folder, a standby with the same graph follows it on another over CURVE, and both write to
the same output files, as machines with a common disk do. Each scenario ends with the comparison of files and zones, row by
row, or with what has to be refused.

    standby_test.py [--rows N] [--rate N] [--only NAME] [--keep]
"""
import argparse
import contextlib
import json
import os
import queue
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import rig

LEASE = "2s"
PROMISED = 5.0  # seconds from a death to the first new row


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, condition, seconds=rig.PATIENCE):
    end = time.time() + seconds
    while time.time() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    return rig.fail(f"waited {seconds} s for: {what}")


def new_key(work, name):
    path = os.path.join(work, name)
    code, _, said = rig.run("keys", "generate", "--out", path)
    if code:
        rig.fail(said)
    return path


class Engine:
    """A process of `potline run` on a data folder, with what it says in a file."""

    count = 0

    def __init__(self, job, data, *options, until_eof=True, **env):
        Engine.count += 1
        self.data = data
        self.said_path = f"{job.out}/said.{Engine.count}"
        words = [f"{rig.BIN}/potline", "run", job.graph, "--data", data, "--quiet", *options]
        with open(self.said_path, "w") as out:
            self.process = subprocess.Popen(words + (["--until-eof"] if until_eof else []), stdout=subprocess.DEVNULL,
                                            stderr=out, env=rig.environment(**env))

    def said(self):
        with open(self.said_path, errors="replace") as file:
            return file.read()

    def says(self, text, seconds=rig.PATIENCE):
        def found():
            if text in self.said():
                return True
            if self.process.poll() is not None and text not in self.said():
                rig.fail(f"ended with {self.process.returncode} without saying \"{text}\": {self.said()}")
            return False
        wait_until(f"\"{text}\" in {self.said_path}", found, seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def finish(self, code=0):
        try:
            self.process.wait(rig.PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            rig.fail(f"hangs: {self.said()}")
        if self.process.returncode != code:
            rig.fail(f"exit code {self.process.returncode}, not {code}: {self.said()}")
        return self.said()

    def status(self):
        code, out, _ = rig.run("shell", "--data", self.data, "--json", "-c", "status")
        return rig.json_row(out) if not code and out.strip() else {}


class Pair:
    """A job with an engine that serves and a standby that follows."""

    def __init__(self, work, name, calm, rows, rate):
        self.work, self.calm = work, calm
        self.job = rig.Job(work, name, rows, rate, 2)
        self.key = new_key(work, name + ".key")
        self.port = free_port()
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self.second = os.path.join(self.job.out, "second")
        self.engines = []

    def engine(self, data, *options, **more):
        made = Engine(self.job, data, *options, "--standby-key", self.key, **more)
        self.engines.append(made)
        return made

    def primary(self, *options, **more):
        return self.engine(self.job.data, "--serve-standby", self.endpoint, *options, **more)

    def standby(self, *options, endpoint=None, data=None, **more):
        return self.engine(data or self.second, "--standby", endpoint or self.endpoint, *options, **more)

    def end(self):
        for engine in self.engines:
            if engine.process.poll() is None:
                engine.kill()

    def compare(self, data):
        wild = self.job
        wild.data = data
        rig.compare(self.calm, wild)

    def size(self):
        try:
            return os.path.getsize(os.path.join(self.job.out, rig.FILES[0]))
        except FileNotFoundError:
            return 0


def in_sync(primary, standby):
    primary.says("what is synced is there, too")
    wait_until("the standby to know it", lambda: standby_status(standby).get("in_sync"))


def standby_status(standby):
    code, out, _ = rig.run("standby", "status", "--data", standby.data)
    return json.loads(out) if not code else {}


def first_new_row(pair, began, size):
    wait_until("a new row", lambda: pair.size() > size)
    return time.time() - began


def kill_when_under_way(pair, primary):
    """Somewhere in the middle, with rows in the files."""
    start = pair.size()
    wait_until("rows", lambda: pair.size() > start + 20000)
    time.sleep(random.uniform(0, 0.5))
    primary.kill()
    return time.time(), pair.size()


def takes_over_by_lease(pair):
    primary = pair.primary()
    wait_until("rows", lambda: pair.size() > 0)
    third = copy_that_is_left(pair, primary)
    standby = pair.standby("--takeover-after", LEASE)
    wait_until("the standby to be in sync", lambda: standby_status(standby).get("in_sync"))
    began, size = kill_when_under_way(pair, primary)
    seconds = first_new_row(pair, began, size)
    said = standby.finish()
    if "nothing was heard any more: generation 2" not in said:
        rig.fail(said)
    pair.compare(pair.second)
    if seconds > PROMISED and not rig.LONG and "asan" not in rig.BIN:
        print(f"  slow: {seconds:.1f} s to the first new row", flush=True)
    check_audit(pair.second)
    refuses_copy(pair, third)
    return f"{seconds:.2f} s from the death to the first new row"


def check_audit(data):
    code, out, said = rig.run("audit", "query", "--data", data, "--json")
    if code or "standby takeover" not in out or "standby joined" not in out:
        rig.fail(f"audit: {said}{out[:2000]}")
    code, _, said = rig.run("audit", "verify", "--data", data)
    if code:
        rig.fail(f"audit verify: {said}")


def copy_that_is_left(pair, primary):
    third = os.path.join(pair.job.out, "third")
    standby = pair.standby(data=third)
    in_sync(primary, standby)
    standby.process.send_signal(signal.SIGTERM)
    standby.finish()
    return third


def refuses_copy(pair, third):
    """A copy that was never taken over is not run, nor changed, by mistake."""
    code, _, said = rig.run("run", pair.job.graph, "--data", third, "--until-eof")
    if code != 1 or "a standby's copy" not in said:
        rig.fail(f"a copy was run: {code} {said}")
    code, _, said = rig.run("user", "add", "anna", "--role", "admin", "--password-file", __file__, "--data", third)
    if not code:
        rig.fail("a user was added to a copy")
    code, out, said = rig.run("standby", "takeover", "--data", third)
    if code or "ok" not in out:
        rig.fail(f"takeover of a folder: {said}")
    code, _, said = rig.run("user", "add", "anna", "--role", "admin", "--password-file", __file__, "--data", third)
    if code:
        rig.fail(f"after the takeover: {said}")


def takes_over_by_command(pair):
    primary = pair.primary()
    standby = pair.standby()  # no lease: it waits for ever
    in_sync(primary, standby)
    kill_when_under_way(pair, primary)
    time.sleep(1.5)
    status = standby_status(standby)
    if status.get("role") != "standby" or status["silent_s"] < 1:
        rig.fail(f"status: {status}")
    size, began = pair.size(), time.time()
    code, out, said = rig.run("standby", "takeover", "--data", pair.second)
    if code or out.strip() != "ok":
        rig.fail(f"takeover: {said}")
    seconds = first_new_row(pair, began, size)
    standby.finish()
    pair.compare(pair.second)
    return f"{seconds:.2f} s from the command to the first new row"


def survives_deaths_of_the_standby(pair):
    """Killed again and again it goes on where it was, also over a restart of the engine; then it takes over."""
    primary = pair.primary()
    for kills in range(4):
        standby = pair.standby()
        if kills == 0:
            standby.says("a copy of the folder comes")
        elif kills == 1:
            in_sync(primary, standby)
        else:
            standby.says("goes on with")
            time.sleep(random.uniform(0, 0.5))
        standby.kill()
    primary.kill()  # the same folder goes on, and the standby with it
    primary = pair.primary()
    standby = pair.standby("--takeover-after", LEASE)
    in_sync(primary, standby)
    if "goes on with" not in standby.said():
        rig.fail(f"a new copy after a restart of the engine: {standby.said()}")
    began, size = kill_when_under_way(pair, primary)
    seconds = first_new_row(pair, began, size)
    standby.finish()
    pair.compare(pair.second)
    return f"four deaths of the standby, one of the engine before the last, {seconds:.2f} s to the first new row"


class Proxy:
    """TCP to the engine, which can be cut and mended."""

    def __init__(self, port, delay=0.0):
        self.to, self.delay = port, delay  # seconds that the engine's words take; the standby's take none
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.cut, self.ends = False, []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.cut:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                near.close()
                continue
            self.ends += [near, far]
            for a, b, delay in ((near, far, 0.0), (far, near, self.delay)):
                under_way = queue.Queue()
                threading.Thread(target=self.take, args=(a, under_way, delay), daemon=True).start()
                threading.Thread(target=self.give, args=(a, b, under_way), daemon=True).start()

    @staticmethod
    def take(a, under_way, delay):
        with contextlib.suppress(OSError):
            while data := a.recv(1 << 20):
                under_way.put((time.time() + delay, data))
        under_way.put(None)

    def give(self, a, b, under_way):
        with contextlib.suppress(OSError):
            while item := under_way.get():
                time.sleep(max(0.0, item[0] - time.time()))
                if self.cut:
                    break  # what was under way is lost
                b.sendall(item[1])
        for end in (a, b):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.cut = True
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.ends = []

    def mend(self):
        self.cut = False


def started_from(data):
    """The epoch that the last run on this folder has gone on from."""
    _, out, _ = rig.run("audit", "query", "--data", data, "--action", "engine start", "--json")
    return int(re.findall(r"epoch (\d+)", out)[-1])


def acknowledged_is_there(pair):
    """What `checkpoint` has answered is safe: over a slow link the standby has it when the engine dies right then."""
    primary = pair.primary()
    proxy = Proxy(pair.port, delay=0.15)
    standby = pair.standby(endpoint=f"tcp://127.0.0.1:{proxy.port}")
    in_sync(primary, standby)
    epoch = 0
    for _ in range(3):
        code, out, said = rig.run("shell", "--data", pair.job.data, "--json", "-c", "checkpoint")
        if code:
            rig.fail(said)
        epoch = rig.json_row(out)["epoch"]
    proxy.stop()  # with what is under way
    primary.kill()
    if "only here now" in primary.said():
        rig.fail(f"the link was too slow: {primary.said()}")
    standby.process.send_signal(signal.SIGUSR1)
    standby.finish()
    if started_from(pair.second) < epoch:
        rig.fail(f"epoch {epoch} was acknowledged, the standby goes on from {started_from(pair.second)}")
    pair.compare(pair.second)
    return f"epoch {epoch} acknowledged, gone on from {started_from(pair.second)}"


def link_is_cut(pair):
    """The engine goes on alone, says so, and is in sync again when the link is back; then it dies."""
    primary = pair.primary()
    proxy = Proxy(pair.port)
    standby = pair.standby("--takeover-after", "30s", endpoint=f"tcp://127.0.0.1:{proxy.port}")
    in_sync(primary, standby)
    proxy.stop()
    primary.says("what is synced is only here now")
    size = pair.size()
    wait_until("the engine to go on alone", lambda: pair.size() > size)
    proxy.mend()
    wait_until("in sync again", lambda: primary.said().count("what is synced is there, too") > 1)
    if standby.said().count("a copy of the folder comes") != 1:
        rig.fail(f"a new copy for a short cut: {standby.said()}")
    if primary.process.poll() is None:
        primary.kill()
        standby.process.send_signal(signal.SIGUSR1)
        standby.finish()
        pair.compare(pair.second)
    return "went on alone, and together again from the log"


def old_engine_ends(pair):
    """A split: both at work. Upon contact the old one ends, is not run again, and can become the standby of the new one."""
    primary = pair.primary(until_eof=False)
    proxy = Proxy(pair.port)
    back = free_port()
    standby = pair.standby("--takeover-after", LEASE, "--serve-standby", f"tcp://127.0.0.1:{back}",
                           endpoint=f"tcp://127.0.0.1:{proxy.port}", until_eof=False)
    in_sync(primary, standby)
    proxy.stop()
    standby.says("generation 2")
    if primary.process.poll() is not None:
        rig.fail(f"the old engine has ended by itself: {primary.said()}")
    proxy.mend()
    began = time.time()
    said = primary.finish(code=1)
    seconds = time.time() - began
    if "a standby has taken over (generation 2)" not in said:
        rig.fail(said)
    code, _, said = rig.run("run", pair.job.graph, "--data", pair.job.data, "--until-eof")
    if code != 1 or "a standby has taken over from it (generation 2)" not in said:
        rig.fail(f"the old folder was run: {code} {said}")
    again = pair.engine(pair.job.data, "--standby", f"tcp://127.0.0.1:{back}", until_eof=False)
    standby.says("what is synced is there, too")
    shown = standby.status()
    if shown.get("generation") != 2 or not shown.get("standby_in_sync"):
        rig.fail(f"status: {shown}")
    standby.process.send_signal(signal.SIGTERM)
    standby.finish()
    again.says("has ended in good order")
    again.process.send_signal(signal.SIGTERM)
    again.finish()
    return f"the old engine ended {seconds:.2f} s after contact, and became the standby"


def third_one_stays(pair):
    """An engine that ends because its place has been taken has a standby by then: that one does not take it once more."""
    primary = pair.primary(until_eof=False)
    proxy = Proxy(pair.port)
    second = pair.standby("--takeover-after", "1s", endpoint=f"tcp://127.0.0.1:{proxy.port}", until_eof=False)
    in_sync(primary, second)
    proxy.stop()
    second.says("generation 2")
    third = pair.standby("--takeover-after", "1s", data=os.path.join(pair.job.out, "third"), until_eof=False)
    wait_until("the third to be in sync", lambda: standby_status(third).get("in_sync"))
    proxy.mend()
    primary.finish(code=1)
    time.sleep(3)
    third.process.send_signal(signal.SIGTERM)
    said = third.finish()
    second.process.send_signal(signal.SIGTERM)
    second.finish()
    if "takes over" in said:
        rig.fail(f"a third engine: {said}")
    return "did not take the place of the engine that had lost it"


def asked_too_early(pair):
    """SIGUSR1 while there is no copy yet is told to be of no use, and has none later either."""
    standby = pair.standby(until_eof=False)
    wait_until("the standby to be there", lambda: standby_status(standby).get("phase"))
    standby.process.send_signal(signal.SIGUSR1)
    standby.says("does not take over: there is no copy to go on from yet")
    primary = pair.primary(until_eof=False)
    in_sync(primary, standby)
    time.sleep(0.5)
    if standby_status(standby).get("role") != "standby":
        rig.fail(f"it took over: {standby.said()}")
    standby.process.send_signal(signal.SIGUSR1)
    standby.says("generation 2")
    primary.finish(code=1)
    standby.process.send_signal(signal.SIGTERM)
    standby.finish()
    return "was told so, and took over when it was asked again"


def strangers(pair):
    """Nobody without the key is given anything; what is not for us does no harm."""
    primary = pair.primary(until_eof=False)
    other = new_key(pair.work, "other.key")
    stranger = Engine(pair.job, os.path.join(pair.job.out, "stranger"), "--standby", pair.endpoint, "--standby-key", other,
                      until_eof=False)
    dice = random.Random(7)
    for _ in range(50):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", pair.port), timeout=5) as garbage:
            garbage.sendall(dice.choice((b"", b"\xff\0\0\0\0\0\0\0\1\x7f\3\1CURVE".ljust(64, b"\0"), b"GET / HTTP/1.1\r\n\r\n")) +
                            dice.randbytes(dice.randint(0, 400)))
    standby = pair.standby(until_eof=False)
    in_sync(primary, standby)
    wait_until("the strangers to be counted", lambda: primary.status().get("standby_turned_away", 0) > 10)
    if os.path.exists(os.path.join(stranger.data, "store")):
        rig.fail("a stranger has got a copy")
    stranger.kill()
    with open(pair.key) as key, open(os.path.join(pair.work, "open.key"), "w") as copy:
        copy.write(key.read())
    os.chmod(copy.name, 0o644)
    code, _, said = rig.run("run", pair.job.graph, "--data", stranger.data, "--standby", pair.endpoint, "--standby-key",
                            copy.name)
    if code != 2 or "chmod 600" not in said:
        rig.fail(f"a key that others may read: {code} {said}")
    # A folder with data of its own is not replaced.
    own = os.path.join(pair.job.out, "own")
    rig.run("user", "add", "anna", "--role", "admin", "--password-file", __file__, "--data", own)
    code, _, said = rig.run("run", pair.job.graph, "--data", own, "--standby", pair.endpoint, "--standby-key", pair.key)
    if code != 1 or "holds data of its own" not in said:
        rig.fail(f"own data: {code} {said}")
    turned_away = primary.status()["standby_turned_away"]
    return f"{turned_away} turned away"


def encrypted(pair):
    """The copy is encrypted as the folder is; another key, or none, is refused."""
    key, other = new_key(pair.work, "data.key"), new_key(pair.work, "data2.key")
    primary = pair.primary("--key-file", key)
    for wrong in ([], ["--key-file", other]):
        refused = pair.standby(*wrong, data=os.path.join(pair.job.out, "wrong"))
        said = refused.finish(code=1)
        if "not encrypted with the same key" not in said:
            rig.fail(said)
    standby = pair.standby("--takeover-after", LEASE, "--key-file", key)
    in_sync(primary, standby)
    began, size = kill_when_under_way(pair, primary)
    seconds = first_new_row(pair, began, size)
    standby.finish()
    for place, _, names in os.walk(pair.second):
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                if b"voltage" in file.read():
                    rig.fail(f"{name} is readable")
    os.environ["POTLINE_KEY_FILE"] = key
    code, out, said = rig.export(pair.second, "gold")
    del os.environ["POTLINE_KEY_FILE"]
    if code:
        rig.fail(said)
    rig.compare_lines("gold", pair.calm.rows("gold"), rig.comparable("gold", out))
    for name in rig.FILES:
        rig.compare_lines(name, pair.calm.lines(name), pair.job.lines(name))
    return f"{seconds:.2f} s from the death to the first new row"


def standby_is_stopped(pair):
    """SIGSTOP of the standby: the engine goes on; afterwards the standby does not take its own sleep for a death."""
    primary = pair.primary()
    standby = pair.standby("--takeover-after", "1s")
    in_sync(primary, standby)
    standby.process.send_signal(signal.SIGSTOP)
    primary.says("what is synced is only here now")
    time.sleep(3)
    standby.process.send_signal(signal.SIGCONT)
    wait_until("in sync again", lambda: primary.said().count("what is synced is there, too") > 1)
    primary.finish()
    standby.says("has ended in good order")
    standby.process.send_signal(signal.SIGTERM)
    if "takes over" in standby.finish():
        rig.fail("it took over")
    code, out, said = rig.run("standby", "takeover", "--data", pair.second)
    if code:
        rig.fail(said)
    pair.compare(pair.second)
    return "did not take over, and has everything at the end"


SCENARIOS = (takes_over_by_lease, takes_over_by_command, survives_deaths_of_the_standby, acknowledged_is_there,
             link_is_cut, old_engine_ends, third_one_stays, asked_too_early, strangers, encrypted, standby_is_stopped)

SLOWER = {old_engine_ends: 10, third_one_stays: 10, asked_too_early: 10, strangers: 10, acknowledged_is_there: 3}  # they need the engine for longer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2000000 if rig.LONG else 500000)
    parser.add_argument("--rate", type=int, default=50000)
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=rig.times(1, 10))
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    random.seed(11)
    with rig.folder(options.keep) as work:
        rig.make_input(work, options.rows)
        calm = rig.undisturbed(work, options.rows, 2)
        for number in range(options.rounds):
            for scenario in SCENARIOS:
                if options.only not in scenario.__name__:
                    continue
                rate = options.rate // SLOWER.get(scenario, 1)
                pair = Pair(work, f"{scenario.__name__}{number}", calm, options.rows, rate)
                try:
                    found = scenario(pair)
                finally:
                    pair.end()
                print(f"{scenario.__name__}: {found}", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""The shell as people use it: typed into a terminal (tmux) and read from its screen; from -c and from scripts."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
GRAPH = """
potline: 1
name: shelled
nodes:
  gen: { op: source.generator, tags: "line{1..2}.pot{01..03}.{voltage,current}", rate: 2000/s }
  clean: { op: cleanse, from: gen, spike: { method: hampel, window: 11, k: 3.5 } }
  limits: { op: threshold, from: clean, rules: [ { name: always, tags: "*.voltage", above: -1e9 } ] }
  list: { op: alarms, from: limits, alarms: [ { match: always, priority: high, consequence: a, action: b, respond: 5m } ] }
  out: { op: sink.null, from: list }
"""


class Terminal:
    """A shell in a terminal of tmux's; `see` waits until its screen holds a text."""

    def __init__(self, folder, columns, env=None, rows=40):
        self.tmux = ["tmux", "-f", "/dev/null", "-S", os.path.join(folder, f"tmux-{columns}x{rows}")]
        self.env = {**os.environ, "XDG_STATE_HOME": os.path.join(folder, "state"), "LC_ALL": "C.UTF-8", "TERM": "xterm",
                    **(env or {})}
        self.do("new-session", "-d", "-x", str(columns), "-y", str(rows),
                f"{BIN}/potline shell --data {folder}/data; echo ended; sleep 600")
        self.see("help tells the commands")
        self.see("potline>")

    def do(self, *arguments):
        return subprocess.run([*self.tmux, *arguments], env=self.env, check=True, capture_output=True, text=True).stdout

    def screen(self, *more):
        return self.do("capture-pane", "-p", *more)

    def see(self, text, gone=False, seconds=60):
        end = time.monotonic() + seconds
        while (text in self.screen()) == gone:
            assert time.monotonic() < end, f"{'still' if gone else 'no'} {text!r} on the screen:\n{self.screen()}"
            time.sleep(0.05)

    def stop(self, key="C-c"):
        """Ends what is typed or runs, and waits for an empty prompt: keys in between would go to either."""
        self.key(key)
        end = time.monotonic() + 60
        while (self.screen().rstrip().splitlines() or [""])[-1].strip() != "potline>":
            assert time.monotonic() < end, f"no empty prompt on the screen:\n{self.screen()}"
            time.sleep(0.05)

    def key(self, *keys):
        self.do("send-keys", *keys)

    def type(self, text):
        self.do("send-keys", "-l", "--", text)

    def run(self, line):
        self.type(line)
        self.key("Enter")

    def close(self):
        subprocess.run([*self.tmux, "kill-server"], env=self.env, check=False)


def long_replies(folder):
    """What is longer or wider than the terminal: by pages, with arrows, cut where it still says what it is."""
    small = Terminal(folder, 60, rows=12)
    try:
        assert "commands, Tab\ncompletes" in small.screen(), small.screen()
        small.run("alarms")
        small.see("e2.pot03.voltage")
        lines = [line for line in small.screen().splitlines() if "pot0" in line]
        assert len({line.split()[2] for line in lines}) == 6 and all(len(line) <= 60 for line in lines), lines
        assert "state" in small.screen() and "priority" in small.screen() and "false" not in small.screen()
        small.run("stats")
        small.see("more: space")
        small.key("Space")
        small.see("clean")
        small.stop("q")
        small.see(" more lines)")
        small.run("help")
        small.see("more: space")
        small.stop("q")
        small.run("version\\G")
        small.see("version  0.1.0")
        small.key("C-l")
        small.run("\\G")
        small.see("version  0.1.0")
        small.run("whoami --json")
        small.see('{"user":"local","role":"admin"}')
        small.run("nodez and some words that go on and on to the end of it all")
        small.see("there is no command")
        small.run("watch 200ms stats")
        small.see("1-9 of ")
        small.key("Down")
        small.see("2-10 of ")
        small.key("NPage")
        small.see("11-19 of ")
        assert "counter" in small.screen(), small.screen()
        small.key("Home")
        small.see("1-9 of ")
        small.stop("q")
    finally:
        small.close()


def typing(folder):
    terminal = Terminal(folder, 130)
    try:
        terminal.type("tap cle")
        terminal.key("Tab")
        terminal.see("tap clean")
        terminal.type("--tags line1.pot02.v")
        terminal.key("Tab")
        terminal.see("line1.pot02.voltage")
        terminal.stop()
        terminal.type("tap clean.")
        terminal.key("Tab")
        terminal.see("clean.events")
        terminal.type("out --where 'qual")
        terminal.key("Tab")
        terminal.see("--where 'quality")
        terminal.stop()
        terminal.type("set gen.")
        terminal.key("Tab")
        terminal.type("zone")
        terminal.see("set gen.zone")  # no option of it is live: nothing is offered
        assert "gen.tags" not in terminal.screen(), terminal.screen()
        terminal.stop()
        terminal.type("set clean.spi")
        terminal.key("Tab")
        terminal.see("set clean.spike")
        terminal.stop()
        terminal.run("nodez")
        terminal.see("did you mean nodes?")
        terminal.run("set clean.spike.k five")
        terminal.see("is not a number")
        terminal.run("help set")
        terminal.see("It changes something")
        terminal.run("tap clean")
        terminal.see("line2.pot03.current")
        terminal.stop()
        terminal.run("version")
        terminal.see("0.1.0")
        terminal.run("tap clean --format sparkline")
        terminal.see("▁")
        terminal.stop()
        terminal.see("potline>")
        terminal.run("top")
        terminal.see("rows/s from sources")
        terminal.see("source.generator")
        terminal.see("6 alarms want attention")
        terminal.stop("q")
        terminal.run("watch 200ms nodes")
        terminal.see("every 200ms: nodes")
        terminal.see("cleanse")
        terminal.stop()
        terminal.see("every 200ms: nodes", gone=True)
        terminal.key("C-d")
        terminal.see("ended")
    finally:
        terminal.close()
    again = Terminal(folder, 60, {"NO_COLOR": "1"})
    try:
        again.key("Up")
        again.see("watch 200ms nodes")
        again.stop()
        again.run("nodes")
        again.see("more columns")
        widest = max(len(line) for line in again.screen().splitlines())
        assert widest <= 60, widest
        assert "\x1b[3" not in again.screen("-e"), "colour in spite of NO_COLOR"
    finally:
        again.close()
    for columns, rows in ((80, 24), (60, 10)):
        small = Terminal(folder, columns, rows=rows)
        try:
            small.run("top")
            small.see("rows/s from sources")
            small.see("clean")
            lines = small.screen().splitlines()
            head = 6 if rows == 24 else 3  # three alarms, where there is room
            assert lines[0].startswith("5 nodes, ") and lines[head].startswith("node "), lines
            assert [line for line in lines[3:9] if "busy%" in line] == [lines[head]] and len(lines[head]) <= columns, lines
            assert all(line.startswith("  high always@line") for line in lines[1:head - 2]), lines
            small.stop("q")
        finally:
            small.close()
    long_replies(folder)
    print("typing: completion, errors, streams, Ctrl-C, top, watch, history, a narrow terminal")


def shell(folder, *arguments, text=None):
    done = subprocess.run([f"{BIN}/potline", "shell", "--data", f"{folder}/data", *arguments], text=True,
                          **({"input": text} if text is not None else {}),
                          capture_output=True, timeout=60,
                          **({} if text is not None else {"stdin": subprocess.DEVNULL}))
    return done.returncode, done.stdout, done.stderr


def scripts(folder):
    code, out, err = shell(folder, "--json", "-c", "nodes")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [r["node"] for r in rows] == ["gen", "clean", "limits", "list", "out"], (code, err)
    code, out, err = shell(folder, text="# a comment\nversion\nnodez\nversion\n")
    assert code == 1 and "line 3: " in err and "did you mean nodes?" in err and out.count("0.1.0") == 1, (code, out, err)
    code, out, err = shell(folder, "--keep-going", text="nodez\nversion\n")
    assert code == 1 and "0.1.0" in out, (code, out, err)
    code, out, err = shell(folder, "--json", "-c", "tap clean --rows 100 --where 'value > -1e9'")
    assert code == 0 and len(out.splitlines()) == 100, (code, len(out.splitlines()), err)
    code, out, err = shell(folder, "-c", "tap clean --rows 200 --tags '*.voltage' --format sparkline")
    assert code == 0 and len(out.splitlines()) == 6 and "line1.pot01.voltage" in out and "▁" in out, (code, out, err)
    code, out, err = shell(folder, "-c", "tap clean --where 'valu > 1'")
    assert code == 1 and "the columns are" in err, (code, err)
    code, out, err = shell(folder, "-c", "alarms shelve always")
    assert code == 1 and "duration is missing: " in err and "; reason is missing: " in err and ".;" not in err, (code, err)
    code, out, err = shell(folder, "-c", "graph")
    drawn = out.splitlines()
    assert code == 0 and len(drawn) > 5 and any("-->" in line for line in drawn) and "\\n" not in out, (code, out, err)
    code, out, err = shell(folder, "-c", "version --json", "-c", "version\\G", "-c", "\\G")
    assert code == 0 and out == '{"version":"0.1.0"}\n' + 2 * "version  0.1.0\n", (out, err)
    code, out, err = shell(folder, "-c", "\\G")
    assert code == 1 and "write it behind a command" in err, (out, err)
    code, out, err = shell(folder, "-c", "users")
    assert code == 0 and out == "" and err == "(nothing)\n", (out, err)
    elsewhere = subprocess.run([f"{BIN}/potline", "shell", "-c", "version"], capture_output=True, text=True,
                               env={**os.environ, "XDG_STATE_HOME": os.path.join(folder, "empty")})
    assert elsewhere.returncode == 1 and f"\n  potline shell --data {folder}/data\n" in elsewhere.stderr, elsewhere
    nowhere = os.path.join(folder, "nowhere")
    done = subprocess.run([f"{BIN}/potline", "shell", "--data", nowhere, "-c", "nodes"], capture_output=True, text=True)
    assert done.returncode == 1 and "no engine runs there" in done.stderr, done.stderr
    print("scripts: -c, standard input, the line of an error, exit codes")


def roles(folder):
    secret = os.path.join(folder, "password")
    with open(secret, "w") as file:
        file.write("a password of mine\n")
    code, _, err = shell(folder, "--new-password-file", secret, "-c", "users add anna operator")
    assert code == 0, err
    as_anna = ["--user", "anna", "--password-file", secret]
    code, out, err = shell(folder, *as_anna, "--json", "-c", "whoami")
    assert code == 0 and json.loads(out) == {"user": "anna", "role": "operator"}, (out, err)
    code, _, err = shell(folder, *as_anna, "-c", "set clean.spike.k 7")
    assert code == 1 and "not for the role operator" in err, err
    code, _, err = shell(folder, *as_anna, "-c", "alarms ack 'always@line1.*' --reason seen")
    assert code == 0, err
    _, out, _ = shell(folder, "--json", "-c", "audit")
    records = [json.loads(line) for line in out.splitlines()]
    assert any(r["user"] == "anna" and r["action"] == "set" and r["outcome"] == "refused" for r in records), records
    assert any(r["user"] == "anna" and r["action"] == "alarms ack" and r["reason"] == "seen" for r in records), records
    print("roles: refused and recorded")


def main():
    if not shutil.which("tmux"):
        print("skipped: there is no tmux")
        return 77
    with tempfile.TemporaryDirectory(prefix="pl") as folder:
        graph = os.path.join(folder, "graph.yaml")
        with open(graph, "w") as file:
            file.write(GRAPH)
        engine = subprocess.Popen([f"{BIN}/potline", "run", graph, "--data", f"{folder}/data", "--quiet"],
                                  stderr=subprocess.PIPE)
        try:
            end = time.monotonic() + 60
            while shell(folder, "-c", "version")[0] != 0:
                assert time.monotonic() < end and engine.poll() is None, "the engine does not answer"
                time.sleep(0.1)
            scripts(folder)
            roles(folder)
            typing(folder)
            assert shell(folder, "-c", "drain")[1].startswith("sources end, ")
            assert engine.wait(60) == 0, engine.stderr.read().decode()
        finally:
            engine.send_signal(signal.SIGKILL) if engine.poll() is None else None
    return 0


if __name__ == "__main__":
    sys.exit(main())

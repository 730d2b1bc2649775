#!/usr/bin/python3
"""Completion in a real bash, at a terminal: subcommands, options, values, graph files, names of nodes and operators. And the
scripts of zsh and fish where these are there; and the pages of the manual, as man and mandoc read them."""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

BIN = os.environ["POTLINE_BIN"]
POTLINE = os.path.join(BIN, "potline")
GRAPH = """
potline: 1
name: completed
nodes:
  plant: { op: source.generator, tags: "line1.pot01.voltage" }
  cleansed: { op: cleanse, from: plant }
  closed: { op: filter, from: cleansed, include: "*.voltage" }
  out: { op: sink.null, from: closed }
"""


class Bash:
    """An interactive bash. `complete` gives the line as it is behind a Tab, and what was listed."""

    def __init__(self, folder):
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.environ.update(PATH=BIN + ":/usr/bin:/bin", TERM="dumb", PS1="", INPUTRC="/dev/null", HOME=folder)
            os.execv("/bin/bash", ["bash", "--norc", "--noprofile", "-i"])
        self.number = 0
        self.run("bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items 0'; bind 'set page-completions off'")
        self.run("bind 'set enable-bracketed-paste off'; stty cols 500; shopt -s checkwinsize; PS1=; PS2=")
        self.run("source <(potline completion bash)")

    def read_until(self, pattern):
        text, end = "", time.monotonic() + 60
        while not (found := re.search(pattern, text)):
            assert time.monotonic() < end and select.select([self.terminal], [], [], 60)[0], text
            text += os.read(self.terminal, 65536).decode(errors="replace")
        return text, found

    def run(self, command):
        self.number += 1
        os.write(self.terminal, f"{command}; echo do''ne{self.number}\r".encode())
        return self.read_until(rf"done{self.number}\r?\n")[0]

    def complete(self, typed):
        """Behind the Tab the line is made the argument of echo, whatever it has become."""
        self.number += 1
        mark = f"{self.number}"
        os.write(self.terminal, typed.encode() + b"\t" + b"\x01" + b"echo 'li''ne" + mark.encode() + b"<\x05>'\r")
        text, found = self.read_until(rf"\nline{mark}<(.*)>\r?\n")
        listed = text[:found.start()].replace("\r", "")
        return found.group(1), set(re.findall(r"\S+", listed))

    def end(self):
        os.close(self.terminal)


def check_bash(bash):
    def one(typed, expected):
        line, _ = bash.complete(typed)
        assert line == expected, (typed, line)

    def some(typed, expected, unwanted=()):
        _, listed = bash.complete(typed)
        assert set(expected) <= listed and not set(unwanted) & listed, (typed, listed)

    told = subprocess.check_output([POTLINE, "--help"], text=True)
    commands = re.findall(r"^  ([a-z]+) ", told, re.M)
    assert len(commands) > 15
    some("potline ", commands)
    one("potline ru", "potline run ")
    one("potline help expo", "potline help export ")
    one("potline manual savep", "potline manual savepoint ")
    options = re.findall(r"--[a-z-]+", subprocess.check_output([POTLINE, "run", "--help"], text=True).split("options:")[1])
    some("potline run --", set(options) - {"--log"})
    one("potline run --until", "potline run --until-eof ")
    one("potline run --metr", "potline run --metrics ")
    # Graph files, in folders too; nothing else.
    one("potline run gra", "potline run graph.yaml ")
    one("potline check below/in", "potline check below/inner.yml ")
    one("potline check bel", "potline check below/")
    some("potline check ", ["graph.yaml", "below/"], ["notes.txt"])
    # Values: files and folders, nodes of the graph that is named, their options.
    one("potline run graph.yaml --key-file no", "potline run graph.yaml --key-file notes.txt ")
    one("potline run graph.yaml --data be", "potline run graph.yaml --data below/")
    some("potline run graph.yaml --reset ", ["plant", "cleansed", "closed", "out"])
    one("potline run graph.yaml --reset clea", "potline run graph.yaml --reset cleansed ")
    one("potline run graph.yaml --reset=clea", "potline run graph.yaml --reset=cleansed ")
    one("potline run --quiet graph.yaml --set clea", "potline run --quiet graph.yaml --set cleansed.")
    some("potline run graph.yaml --set cleansed.", ["cleansed.range=", "cleansed.spike="])
    one("potline run graph.yaml --set cleansed.fro", "potline run graph.yaml --set cleansed.frozen=")
    one("potline run graph.yaml --set cleansed.spike.win", "potline run graph.yaml --set cleansed.spike.window=")
    one("potline explain --graph graph.yaml alarm x --set cleansed.fro", "potline explain --graph graph.yaml alarm x --set cleansed.frozen=")
    # What an option waits for is no operand, and one operand is enough.
    one("potline run --for gra", "potline run --for gra")
    one("potline run graph.yaml gra", "potline run graph.yaml gra")
    one("potline inspect window.tu", "potline inspect window.tumbling ")
    one("potline audit ver", "potline audit verify ")
    one("potline keys gen", "potline keys generate ")
    one("potline user pas", "potline user passwd ")
    one("potline completion z", "potline completion zsh ")
    # Nothing is known of these: the line stays.
    one("potline nonsense --x", "potline nonsense --x")
    one("potline run broken.yaml --reset ", "potline run broken.yaml --reset ")
    one("potline run nowhere.yaml --set ", "potline run nowhere.yaml --set ")


def words(*typed):
    return subprocess.check_output([POTLINE, "completion", "words", "--", *typed], text=True).splitlines()


def check_words():
    assert [line.split("\t")[0] for line in words("chec")] == ["check"]
    assert words() == [] and words("run", "") == [":graphs"] and words("run", "--data", "") == [":folders"]
    assert words("run", "--", "-x") == [":graphs"], "an operand behind --"
    assert [line.split("\t")[0] for line in words("run", "--log-f")] == ["--log-format"]
    assert words("run", "x" * 5000) == [":graphs"] and words("run", "--" + "x" * 5000 + "=" + "y" * 5000) == []
    for shell in ("bash", "zsh", "fish"):
        script = subprocess.check_output([POTLINE, "completion", shell], text=True)
        if shutil.which(shell):
            subprocess.run([shell, "-n", "/dev/stdin"], input=script, text=True, check=True)
    for wrong in (["tcsh"], [], ["bash", "more"]):
        assert subprocess.run([POTLINE, "completion", *wrong], capture_output=True).returncode == 2, wrong


def look_through(path):
    """mandoc and man find nothing to complain about."""
    if shutil.which("mandoc"):
        looked = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True)
        assert looked.returncode == 0 and not looked.stdout, looked.stdout
    if shutil.which("man"):
        looked = subprocess.run(["man", "-l", "--warnings", path], capture_output=True, text=True,
                                env={**os.environ, "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
        assert looked.returncode == 0 and not looked.stderr and "NAME" in looked.stdout, looked.stderr


def check_manual(folder):
    """Every command has a page that says what --help says, every operator one with its ports, options and counters."""
    for name in ["", *[line.split("\t")[0] for line in words("manual", "")]]:
        page = subprocess.check_output([POTLINE, "manual", *filter(None, [name])], text=True)
        path = os.path.join(folder, f"page{name}.1")
        with open(path, "w") as file:
            file.write(page)
        if name:
            told = subprocess.check_output([POTLINE, name, "--help"], text=True)
            options = set(re.findall(r"^  (?:-\w, |    )(--[a-z-]+)", told, re.M))
            own = page.split("\n.SH COMMANDS\n")[0]
            shown = set(re.findall(r"^(?:\\fB\\-\w\\fR, )?\\fB((?:\\-)+[a-z\\-]+)\\fR", own, re.M))
            assert options == {option.replace("\\-", "-") for option in shown} and options, name
        look_through(path)
        if name == "shell":
            for thing in (".SS graph apply", ".SS alarms list", "\\fB\\-\\-probation\\fR", ".SS set", ".SS guard mode"):
                assert thing in page.split("\n.SH COMMANDS\n")[1], thing
    for name in [line.split("\t")[0] for line in words("inspect", "")]:
        page = subprocess.check_output([POTLINE, "inspect", name, "--man"], text=True)
        path = os.path.join(folder, f"page-{name}.7")
        with open(path, "w") as file:
            file.write(page)
        known = json.loads(subprocess.check_output([POTLINE, "inspect", name, "--json"]))
        for thing in known.get("options", []) + known.get("counters", []):
            assert f"\\fB{thing['name']}\\fR" in page, (name, thing["name"])
        for port in known.get("inputs", []) + known.get("outputs", []):
            assert f"put \\fB{port['name']}\\fR, " in page, (name, port["name"])
        look_through(path)


def main():
    if not os.path.exists("/bin/bash"):
        print("skipped: there is no bash")
        sys.exit(77)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.mkdir(os.path.join(folder, "below"))
        for name, text in (("graph.yaml", GRAPH), ("below/inner.yml", GRAPH), ("notes.txt", ""), ("broken.yaml", "}{")):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        check_words()
        check_manual(folder)
        bash = Bash(folder)
        try:
            check_bash(bash)
        finally:
            bash.end()


main()

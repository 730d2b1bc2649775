"""What the pages show is carried out: blocks of YAML are checked and run, blocks of shell are typed.

The rules, which docs/README.md tells those who write pages:

- ```yaml with `potline: 1` is a graph: `check`, and `run` where all it reads is "${IN}"; with `cases:` test cases: `test`. With
  keys of a graph file it is a piece of one, and of lines that repeat a key each is an alternative. Anything else are nodes; those
  that they take rows from and that are not among them are of CAST.
- ```sh is typed as it stands, ```console has `$ ` in front of what is typed, and `potline> ` in front of what is typed in a
  shell; what is shown is compared but for numbers and blanks, and `...` stands for anything. All blocks of a page are typed
  in one shell, at the root of a tree that has links to everything here. `/tmp/` and `/mnt/` are folders of the test's own, ports are
  free ones, and thirty seconds of plant are fifteen.
- Behind the language may stand: `fails` (its last command does), `background` (it runs on, to the next `after` or the end of the
  page), `file=NAME` and `append=NAME` (the block becomes that file, or its end), `norun="REASON"`.
"""
import functools
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

import yaml

BIN = os.path.abspath(os.environ.get("POTLINE_BIN", "build/release/bin"))
POTLINE = os.path.join(BIN, "potline")
BLOCK = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
NORUN_MOST = 12

# Nodes that pages take rows from without showing them.
CAST = {
    "in": '{ op: source.generator, tags: "line1.pot01.{voltage,current,bath_temp}", count: 100 }',
    "lab": '{ op: source.generator, tags: "line1.pot01.{alf3,bath_temp}", count: 100 }',
    "plc-1": '{ op: source.modbus, endpoint: "127.0.0.1:1502", registers: maps/line1.csv }',
    "history": '{ op: source.generator, tags: "line1.pot01.{voltage,current,bath_temp}", count: 100 }',
    "clean": "{ op: cleanse, from: in }",
    "tenths": "{ op: window.tumbling, from: clean, size: 10s, lateness: 2s }",
    "watch": "{ op: rules, from: clean, scripts: ../lua/noise.lua }",
    "list": "{ op: alarms, from: watch, alarms: maps/alarms.csv }",
    "plc": '{ op: source.modbus, endpoint: "127.0.0.1:1502", registers: maps/field1.csv }',
    "optimiser": '{ op: source.zmq, socket: pull, bind: "ipc:///tmp/potline-pages", kind: setpoints }',
    "safe": "{ op: guard, from: [optimiser, plc], limits: maps/limits.csv, pulse: 1s }",
}


class Block:
    def __init__(self, page, text, found):
        self.page, self.line = page, text[: found.start()].count("\n") + 2
        self.language, self.text = found.group(2), found.group(4)
        if found.group(1):
            self.text = re.sub("^" + found.group(1), "", self.text, flags=re.MULTILINE)
        words = re.findall(r'(\w+)(?:="([^"]*)"|=(\S+))?', found.group(3))
        self.words = {name: quoted or bare for name, quoted, bare in words}

    def __str__(self):
        return f"{self.page}:{self.line}"


def pages():
    found = ["README.md", "CONTRIBUTING.md"] + [page for page in glob.glob("**/*.md", recursive=True) if not page.startswith("build") and "node_modules" not in page]
    return sorted(set(found) - {"docs/operators.md"})


def blocks_of(page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    return [Block(page, text, found) for found in BLOCK.finditer(text)]


def hidden_commands(page):
    """Commands that no fence marks as such would not be typed: indented ones are not allowed."""
    with open(page, encoding="utf-8") as file:
        text = re.sub(BLOCK, lambda block: "\n" * block.group(0).count("\n"), file.read())
    typed = r"^ {4,}(?:\$ |potline>|sudo |(?:export |[A-Z_]+=\S+ )*(?:potline|potline-plant|bench_gen|cmake|tools/\w+) [a-z/-])"
    return [f"{page}:{text[:found.start()].count(chr(10)) + 1}: a command that nobody runs; put it into a ```sh block"
            for found in re.finditer(typed, text, re.MULTILINE)]


# ---- The tree that blocks run in ----

def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Tree:
    """Links to everything in the source tree, and folders of its own for what is written."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="potline-pages-")
        self.home = os.path.join(self.root, "home")
        self.link(".", self.home, {"build", ".git"})
        for folder in ("tmp", "mnt", "state"):
            os.mkdir(os.path.join(self.root, folder))
        os.mkdir(os.path.join(self.home, "build"))
        os.symlink(os.path.dirname(BIN), os.path.join(self.home, "build", "release"))
        self.ports = {port: str(free_port()) for port in ("5580", "9464", "1502")}
        plugins = os.environ.get("POTLINE_PLUGIN_PATH")
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("POTLINE_")},
            "POTLINE_HTTP": "off", "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": self.root, "XDG_STATE_HOME": os.path.join(self.root, "state"),
            "POTLINE_BIN": BIN, "POTLINE_BUILD": os.path.dirname(BIN), "POTLINE_PREFIX": os.path.dirname(BIN),
            "PKG_CONFIG_PATH": os.path.dirname(BIN), "POTLINE_PLANT_PORT": self.ports["1502"],
            "POTLINE_PLANT": "127.0.0.1:" + self.ports["1502"], "LC_ALL": "C.UTF-8",
            **({"POTLINE_PLUGIN_PATH": plugins} if plugins else {}),
        }

    @staticmethod
    def link(source, target, without=()):
        os.mkdir(target)
        for name in set(os.listdir(source)) - set(without):
            os.symlink(os.path.abspath(os.path.join(source, name)), os.path.join(target, name))

    def own_folder(self, name):
        """The path of a folder in the tree in which files may be written: links to what is in it."""
        if not name or os.path.isabs(name):
            return os.path.join(self.home, name)
        path = os.path.join(self.own_folder(os.path.dirname(name)), os.path.basename(name))
        if os.path.islink(path):
            source = os.readlink(path)
            os.remove(path)
            self.link(source, path)
        os.makedirs(path, exist_ok=True)
        return path

    def own(self, text):
        """The text with the test's own folders and ports."""
        text = re.sub(r"(?<![\w.])/(tmp|mnt)/", lambda found: f"{self.root}/{found.group(1)}/", text)
        for port, free in self.ports.items():
            text = re.sub(rf"(?<=:){port}\b", free, text)
        return text.replace("--for 30s", "--for 15s")

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)


# ---- YAML ----

@functools.cache
def graph_keys():
    schema = json.loads(subprocess.check_output([POTLINE, "inspect", "--schema"]))
    return set(schema["properties"])


def taken_from(node):
    """The names of nodes that a node's `from` names."""
    source = node.get("from", []) if isinstance(node, dict) else []
    values = source.values() if isinstance(source, dict) else source if isinstance(source, list) else [source]
    for value in values:
        yield from (str(name).split(".")[0] for name in (value if isinstance(value, list) else [value]))


def with_cast(nodes):
    """Lines of the nodes of CAST that these take rows from, and of those that those do."""
    lines, wanted = {}, [name for node in nodes.values() for name in taken_from(node)]
    while wanted:
        name = wanted.pop()
        if name in nodes or name in lines or name not in CAST:
            continue
        lines[name] = f"  {name}: {CAST[name]}\n"
        wanted.extend(taken_from(yaml.safe_load(CAST[name])))
    return "".join(lines.values())


def graphs_of(block):
    """Graph files of what a block shows, each with how many lines stand in front of the block's first one."""
    text = block.text
    head = "potline: 1\nname: snippet\n"
    if "potline: 1" in text:
        return [(text, 0)]
    shown = yaml.safe_load(text)
    if set(shown) <= graph_keys():
        keys = re.findall(r"^(\w+):", text, re.MULTILINE)
        nodes = f"nodes:\n  in: {CAST['in']}\n"
        if len(keys) == len(set(keys)):
            return [(head + text + nodes, 2)]
        return [(head + line + "\n" + nodes, 2 - at) for at, line in enumerate(text.splitlines())]
    indented = "" if text.startswith(" ") else "  "
    lines = "".join(f"{indented}{line}\n" for line in text.splitlines())
    return [(head + "nodes:\n" + lines + with_cast(shown), 3)]


def is_runnable(text):
    nodes = (yaml.safe_load(text).get("nodes") or {}).values()
    sources = [node for node in nodes if str(node.get("op", "")).startswith("source.")]
    ends = [node for node in nodes if str(node.get("op", "")).startswith("sink.")]
    return (sources and all(node["op"] == "source.csv" and node.get("path") == "${IN}" for node in sources)
            and all(node["op"] in ("sink.csv", "sink.null", "sink.lake") for node in ends))


def say(block, before, path, text):
    """Messages, with their places in the page."""
    for message in text.splitlines():
        place = re.match(re.escape(path) + r":(\d+):(.*)", message)
        print(f"{block.page}:{block.line + int(place.group(1)) - 1 - before}:{place.group(2)}" if place else f"{block}: {message}")


def try_graph(tree, block, text, before, number):
    """Beside the page; a piece of a graph beside the graphs."""
    folder = tree.own_folder(os.path.dirname(block.page) if "potline: 1" in block.text else "graphs")
    is_test = bool(re.search(r"^cases:", text, re.MULTILINE))
    path = os.path.join(folder, f"block{number}" + (".test.yaml" if is_test else ".yaml"))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    headed = "" if "header: false" in text else "headed-"
    environment = {**tree.environment, "IN": os.path.join(tree.root, headed + "in.csv"), "OUT": os.path.join(tree.root, "out.csv"),
                   "LOG": "embedded", "SECRET": "s", "DB_PASSWORD": "p"}
    ways = [["test", path]] if is_test else [["check", path]]
    if not is_test and before == 0 and is_runnable(text):
        ways.append(["run", path, "--until-eof", "--quiet"])
    for way in ways:
        done = subprocess.run([POTLINE, *way], capture_output=True, text=True, env=environment, cwd=folder)
        if done.returncode:
            print(f"{block}: potline {way[0]} exits with {done.returncode}")
            say(block, before, path, done.stdout + done.stderr)
            return 0, 1
    return len(ways), 0


def make_input(tree):
    """Rows for graphs that are run, without a header and with one."""
    plain = os.path.join(tree.root, "in.csv")
    subprocess.run([os.path.join(BIN, "bench_gen"), "-n", "20000", "-o", plain], check=True, stderr=subprocess.DEVNULL)
    with open(plain, encoding="utf-8") as rows, open(os.path.join(tree.root, "headed-in.csv"), "w", encoding="utf-8") as headed:
        headed.write("time_ns,tag,value\n" + rows.read())


def try_yaml(chosen):
    """Every block of YAML of these pages; the number of failures."""
    tree, failed, done, count = Tree(), 0, 0, 0
    try:
        make_input(tree)
        for block in (block for page in chosen for block in blocks_of(page)):
            if block.words.keys() & {"file", "append"} and not block.page.startswith("docs/"):
                write_file(tree, block)
            if block.language != "yaml" or block.words.keys() & {"file", "append", "norun"}:
                continue
            for text, before in graphs_of(block):
                count += 1
                ran, bad = try_graph(tree, block, text, before, count)
                done, failed = done + ran, failed + bad
    finally:
        tree.remove()
    print(f"{count} graphs in the pages, {done} times checked, tested or run, {failed} failed")
    return failed


def write_file(tree, block):
    name = block.words.get("file") or block.words["append"]
    path = os.path.join(tree.own_folder(os.path.dirname(name)), os.path.basename(name))
    with open(path, "w" if "file" in block.words else "a", encoding="utf-8") as file:
        file.write(block.text)


# ---- Shell ----

PRELUDE = r"""
set -e
pids=() started=0
declare -A logs=()
mark() { printf '\n\036%s\n' "$1"; }
# What runs in the background is asked to end, and has to end well.
after() {
  local pid code
  for pid in "${pids[@]}"; do
    kill -TERM -- "-$pid" 2>/dev/null || true
    code=0; wait "$pid" || code=$?
    if (( code != 0 && code != 143 )); then echo "the command in the background exits with $code:"; cat "${logs[$pid]}"; return 1; fi
  done
  pids=()
}
trap 'code=$?; trap - EXIT; after || code=1; exit $code' EXIT
# What people see who type this at a terminal of 100 columns.
at_terminal() { TYPED="stty cols 100; $1" TERM=dumb script -qec 'bash -c "$TYPED"' /dev/null; }
# background TEXT PROBE: waits until the probe succeeds
background() {
  local i log="$PAGES_LOGS/$(( ++started ))"
  setsid bash -c "$1" > "$log" 2>&1 &
  pids+=("$!"); logs[$!]=$log
  for (( i = 0; i < 600; i++ )); do
    if bash -c "$2" >/dev/null 2>&1; then return 0; fi
    if ! kill -0 "$!" 2>/dev/null; then cat "$log"; return 1; fi
    sleep 0.1
  done
  echo "it has not come up:"; cat "$log"; return 1
}
"""


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def probe_of(tree, text):
    """How one sees that what runs in the background is up, all of it."""
    data = re.search(r"--data (\S+)", text)
    listens = re.search(r"--listen \S+:(\d+)", text)
    if listens:
        return f"exec 3<>/dev/tcp/127.0.0.1/{listens.group(1)}"
    if "--standby " in text:
        return f"potline standby status --data {data.group(1)}"
    folders = re.findall(r"--(?:data|field) (\S+)", text) or [tree.root + "/state/potline/smelter"]
    probes = [f"potline shell --data {folder} -c status" for folder in folders]
    probes += [f"curl -sf {address}/readyz" for address in re.findall(r"--metrics (\S+)", text)]
    return " && ".join(probes)


def commands_of(block, text):
    """What is typed of a console block, as (script, what is shown behind it)."""
    commands, lines, shell = [], text.splitlines(), None
    while lines:
        line = lines.pop(0)
        if line.startswith("$ "):
            typed = line[2:]
            while typed.endswith("\\") and lines:
                typed += "\n" + lines.pop(0)
            shell = typed if typed.startswith("potline shell ") else None
            commands.append([typed, ""])
        elif line.startswith("potline> "):
            assert shell, f"{block}: potline> without a potline shell in front of it"
            if commands[-1][0] == shell:
                commands.pop()
            commands.append([f"at_terminal {quote(f'{shell} -c {quote(line[9:])}')}", ""])
        else:
            assert commands, f"{block}: something is shown before anything is typed"
            commands[-1][1] += line + "\n"
    return commands


def is_shown(shown, output):
    """Numbers may differ, and blanks; `...` stands for anything."""
    def loose(text):
        return re.sub(r"\s+", "", text)

    pattern = ".*?".join(
        "".join("[0-9a-f]+" if re.fullmatch("[0-9a-f]{16,}", piece) else r"[\d.]+" if piece[0].isdigit() else re.escape(piece)
                for piece in re.findall(r"[0-9a-f]{16,}|\d[\d.]*|[^\d]+?(?=[0-9a-f]{16}|\d|$)", loose(part)))
        for part in shown.split("..."))
    return re.search(pattern, loose(output), re.DOTALL) is not None


def script_of(tree, blocks):
    """One script for the page; and what has to be shown between its marks."""
    script, shown = [PRELUDE], {}
    for number, block in enumerate(blocks):
        text = tree.own(block.text)
        if "after" in block.words:
            script.append("after")
        script.append(f"mark {number}.0")
        if block.words.keys() & {"file", "append"}:
            name = block.words.get("file") or block.words["append"]
            script.append(f"{{ rm -f {name}; mkdir -p $(dirname {name}); }}" if "file" in block.words else ":")
            script.append(f"cat >> {name} <<'END_OF_THE_BLOCK'\n{text}END_OF_THE_BLOCK")
        elif "background" in block.words:
            script.append(f"background {quote(text)} {quote(probe_of(tree, text))}")
        else:
            commands = commands_of(block, text) if block.language == "console" else [[text, ""]]
            for at, (typed, expected) in enumerate(commands):
                script.append(f"mark {number}.{at}")
                last = at == len(commands) - 1 and "fails" in block.words
                # `set -e` lets the first of `a && b` fail.
                script.append(f"if {{ {typed}\n}}; then echo 'it does not fail'; exit 1; fi" if last else f"{typed}\n(( $? == 0 ))")
                shown[f"{number}.{at}"] = expected
    return "\n".join(script) + "\n", shown


def type_page(page):
    """Types the shell blocks of a page; the number of failures."""
    blocks = [block for block in blocks_of(page) if block.language in ("sh", "bash", "console")
              or block.words.keys() & {"file", "append"}]
    skipped = [block for block in blocks if "norun" in block.words]
    blocks = [block for block in blocks if "norun" not in block.words]
    if not any(block.language in ("sh", "bash", "console") for block in blocks):
        return 0
    tree, failed = Tree(), 0
    try:
        script, shown = script_of(tree, blocks)
        logs = os.path.join(tree.root, "logs")
        os.mkdir(logs)
        done = subprocess.run(["bash", "-c", script], cwd=tree.home, env={**tree.environment, "PAGES_LOGS": logs},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=280)
        pieces = re.split(r"\n\x1e(\d+\.\d+)\n", done.stdout.decode(errors="replace"))
        output = dict(zip(pieces[1::2], pieces[2::2]))
        for mark, expected in shown.items():
            if mark in output and expected.strip() and not is_shown(expected, output[mark]):
                print(f"{blocks[int(mark.split('.')[0])]}: what is shown does not come; this does:\n{output[mark]}")
                failed += 1
        if done.returncode:
            last = pieces[-2] if len(pieces) > 1 else "0.0"
            print(f"{blocks[int(last.split('.')[0])]}: exits with {done.returncode}:\n{pieces[-1]}")
            failed += 1
    finally:
        tree.remove()
    print(f"{page}: {len(blocks)} blocks typed, {len(skipped)} not, {failed} failed")
    return failed


def norun_count(chosen):
    """Blocks that are not run need a reason, and are few."""
    marked = [block for page in chosen for block in blocks_of(page) if "norun" in block.words]
    for block in marked:
        print(f"{block}: not run: {block.words['norun']}")
    bad = [block for block in marked if not block.words["norun"]]
    if len(marked) > NORUN_MOST:
        print(f"{len(marked)} blocks are not run; more than {NORUN_MOST} are too many")
    return len(bad) + (len(marked) > NORUN_MOST)


def main(pages_typed):
    sys.exit(1 if sum(type_page(page) for page in pages_typed) else 0)

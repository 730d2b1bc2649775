#!/usr/bin/python3
"""What the pages show is true: every graph in them passes `potline check`, and what README.md has typed is there."""
import glob
import os
import re
import subprocess
import sys
import tempfile

POTLINE = os.path.abspath(os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline"))


def graphs_of(page):
    """Each block of YAML that is a whole graph, with the line it starts on."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    for block in re.finditer(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if "potline: 1" in block.group(1):
            yield text[: block.start()].count("\n") + 2, block.group(1)


def check(page, line, text, folder):
    """Messages with the place in the page; warnings are fine."""
    with tempfile.NamedTemporaryFile("w", suffix=".block", dir=folder) as file:
        file.write(text)
        file.flush()
        found = subprocess.run([POTLINE, "check", file.name], capture_output=True, text=True)
    if found.returncode == 0:
        return 0
    for message in found.stdout.splitlines():
        place = re.match(re.escape(file.name) + r":(\d+):(.*)", message)
        print(f"{page}:{line + int(place.group(1)) - 1}:{place.group(2)}" if place else message)
    return 1


def run_tests(page, line, text, folder):
    """A test file, beside the page: what it shows passes."""
    beside = re.sub(r"^(graph|rules): ", lambda key: f"{key.group(0)}{os.path.abspath(folder)}/", text, flags=re.MULTILINE)
    with tempfile.NamedTemporaryFile("w", suffix=".test.yaml") as file:
        file.write(beside)
        file.flush()
        found = subprocess.run([POTLINE, "test", file.name], capture_output=True, text=True)
    if found.returncode:
        print(f"{page}:{line}: the tests do not pass\n{found.stdout}{found.stderr}")
    return found.returncode != 0


def commands():
    """What README.md has typed is there: graphs and programs of the tree, which answer --help without more ado."""
    with open("README.md", encoding="utf-8") as file:
        typed = re.findall(r"^ {4}.*$", file.read(), re.MULTILINE)
    failed = 0
    for name in sorted(set(re.findall(r"(?<![\w/])(?:graphs|tests|tools)/[\w./-]+", "\n".join(typed)))):
        if not os.path.exists(name):
            print(f"README.md: there is no {name}")
            failed += 1
        elif re.search(re.escape(name) + " --help", "\n".join(typed)):
            bare = {key: value for key, value in os.environ.items() if not key.startswith("POTLINE_")}
            failed += subprocess.run([name, "--help"], env=bare, stdout=subprocess.DEVNULL).returncode != 0
    return failed


def main():
    failed = commands()
    count = 0
    pages = ["README.md"] + glob.glob("*/README.md") + glob.glob("*/*/README.md") + glob.glob("docs/*.md")
    for page in filter(os.path.exists, sorted(set(pages))):
        for line, text in graphs_of(page):
            look = run_tests if re.search(r"^cases:", text, re.MULTILINE) else check
            failed += look(page, line, text, os.path.dirname(page) or ".")
            count += 1
    print(f"{count} graphs in the pages, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

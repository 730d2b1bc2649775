#!/usr/bin/python3
"""What the pages show is true: every block of YAML in them is checked, tested or run, the commands of the pages in the folders are
typed (README.md and docs/ have tests of their own), and few are left out. `pages.py` has the rules."""
import contextlib
import io
import os
import re
import sys
import tempfile

import pages

WRONG = {
    "typed": "```sh\nfalse\n```\n",
    "shown": "```console\n$ echo 12 of 30 good\n12 of 30 bad\n```\n",
    "does not fail": "```sh fails\ntrue\n```\n",
    "ends badly": '```sh background\npotline-plant --listen 127.0.0.1:1502 --speed nonsense\n```\n',
    "node": "```yaml\nw: { op: window.tumbling, from: clean, size: soon }\n```\n",
    "piece": "```yaml\nlog: { kind: embedded }\nlog: { kind: paper }\n```\n",
    "graph": "```yaml\npotline: 1\nname: x\nnodes: { a: { op: source.cvs } }\n```\n",
    "hidden": "Type\n\n    potline run x.yaml\n",
    "no reason": "```sh norun\ntrue\n```\n",
}
RIGHT = "```console\n$ echo 12 of 30 good\n9 of 7\n...\n```\n```console fails\n$ true\n$ false\n```\n"


def find(page):
    return (pages.type_page(page) + pages.try_yaml([page]) + pages.norun_count([page]) + len(pages.hidden_commands(page)))


def check_itself():
    """What is wrong is found."""
    with tempfile.TemporaryDirectory() as folder:
        page = os.path.join(folder, "page.md")
        for name, text in {**WRONG, "": RIGHT}.items():
            with open(page, "w", encoding="utf-8") as file:
                file.write(text)
            with contextlib.redirect_stdout(io.StringIO()) as said:
                found = find(page)
            assert bool(found) == bool(name), (name, said.getvalue())


def links(page):
    """Files of the tree that a page links to are there."""
    with open(page, encoding="utf-8") as file:
        text = re.sub(pages.BLOCK, "", file.read())
    failed = 0
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
        if not os.path.exists(os.path.join(os.path.dirname(page), target)):
            print(f"{page}: there is no {target}")
            failed += 1
    return failed


def main():
    check_itself()
    every = pages.pages()
    failed = pages.try_yaml(every) + pages.norun_count(every) + sum(links(page) for page in every)
    for page in every:
        for message in pages.hidden_commands(page):
            print(message)
            failed += 1
    for page in every:  # a skeleton's page is about a folder of its own, and plugin_template_test.sh does what it says
        if "/" in page and not page.startswith(("docs/", "tools/plugin-template/")):
            failed += pages.type_page(page)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

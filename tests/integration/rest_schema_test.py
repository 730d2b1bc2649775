#!/usr/bin/python3
"""The OpenAPI document against a live engine, by other people's eyes: openapi-spec-validator reads the document, and schemathesis
makes requests of it, good ones and bad ones, and holds every answer against it. They find nothing.

Both come from PyPI into the build folder, once; where they cannot be had, the test says so and is skipped. With POTLINE_LONG=1
it is all routes instead of some, and requests are made up at random and follow one another, too."""
import os
import subprocess
import sys
import tempfile

from resting import BASE, Engine

PARTS = ("schemathesis==4.32.5", "openapi-spec-validator==0.9.0")
VENV = os.path.join(os.environ["POTLINE_BUILD"], "tests", "openapi-venv")
LONG = bool(os.environ.get("POTLINE_LONG"))
SKIP = 77

SOME = "^/(openapi.json|pde-models/{modelId}/runs|setpoints|sensors|readings|rules.*)$"
# Whoever stops the engine, signs itself out or changes its own user tests nothing any more.
ENDS = "^/(engine/stop|tokens.*|users.*|commands.*)$"


def fetch():
    """False after saying why not."""
    if os.path.exists(os.path.join(VENV, "whole")):
        return True
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
    if made.returncode:
        print("skipped: no venv can be made here (python3-venv):", made.stdout + made.stderr)
        return False
    got = subprocess.run([os.path.join(VENV, "bin", "pip"), "install", "--quiet", "--no-input", "--timeout", "20", *PARTS],
                         capture_output=True, text=True)
    if got.returncode:
        print("skipped: what reads the document cannot be had:", got.stderr[-500:])
        return False
    open(os.path.join(VENV, "whole"), "w").close()
    return True


def run(*words, **more):
    done = subprocess.run([os.path.join(VENV, "bin", words[0]), *words[1:]], text=True, timeout=3000, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)
    print(done.stdout)
    assert done.returncode == 0, words[0]


def main():
    if os.environ.get("POTLINE_BRIEF"):
        print("skipped: it looks at answers, which are the same with a sanitizer; rest_attacks_test.py looks for more")
        return SKIP
    if not fetch():
        return SKIP
    with tempfile.TemporaryDirectory() as folder, Engine(folder) as engine:
        document = os.path.join(folder, "openapi.json")
        with open(document, "w") as file:
            file.write(engine.ask("GET", "//openapi.json").body)
        run("openapi-spec-validator", document)
        run("st", "run", document, "--url", f"https://127.0.0.1:{engine.port}{BASE}", "--tls-verify", os.path.join(engine.data, "tls", "cert.pem"),
            "-H", f"Authorization: Bearer {engine.admin}", *(("--exclude-path-regex", ENDS) if LONG else ("--include-path-regex", SOME)), "--phases",
            "examples,coverage" + (",fuzzing,stateful" if LONG else ""), "--checks", "all", "--continue-on-failure", "--warnings", "off",
            "--no-color", cwd=folder)
        engine.stop()
    return 0


sys.exit(main())

#!/usr/bin/python3
"""The OpenAPI document against a live engine, by somebody else's eyes: schemathesis (from PyPI) makes requests of the
document, good ones and bad ones, and holds every answer against it. It finds nothing.

It is fetched into the build folder once; where it cannot be had, the test says so and is skipped. With POTLINE_LONG=1 requests
are made up at random, too."""
import os
import subprocess
import sys
import tempfile

from resting import BASE, Engine

VERSION = "4.32.5"
VENV = os.path.join(os.environ["POTLINE_BUILD"], "tests", f"schemathesis-{VERSION}")
LONG = bool(os.environ.get("POTLINE_LONG"))
SKIP = 77

# Whoever stops the engine, signs itself out or changes its own user tests nothing any more.
ENDS = "^/(engine/stop|tokens.*|users.*|commands.*)$"


def fetch():
    """The program, or None."""
    program = os.path.join(VENV, "bin", "st")
    if os.path.exists(program):
        return program
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
    if made.returncode:
        print("skipped: no venv can be made here (python3-venv):", made.stdout + made.stderr)
        return None
    got = subprocess.run([os.path.join(VENV, "bin", "pip"), "install", "--quiet", "--no-input", "--timeout", "20",
                          f"schemathesis=={VERSION}"], capture_output=True, text=True)
    if got.returncode:
        print("skipped: schemathesis cannot be had:", got.stderr[-500:])
        return None
    return program


def main():
    program = fetch()
    if not program:
        return SKIP
    with tempfile.TemporaryDirectory() as folder, Engine(folder) as engine:
        url = f"https://127.0.0.1:{engine.port}"
        done = subprocess.run(
            [program, "run", url + "/openapi.json", "--url", url + BASE, "--tls-verify", os.path.join(engine.data, "tls", "cert.pem"),
             "-H", f"Authorization: Bearer {engine.admin}", "--exclude-path-regex", ENDS, "--phases",
             "examples,coverage" + (",fuzzing" if LONG else ""), "--checks", "all", "--continue-on-failure", "--warnings", "off",
             "--no-color"], cwd=folder, text=True, timeout=3000, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        print(done.stdout)
        engine.stop()
    return done.returncode


sys.exit(main())

"""Peers of Sparkplug B that we did not write: Eclipse Tahu's edge node and a host on npm sparkplug-payload (tests/interop/peers).

Exits with 77 and a line that says why where they are not to be had.
"""
import json
import os
import shutil
import subprocess
import threading
import time

import mqtt_broker

PEERS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop", "peers")
PATIENCE = 60


def install(name="sparkplug", lock=PEERS, files=("edge.mjs", "host.mjs"), more=()):
    """The packages of a folder with package.json, and its programs beside them, in the build folder. Packages that tools/setup
    has installed there are taken as they are."""
    if not shutil.which("npm"):
        mqtt_broker.skip("there is no npm")
    folder = os.path.abspath(os.path.join(os.environ.get("POTLINE_BUILD", "build/release"), "npm", name))
    os.makedirs(folder, exist_ok=True)
    for file in ("package.json", "package-lock.json", *files):
        shutil.copy(os.path.join(lock, file), folder)
    for file in more:
        shutil.copy(file, folder)
    installed, here = os.path.join(lock, "node_modules"), os.path.join(folder, "node_modules")
    if os.path.isdir(installed) and not os.path.lexists(here):
        os.symlink(installed, here)
    there = os.path.join(here, ".package-lock.json")
    if os.path.exists(there) and os.path.getmtime(there) > os.path.getmtime(os.path.join(lock, "package-lock.json")):
        return folder
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        mqtt_broker.skip(f"npm cannot install the packages of {name}: {done.stderr.strip().splitlines()[-1:]}")
    return folder


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def install_opcua():
    """The gateway, and its independent peers beside it."""
    gateway = os.path.join(ROOT, "tools", "opcua-gateway")
    return install("opcua", gateway, tuple(
        name for name in os.listdir(gateway) if name.endswith(".mjs") and name != "potline.mjs"), (
        os.path.join(ROOT, "tools", "clients", "node", "potline.mjs"), os.path.join(PEERS, "opcua_server.mjs"),
        os.path.join(PEERS, "opcua_client.mjs")))


class Peer:
    """A program: `heard` are its lines, `tell` writes one to it."""

    def __init__(self, folder, program, interpreter="node", **config):
        self.process = subprocess.Popen([interpreter, program, json.dumps(config)], cwd=folder, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=mqtt_broker.dies_with_us)
        self.heard = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("{"):  # libraries say other things, too
                self.heard.append(json.loads(line))

    def tell(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def wait(self, condition, why="the peer has not heard it"):
        end = time.monotonic() + PATIENCE
        while True:
            for line in list(self.heard):
                if condition(line):
                    return line
            assert time.monotonic() < end and self.process.poll() is None, f"{why}: {self.heard[-5:]}"
            time.sleep(0.005)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()

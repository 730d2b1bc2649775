"""Machines of a test's own: network namespaces on a bridge, each with an address and a cable that can be pulled."""
import atexit
import os
import shutil
import subprocess


def ip(*words):
    return subprocess.run(["ip", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def why_not():
    """Why there can be none here; None: there can."""
    if not shutil.which("ip"):
        return "no ip (Debian package iproute2)"
    probe = f"plprobe{os.getpid() % 10000}"
    done = ip("netns", "add", probe)
    if done.returncode:
        return "no network namespaces: " + done.stderr.strip()
    ip("netns", "del", probe)
    return None


class Network:
    """Machines get 10.A.B.1, .2, ...; this one is .254."""

    def __init__(self):
        number = os.getpid()
        self.bridge = f"plbr{number % 10000}"
        self.net = f"10.{100 + number // 250 % 100}.{number % 250}"
        self.machines = []
        atexit.register(self.close)
        for words in (("link", "add", self.bridge, "type", "bridge"), ("link", "set", self.bridge, "up"),
                      ("addr", "add", f"{self.net}.254/24", "dev", self.bridge)):
            done = ip(*words)
            if done.returncode:
                raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")

    def add(self):
        """The next machine."""
        machine = Machine(self, len(self.machines) + 1)
        self.machines.append(machine)
        return machine

    def close(self):
        for machine in self.machines:
            ip("netns", "del", machine.name)
        ip("link", "del", self.bridge)
        self.machines = []


class Machine:
    def __init__(self, network, number):
        self.name = f"{network.bridge}-{number}"
        self.address = f"{network.net}.{number}"
        here, there = f"{network.bridge}v{number}", "cable"
        for words in (("netns", "add", self.name),
                      ("link", "add", here, "type", "veth", "peer", "name", there, "netns", self.name),
                      ("link", "set", here, "master", network.bridge, "up"),
                      ("-n", self.name, "addr", "add", f"{self.address}/24", "dev", there),
                      ("-n", self.name, "link", "set", "lo", "up"), ("-n", self.name, "link", "set", there, "up")):
            done = ip(*words)
            if done.returncode:
                raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")

    def inside(self, command):
        return ["ip", "netns", "exec", self.name, *command]

    def pull(self):
        """The cable is out."""
        ip("-n", self.name, "link", "set", "cable", "down")

    def plug(self):
        ip("-n", self.name, "link", "set", "cable", "up")

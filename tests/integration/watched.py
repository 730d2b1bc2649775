"""An engine that is watched over HTTP; for the tests of what it shows."""
import http.client
import json
import os
import re
import subprocess
import time

BIN = os.environ["POTLINE_BIN"]
PLUGINS = os.path.join(os.environ.get("POTLINE_BUILD", os.path.dirname(BIN)), "tests", "plugins")
PATIENCE = 60


def wait(what, seconds=PATIENCE, why="it did not come"):
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, why
        time.sleep(0.05)


class Engine:
    """Runs `graph` until it is stopped; .port is where it is watched."""

    def __init__(self, folder, graph, more=(), address="127.0.0.1:0", **environment):
        self.data = os.path.join(folder, "data")
        self.said = os.path.join(folder, "said")
        path = os.path.join(folder, "graph.yaml")
        with open(path, "w") as file:
            file.write(graph)
        with open(self.said, "w") as said:
            self.process = subprocess.Popen(
                [os.path.join(BIN, "potline"), "run", path, "--data", self.data, "--metrics", address, "--quiet", *more],
                stderr=said, env={**os.environ, "POTLINE_PLUGIN_PATH": PLUGINS, **environment})
        self.host = address.rpartition(":")[0].strip("[]") or "127.0.0.1"
        self.port = int(wait(self.find_port).group(1))

    def find_port(self):
        assert self.process.poll() is None, self.text()
        return re.search(r"metrics: http, port (\d+)", self.text())

    def text(self):
        with open(self.said) as file:
            return file.read()

    def ask(self, path, method="GET", body=None):
        """Status, headers and text."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        connection.request(method, path, body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, dict((name.lower(), value) for name, value in answer.getheaders()), text

    def reasons(self):
        """Why it is not ready: {reason: node}; {} when it is."""
        status, _, text = self.ask("/readyz")
        told = json.loads(text)
        assert (status == 200) == told["ready"] == (not told["reasons"]) and status in (200, 503), (status, text)
        return {reason["reason"]: reason["node"] for reason in told["reasons"]}

    def metrics(self):
        """{name: {labels as they are written: value}}"""
        found = {}
        for line in self.ask("/metrics")[2].splitlines():
            if not line.startswith("#"):
                name, labels, value = re.fullmatch(r"([a-z_:0-9]+)(?:\{(.*)\})? (\S+)", line).groups()
                assert (labels or "") not in found.setdefault(name, {}), f"twice: {line}"
                found[name][labels or ""] = float(value)
        return found

    def command(self, words):
        subprocess.run([os.path.join(BIN, "potline"), "shell", "--data", self.data, "-c", words], check=True,
                       stdout=subprocess.DEVNULL, timeout=PATIENCE)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, self.text()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

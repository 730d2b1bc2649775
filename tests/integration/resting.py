"""An engine with everything that REST shows, and a client of it; for the tests of HTTPS."""
import http.client
import json
import os
import re
import ssl
import subprocess
import time

BIN = os.environ["POTLINE_BIN"]
BASE = "/industrial-automation/smelting-ops/v1"
PATIENCE = 60
ROLES = ("operator", "engineer", "manager", "executive", "admin")
PASSWORD = "correct horse battery"
GRAPH = """
potline: 1
name: plant
checkpoint: 200ms
nodes:
  gen: { op: source.generator, tags: "line{1..2}.pot{01..03}.{voltage,current}", rate: 1000/s }
  wishes: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/wishes", encoding: json, kind: setpoints, idle: 100ms }
  clean: { op: cleanse, from: gen, spike: { method: hampel, window: 11, k: 3.5 } }
  tens: { op: window.tumbling, from: clean, size: 200ms }
  seconds: { op: window.tumbling, from: clean, size: 1s }
  limits: { op: threshold, from: clean, rules: [ { name: always, tags: "*.voltage", above: -1e9 } ] }
  list: { op: alarms, from: limits, alarms: [ { match: always, priority: high, consequence: a, action: b, respond: 5m } ] }
  own: { op: rules, from: clean, scripts: [ "${FOLDER}/rules.lua" ] }
  told: { op: sink.null, from: own }
  safe: { op: guard, from: [ wishes, clean ], limits: [ { tags: "*.set", low: 0, high: 1 } ] }
  gone: { op: sink.null, from: safe }
  kept: { op: sink.lake, zone: silver, from: clean }
  gold: { op: sink.lake, zone: gold, from: [ tens, seconds ] }
  golden: { op: sink.lake, zone: gold, from: [ list ] }
"""
RULES = """
rule {
  name = "high", tags = "*.voltage", params = { limit = { 1e9, low = 0, high = 2e9, unit = "V" } },
  when = function(value, limit) return value > limit end, severity = 500, message = "{tag} at {value}",
}
"""


def wait(what, seconds=PATIENCE, why="it did not come"):
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, why
        time.sleep(0.05)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:2000]}"


class Engine:
    """Runs GRAPH with HTTPS on any port; .admin is its token."""

    def __init__(self, folder, more=(), graph=GRAPH, address="127.0.0.1:0"):
        self.folder, self.data = folder, os.path.join(folder, "data")
        self.graph = os.path.join(folder, "graph.yaml")
        self.more, self.address = more, address
        self.password = None
        for name, text in (("graph.yaml", graph), ("next.yaml", graph), ("rules.lua", RULES)):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        self.start()

    def start(self, **environment):
        self.said = os.path.join(self.folder, "said")
        with open(self.said, "w") as said:
            self.process = subprocess.Popen(
                [os.path.join(BIN, "potline"), "run", self.graph, "--data", self.data, "--quiet", "--http", self.address,
                 *self.more], stderr=said, env={**os.environ, "FOLDER": self.folder, **environment})
        self.port = int(wait(lambda: self.find(r"https?: port (\d+)")).group(1))
        if not self.address.startswith("http://"):
            self.tls = ssl.create_default_context(cafile=os.path.join(self.data, "tls", "cert.pem"))
        if not self.password:
            self.password = wait(lambda: self.find(r"with the password (\S+)")).group(1)
        wait(lambda: self.ask("GET", "/sensors").status == 401)
        self.admin = self.sign_in("admin", self.password)

    def find(self, pattern):
        with open(self.said) as file:
            text = file.read()
        assert self.process.poll() is None, text
        return re.search(pattern, text)

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=self.tls)

    def ask(self, method, path, body=None, token=None, connection=None, **headers):
        """`path` below BASE, or whole where it begins with //; a body that is no text is sent as JSON."""
        path = path[1:] if path.startswith("//") else BASE + path
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None:
            sent.setdefault("content-type", "application/json")
        own = connection or self.connect()
        own.request(method, path, body, sent)
        answer = own.getresponse()
        found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode())
        if not connection:
            own.close()
        return found

    def sign_in(self, user, password):
        answer = self.ask("POST", "/tokens", {"username": user, "password": password})
        assert answer.status == 201, answer
        return answer.json()["accessToken"]

    def add_users(self):
        """{role: token} of a user a role."""
        tokens = {"admin": self.admin}
        for role in ROLES[:-1]:
            added = self.ask("POST", "/users", {"user": f"u-{role}", "role": role, "password": PASSWORD}, self.admin)
            assert added.status == 201, added
            tokens[role] = self.sign_in(f"u-{role}", PASSWORD)
        return tokens

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, open(self.said).read()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.process.kill()
        self.process.wait()

#!/usr/bin/python3
"""A fault becomes an order in a maintenance system, and what people do with the ticket follows it there.

    rows --> engine: detect, tickets, notify.webhook --HTTP--> a server that knows orders by Idempotency-Key

The server refuses every other request with 503; the engine is killed right behind an answer. In the end each change of the
ticket has been taken once, in order, with what a person needs to act on."""
import http.server
import json
import os
import random
import signal
import subprocess
import tempfile
import threading
import time

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
PATIENCE, ROWS = 60, 900
GRAPH = """
potline: 1
name: orders
checkpoint: 100ms
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", layout: wide, prefix: line1.pump1., follow: true }}
  found: {{ op: detect, from: in, threshold: 3, window: 32 }}
  work:
    op: tickets
    from: found.events
    actions: [ {{ signals: pressure, action: 'look at the "suction" side' }} ]
  cmms:
    op: notify.webhook
    from: work
    url: "http://127.0.0.1:{port}/orders/{{user}}"
    rate: 0
    retry: 50ms
    retry_max: 200ms
    text: '{{"key": "{{id}}", "kind": "{{kind}}", "title": "{{ticket}}: {{explanation}}", "what_to_do": "{{action}}", "state": "{{state}}", "change": "{{change}}"}}'
    people: [ {{ user: desk, role: engineer }} ]
    routes: [ {{ events: "ticket.*", to: desk }} ]
"""


class Cmms:
    """A maintenance system: an order for each key, whatever is sent again."""

    def __init__(self):
        self.orders, self.requests, this = {}, 0, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                assert self.path == "/orders/desk", self.path
                order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert order["key"] == self.headers["Idempotency-Key"]
                this.requests += 1
                refused = this.requests % 2 == 1
                if not refused:
                    assert this.orders.setdefault(order["key"], order) == order, "one key, two orders"
                self.send_response(503 if refused else 201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, kind):
        return [order for order in list(self.orders.values()) if order["kind"] == kind]


class Engine:
    def __init__(self, work):
        self.graph, self.data = os.path.join(work, "graph.yaml"), os.path.join(work, "data")
        self.start()

    def start(self):
        self.process = subprocess.Popen([POTLINE, "run", self.graph, "--data", self.data, "--quiet"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env=dict(os.environ, POTLINE_HTTP="off"))
        self.until(lambda: self.shell("version").returncode == 0, "it does not answer")

    def shell(self, command, how="--json"):
        return subprocess.run([POTLINE, "shell", "--data", self.data, how, "-c", command], capture_output=True,
                              text=True, timeout=PATIENCE, check=False)

    def ask(self, command):
        done = self.shell(command)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    def basis(self):
        """The first events of the anomalies that the ticket rests on."""
        (ticket,) = self.ask("tickets show 1@line1.pump1")
        assert ticket["explain"] == f"explain event {ticket['event']}", ticket
        return {one["event"] for one in ticket["basis"]}

    def until(self, what, why):
        end = time.monotonic() + PATIENCE
        while not what():
            assert self.process.poll() is None, "the engine has ended"
            assert time.monotonic() < end, why
            time.sleep(0.02)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def make_input(path):
    dice, first = random.Random(4), int(time.time()) - ROWS
    with open(path, "w", encoding="utf-8") as file:
        file.write("time,flow,pressure\n")
        for row in range(ROWS):
            time_of = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(first + row))
            file.write(f"{time_of},{40 + dice.gauss(0, 1):.4f},{3 + 0.1 * dice.gauss(0, 1) - 2 * (row >= 800):.5f}\n")


def main():
    with tempfile.TemporaryDirectory(prefix="potline-cmms-") as work:
        cmms = Cmms()
        make_input(os.path.join(work, "in.csv"))
        with open(os.path.join(work, "graph.yaml"), "w", encoding="utf-8") as file:
            file.write(GRAPH.format(work=work, port=cmms.server.server_address[1]))
        engine = Engine(work)
        try:
            engine.until(lambda: cmms.of("ticket.opened"), "no order for the fault")
            order = cmms.of("ticket.opened")[0]
            assert order["title"].startswith("1@line1.pump1: ") and "line1.pump1.pressure" in order["title"], order
            assert order["what_to_do"] == 'look at the "suction" side' and order["state"] == "open", order
            engine.ask("tickets assign 1@line1.pump1 Ann")
            rests_on = engine.basis()
            shown = engine.shell("tickets show 1@line1.pump1", "--keep-going").stdout  # for people: labels, no JSON
            assert "\nexplain      explain event " in shown and "\nbasis:\n" in shown and "{" not in shown, shown
            assert rests_on, "a ticket that rests on nothing"
            engine.kill()  # what was answered is not taken back, nor is what it owes to others
            engine.start()
            engine.until(lambda: cmms.of("ticket.assigned"), "nobody is told who has it")
            assert rests_on <= engine.basis(), (rests_on, engine.basis())
            engine.ask("tickets resolve 1@line1.pump1 'a blocked strainer'")
            engine.kill()
            engine.start()
            engine.until(lambda: cmms.of("ticket.resolved"), "nobody is told that it is done")
            again = engine.shell("tickets false-alarm 1@line1.pump1 nothing")
            assert again.returncode and "is closed (resolved); tickets reopen" in again.stderr, again
            engine.ask("tickets reopen 1@line1.pump1 'it is blocked again'")
            engine.kill()
            engine.start()
            engine.until(lambda: cmms.of("ticket.reopened"), "nobody is told that it is to be done again")
            (shown,) = engine.ask("tickets show 1@line1.pump1")
            assert (shown["state"], shown["assignee"], shown["reason"]) == ("assigned", "Ann", "it is blocked again"), shown
            engine.until(lambda: not engine.ask("notify list"), "something still waits")
            assert all(o["kind"] == "ticket." + o["change"] for o in cmms.orders.values()), cmms.orders
            kinds = [o["kind"] for o in cmms.orders.values() if o["kind"] not in ("ticket.joined", "ticket.grew")]
            assert kinds == ["ticket.opened", "ticket.assigned", "ticket.resolved", "ticket.reopened"], kinds
            print(f"{len(cmms.orders)} orders by {cmms.requests} requests, half of them refused")
        finally:
            engine.kill()


if __name__ == "__main__":
    main()

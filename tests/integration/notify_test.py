#!/usr/bin/python3
"""Who is told: alarms and overrides by mail (STARTTLS, a login) and by requests, with a real server at the other end of each, and
an engine that is killed while they are on their way.

    program --push--> engine: threshold, alarms, guard --> notify.email   --SMTP--> aiosmtpd
                                                       --> notify.webhook --HTTP--> http.server

Times are printed and fail nothing."""
import collections
import email
import email.policy
import http.server
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import time

import zmq
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from field_rig import Engine, free_port, wait, write_whole

GRAPH = """
potline: 1
name: tells
log: {{ kind: embedded }}
checkpoint: 1s
nodes:
  feed: {{ op: source.zmq, socket: pull, bind: "{feed}", encoding: json, idle: 100ms }}
  wishes: {{ op: source.zmq, socket: pull, bind: "{wishes}", encoding: json, kind: setpoints, idle: 100ms }}
  watch: {{ op: threshold, from: feed, rules: [ {{ tags: "*.v", above: 50 }} ] }}
  list:
    op: alarms
    from: watch
    alarms: [ {{ match: "*", priority: high, consequence: none, action: look, respond: 1m }} ]
  safe: {{ op: guard, from: [ wishes, feed ], override_file: "{folder}/stop", limits: [ {{ tags: "*.set", low: 0, high: 1 }} ] }}
  gone: {{ op: sink.null, from: safe }}
  mail:
    op: notify.email
    from: [ list, safe.events ]
    server: "smtp://127.0.0.1:{smtp}"
    ca: "{folder}/cert.pem"
    user: potline
    password: secret
    sender: potline@plant.example
    rate: 0
    retry: 200ms
    people:
      - {{ user: anna, role: engineer, to: anna@plant.example }}
      - {{ user: bert, role: operator, to: bert@plant.example }}
    routes:
      - {{ events: [ alarm.unacknowledged, "override.*" ], to: "role:engineer" }}
  bare:
    op: notify.email
    from: safe.events
    server: "smtp://127.0.0.1:{bare}"
    user: potline
    password: secret
    sender: potline@plant.example
    people: [ {{ user: carl, to: carl@plant.example }} ]
    routes: [ {{ events: none, to: carl }} ]
  hook:
    op: notify.webhook
    from: [ list, safe.events ]
    url: "http://127.0.0.1:{hook}/{{user}}"
    rate: 0
    retry: 100ms
    retry_max: 400ms
    people: [ {{ user: desk }} ]
    routes: [ {{ events: [ alarm.unacknowledged, "override.*" ], to: desk }} ]
"""


class Mails:
    """What a mail server has received: a message each, as the standard library reads it."""

    def __init__(self):
        self.mails, self.logins = [], []

    async def handle_DATA(self, server, session, envelope):
        assert session.ssl and session.authenticated
        self.mails.append((time.monotonic(), envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 taken"

    def login(self, server, session, envelope, mechanism, data):
        self.logins.append(data)
        return AuthResult(success=(data.login, data.password) == (b"potline", b"secret"))


class Requests:
    """What a web server has received. `refuse` says whether the next one gets 503 behind a while."""

    def __init__(self):
        self.heard, self.refuse = [], lambda: False
        this = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert body["id"] == self.headers["Idempotency-Key"]
                refused = this.refuse()
                this.heard.append((time.monotonic(), body, refused))
                self.send_response(503 if refused else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def port(self):
        return self.server.server_address[1]


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    return context


class Secured(Controller):
    def __init__(self, handler, port, context):
        self.context = context
        super().__init__(handler, hostname="127.0.0.1", port=port)

    def factory(self):
        return SMTP(self.handler, hostname="localhost", tls_context=self.context, require_starttls=True, authenticator=self.handler.login, auth_required=True)


class Bare(Controller):
    """Offers no STARTTLS, and would take a password."""

    def factory(self):
        return SMTP(self.handler, hostname="localhost", authenticator=self.handler.login, auth_require_tls=False)


def arrives(what, mails, requests, kind, subject):
    begun = time.monotonic()
    what()
    mail = wait(lambda: [m for m in mails.mails if m[0] >= begun and kind in m[2]["Subject"] and subject in m[2]["Subject"]],
                f"no mail of {kind} {subject}")[0]
    hook = wait(lambda: [h for h in requests.heard if h[0] >= begun and (h[1]["kind"], h[1]["subject"]) == (kind, subject)],
                f"no request of {kind} {subject}")[0]
    print(f"{kind} of {subject}: mail after {mail[0] - begun:.2f} s, request after {hook[0] - begun:.2f} s")
    return mail, hook


class Feed:
    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.PUSH)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(endpoint)

    def send(self, tags, value):
        now, n = time.time_ns(), len(tags)
        columns = {"time": [now] * n, "tag": tags, "value": [value] * n, "quality": [0] * n}
        self.socket.send(json.dumps({"kind": "samples", "columns": columns}).encode())


def killed_on_the_way(engine, feed, requests):
    """Half of the answers are refusals, and the engine is killed twice among them. Each alarm is told, and each time that it is told
    it bears its own id, and no other."""
    pots = [f"line2.pot{i:02}" for i in range(40)]
    before, turn = len(requests.heard), iter(range(10**6))

    def slow():
        time.sleep(0.02)
        return next(turn) % 2 == 0

    requests.refuse = slow
    feed.send([f"{pot}.v" for pot in pots], 60)
    for more in (8, 40):
        wait(lambda: len(requests.heard) >= before + more, "nothing is on its way")
        engine.kill()
        engine.start()

    def taken():
        return {body["subject"]: body["id"] for _, body, refused in requests.heard[before:] if not refused and "line2" in body["subject"]}

    wait(lambda: len(taken()) == len(pots), lambda: f"{len(taken())} of {len(pots)} were told; {engine.text()[-1000:]}")
    wait(lambda: not [row for row in engine.ask("notify list") if row["node"] == "hook"], "something still waits")
    ids, told = collections.defaultdict(set), collections.Counter()
    for _, body, refused in requests.heard:
        if body["kind"] == "alarm.unacknowledged":
            ids[body["subject"]].add(body["id"])
            told[body["subject"]] += not refused
    assert all(len(of_one) == 1 for of_one in ids.values()), ids
    assert len(set.union(*ids.values())) == len(pots) + 1
    print(f"killed twice: {len(ids)} alarms, each told, {sum(told.values()) - len(ids)} of them told again with the same id")
    assert [body for _, body, _ in requests.heard[before:] if body["kind"] == "override.kept"], "who is back does not say so"
    requests.refuse = lambda: False


def main():
    folder = tempfile.mkdtemp(prefix="potline-notify-")
    mails, bare_mails, requests = Mails(), Mails(), Requests()
    servers = [Secured(mails, free_port(), make_certificate(folder)), Bare(bare_mails, hostname="127.0.0.1", port=free_port())]
    for server in servers:
        server.start()
    feed_at, wishes = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
    with open(f"{folder}/graph.yaml", "w") as file:
        file.write(GRAPH.format(folder=folder, feed=feed_at, wishes=wishes, smtp=servers[0].port, bare=servers[1].port,
                                hook=requests.port()))
    engine = Engine(f"{folder}/graph.yaml", f"{folder}/data")
    feed = Feed(feed_at)
    try:
        mail, _ = arrives(lambda: feed.send(["line1.pot07.v"], 60), mails, requests, "alarm.unacknowledged",
                          "threshold@line1.pot07.v")
        assert mail[1] == ["anna@plant.example"] and "value: 60" in mail[2].get_content(), mail[2].get_content()
        arrives(lambda: engine.ask('override engage line1 --anyway --reason "hæ?"'), mails, requests, "override.engaged", "line1")
        arrives(lambda: write_whole(f"{folder}/stop", ""), mails, requests, "override.engaged", "ALL")

        (row,) = engine.ask("notify test --to bert --node mail")
        mail = wait(lambda: [m for m in mails.mails if m[1] == ["bert@plant.example"]], "no test arrives")[0]
        assert mail[2]["X-Potline-Notification"] == row["id"] and row["id"] in mail[2]["Message-ID"]
        wait(lambda: engine.ask("notify test --node bare") and [r for r in engine.ask("notify list") if r["node"] == "bare" and r["why"]],
             "a server without STARTTLS is no trouble")
        assert not bare_mails.mails and not bare_mails.logins, "a password went over an open line"

        killed_on_the_way(engine, feed, requests)
        records = json.loads(subprocess.run([os.path.join(os.environ["POTLINE_BIN"], "potline"), "audit", "query", "--data", engine.data,
                                             "--json", "--action", "notify send"], check=True, capture_output=True,
                                            text=True).stdout)
        assert any(r["object"] == "line1" and "anna" in r["to"] and r["outcome"] == "sent" for r in records), records[:3]
    finally:
        print(engine.text()[-3000:])
        if engine.process.poll() is None:
            engine.kill()
        for server in servers:
            server.stop()
    shutil.rmtree(folder)


main()

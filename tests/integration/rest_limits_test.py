#!/usr/bin/python3
"""What is too much for the REST interface, and what becomes of it: connections, listeners, runs of models, passwords
tried at once, rows too long for a piece of a stream. In the clear, as a handshake has no part in it."""
import http.client
import json
import os
import socket
import sys
import tempfile
import threading

from resting import BASE, PASSWORD, PATIENCE, Engine, wait

CONNECTIONS, LISTENERS, SHARE, RUNS, A_MODEL = 512, 256, 224, 32, 8
GRAPH = """
potline: 1
name: small
nodes:
  gen: { op: source.generator, tags: "line1.pot{01..03}.voltage", rate: 100/s }
  long: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/long", encoding: json, kind: events, idle: 100ms }
  kept: { op: sink.lake, zone: gold, from: long }
  gone: { op: sink.null, from: gen }
"""


class Clear(Engine):
    """The same without TLS."""

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)


def sockets_of(engine):
    found = 0
    for name in os.listdir(folder := f"/proc/{engine.process.pid}/fd"):
        try:
            found += os.readlink(os.path.join(folder, name)).startswith("socket:")
        except OSError:
            pass  # closed meanwhile
    return found


def listen(engine, output="gen.out", token=None, **headers):
    connection = socket.create_connection(("127.0.0.1", engine.port), timeout=PATIENCE)
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    connection.sendall(f"GET {BASE}/streams/{output}?every=1h HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token or engine.admin}\r\n{more}\r\n".encode())
    return connection


def status_of(connection):
    text = b""
    while b"\r\n" not in text:
        piece = connection.recv(4096)
        assert piece, text
        text += piece
    return int(text.split()[1])


def check_listeners(engine):
    """256 listen, 224 of them as one user; the next one is told to come again, and may when one has left; others are answered all
    the while."""
    listeners = [listen(engine) for _ in range(SHARE)]
    assert {status_of(one) for one in listeners} == {200}
    assert engine.ask("GET", "/streams/gen.out", token=engine.admin).status == 503, "one user leaves room for others"
    other = engine.add_users()["operator"]
    more = [listen(engine, token=other) for _ in range(LISTENERS - SHARE)]
    assert {status_of(one) for one in more} == {200}
    listeners = more + listeners
    refused = engine.ask("GET", "/streams/gen.out", token=engine.admin)
    assert refused.status == 503 and refused.json()["code"] == "ERR-5031" and int(refused.headers["retry-after"]) > 0, refused
    assert engine.ask("GET", "/sensors", token=engine.admin).status == 200
    listeners.pop().close()

    def again():
        connection = listen(engine)
        if status_of(connection) == 200:
            listeners.append(connection)
            return True
        connection.close()
        return False
    wait(again)
    return listeners


def check_connections(engine, before, listeners):
    """More than there is room for wait at the door, and come in when others have left."""
    most = 0  # those who listen stay, while those that say half of something do not
    half, waiting = f"GET {BASE}/sensors HTTP/1.1\r\nhost: x\r\n".encode(), []

    def crowd():
        nonlocal most
        for _ in range(50):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", engine.port))  # when the kernel's queue is full it comes later
            waiting.append(connection)
        for connection in waiting[-50:]:
            try:
                connection.send(half)
            except OSError:
                pass  # not there yet
        most = max(most, sockets_of(engine) - before)
        while len(waiting) > 400:
            waiting.pop(0).close()
        return most >= CONNECTIONS - 8
    wait(crowd)
    for _ in range(10):
        crowd()
    assert most <= CONNECTIONS, most
    for connection in waiting + listeners:
        connection.close()
    wait(lambda: engine.ask("GET", "/sensors", token=engine.admin).status == 200)
    wait(lambda: sockets_of(engine) <= before + 1, why="sockets are left")
    print(f"{most} connections at most")


def check_runs(engine):
    """32 runs are kept and 8 of a model, the oldest goes for the newest; more than can wait are told to come again."""
    body = {"modelName": "FourierHeatModel", "parameters": {"thermalConductivity": 200, "initialTemperature": 700}}
    models = [engine.ask("POST", "/pde-models", body, engine.admin).json()["modelId"] for _ in range(6)]

    def kept():
        return {model: [run["runId"] for run in engine.ask("GET", f"/pde-models/{model}/runs", token=engine.admin).json()] for model in models}

    def post(model):
        answer = engine.ask("POST", f"/pde-models/{model}/runs", {"until": "1m", "every": "10s"}, engine.admin)
        assert answer.status in (202, 503), answer
        return answer.status == 202 and answer.json()["runId"]
    made = []
    for i in range(RUNS + 2 * A_MODEL):
        made.append((models[i % 6], wait(lambda: post(models[i % 6]))))
        counts = [len(runs) for runs in kept().values()]
        assert sum(counts) <= RUNS and max(counts) <= A_MODEL, counts
    assert sum(len(runs) for runs in kept().values()) == RUNS
    model, oldest = made[0]
    assert engine.ask("GET", f"/pde-models/{model}/runs/{oldest}", token=engine.admin).status == 404
    model, newest = made[-1]
    run = wait(lambda: (r := engine.ask("GET", f"/pde-models/{model}/runs/{newest}", token=engine.admin).json())["status"] == "done" and r)
    assert run["time"][-1] == 60, run
    for _ in range(A_MODEL + 2):
        wait(lambda: post(models[0]))
        assert len(kept()[models[0]]) <= A_MODEL
    statuses = [engine.ask("DELETE", f"/pde-models/{model}/runs/{run}", token=engine.admin).status for model, runs in kept().items() for run in runs]
    assert set(statuses) == {204} and not any(kept().values()), statuses


def check_passwords_at_once(engine):
    """Thirty at once get no further than thirty one after the other."""
    added = engine.ask("POST", "/users", {"user": "olaf", "role": "operator", "password": PASSWORD}, engine.admin)
    assert added.status == 201, added
    found = []

    def guess(i):
        found.append(engine.ask("POST", "/tokens", {"username": "olaf", "password": f"wrong wrong {i}"}).status)
    threads = [threading.Thread(target=guess, args=(i,)) for i in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count(401) <= 5 and set(found) <= {401, 429, 503}, found
    for i in range(5):
        guess(i)
    assert found.count(401) <= 5 and found[-1] == 429, found
    engine.sign_in("admin", engine.password)


def check_absent(engine):
    """What no node of this graph does: nothing is listed, nothing is there, and nothing can be done; the text says why."""
    for path in ("/alarms", "/overrides", "/setpoints", "/rules"):
        assert engine.ask("GET", path, token=engine.admin).json() == [], path
    for path in ("/alarms/line1.hot", "/setpoints/line1.pot01.set", "/rules/high"):
        answer = engine.ask("GET", path, token=engine.admin)
        assert answer.status == 404 and answer.json()["code"] == "ERR-4042" and "no node of" in answer.json()["detail"], answer
    for path, body, operator in (("/overrides", {"scope": "ALL", "reason": "x"}, "guard"), ("/alarms/a/ack", {}, "alarms"),
                                 ("/rules/high/disable", {}, "rules")):
        answer = engine.ask("POST", path, body, engine.admin)
        assert answer.status == 409 and answer.json()["code"] == "ERR-4091", answer
        assert f"no node of {operator}," in answer.json()["detail"], answer


def check_long_rows(engine):
    """A row that is longer than a piece of a stream is told whole."""
    try:
        import zmq
    except ImportError:
        print("no zmq for Python: long rows are not sent")
        return
    sender = zmq.Context.instance().socket(zmq.PUSH)
    sender.connect(f"ipc://{engine.folder}/long")
    connection = engine.connect()
    connection.request("GET", BASE + "/streams/long.out", headers={"authorization": f"Bearer {engine.admin}"})
    answer = connection.getresponse()
    assert answer.status == 200
    text = "z" * 100000
    for i in range(4):
        columns = {"time": [f"2026-11-23T06:00:0{i}Z"], "tag": ["line1"], "kind": ["note"], "severity": [1], "id": [str(i + 1)],
                   "asset": ["line1"], "body": [{"text": text}]}
        sender.send_multipart([b"topic", json.dumps({"columns": columns, "kind": "events"}).encode()])
    found = 0
    while found < 4:
        line = answer.readline().decode()
        assert line, "the stream has ended"
        if line.startswith("data: ") and "zzz" in line:
            assert json.loads(line[6:])["body"]["text"] == text
            found += 1
    connection.close()
    check_long_pages(engine, sender, text)
    sender.close(0)


def check_long_pages(engine, sender, text):
    """A page of long rows has fewer of them than were asked for, and the next one goes on."""
    for i in range(200):
        columns = {"time": [f"2026-11-23T07:{i // 60:02}:{i % 60:02}Z"], "tag": ["line1"], "kind": ["long"], "severity": [1], "id": [str(i + 10)],
                   "asset": ["line1"], "body": [{"text": text}]}
        sender.send_multipart([b"topic", json.dumps({"columns": columns, "kind": "events"}).encode()])

    def pages():
        found, path = [], "/events?kind=long&limit=1000"
        while path:
            answer = engine.ask("GET", path, token=engine.admin)
            assert answer.status == 200 and len(answer.body) < 10 << 20, (answer.status, len(answer.body))
            found.append([row["id"] for row in answer.json()])
            link = answer.headers.get("link", "")
            path = link and "/" + link[1:].partition(">")[0]
        return sum(map(len, found)) == 200 and found
    found = wait(pages)
    assert len(found) >= 3 and sorted(int(one) for page in found for one in page) == list(range(10, 210)), [len(page) for page in found]


def main():
    with tempfile.TemporaryDirectory() as folder, Clear(folder, graph=GRAPH, address="http://127.0.0.1:0") as engine:
        before = sockets_of(engine)
        check_connections(engine, before, check_listeners(engine))
        check_absent(engine)
        check_runs(engine)
        check_long_rows(engine)
        check_passwords_at_once(engine)
        engine.stop()


sys.exit(main())

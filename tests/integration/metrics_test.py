#!/usr/bin/python3
"""What a running engine shows over HTTP: its figures as promtool and a real Prometheus read them, health, readiness and
what takes it away, and what strangers do to the listener."""
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from shutil import which

from watched import Engine, wait

GRAPH = """
potline: 1
name: watched
checkpoint: 500ms
checkpoint_timeout: 1s
nodes:
  gen: { op: source.generator, tags: "line{1..2}.pot{01..03}.{voltage,current}", rate: 2000/s }
  clean: { op: cleanse, from: gen, spike: { method: hampel, window: 11, k: 3.5 } }
  own: { op: window.tumbling, from: clean, size: 1s, isolate: process }
  out: { op: sink.null, from: own }
  kept: { op: sink.lake, zone: silver, from: clean }
"""
NAMES = """potline_build_info potline_graph_info potline_log_rows_total potline_log_lag_bytes potline_log_full
potline_checkpoint_epoch potline_checkpoint_age_seconds potline_checkpoint_duration_seconds potline_checkpoint_size_bytes
potline_checkpoints_overdue_total potline_zone_size_bytes potline_node_rows_in_total potline_node_in_bytes_total
potline_node_rows_out_total potline_node_out_bytes_total potline_node_busy_seconds_total
potline_node_blocked_seconds_total potline_node_queue_batches potline_node_queue_bytes potline_node_dropped_rows_total
potline_node_spilled_rows_total potline_node_watermark_lag_seconds potline_node_lag_seconds_bucket
potline_source_silence_seconds potline_source_samples_total potline_node_process_deaths_total process_cpu_seconds_total
potline_node_process_nonsense_total potline_node_process_skipped_total
potline_graph_version potline_graph_probation_seconds potline_graph_changes_total potline_graph_rollbacks_total
process_resident_memory_bytes process_open_fds process_start_time_seconds potline_process_threads""".split()


def check_figures(engine):
    for tool in ("promtool", "prometheus"):
        assert which(tool), tool
    wait(lambda: all(name in engine.metrics() for name in NAMES),
         why=f"missing: {[name for name in NAMES if name not in engine.metrics()]}")
    wait(lambda: engine.metrics()["potline_node_rows_in_total"]['node="out",op="sink.null"'] > 0)
    wait(lambda: engine.metrics()["potline_source_samples_total"]['source="gen",outcome="accepted"'] > 0)
    status, headers, text = engine.ask("/metrics")
    assert status == 200 and headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8", headers
    assert int(headers["content-length"]) == len(text.encode())
    lint = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
    assert lint.returncode == 0 and not lint.stdout and not lint.stderr, lint

    figures, before = engine.metrics(), time.time()
    assert figures["potline_log_rows_total"][""] > 0
    assert figures["potline_graph_version"][""] == 1 and figures["potline_graph_probation_seconds"][""] == 0
    assert figures["potline_node_rows_out_total"]['node="gen",op="source.generator"'] > 0
    assert figures["potline_source_samples_total"]['source="gen",outcome="accepted"'] > 0
    assert abs(figures["process_start_time_seconds"][""] - before) < 600
    assert figures["process_open_fds"][""] > 3 and figures["process_max_fds"][""] >= figures["process_open_fds"][""]
    with open(f"/proc/{engine.process.pid}/status") as file:
        status = dict(line.split(":", 1) for line in file)
    assert figures["potline_process_threads"][""] == int(status["Threads"])
    resident = int(status["VmRSS"].split()[0]) * 1024
    assert abs(figures["process_resident_memory_bytes"][""] - resident) < 0.5 * resident
    check_histogram(figures)
    check_operators(figures)


def check_histogram(figures):
    """Buckets grow up to +Inf, which is the count."""
    node = 'node="clean",op="cleanse"'
    buckets = [(label.split('le="')[1].rstrip('"'), value)
               for label, value in figures["potline_node_lag_seconds_bucket"].items() if label.startswith(node)]
    values = [value for _, value in buckets]
    assert values == sorted(values) and buckets[-1][0] == "+Inf" and len(buckets) > 10
    assert [float(bound) for bound, _ in buckets] == sorted(float(bound) for bound, _ in buckets)
    assert values[-1] == figures["potline_node_lag_seconds_count"][node] > 0
    assert figures["potline_node_lag_seconds_sum"][node] > 0


def check_operators(figures):
    """Every counter of an operator's descriptor, and nothing else."""
    potline = os.path.join(os.environ["POTLINE_BIN"], "potline")
    for operator, node in (("cleanse", "clean"), ("window.tumbling", "own")):
        told = json.loads(subprocess.check_output([potline, "inspect", operator, "--json"]))
        told = told.get("operators", [told])[0] if "counters" not in told else told
        prefix = f"potline_operator_{operator.replace('.', '_')}_"
        expected = {f"{prefix}{counter['name']}_total" for counter in told["counters"]}
        assert expected and expected == {name for name in figures if name.startswith(prefix)}, expected
        for name in expected:
            assert list(figures[name]) == [f'node="{node}"'], name


def check_pages(engine):
    status, headers, text = engine.ask("/healthz")
    health = json.loads(text)
    assert status == 200 and headers["content-type"] == "application/json" and health["status"] == "ok", text
    assert health["uptime_seconds"] > 0
    wait(lambda: engine.reasons() == {})
    for path in ("/", "/metric", "/metrics/", "/metrics/x", "/..", "/etc/passwd", "/%2e%2e/etc/passwd"):
        assert engine.ask(path)[0] == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        status, headers, text = engine.ask("/metrics", method, "x" * 100 if method == "POST" else None)
        assert status == 405 and headers["allow"] == "GET, HEAD", (method, status, headers)
    status, headers, text = engine.ask("/metrics", "HEAD")
    assert status == 200 and int(headers["content-length"]) > 1000 and text == ""
    assert engine.ask("/metrics?x=1")[0] == 200


def check_readiness(engine):
    """A node that is paused holds up the checkpoint; a process that is stopped is there, one that is killed is not."""
    engine.command("pause out")
    wait(lambda: "checkpoint_overdue" in engine.reasons())
    engine.command("resume out")
    wait(lambda: engine.reasons() == {})
    deaths = 'node="own",op="window.tumbling"'
    assert engine.metrics()["potline_node_process_deaths_total"][deaths] == 0
    table = subprocess.check_output([os.path.join(os.environ["POTLINE_BIN"], "potline"), "shell", "--data", engine.data,
                                     "-c", "nodes", "--json"], text=True)
    pids = {row["node"]: row["pid"] for row in (json.loads(line) for line in table.splitlines()) if row.get("node")}
    os.kill(pids["own"], signal.SIGKILL)
    seen = wait(lambda: engine.reasons(), why="nobody was told that the process was gone")
    assert set(seen) <= {"process_down", "fallen", "no_engine", "node_not_open", "stopping"}, seen
    wait(lambda: engine.reasons() == {})
    assert engine.metrics()["potline_node_process_deaths_total"][deaths] == 1


# ---- A real Prometheus ----

def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def query(port, text):
    """The values that a query gives now."""
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": text})
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            told = json.load(answer)
    except (urllib.error.URLError, ConnectionError):
        return []
    return [float(row["value"][1]) for row in told["data"]["result"]]


def check_prometheus(engine, folder):
    config, port = os.path.join(folder, "prometheus.yml"), free_port()
    with open(config, "w") as file:
        file.write("global: { scrape_interval: 500ms, scrape_timeout: 400ms }\n"
                   "scrape_configs:\n  - job_name: potline\n    static_configs:\n"
                   f"      - targets: [ '127.0.0.1:{engine.port}' ]\n")
    subprocess.run(["promtool", "check", "config", config], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "prometheus.log"), "w") as log:
        server = subprocess.Popen(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb",
                                   f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        wait(lambda: query(port, 'up{job="potline"}') == [1])
        wait(lambda: any(rate > 0 for rate in query(port, 'rate(potline_node_rows_in_total{node="clean"}[5s])')))
        wait(lambda: query(port, "histogram_quantile(0.99, rate(potline_node_lag_seconds_bucket{node='clean'}[5s]))"))
        assert query(port, "potline_build_info") == [1] and query(port, "scrape_samples_scraped")[0] > 100
    finally:
        server.terminate()
        server.wait(30)


# ---- Strangers ----

def connect(engine):
    return socket.create_connection(("127.0.0.1", engine.port), timeout=30)


def send_and_forget(engine, data):
    with connect(engine) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(10)
            while sock.recv(65536):
                pass
        except OSError:
            pass


def hostile_bytes(chance):
    yield b""
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300)  # TLS
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(64)
    yield b"GET /metrics HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    yield (b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    yield b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n"
    yield b"GET /metrics HTTP/1.1\r\n" + b"X-A: b\r\n" * 50000 + b"\r\n"
    yield b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 1000000 + b"\r\n\r\n"
    yield b"POST /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n" + b"z" * 100000
    yield b"POST /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\nabc"
    yield b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc"
    yield b"GET /metrics HTTP/1.1\r\n\r\n" * 200  # one behind the other
    yield b"GET  HTTP/9.9\r\n\r\n"
    yield b"GET /%00%ff%zz/../../../metrics HTTP/1.1\r\n\r\n"
    for _ in range(200):
        yield chance.randbytes(chance.randrange(1, 3000))
    whole = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"
    for _ in range(200):
        spoilt = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        yield bytes(spoilt)


def gone(sock):
    """Has the other end closed?"""
    sock.setblocking(False)
    try:
        return sock.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def check_strangers(engine, seed):
    for data in hostile_bytes(random.Random(seed)):
        send_and_forget(engine, data)
    assert engine.ask("/healthz")[0] == 200

    # Those who ask and never read: the answers wait in their own buffers and in ours, within limits.
    idle = open_files(engine)
    greedy = [connect(engine) for _ in range(20)]
    for sock in greedy:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
    assert engine.ask("/healthz")[0] == 200
    # Those who say nothing, or a little now and then, are sent away; there is room for others meanwhile.
    slow = [connect(engine) for _ in range(20)]
    for sock in slow[10:]:
        sock.sendall(b"GET /met")
    assert engine.ask("/healthz")[0] == 200
    begun = time.monotonic()
    while slow and time.monotonic() - begun < 30:
        slow = [sock for sock in slow if not gone(sock)]
        for sock in slow[10:]:
            with contextlib.suppress(OSError):
                sock.sendall(b"r")
        time.sleep(0.5)
    assert not slow, "somebody who is too slow is still there"
    wait(lambda: open_files(engine) <= idle, why="who does not read is still there")
    for sock in greedy:
        sock.close()

    # More than there is room for wait in the kernel; whoever comes behind them is served when they have been sent away.
    many = [connect(engine) for _ in range(160)]
    time.sleep(1)
    assert open_files(engine) <= idle + 64, "more connections than there may be"
    assert engine.ask("/healthz")[0] == 200
    for sock in many:
        sock.close()
    wait(lambda: open_files(engine) <= idle, why="what strangers held is not given back")


def open_files(engine):
    return len(os.listdir(f"/proc/{engine.process.pid}/fd"))


def check_addresses(folder):
    run = [os.path.join(os.environ["POTLINE_BIN"], "potline"), "run", os.path.join(folder, "graph.yaml"), "--data",
           os.path.join(folder, "other"), "--metrics"]
    for wrong in ("nonsense", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "::1:80", "example.org:80"):
        told = subprocess.run([*run, wrong], capture_output=True, text=True)
        assert told.returncode == 2 and "127.0.0.1:9464" in told.stderr, (wrong, told)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = subprocess.run([*run, f"127.0.0.1:{port}"], capture_output=True, text=True)
        assert told.returncode == 1 and "cannot listen" in told.stderr, told
    told = subprocess.run([*run, "192.0.2.1:9464"], capture_output=True, text=True)
    assert told.returncode == 1 and "cannot listen" in told.stderr, told
    with open("/proc/net/if_inet6") as file:
        loopback = any(line.split()[-1] == "lo" for line in file)
    if loopback:
        with tempfile.TemporaryDirectory() as six:
            engine = Engine(six, GRAPH, address="[::1]:0")
            try:
                assert engine.ask("/healthz")[0] == 200
                end = time.monotonic() + 60
                while engine.ask("/readyz")[0] != 200:  # in front of its engine it ends by the signal
                    assert time.monotonic() < end, engine.reasons()
                    time.sleep(0.05)
                engine.stop()
            finally:
                engine.kill()


def main():
    missing = [tool for tool in ("promtool", "prometheus") if not which(tool)]
    if missing:
        print(f"skipped: {missing[0]} is not installed")
        sys.exit(77)
    seed = int(os.environ.get("POTLINE_SEED", random.randrange(1 << 30)))
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(folder, GRAPH)
        try:
            check_figures(engine)
            check_pages(engine)
            check_prometheus(engine, folder)
            check_readiness(engine)
            check_strangers(engine, seed)
            check_pages(engine)
            engine.stop()
        finally:
            engine.kill()
        check_addresses(folder)


main()

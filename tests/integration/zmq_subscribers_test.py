#!/usr/bin/python3
"""A Python subscriber gets what went in, in every encoding, and the capnp tool reads the same from a raw message."""
import os
import subprocess
import sys
import tempfile
import time

import zmq

sys.dont_write_bytecode = True  # the source tree stays as it is
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "zmq"))
import batches  # noqa: E402
import engine as engines  # noqa: E402

ROWS, EVENTS, PATIENCE = 3000, 60, 60


def subscribe(engine, encoding):
    socket = engine.context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 0)
    if encoding == "json":
        public, secret = zmq.curve_keypair()
        socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = engine.public.encode(), public, secret
    socket.subscribe(b"")
    socket.connect(engine.endpoints[encoding])
    return socket


def compare_with_capnp_tool(raw):
    """The message of most rows, read by the tool that knows the schema only."""
    message = max(raw, key=len)
    found = subprocess.run(["capnp", "convert", "binary:json", "schemas/batch.capnp", "Samples"], input=message,
                           capture_output=True, check=True).stdout
    ours, tools = batches.read_capnp(message), batches.from_capnp_tool(found)
    assert ours == tools, (ours, tools)
    return len(ours["columns"]["time"])


def main():
    samples, expected = engines.make_samples(ROWS)
    events = engines.make_events(EVENTS)
    with tempfile.TemporaryDirectory() as folder:
        engine = engines.Engine(folder)
        try:
            run(engine, samples, expected, events)
        finally:
            engine.close()


def run(engine, samples, expected, events):
    collectors = {name: engines.Collector(name, name == "msgpack") for name in engine.endpoints}
    sockets = {subscribe(engine, name): name for name in engine.endpoints}
    poller = zmq.Poller()
    for socket in sockets:
        poller.register(socket, zmq.POLLIN)
    raw, sent, deadline = [], False, time.monotonic() + PATIENCE
    while not all(c.count == ROWS + EVENTS for c in collectors.values()):
        assert time.monotonic() < deadline, {c.name: (c.count, c.seen) for c in collectors.values()}
        assert engine.process.poll() is None, "the engine has ended"
        if not sent and all(c.seen == {"samples", "events"} for c in collectors.values()):
            sent = True
            engines.send_all(engine, samples, events)
        elif not sent:
            engine.probe()
        for socket, _ in poller.poll(100):
            name = sockets[socket]
            topic, payload = socket.recv_multipart()
            if name == "capnp" and topic == b"samples/clean":
                raw.append(payload)
            collectors[name].take(topic.decode(), batches.READ[name](payload))
    for collector in collectors.values():
        collector.check(expected, events)
    tool_rows = compare_with_capnp_tool(raw)
    assert engine.stop() == 0
    print(f"{ROWS} samples and {EVENTS} events in 3 encodings; the capnp tool read {tool_rows} rows")


main()

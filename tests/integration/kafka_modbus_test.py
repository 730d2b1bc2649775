#!/usr/bin/python3
"""A line that is polled by one engine of a group: when that is killed, or held up for longer than the group waits and then
goes on, the other one polls. What each of them asks goes through a wire that notes it: of the two owners at most one
request overlaps, since the one that was held up stops by its own clock, before anybody tells it."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from kafka_engines import BIN, Broker, Engine, fail, wait

SESSION = 2
GRAPH = """
potline: 1
name: line
partitions: 1
checkpoint: 200ms
log: {log}
nodes:
  plc: {{ op: source.modbus, endpoint: "${{PLC}}", unit: 1, poll: 20ms, registers: map.csv, in_flight: 4, idle: 1s, timeout: 1s }}
  silver: {{ op: sink.lake, from: plc, zone: silver }}
"""


class Wire:
    """A way to the plant, and when each request went over it."""

    def __init__(self, plant):
        self.plant, self.requests = plant, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            peer, _ = self.socket.accept()
            plant = socket.create_connection(self.plant)
            for ends in ((peer, plant, True), (plant, peer, False)):
                threading.Thread(target=self.carry, args=ends, daemon=True).start()

    def carry(self, a, b, asks):
        held = b""
        try:
            while (part := a.recv(1 << 16)):
                held += part if asks else b""
                while len(held) >= 6 and len(held) >= 6 + int.from_bytes(held[4:6], "big"):
                    held = held[6 + int.from_bytes(held[4:6], "big"):]
                    self.requests.append(time.monotonic())
                b.sendall(part)
        except OSError:
            pass
        for end in (a, b):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def since(self, begin):
        return [t for t in self.requests if t > begin]


def run_plant(folder):
    address = os.path.join(folder, "address")
    with open(f"{folder}/map.csv", "w") as file:
        subprocess.run([f"{BIN}/potline-plant", "--print-map", "--lines", "1"], stdout=file, check=True)
    plant = subprocess.Popen([f"{BIN}/potline-plant", "--quiet", "--lines", "1", "--listen", "127.0.0.1:0", "--address-file",
                              address])
    wait(lambda: os.path.exists(address) and open(address).read().strip(), 30, "the plant serves nothing")
    host, _, port = open(address).read().strip().rpartition(":")
    return plant, (host, int(port))


def owner_of(wires):
    """Who polls just now; more than one: that is what must not be."""
    begin = time.monotonic()
    time.sleep(0.5)
    polling = [i for i, wire in enumerate(wires) if wire.since(begin)]
    if len(polling) > 1:
        fail(f"both poll: {[len(wire.since(begin)) for wire in wires]}")
    return polling


def check_nodes(engines, owner):
    """The one that has nothing answers, too, and says whose the nodes are."""
    for i, engine in enumerate(engines):
        state = "running" if i == owner else "elsewhere"
        wait(lambda: [row["state"] for row in engine.rows("nodes")] == [state] * 2, 30,
             lambda: f"{engine.data}: {state} is wanted: {engine.rows('nodes')}")


def killed(engines, wires, owner):
    other = 1 - owner
    begin = time.monotonic()
    engines[owner].kill(signal.SIGKILL)
    wait(lambda: wires[other].since(begin), 60, "nobody polls any more")
    print(f"killed: polled again after {wires[other].since(begin)[0] - wires[owner].requests[-1]:.2f} s")
    engines[owner].start()


def held_up(engines, wires, owner):
    other = 1 - owner
    engines[owner].send(signal.SIGSTOP)
    begin = time.monotonic()
    wait(lambda: wires[other].since(begin), 60, "nobody polls any more")
    taken = wires[other].since(begin)[0]
    time.sleep(0.5)
    engines[owner].send(signal.SIGCONT)
    time.sleep(3 + SESSION)
    late = wires[owner].since(taken)
    if len(late) > 1:
        fail(f"{len(late)} requests by two owners, over {late[-1] - late[0]:.3f} s, up to {late[-1] - taken:.2f} s behind the take-over")
    if not wires[other].since(time.monotonic() - 1):
        fail("the one that took over does not poll any more")
    before = [t for t in wires[owner].requests if t < taken]
    print(f"held up: polled again after {taken - before[-1]:.2f} s; requests by both: {len(late)}")


def main():
    if not os.environ.get("POTLINE_LONG"):
        print("skipped: long (POTLINE_LONG=1)")
        sys.exit(77)
    broker = Broker()
    with tempfile.TemporaryDirectory() as folder:
        plant, address = run_plant(folder)
        wires = [Wire(address) for _ in range(2)]
        with open(f"{folder}/group.yaml", "w") as file:
            file.write(GRAPH.format(log=broker.log(f"{SESSION}s")))
        engines = [Engine(folder, i, PLC=wires[i].address) for i in range(2)]
        for engine in engines:
            engine.start()
        for disturb in (held_up, killed, held_up):
            time.sleep(3)  # until all have found their places
            owner = wait(lambda: owner_of(wires), 60, "nobody polls")[0]
            check_nodes(engines, owner)
            disturb(engines, wires, owner)
        for engine in engines:
            engine.kill(signal.SIGTERM)
        plant.terminate()
        plant.wait()
    broker.end()


main()

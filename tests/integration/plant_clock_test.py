#!/usr/bin/python3
"""`clock: plant` with a device behind it whose clock stands still, as a real PLC at the far end of a tunnel would be: what has passed
the guard lapses by the machine's clock and the register returns to its baseline at its rate, and the override file is looked at. The
device is a server of pymodbus."""
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from field_rig import Engine, Told, dies_with_us, free_port, wait, write_whole

ACD, CLOCK, ACKNOWLEDGE = 10, 200, 210
GRAPH = """
potline: 1
name: plant-clock
clock: plant
nodes:
  plc:
    op: source.modbus
    endpoint: "127.0.0.1:{port}"
    registers: [ {{ tag: line1.pot01.acd_set, address: 10, type: float32 }} ]
    clock: {{ table: holding, time: 200, step: 204, acknowledge: 210 }}
  safe:
    op: guard
    from: plc
    mode: auto
    fresh: 1h
    lease_max: 2s
    override_file: "{folder}/stop"
    limits: [ {{ tags: "*.acd_set", low: 36, high: 50, rate: 0.2, on_loss: baseline, baseline: 43 }} ]
  write: {{ op: sink.modbus, from: safe, endpoint: "127.0.0.1:{port}", registers: [ {{ tag: line1.pot01.acd_set, address: 10, type: float32 }} ] }}
  decided: {{ op: sink.ndjson, from: safe.events, path: "{folder}/decided.ndjson" }}
  told: {{ op: sink.ndjson, from: write, path: "{folder}/told.ndjson" }}
"""


def words_of(value, kind):
    packed = struct.pack(kind, value)
    return [int.from_bytes(packed[i:i + 2], "big") for i in range(0, len(packed), 2)]


def serve(port):
    """Its clock stands at the first step, whatever is acknowledged."""
    from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
    from pymodbus.server import StartTcpServer

    store = ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, [0] * 300), zero_mode=True)
    store.setValues(3, ACD, words_of(43.0, ">f"))
    store.setValues(3, CLOCK, words_of(time.time_ns(), ">Q") + [0, 1])
    StartTcpServer(context=ModbusServerContext(slaves=store, single=True), address=("127.0.0.1", port))


def register(port):
    from pymodbus.client import ModbusTcpClient
    client = ModbusTcpClient("127.0.0.1", port=port)
    assert client.connect()
    words = client.read_holding_registers(ACD, 2, slave=1).registers
    client.close()
    return struct.unpack(">f", struct.pack(">2H", *words))[0]


def is_told(told, kind, why=""):
    return [e for e in told.read() if e["kind"] == kind and why in e["body"].get("why", "")]


def trial(engine, told, port, folder):
    def is_set():  # once it is known what stands there, and only as far as the rate lets it
        return engine.shell("guard set line1.pot01.acd_set 43.2 --for 1h --reason test").returncode == 0
    wait(is_set, lambda: f"nothing passes: {engine.text()}")
    wait(lambda: is_told(told, "setpoint.verified"), lambda: f"it is not written: {told.read()}")
    wait(lambda: is_told(told, "guard.lapsed", "stands still"), lambda: f"it does not lapse: {told.read()}")
    wait(lambda: register(port) == 43.0, lambda: f"it does not return: {register(port)}")
    write_whole(f"{folder}/stop", "line1.pot01\n")
    wait(lambda: is_told(told, "override.engaged"), "the file is not looked at")
    assert engine.shell("guard set line1.pot01.acd_set 43.1 --for 1h --reason test").returncode != 0
    assert register(port) == 43.0
    assert sum(e["kind"] == "guard.lapsed" for e in told.read()) == 1, told.read()
    print(f"lapsed, returned and overridden while the plant's clock stood still; {len(is_told(told, 'setpoint.verified'))} writes verified")


def main():
    folder = tempfile.mkdtemp(prefix="potline-clock-")
    port = free_port()
    with open(f"{folder}/graph.yaml", "w") as file:
        file.write(GRAPH.format(port=port, folder=folder))
    server = subprocess.Popen([sys.executable, __file__, "serve", str(port)], preexec_fn=dies_with_us)
    engine = Engine(f"{folder}/graph.yaml", f"{folder}/data")
    try:
        trial(engine, Told(f"{folder}/*.ndjson"), port, folder)
    except BaseException:
        print(engine.text()[-2000:], file=sys.stderr)
        raise
    finally:
        for process in (server, engine.process):
            if process.poll() is None:
                process.kill()
    shutil.rmtree(folder)


if sys.argv[1:2] == ["serve"]:
    serve(int(sys.argv[2]))
else:
    main()

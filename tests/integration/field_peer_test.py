#!/usr/bin/python3
"""sink.modbus against a server of pymodbus, which shares nothing with us: values of every type, in every order of words and
bytes, and coils; what the server holds in the end, read out of its own memory."""
import os
import shutil
import struct
import subprocess
import sys
import tempfile

from field_rig import Engine, Optimiser, Told, dies_with_us, free_port

TYPES = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q", "float32": ">f", "float64": ">d"}
ORDERS = ("big", "little")
GRAPH = """
potline: 1
name: field-peer
nodes:
  wishes: {{ op: source.zmq, socket: pull, bind: "{wishes}", encoding: json, kind: setpoints }}
  safe: {{ op: guard, from: wishes, mode: auto, limits: [ {{ tags: "*", low: -1e9, high: 1e9 }} ] }}
  write: {{ op: sink.modbus, from: safe, endpoint: "127.0.0.1:{port}", registers: "{folder}/map.csv", deadline: 30s, timeout: 5s }}
  told: {{ op: sink.ndjson, from: write, path: "{folder}/told.ndjson" }}
"""


def serve(port, path):
    """In a process of its own: a server whose memory is written to `path` when it is told to end."""
    import signal

    from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
    from pymodbus.server import StartTcpServer

    store = ModbusSlaveContext(co=ModbusSequentialDataBlock(0, [False] * 300), hr=ModbusSequentialDataBlock(0, [0] * 300), zero_mode=True)

    def end(*_):
        with open(path, "w") as file:
            file.write(" ".join(str(word) for word in store.getValues(3, 0, 300)) + "\n")
            file.write(" ".join(str(int(bit)) for bit in store.getValues(1, 0, 300)) + "\n")
        os._exit(0)
    signal.signal(signal.SIGTERM, end)
    StartTcpServer(context=ModbusServerContext(slaves=store, single=True), address=("127.0.0.1", port))


def expected(kind, value, words, swapped):
    """The registers that hold a value, by struct alone."""
    packed = struct.pack(TYPES[kind], value)
    registers = [packed[i:i + 2] for i in range(0, len(packed), 2)]
    if words == "little":
        registers.reverse()
    return [int.from_bytes(r, "little" if swapped == "little" else "big") for r in registers]


def main():
    folder = tempfile.mkdtemp(prefix="potline-field-")
    port, wishes = free_port(), f"tcp://127.0.0.1:{free_port()}"
    rows, want, values = ["tag,address,table,type,words,bytes"], {}, {}
    at = 0
    for kind in TYPES:
        for words in ORDERS:
            for swapped in ORDERS:
                tag = f"p.{kind}_{words}_{swapped}"
                value = 1234.5 if kind == "float32" else -0.1 if kind == "float64" else 30303 if kind.startswith("u") else -12345
                rows.append(f"{tag},{at},holding,{kind},{words},{swapped}")
                want[at], values[tag] = expected(kind, value, words, swapped), value
                at += len(want[at]) + 1
    for coil in range(0, 8):
        rows.append(f"p.coil{coil},{coil},coil,,,")
        values[f"p.coil{coil}"] = coil % 2
    with open(f"{folder}/map.csv", "w") as file:
        file.write("\n".join(rows) + "\n")
    with open(f"{folder}/graph.yaml", "w") as file:
        file.write(GRAPH.format(wishes=wishes, port=port, folder=folder))
    server = subprocess.Popen([sys.executable, __file__, "serve", str(port), f"{folder}/memory"], preexec_fn=dies_with_us)
    engine = Engine(f"{folder}/graph.yaml", f"{folder}/data")
    told, program = Told(f"{folder}/told.ndjson"), Optimiser(wishes)
    try:
        for tag, number in program.send(values, lasts=60).items():
            event = told.end_of(number)
            assert event["kind"] == "setpoint.verified" and event["body"]["read_back"] == values[tag], event
        server.terminate()
        assert server.wait(60) == 0
        with open(f"{folder}/memory") as file:
            registers, coils = ([int(word) for word in line.split()] for line in file)
        for address, words in want.items():
            assert registers[address:address + len(words)] == words, (address, words, registers[address:address + len(words)])
        assert sum(1 for word in registers if word) == sum(1 for words in want.values() for word in words if word), "more was written"
        assert coils[:8] == [0, 1] * 4
        print(f"{len(values)} values stand in the server as struct has them")
    finally:
        for process in (server, engine.process):
            if process.poll() is None:
                process.kill()
    shutil.rmtree(folder)


if sys.argv[1:2] == ["serve"]:
    serve(int(sys.argv[2]), sys.argv[3])
else:
    main()

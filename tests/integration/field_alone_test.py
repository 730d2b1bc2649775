#!/usr/bin/python3
"""The field side as an engine of its own, beside an engine under load that recommends: what becomes of set points when that one
is killed, how long an override takes to be the last word, and who may write when it is back.

    program --push--> engine (1,000,000 samples/s beside it) --push--> field side: guard, sink --Modbus--> plant

Times are printed and fail nothing."""
import os
import shutil
import tempfile
import time

import msgpack

from field_load import ENGINE, FIELD, measure, show
from field_rig import Engine, Optimiser, Plant, Told, free_port, print_map, wait

LONG = bool(os.environ.get("POTLINE_LONG"))
TIMES = 30 if LONG else 3
POTS = [f"line1.pot{i:02}" for i in range(1, 21)]
def main():
    from pymodbus.client import ModbusTcpClient
    folder = tempfile.mkdtemp(prefix="potline-field-")
    print_map(f"{folder}/live.csv", "all", lambda line: ".manual," in line)
    print_map(f"{folder}/targets.csv", "targets", lambda line: ".feed_set," in line)
    plant = Plant(folder)
    program, side = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
    graphs = {"engine": ENGINE, "field": FIELD}
    for name, text in graphs.items():
        with open(f"{folder}/{name}.yaml", "w") as file:
            file.write(text.format(folder=folder, plant=plant.address, program=program, field=side, rate=1000000 if LONG else 100000))
    field = Engine(f"{folder}/field.yaml", f"{folder}/field")
    engine = Engine(f"{folder}/engine.yaml", f"{folder}/engine")
    told = Told(f"{folder}/*.ndjson")
    host, _, port = plant.address.rpartition(":")
    crew = ModbusTcpClient(host, port=int(port))
    assert crew.connect()

    def switch(on):
        assert not crew.write_register(148, on, slave=1).isError()

    optimiser = Optimiser(program)
    try:
        for _ in range(20 if LONG else 2):  # a set point a pot and second, as an optimiser sends them
            for number in optimiser.send({f"{pot}.feed_set": 90 + time.time_ns() % 20000 / 1000 for pot in POTS}).values():
                assert told.end_of(number)["kind"] in ("setpoint.verified", "setpoint.superseded")
            time.sleep(0.5)
        show("set point to verified, under load", [e["body"]["latency_ms"] for e in told.read() if e["kind"] == "setpoint.verified"])
        measure(field, plant, told, switch, folder, optimiser, "under load", TIMES)

        optimiser.send({f"{pot}.feed_set": 120 for pot in POTS}, lasts=2)
        (number,) = optimiser.send({"line1.pot01.feed_set": 121}, lasts=2, generation=7).values()
        assert told.end_of(number)["kind"] == "setpoint.verified"
        engine.kill()
        beats = plant.beats()
        wait(lambda: told.kinds().count("guard.lapsed") >= 20, "leases do not lapse without the engine")
        wait(lambda: len({w[1] for w in plant.writes()[-60:] if w[2] == 100}) == 20, "values do not return to the baseline")
        assert plant.beats() > beats, "the field side is alive and its heart is not"
        direct = Optimiser(side, 7, pack=msgpack.packb)  # somebody has to be stopped
        measure(field, plant, told, switch, folder, direct, "with the engine dead", TIMES)
        direct.close()

        engine.start()
        (number,) = optimiser.send({"line1.pot02.feed_set": 111}, generation=6).values()
        assert "older generation" in told.end_of(number)["body"]["why"]
        (number,) = optimiser.send({"line1.pot02.feed_set": 112}, generation=8).values()
        assert told.end_of(number)["kind"] == "setpoint.verified"
    finally:
        print(field.text()[-2000:], engine.text()[-2000:])
        for one in (engine, field):
            if one.process.poll() is None:
                one.kill()
        plant.stop()
    shutil.rmtree(folder)


main()

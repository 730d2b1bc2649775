"""The OPC UA part of the suite: a server and a SCADA client of node-opcua, signed and encrypted, trusted by hand."""
import glob
import json
import os
import shutil
import subprocess
import time

import mqtt_broker
import sparkplug_peers as peers

TAG, WISH = "line1.pot01.voltage", "line1.pot01.acd_set"
NAMES = ("opcua_out", "opcua_wishes", "told_opcua")  # endpoints of ZeroMQ


def trust_rejected(pki):
    """What a person does: those who were turned away are let in."""
    for path in glob.glob(os.path.join(pki, "rejected", "*")):
        shutil.move(path, os.path.join(pki, "trusted", "certs", os.path.basename(path)))


class Demo:
    """A server with the tag and the set point, and a Potline with opcua.yaml beside the plant of the others."""

    def __init__(self, folder, options, wait):
        self.folder, self.wait = folder, wait
        self.programs = peers.install_opcua()
        port, serves = mqtt_broker.free_port(), mqtt_broker.free_port()
        self.server = peers.Peer(self.programs, "opcua_server.mjs", port=port, pki=f"{folder}/server-pki", encryptOnly=True,
                                 certificate=f"{folder}/server.der", nodes={TAG: {"value": 4.2, "readOnly": True}, WISH: {"value": 40}})
        self.server.wait(lambda line: line.get("ready"))
        for name, text in (("opcua-live", f"tag,node\nopcua.{TAG},ns=1;s={TAG}\n"), ("opcua-targets", f"tag,node\n{WISH},ns=1;s={WISH}\n"),
                           ("writable", f"tag\n{WISH}\n")):
            with open(os.path.join(folder, f"{name}.csv"), "w") as file:
                file.write(text)
        for name in NAMES:
            setattr(options, name, f"tcp://127.0.0.1:{mqtt_broker.free_port()}")
        options.opcua_server = f"opc.tcp://127.0.0.1:{serves}/potline"
        variables = {"MODBUS": options.modbus, "MAPS": folder, "OPCUA": f"opc.tcp://127.0.0.1:{port}", "OPCUA_PORT": str(serves),
                     "GATEWAY": self.programs, "ZMQ_OPCUA_OUT": options.opcua_out, "ZMQ_OPCUA_IN": options.opcua_wishes,
                     "ZMQ_OPCUA_TOLD": options.told_opcua}
        self.said = open(os.path.join(folder, "opcua.said"), "w")
        here = os.path.dirname(os.path.abspath(__file__))
        self.engine = subprocess.Popen([os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline"), "run",
                                        os.path.join(here, "opcua.yaml"), "--data", os.path.join(folder, "opcua.data"), "--quiet"],
                                       env={**os.environ, **variables}, stdout=self.said, stderr=self.said,
                                       preexec_fn=mqtt_broker.dies_with_us)

    def reading(self, value, status, at):
        trust_rejected(f"{self.folder}/server-pki")
        self.server.tell(set=TAG, value=value, status=status, time=int(at * 1000))

    def client(self, options):
        """A SCADA client on Potline's own server; the first time it is turned away, and let in by hand."""
        self.wait(lambda: os.path.exists(f"{self.folder}/potline.der"), "Potline's server does not begin")
        config = {"endpoint": options.opcua_server, "pki": f"{self.folder}/client-pki", "trust": [f"{self.folder}/potline.der"]}
        stranger = peers.Peer(self.programs, "opcua_client.mjs", retries=0, **config)
        stranger.process.wait(peers.PATIENCE)
        stranger.thread.join()
        assert any("refused" in line for line in stranger.heard), stranger.heard
        trust_rejected(f"{self.folder}/serve-pki")
        client = peers.Peer(self.programs, "opcua_client.mjs", retries=10, **config)
        client.wait(lambda line: line.get("ready"))
        return client

    def close(self):
        self.engine.terminate()
        assert self.engine.wait(peers.PATIENCE) == 0, "it does not end in good order"
        self.server.kill()
        self.said.close()


def tags_agree(demo, options, known, hears, report):
    """A server's node arrives with value, quality and source time; the plant's tag is read by a SCADA client at Potline's own server."""
    at = time.time()
    heard = hears(options.opcua_out, [f"opcua.{TAG}"], lambda: demo.reading(known, "UncertainLastUsableValue", at),
                  lambda found: found[f"opcua.{TAG}"][2] == "uncertain|stale")
    value, when, quality = heard[f"opcua.{TAG}"]
    assert value == known and abs(when - at) < 2e-3, (heard, at)
    report("opcua", f"a server's value of {TAG}", f"{value:.3f} at its source time, {quality}")
    client = demo.client(options)
    client.tell(read=f"ns=1;s={TAG}")
    read = client.wait(lambda line: line.get("read"))
    assert abs(read["value"] / known - 1) < 0.05 and read["status"] == "Good" and abs(read["time"] / 1000 - time.time()) < peers.PATIENCE, read
    report("opcua", f"others hear {TAG}", f"{read['value']:.3f}, {read['status']}")
    return client


def set_points(demo, options, client, wish, next_end, subscriber, report):
    """The same set point as the others get; then one that a SCADA client writes, which passes the same guard."""
    told = subscriber(options.told_opcua)
    time.sleep(1)  # a subscriber hears what is said from now on
    for value in (44.0, 45.5):
        number = wish(options.opcua_wishes, value)
        end = next_end(told, lambda body: str(body.get("id")) == str(number))
        assert end["kind"] == "setpoint.verified", end
        report("opcua", f"{WISH} = {value} written, read back", f"{end['body']['latency_ms']:.1f} ms")
    client.tell(write=f"ns=1;s={WISH}", value=47.5)
    end = next_end(told, lambda body: body.get("value") == 47.5)
    assert end["kind"] == "setpoint.verified", end
    assert [line["value"] for line in demo.server.heard if line.get("changed") == WISH] == [44.0, 45.5, 47.5], demo.server.heard
    report("opcua", f"{WISH} = 47.5 from a SCADA client", json.dumps(end["body"]["origin"]))
    told.close(0)
    client.kill()

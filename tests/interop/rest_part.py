"""The REST part of the suite: what a MES or a SCADA vendor does over HTTPS, with Python's own client: sign in, read a sensor, write a set
point through the guard, take a pot out of the machine's hands and give it back."""
import json
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request

BASE = "/industrial-automation/smelting-ops/v1"
TAG, WISH, ASSET = "line1.pot01.voltage", "line1.pot01.acd_set", "line1.pot01"


class Client:
    """.ask(method, path, body) -> (status, what came); signed in."""

    def __init__(self, server, certificate, user, password):
        self.server, self.token = server.rstrip("/") + BASE, None
        self.tls = ssl.create_default_context(cafile=certificate)
        status, answer = self.ask("POST", "/tokens", {"username": user, "password": password})
        assert status == 201, f"{user} cannot sign in: {status} {answer}"
        self.token = answer["accessToken"]

    def ask(self, method, path, body=None):
        request = urllib.request.Request(self.server + path, None if body is None else json.dumps(body).encode(), method=method)
        request.add_header("content-type", "application/json")
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=60) as answer:
                text, status = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            text, status = error.read(), error.code
        return status, json.loads(text) if text else None


def client(options):
    return Client(options.rest, options.rest_ca, options.rest_user, os.environ.get("REST_PASSWORD", ""))


def tags_agree(rest, known, wait, seconds, report):
    def reading():
        status, rows = rest.ask("GET", "/readings?" + urllib.parse.urlencode({"tags": TAG}))
        assert status == 200, (status, rows)
        return rows and rows[0]

    row = wait(reading, f"there is no reading of {TAG}")
    assert abs(row["value"] / known - 1) < 0.05 and row["quality"] == "good", row
    assert abs(seconds(row["time"]) - time.time()) < 60, row
    report("rest", f"the same value of {TAG}", f"{row['value']:.3f}, {row['quality']}")


def set_points(rest, options, subscriber, next_end, wait, report):
    """What is written over REST ends at the device; under an override it is refused, and holds again behind it."""
    told = subscriber(options.told_modbus)
    time.sleep(1)  # a subscriber hears what is said from now on

    def write(value):
        return rest.ask("POST", "/setpoints", {"tag": WISH, "value": value, "for": "10m", "reason": "interop suite"})

    def verified(value):
        status, answer = write(value)
        assert status == 202, (status, answer)
        end = next_end(told, lambda body: body.get("value") == value)
        assert end["kind"] == "setpoint.verified", end
        report("rest", f"{WISH} = {value} written, read back", f"{end['body']['latency_ms']:.1f} ms, by {end['body']['origin']}")

    verified(43.0)
    status, answer = write(99.0)
    assert status == 409, (status, answer)
    report("rest", "a value beyond the limits is refused", answer["detail"])
    status, answer = rest.ask("POST", "/overrides", {"scope": ASSET, "reason": "interop suite"})
    assert status == 201, (status, answer)
    wait(lambda: rest.ask("GET", f"/overrides/{ASSET}")[0] == 200, "the override is not in the list")
    status, answer = write(42.0)
    assert status == 409, (status, answer)
    report("rest", f"override of {ASSET} engaged, refuses", answer["detail"])
    status, answer = rest.ask("DELETE", f"/overrides/{ASSET}?" + urllib.parse.urlencode({"reason": "interop suite"}))
    assert status == 204, (status, answer)
    verified(41.0)
    told.close(0)

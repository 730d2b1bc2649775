#!/usr/bin/python3
"""The REST interface as a third party sees it: the plant's own example byte for byte, every error of its table, every
route for every role and every example of the document, pages, repeated requests, pushed rows and going on from them."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import jsonschema

from resting import BASE, PASSWORD, ROLES, Engine, wait

EXAMPLE = ('{"modelName":"FourierHeatModel","parameters":{"thermalConductivity":200,"initialTemperature":700,'
           '"boundaryConditions":{"topSurface":750,"bottomSurface":690}},"description":"..."}')
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


def check_example(engine):
    """What the plant's document shows."""
    answer = engine.ask("POST", "/pde-models", EXAMPLE, engine.admin)
    made = answer.json()
    assert answer.status == 201 and answer.headers["content-type"] == "application/json", answer
    assert list(made) == ["modelId", "modelName", "status", "creationTimestamp", "links"], made
    assert (made["modelId"], made["modelName"], made["status"]) == ("pde-001", "FourierHeatModel", "created"), made
    assert re.fullmatch(MOMENT, made["creationTimestamp"]), made
    href = made["links"][0]["href"]
    assert made["links"] == [{"rel": "self", "href": BASE + "/pde-models/pde-001"}] and answer.headers["location"] == href
    one = engine.ask("GET", "/" + href, token=engine.admin)
    assert one.status == 200 and one.json()["parameters"] == json.loads(EXAMPLE)["parameters"], one
    assert one.json()["description"] == "..."

    wall = {"modelName": "SidewallLedgeModel", "parameters": {"thickness": 0.1}}
    assert engine.ask("POST", "/pde-models", wall, engine.admin).status == 201, "its own name, which is the plant's of another model's"
    assert engine.ask("DELETE", "/pde-models/pde-002", token=engine.admin).status == 204
    changed = json.loads(EXAMPLE) | {"description": "other"}
    stale = engine.ask("PUT", "/pde-models/pde-001", changed, engine.admin, if_match='"7"')
    assert stale.status == 412 and stale.json()["code"] == "ERR-4121", stale
    put = engine.ask("PUT", "/pde-models/pde-001", changed, engine.admin, if_match=one.headers["etag"])
    assert put.status == 200 and put.json()["status"] == "updated" and put.headers["etag"] != one.headers["etag"], put
    listed = engine.ask("GET", "/pde-models", token=engine.admin).json()
    assert [model["modelId"] for model in listed] == ["pde-001"] and listed[0]["description"] == "other"


def check_run(engine):
    """A slab between 750 and 690 degrees ends as a straight line between them."""
    answer = engine.ask("POST", "/pde-models/pde-001/runs", {"until": "2h", "every": "1h"}, engine.admin)
    assert answer.status == 202 and answer.headers["location"].endswith(answer.json()["runId"]), answer
    place = "/" + answer.headers["location"]
    run = wait(lambda: (r := engine.ask("GET", place, token=engine.admin).json())["status"] not in ("queued", "running") and r)
    assert run["status"] == "done" and run["time"] == [0, 3600, 7200], run
    assert abs(run["outputs"]["mean"]["values"][-1] - 720) < 0.01 and run["outputs"]["mean"]["unit"] == "degC"
    profiles = engine.ask("GET", place + "/profiles", token=engine.admin).json()
    last = [profile for profile in profiles if profile["time"] == 7200 and profile["quantity"] == "temperature"][0]
    assert last["values"][0] == 750 and last["values"][-1] == 690 and len(last["positions"]) == len(last["values"])
    for position, value in zip(last["positions"], last["values"]):
        assert abs(value - (750 - 60 * position / last["positions"][-1])) < 0.01, (position, value)
    assert engine.ask("DELETE", place, token=engine.admin).status == 204
    assert engine.ask("GET", place, token=engine.admin).status == 404


def problem(answer, status, code):
    told = answer.json()
    assert answer.status == status and told["status"] == status and told["code"] == code, answer
    assert answer.headers["content-type"] == "application/problem+json", answer
    assert told["correlationId"] == answer.headers["x-request-id"] and told["title"], answer
    return told


def check_errors(engine, tokens):
    """Every row of the plant's table, and those beside it."""
    bad = [('{"parameters":{}}', "/modelName"), ('{"modelName":', ""), ('[]', ""), ('{"modelName":1,"parameters":{}}', "/modelName"),
           ('{"modelName":"FourierHeatModel"}', "/parameters"), ('{"modelName":"Fourier","parameters":{}}', "/modelName"),
           ('{"modelName":"FourierHeatModel","parameters":{"boundaryConditions":{"left":1}}}', "/parameters/boundaryConditions/left"),
           ('{"modelName":"FourierHeatModel","parameters":{"thermalConductivity":"x"}}', "/parameters/thermalConductivity"),
           ('{"modelName":"FourierHeatModel","parameters":{"initialTemperature":1e9}}', "/parameters/initialTemperature"),
           ('{"modelName":"a","modelName":"b","parameters":{}}', ""), ('{"modelName":"FourierHeatModel","parameters":{},"x":1}', "/x")]
    for body, pointer in bad:
        told = problem(engine.ask("POST", "/pde-models", body, engine.admin), 400, "ERR-4001")
        assert pointer in [error["pointer"] for error in told["errors"]], (body, told)
    problem(engine.ask("GET", "/pde-models"), 401, "ERR-4011")
    problem(engine.ask("PUT", "/pde-models/pde-001", EXAMPLE, tokens["operator"]), 403, "ERR-4033")
    problem(engine.ask("GET", "/pde-models/pde-999", token=engine.admin), 404, "ERR-4042")
    problem(engine.ask("GET", "/nothing", token=engine.admin), 404, "ERR-4042")
    problem(engine.ask("GET", "//industrial-automation/smelting-ops/v9/sensors", token=engine.admin), 404, "ERR-4042")
    not_so = engine.ask("DELETE", "/sensors", token=engine.admin)
    problem(not_so, 405, "ERR-4051")
    assert not_so.headers["allow"] == "GET", not_so
    problem(engine.ask("POST", "/pde-models", EXAMPLE, engine.admin, content_type="text/plain"), 415, "ERR-4151")
    for path in ("/sensors?limit=0", "/sensors?limit=x", "/sensors?cursor=%21", "/sensors?cursor=", "/sensors?x=1", "/windows?from=yesterday",
                 "/alarms?state=odd", "/sensors?tags=a&tags=b"):
        problem(engine.ask("GET", path, token=engine.admin), 400, "ERR-4001")
    assert engine.ask("DELETE", "/pde-models/pde-001", token=engine.admin).status == 204
    problem(engine.ask("DELETE", "/pde-models/pde-001", token=engine.admin), 404, "ERR-4042")


def check_long_values(engine):
    """What a command is given is what was sent, to its end."""
    long = "0" * 262 + "7.5"
    assert engine.ask("PUT", "/nodes/clean/options/spike.k", {"value": long}, engine.admin).status == 200
    now = {row["option"]: row["value"] for row in engine.ask("GET", "/nodes/clean/options", token=engine.admin).json()}
    assert float(now["spike.k"]) == 7.5, now


def check_correlation(engine):
    odd = engine.ask("GET", "/sensors", token=engine.admin, x_correlation_id="a b")
    assert [one["pointer"] for one in problem(odd, 400, "ERR-4001")["errors"]] == ["x-correlation-id"]
    answer = engine.ask("POST", "/overrides", {"scope": "line1", "reason": "test", "anyway": True}, engine.admin, x_correlation_id="plant-7.a:b")
    assert answer.status == 201 and answer.headers["x-request-id"] == "plant-7.a:b", answer
    assert answer.headers["cache-control"] == "no-cache" and "default-src 'none'" in answer.headers["content-security-policy"]
    record = engine.ask("GET", "/audit?action=override*", token=engine.admin).json()[-1]
    assert engine.ask("GET", "/audit?correlation=plant-7.a:b", token=engine.admin).json() == [record] and record["origin"] == "http 127.0.0.1"
    assert record["correlation"].endswith(" plant-7.a:b") and record["user"] == "admin" and record["outcome"] == "done", record
    assert engine.ask("GET", "/overrides/line1", token=engine.admin).json()["reason"] == "test"
    assert engine.ask("DELETE", "/overrides/line1?reason=over", token=engine.admin).status == 204
    assert engine.ask("GET", "/overrides", token=engine.admin).json() == []
    for hostile in ("a" * 129, "a b", "a\tb", 'a"b', "<a>", "a;b"):
        answer = engine.ask("GET", "/sensors", token=engine.admin, x_correlation_id=hostile)
        assert answer.status == 400 and answer.headers["x-request-id"] != hostile, (hostile, answer)
    first, second = (engine.ask("GET", "/sensors").headers["x-request-id"] for _ in range(2))
    assert first != second and len(first) == 32


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def next_of(answer):
    link = re.fullmatch(r'<(.*)>; rel="next"', answer.headers.get("link", ""))
    return link and "/" + link.group(1)


def pages_of(engine, path):
    """Pages of a list, one after the other."""
    while path:
        answer = engine.ask("GET", path, token=engine.admin)
        assert answer.status == 200, answer
        yield answer.json()
        path = next_of(answer)


def check_cursors(engine, tokens):
    """A page goes on where the last one ended, however deep; what was given out to somebody else is of no use."""
    query = "/sensors/line1.pot01.voltage/samples?to={}"
    rows = wait(lambda: (r := engine.ask("GET", "/sensors/line1.pot01.voltage/samples?limit=1000", token=engine.admin).json())[200:] and r)
    query = query.format(rows[200]["time"])
    whole = engine.ask("GET", query + "&limit=1000", token=engine.admin).json()
    pages = list(pages_of(engine, query + "&limit=7"))
    assert [row for page in pages for row in page] == whole and len(whole) >= 200, (len(whole), len(pages))
    assert all(len(page) == 7 for page in pages[:-1])

    first = engine.ask("GET", "/commands?limit=3", token=engine.admin)
    assert len(first.json()) == 3
    second = engine.ask("GET", next_of(first), token=engine.admin).json()
    assert engine.ask("GET", next_of(first), token=engine.admin).json() == second, "a page can be asked for again"
    assert engine.ask("GET", next_of(first), token=tokens["operator"]).json()[0]["command"], "another user's are asked for anew"
    cursor = next_of(first).partition("cursor=")[2]
    for path in ("/windows?cursor=" + cursor, "/sensors?cursor=ejAueA", "/windows?cursor=ejAueA", "/sensors?cursor=bzEyMw" + "A" * 400):
        problem(engine.ask("GET", path, token=engine.admin), 404, "ERR-4042")


def check_moment(engine):
    """All pages of a command's list are of one moment."""
    first = engine.ask("GET", "/users?limit=2", token=engine.admin)
    for name in ("aaa", "aab"):
        added = engine.ask("POST", "/users", {"user": name, "role": "operator", "password": PASSWORD}, engine.admin)
        assert added.status == 201, added
    rest = [row["user"] for page in pages_of(engine, next_of(first)) for row in page]
    assert [row["user"] for row in first.json()] + rest == sorted(["admin", "u-engineer", "u-executive", "u-manager", "u-operator"])
    for name in ("aaa", "aab"):
        assert engine.ask("DELETE", f"/users/{name}", token=engine.admin).status == 204


def check_pages(engine):
    """All pages together are the whole, each row once."""
    whole = [row["tag"] for row in engine.ask("GET", "/sensors", token=engine.admin).json()]
    assert len(whole) == 12, whole
    assert [row["tag"] for page in pages_of(engine, "/sensors?limit=5") for row in page] == whole
    one = engine.ask("GET", "/sensors/line1.pot01.voltage", token=engine.admin).json()
    assert one["links"][0]["href"] == BASE + "/sensors/line1.pot01.voltage"
    assert [row["tag"] for row in engine.ask("GET", "/sensors?tags=line2.pot03.*", token=engine.admin).json()] == [
        "line2.pot03.voltage", "line2.pot03.current"]
    rows = wait(lambda: (r := engine.ask("GET", "/windows/line1.pot01.voltage?limit=2", token=engine.admin).json())[1:] and r)
    later = engine.ask("GET", f"/windows/line1.pot01.voltage?limit=1&from={rows[1]['end']}", token=engine.admin).json()
    assert later == rows[1:], (rows, later)
    for size, there in (("200ms", True), ("0.2s", True), ("1s", True), ("300ms", False)):
        sized = engine.ask("GET", f"/windows/line1.pot01.voltage?size={size}&limit=3", token=engine.admin).json()
        assert bool(sized) == there and all(row["count"] > 0 for row in sized), (size, sized)
    samples = engine.ask("GET", f"/sensors/line1.pot01.voltage/samples?from={rows[0]['start']}&to={rows[0]['end']}",
                         token=engine.admin).json()
    assert len(samples) == rows[0]["count"] and abs(sum(row["value"] for row in samples) / len(samples) - rows[0]["mean"]) < 1e-9


def check_idempotency(engine):
    send = lambda body, key: engine.ask("POST", "/dashboards", body, engine.admin, idempotency_key=key)
    body = {"title": "one", "panels": []}
    first, again = send(body, "key-1"), send(body, "key-1")
    assert first.status == again.status == 201 and first.json() == again.json()
    assert first.headers["location"] == again.headers["location"] and first.headers["x-request-id"] != again.headers["x-request-id"]
    problem(send({"title": "two", "panels": []}, "key-1"), 422, "ERR-4221")
    assert send(body, "key-2").json()["dashboardId"] != first.json()["dashboardId"]
    assert len(engine.ask("GET", "/dashboards", token=engine.admin).json()) == 2


def check_alarms(engine, tokens):
    alarms = wait(lambda: engine.ask("GET", "/alarms", token=tokens["operator"]).json())
    name = alarms[0]["alarm"]
    answer = engine.ask("POST", f"/alarms/{name}/ack", {"reason": "seen"}, tokens["operator"])
    assert answer.status == 200 and answer.json()["status"] == "done" and answer.json()["results"][0]["to"] == "acknowledged", answer
    assert engine.ask("GET", f"/alarms/{name}", token=tokens["operator"]).json()["state"] == "acknowledged"
    shelved = engine.ask("POST", f"/alarms/{name}/shelve", {"duration": "1h", "reason": "works"}, tokens["operator"])
    assert shelved.status == 200, shelved
    put = engine.ask("PUT", "/rules/high/parameters/limit", {"value": 12.5}, tokens["manager"])
    assert put.status == 200, put
    parameters = engine.ask("GET", "/rules/high/parameters", token=tokens["executive"]).json()
    assert [row["value"] for row in parameters if row["param"] == "limit"] == [12.5]


def check_changes(engine, tokens):
    """What was changed is there for every role, without what else people have asked for; of an asset what concerns it."""
    begun = time.time() - 120
    between = f"from={stamp(begun)}&to={stamp(begun + 3600)}"
    for scope in ("line1.pot02", "line2"):
        answer = engine.ask("POST", "/overrides", {"scope": scope, "reason": f"works at {scope}", "anyway": True}, tokens["operator"])
        assert answer.status == 201, answer
        answer = engine.ask("DELETE", f"/overrides/{scope}?reason=done", token=tokens["manager"])
        assert answer.status == 204, answer
    told = {role: engine.ask("GET", f"/changes?{between}", token=tokens[role]).json() for role in ROLES}
    assert all(rows == told["admin"] for rows in told.values()), told
    rows = told["executive"]
    assert [row["action"] for row in rows[:4]] == ["override release", "override engage"] * 2, rows
    assert [row["object"] for row in rows[:4]] == ["line2", "line2", "line1.pot02", "line1.pot02"], rows
    assert rows[1]["user"] == "u-operator" and rows[1]["reason"] == "works at line2" and rows[1]["to"] == "overridden", rows
    limit = next(row for row in rows if row["action"] == "rules set")
    assert limit["object"] == "high.limit" and limit["to"] == "12.5" and limit["user"] == "u-manager", limit
    assert not any(row["action"].startswith(("login", "users", "alarms", "tokens")) for row in rows), rows
    for asset, scopes in (("line1.pot02", {"line1.pot02"}), ("line1", {"line1.pot02"}), ("line2.pot01", {"line2"}), ("line1.pot0", set())):
        found = engine.ask("GET", f"/changes?asset={asset}&{between}", token=tokens["operator"]).json()
        assert {row["object"] for row in found if row["reason"].startswith("works at")} == scopes, (asset, found)
        assert any(row["action"] == "rules set" for row in found), found
    pages = [row for page in pages_of(engine, f"/changes?limit=2&{between}") for row in page]
    assert pages == rows, (pages, rows)
    assert engine.ask("GET", f"/changes?from={stamp(1)}&to={stamp(2)}", token=engine.admin).json() == []
    assert engine.ask("GET", f"/changes?from={stamp(2)}&to={stamp(1)}", token=engine.admin).status == 422
    assert engine.ask("GET", "/changes", token=engine.admin).status == 400


class Events:
    """Server-sent events of an output."""

    def __init__(self, engine, path, **headers):
        self.connection = engine.connect()
        self.connection.request("GET", BASE + path, headers={"authorization": f"Bearer {engine.admin}",
                                                             **{n.replace("_", "-"): v for n, v in headers.items()}})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200 and self.answer.getheader("content-type") == "text/event-stream"

    def take(self, count, gaps=False):
        found, event = [], {}
        while len(found) < count:
            line = self.answer.readline().decode().rstrip("\n")
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value
            elif event and not line:
                if gaps or event.get("event") != "gap":  # a busy machine drops rows; numbers have no holes all the same
                    found.append(event)
                event = {}
        return found

    def close(self):
        self.connection.close()


def number(event):
    return int(event["id"].rpartition("-")[2])


def check_events(engine):
    """What has happened, from gold; ids are texts, as no number of JavaScript holds all of them."""
    rows = wait(lambda: engine.ask("GET", "/events?kind=alarm.*&limit=3", token=engine.admin).json())
    assert rows[0]["kind"].startswith("alarm.") and re.fullmatch(r"\d+", rows[0]["id"]), rows[0]
    assert rows[0]["body"]["alarm"], rows[0]


def check_push(engine):
    events = Events(engine, "/streams/tens.out")
    first = events.take(20)
    events.close()
    numbers = [number(event) for event in first]
    assert numbers == list(range(numbers[0], numbers[0] + 20)), numbers
    assert set(json.loads(first[0]["data"])) >= {"tag", "start", "end", "mean"}
    again = Events(engine, "/streams/tens.out", last_event_id=first[4]["id"])
    assert again.take(15) == first[5:], "what was missed comes again, the same"
    again.close()
    one = Events(engine, "/streams/tens.out?tags=line1.pot02.voltage", last_event_id=first[0]["id"])
    assert {json.loads(event["data"])["tag"] for event in one.take(3)} == {"line1.pot02.voltage"}
    one.close()
    lost = Events(engine, "/streams/tens.out", last_event_id="00000000-5")
    gap = lost.take(1, gaps=True)[0]
    assert gap["event"] == "gap" and json.loads(gap["data"]) == {"missed": None}, gap
    lost.close()
    newest = Events(engine, "/streams/clean.out?every=500ms")
    frame = []
    while not frame or frame[-1].get("event") != "pass":
        frame += newest.take(1)
    newest.close()
    tags = [json.loads(event["data"])["tag"] for event in frame[:-1] if "event" not in event]
    assert len(tags) == len(set(tags)) and set(tags) <= {f"line{l}.pot0{p}.{q}" for l in (1, 2) for p in (1, 2, 3) for q in ("voltage", "current")}
    problem(engine.ask("GET", "/streams/none.out", token=engine.admin), 404, "ERR-4042")


def check_push_of_several(engine):
    """One connection for several outputs: each event says whose it is, and goes on in each of them."""
    both = "/streams/tens.out,golden.out,list.out"
    problem(engine.ask("GET", both, token=engine.admin), 404, "ERR-4042")
    both = "/streams/tens.out,clean.out"
    events = Events(engine, both)
    first = events.take(40)
    while {event["event"] for event in first} != {"tens.out", "clean.out"}:
        first += events.take(1)
    events.close()
    ids = [[int(place.rpartition("-")[2]) for place in event["id"].split(",")] for event in first]
    for event, before, after in zip(first[1:], ids, ids[1:]):
        moved = ("tens.out", "clean.out").index(event["event"])
        assert after[moved] == before[moved] + 1 and after[1 - moved] == before[1 - moved], (before, after, event)
    again = Events(engine, both, last_event_id=first[4]["id"])
    found = again.take(30)
    for output in ("tens.out", "clean.out"):
        wanted = [event["data"] for event in first[5:] if event["event"] == output]
        same = [event["data"] for event in found if event["event"] == output]
        assert all(a == b for a, b in zip(wanted, same)), output
    again.close()
    newest = Events(engine, both + "?every=200ms")
    passes = set()
    while passes != {"tens.out", "clean.out"}:
        event = newest.take(1)[0]
        if event["event"] == "pass":
            passes.add(json.loads(event["data"])["output"])
    newest.close()
    problem(engine.ask("GET", "/streams/tens.out,tens.out", token=engine.admin), 400, "ERR-4001")
    problem(engine.ask("GET", "/streams/" + ",".join(["tens.out"] * 9), token=engine.admin), 400, "ERR-4001")
    problem(engine.ask("GET", "/streams/tens.out,", token=engine.admin), 404, "ERR-4042")


def check_dashboards(engine, tokens):
    """A dashboard stays its owner's, whoever helps with it; two who change it at once are told."""
    made = engine.ask("POST", "/dashboards", {"title": "mine", "panels": []}, tokens["operator"]).json()
    place = f"/dashboards/{made['dashboardId']}"
    etag = engine.ask("GET", place, token=tokens["operator"]).headers["etag"]
    problem(engine.ask("PUT", place, {"title": "no", "panels": []}, tokens["engineer"]), 403, "ERR-4033")
    helped = engine.ask("PUT", place, {"title": "helped", "panels": []}, engine.admin, if_match=etag)
    assert helped.status == 200 and helped.json()["owner"] == "u-operator", helped
    problem(engine.ask("PUT", place, {"title": "old", "panels": []}, tokens["operator"], if_match=etag), 412, "ERR-4121")
    assert engine.ask("PUT", place, {"title": "again", "panels": []}, tokens["operator"]).status == 200
    large = {"title": "large", "panels": [{"text": "x" * (300 << 10)}]}
    problem(engine.ask("PUT", place, large, tokens["operator"]), 422, "ERR-4221")
    assert engine.ask("DELETE", place, token=tokens["operator"], x_correlation_id="end-of-dash").status == 204
    record = engine.ask("GET", "/audit?action=dashboards*", token=engine.admin).json()[-1]
    assert record["correlation"].endswith(" end-of-dash") and record["user"] == "u-operator", record


def check_log(engine):
    """A line for each request, with whose it was and its correlation id; secrets are not in it."""
    answer = engine.ask("GET", "/sensors/line1.pot01.voltage", token=engine.admin, x_correlation_id="to-be-found")
    assert answer.status == 200, answer
    engine.ask("GET", "/audit?user=secret-of-the-query", token="no-token", x_correlation_id="refused-one")
    path = os.path.join(engine.folder, "access.log")

    def lines():
        with open(path) as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def find(correlation):
        return next((line for line in lines() if line["correlation"] == correlation), None)
    found = wait(lambda: find("to-be-found"))
    assert (found["method"], found["status"], found["user"], found["peer"]) == ("GET", 200, "admin", "127.0.0.1"), found
    assert found["path"] == BASE + "/sensors/line1.pot01.voltage" and found["bytes"] == len(answer.body) and found["ms"] > 0, found
    refused = wait(lambda: find("refused-one"))
    assert refused["status"] == 401 and refused["user"] == "", refused
    assert {line["user"] for line in lines()} >= {"admin", "u-operator", "u-engineer"}
    pushed = [line for line in lines() if "/streams/" in line["path"] and line["status"] == 200]
    assert any(line["bytes"] > 1000 for line in pushed), pushed[:3]
    with open(path) as file:
        text = file.read()
    assert PASSWORD not in text and engine.admin not in text and "secret-of-the-query" not in text


# ---- The document against the engine ----

def resolve(document, schema):
    while "$ref" in schema:
        found = document
        for part in schema["$ref"].split("/")[1:]:
            found = found[part]
        schema = found
    return schema


def check_answer(document, operation, answer, what):
    """What is answered is declared, and is as it is declared."""
    assert str(answer.status) in operation["responses"], (what, answer)
    declared = resolve(document, operation["responses"][str(answer.status)])
    for name, header in declared.get("headers", {}).items():
        assert name in answer.headers or not resolve(document, header).get("required"), (what, name, answer)
    if "content" not in declared:
        assert answer.body == "", (what, answer)
        return
    media = answer.headers["content-type"].split(";")[0]
    assert media in declared["content"], (what, answer)
    schema = {**declared["content"][media]["schema"], "components": document["components"]}
    if media.endswith("json"):
        jsonschema.Draft202012Validator(schema).validate(answer.json())


def values_of(operation):
    """Path and query as the examples say."""
    path, query = {}, []
    for parameter in operation["parameters"]:
        if parameter.get("in") == "path":
            path[parameter["name"]] = parameter["example"]
        elif parameter.get("in") == "query" and parameter["required"]:
            query.append(f"{parameter['name']}={parameter['example']}")
    return path, "?" + "&".join(query) if query else ""


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


def check_document(engine, tokens):
    """Every route for every role: who may gets anything but 401 and 403, who may not gets 403, nobody gets 401."""
    document = engine.ask("GET", "//openapi.json").json()
    assert document == engine.ask("GET", "/openapi.json").json() and document["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names)) and len(names) > 70
    roots = {path.split("/")[1] for path in document["paths"]}
    assert roots >= {"sensors", "windows", "pde-models", "setpoints", "overrides", "alarms", "rules", "dashboards", "kpis",
                     "graphs", "audit", "users", "tokens"}, roots
    connection = engine.connect()
    counted = 0
    for path, method, operation in operations(document):
        assert re.fullmatch(r"/[a-z-]+(\.json)?(/[^/]+)*", path), path
        values, query = values_of(operation)
        place = path.format(**values) + query
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        if operation["security"] == []:
            continue
        assert engine.ask(method, place, body, connection=connection).status == 401, place
        if "text/event-stream" in str(operation["responses"]):
            continue  # has no end: check_push
        for role in ROLES:
            may = role in operation["x-roles"]
            if may and role == "admin" and (method != "GET" or operation["operationId"] == "endToken"):
                continue  # check_examples does it
            if may and method != "GET":
                continue  # once is enough, by check_examples
            answer = engine.ask(method, place, body, tokens[role], connection)
            assert (answer.status == 403) == (not may), (method, place, role, answer)
            check_answer(document, operation, answer, (method, place, role))
            counted += 1
    connection.close()
    print(f"{counted} requests of {len(names)} operations and {len(ROLES)} roles")
    return document


def check_table(engine, document):
    """What the document says of roles is what the engine's own table of commands says: it has the last word."""
    commands = {row["command"]: set(row["roles"].split(",")) for row in
                engine.ask("GET", "/commands?limit=1000", token=engine.admin).json()}
    held = 0
    for path, method, operation in operations(document):
        words = operation.get("x-command", "").split()
        names = [name for name in commands if words[:len(name.split())] == name.split()]
        if names:
            assert set(operation["x-roles"]) == commands[max(names, key=len)], (method, path, operation["x-roles"])
            held += 1
    assert held > 40, held
    for role, token in engine.tokens.items():
        for name, roles in commands.items():
            if role not in roles and name != "login":
                answer = engine.ask("POST", "/commands", {"command": name}, token)
                assert answer.status == 403, (role, name, answer)


def check_examples(engine, document):
    """Every example is carried out as an admin, and answered as declared; nothing is a 500."""
    later = ("endToken", "removeUser", "setPassword")
    for path, method, operation in operations(document):
        if method == "GET" or operation["security"] == [] or operation["operationId"] in later:
            continue
        values, query = values_of(operation)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        answer = engine.ask(method, path.format(**values) + query, body, engine.admin)
        assert answer.status < 500 and answer.status not in (401, 403), (method, path, answer)
        check_answer(document, operation, answer, (method, path))
    assert engine.ask("POST", "/nodes/clean/resume", {}, engine.admin).status == 200


def check_people(engine):
    """What ends a token: a new password, another role, the end of the user, signing out, and its refresh twice."""
    made = engine.ask("POST", "/tokens", {"username": "u-manager", "password": PASSWORD}).json()
    token, refresh = made["accessToken"], made["refreshToken"]
    renewed = engine.ask("POST", "/tokens", {"refreshToken": refresh})
    assert renewed.status == 201 and renewed.json()["refreshToken"] != refresh, renewed
    problem(engine.ask("POST", "/tokens", {"refreshToken": refresh}), 401, "ERR-4011")
    problem(engine.ask("GET", "/sensors", token=renewed.json()["accessToken"]), 401, "ERR-4011")
    problem(engine.ask("POST", "/tokens", {"refreshToken": renewed.json()["refreshToken"]}), 401, "ERR-4011")

    token = engine.sign_in("u-manager", PASSWORD)
    assert engine.ask("PUT", "/users/u-manager", {"role": "executive"}, engine.admin).status == 200
    problem(engine.ask("GET", "/sensors", token=token), 401, "ERR-4011")
    token = engine.sign_in("u-manager", PASSWORD)
    assert engine.ask("PUT", "/users/u-manager/password", {"password": PASSWORD + "2"}, token).status == 200
    problem(engine.ask("GET", "/sensors", token=token), 401, "ERR-4011")
    problem(engine.ask("POST", "/tokens", {"username": "u-manager", "password": PASSWORD}), 401, "ERR-4011")
    token = engine.sign_in("u-manager", PASSWORD + "2")
    problem(engine.ask("PUT", "/users/admin/password", {"password": "mine from now on"}, token), 403, "ERR-4033")
    assert engine.ask("DELETE", "/tokens/current", token=token).status == 204
    problem(engine.ask("GET", "/sensors", token=token), 401, "ERR-4011")
    token = engine.sign_in("u-manager", PASSWORD + "2")
    assert engine.ask("DELETE", "/users/u-manager", token=engine.admin).status == 204
    problem(engine.ask("GET", "/sensors", token=token), 401, "ERR-4011")


def check_restart(engine):
    """Tokens and models outlive the engine, and the first password is not told again. What breaks inside stays there."""
    token = engine.admin
    engine.ask("POST", "/pde-models", EXAMPLE, token)
    models = engine.ask("GET", "/pde-models", token=token).json()
    engine.stop()
    engine.start(POTLINE_FAULT="document.get:1:eio")
    assert not engine.find("with the password")
    assert engine.ask("GET", "/pde-models", token=token).json() == models != []
    broken = engine.ask("GET", f"/pde-models/{models[0]['modelId']}", token=token, x_correlation_id="what-broke")
    problem(broken, 500, "ERR-5000")
    assert engine.data not in broken.body and "disk" not in broken.body, broken
    assert engine.find(r"cannot be read \(what-broke\)"), "the log says what it was"
    assert engine.ask("GET", f"/pde-models/{models[0]['modelId']}", token=token).json() == models[0]


SMALL = """
potline: 1
name: small
nodes:
  gen: { op: source.generator, tags: "line1.pot01.voltage", rate: 100/s }
  gone: { op: sink.null, from: gen }
"""


def check_sealed():
    """In an encrypted folder the private key of the certificate is encrypted too, and goes along when the folder's key
    changes: the certificate stays."""
    def read(engine, name):
        with open(os.path.join(engine.data, "tls", name)) as file:
            return file.read()

    def potline(*words):
        subprocess.run([os.path.join(os.environ["POTLINE_BIN"], "potline"), *words], check=True, timeout=120, capture_output=True)

    with tempfile.TemporaryDirectory() as folder:
        first, second = (os.path.join(folder, name) for name in ("key1", "key2"))
        for key in (first, second):
            potline("keys", "generate", "--out", key)
        with Engine(folder, ["--key-file", first], graph=SMALL) as engine:
            certificate, key = read(engine, "cert.pem"), read(engine, "key.pem")
            assert "BEGIN ENCRYPTED PRIVATE KEY" in key, key[:40]
            engine.stop()
            potline("keys", "rotate", "--data", engine.data, "--key-file", first, "--new-key-file", second)
            engine.more = ["--key-file", second]
            engine.start()
            assert read(engine, "cert.pem") == certificate and read(engine, "key.pem") != key
            assert "BEGIN ENCRYPTED PRIVATE KEY" in read(engine, "key.pem") and engine.find("certificate that was made")
            engine.stop()


MORE = """
potline: 1
name: more
nodes:
  gen: { op: source.generator, tags: "line1.pot{01..02}.{voltage,current,bath_temp}", rate: 60/s }
  tenths: { op: window.tumbling, from: gen, size: 10s, aggregates: [count, mean, min, max, stddev, last] }
  twin: { op: twin.cell, from: tenths, every: 1m }
  best: { op: optimize.setpoints, from: [twin, twin.events, gen], every: 1h, hold: 6h, feed_set: "", alf3_set: "" }
  safe: { op: guard, from: [best, gen], limits: [ { tags: "*_set", low: 0, high: 10 } ] }
  gone: { op: sink.null, from: safe }
  figures: { op: kpi, from: gen }
  work: { op: tickets, from: twin.events }
  kept: { op: sink.lake, zone: gold, from: [figures, twin] }
  golden: { op: sink.lake, zone: gold, from: work }
"""


def check_more_operators(folder):
    """What the commands of other operators tell: every resource that can be looked at, as every role."""
    with Engine(folder, graph=MORE) as engine:
        tokens = engine.add_users()
        document = json.loads(engine.ask("GET", "//openapi.json").body)
        for path, method, operation in operations(document):
            if method != "GET" or operation["operationId"] == "listen":
                continue
            values, query = values_of(operation)
            for role in operation.get("x-roles", ["admin"]):
                answer = engine.ask(method, path.format(**values) + query, token=tokens[role])
                assert answer.status < 500, (path, answer)
                check_answer(document, operation, answer, (method, path, role))
        limit = engine.ask("GET", "/constraints/line1/superheat", token=tokens["operator"])
        assert limit.status == 200 and limit.json()["low"] < limit.json()["high"], limit
        engine.stop()


def main():
    with tempfile.TemporaryDirectory() as folder, Engine(folder, ["--http-log", os.path.join(folder, "access.log")]) as engine:
        tokens = engine.tokens = engine.add_users()
        check_example(engine)
        check_run(engine)
        check_errors(engine, tokens)
        check_long_values(engine)
        check_correlation(engine)
        check_pages(engine)
        check_cursors(engine, tokens)
        check_moment(engine)
        check_idempotency(engine)
        check_dashboards(engine, tokens)
        check_alarms(engine, tokens)
        check_changes(engine, tokens)
        check_events(engine)
        check_push(engine)
        check_push_of_several(engine)
        document = check_document(engine, tokens)
        check_table(engine, document)
        check_examples(engine, document)
        check_people(engine)
        check_log(engine)
        check_restart(engine)
        engine.stop()
    check_sealed()
    with tempfile.TemporaryDirectory() as folder:
        check_more_operators(folder)


sys.exit(main())

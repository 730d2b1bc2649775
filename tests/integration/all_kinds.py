"""Rows of every kind with something of everything in them, for tests that pass them through: names and texts that need
care, numbers at the ends of what there is. The same ones each time.
"""
import math
import random

import msgpack

START = 1700000000000000000
KINDS = ("samples", "windows", "profiles", "setpoints", "events")
dice = random.Random(3)

NAMES = ["line1.pot07.volt", "quote'd.\"x\"", "back\\slash.n", "ümlaut.°C", "\u65e5\u672c.\U0001f3ed", "tab\\t.N", "{a,b}.\\N"]
TEXTS = ["", "plain", "tab\tand\nline\r\n", "back\\slash \\N \\.", "zero\0inside", "quote' \" {,}", "\u65e5\U0001f3ed", "\\."]
QUALITIES = ["good", "uncertain|spike", "bad|missing", "bad|out_of_range|late"]


def double():
    return dice.choice([dice.gauss(100, 50), -0.0, 1e-320, 1.7976931348623157e308, math.inf, -math.inf, math.nan, 3.0])


def body():
    return dice.choice([None, {"text": dice.choice(TEXTS), "n": dice.randint(0, 9)}, {"list": [1, 2.5, None, {"a": "b"}]}])


def column(name, i):
    if name in ("time", "end", "expiry"):
        return START + i * 1234567
    if name == "start":
        return START - i * 999
    if name in ("tag", "asset", "quantity", "kind", "origin"):
        return dice.choice(NAMES)
    if name == "quality":
        return dice.choice([0, 0x4004, 0x8001, 0x8042])
    if name in ("id", "token"):
        return dice.choice([0, 1, 2**63, 2**64 - 1, dice.getrandbits(64)])
    if name in ("count", "skipped"):
        return dice.getrandbits(32)
    if name == "severity":
        return dice.randint(1, 1000)
    if name == "reason":
        return dice.choice(TEXTS)
    if name == "body":
        return body()
    return double()


COLUMNS = {
    "samples": ["time", "tag", "value", "quality"],
    "windows": ["tag", "start", "end", "count", "skipped", "mean", "min", "max", "stddev", "first", "last", "quality"],
    "profiles": ["asset", "quantity", "time", "quality"],
    "setpoints": ["time", "id", "tag", "value", "lower", "upper", "expiry", "token", "origin", "reason"],
    "events": ["time", "id", "kind", "severity", "asset", "tag", "body"],
}


def make_batch(kind, rows, base):
    columns = {name: [column(name, base + i) for i in range(rows)] for name in COLUMNS[kind]}
    if kind == "profiles":
        lengths = [dice.randint(0, 5) for _ in range(rows)]
        for name in ("positions", "values"):
            columns[name] = [[double() for _ in range(n)] for n in lengths]
    return msgpack.packb({"kind": kind, "columns": columns})

"""Batches as a third party reads them: each of the three encodings, by nothing of Potline's own.

A batch becomes a dict: kind, source, partition, sequence, generation, and columns by name. Names are strings, times
nanoseconds, qualities numbers, a missing value None, a body a dict.
"""
import calendar
import json
import math
import struct
import time

import msgpack

KINDS = ["samples", "windows", "profiles", "setpoints", "events"]

# The lists of each kind behind the header, as schemas/batch.capnp numbers them. 'name' is an index into header.names.
LISTS = {
    "samples": [("time", "q"), ("tag", "name"), ("value", "d"), ("quality", "H")],
    "events": [("time", "q"), ("id", "Q"), ("kind", "name"), ("severity", "H"), ("asset", "name"), ("tag", "name"),
               ("end", "I"), ("body", "B")],
}
FLAGS = ["missing", "out_of_range", "spike", "rate", "frozen", "stale", "late", "replaced", "backfilled", "simulated",
         "manual", "provisional"]
SEVERITIES = {"good": 0x0000, "uncertain": 0x4000, "bad": 0x8000}


class Message:
    """A Cap'n Proto message of one segment (https://capnproto.org/encoding.html)."""

    def __init__(self, data):
        segments, words = struct.unpack_from("<II", data)
        if segments != 0 or len(data) != 8 * words + 8:
            raise ValueError("one segment expected")
        self.data = data[8:]

    def struct_at(self, word):
        """(where the data is, where the pointers are, how many pointers), in words."""
        low, data, pointers = struct.unpack_from("<iHH", self.data, 8 * word)
        if low & 3 != 0:
            raise ValueError("a struct expected")
        start = word + 1 + (low >> 2)
        return start, start + data, pointers

    def list_at(self, word):
        """(where the elements are in bytes, how many)."""
        low, high = struct.unpack_from("<iI", self.data, 8 * word)
        if low & 3 != 1:
            raise ValueError("a list expected")
        return 8 * (word + 1 + (low >> 2)), high >> 3

    def text_at(self, word):
        start, count = self.list_at(word)
        return self.data[start:start + count - 1].decode()

    def numbers_at(self, word, form):
        start, count = self.list_at(word)
        return list(struct.unpack_from(f"<{count}{form}", self.data, start))


def read_capnp(data):
    message = Message(data)
    _, root, _ = message.struct_at(0)
    head, texts, _ = message.struct_at(root)
    version, kind, partition, _, sequence, received, generation, rows = struct.unpack_from("<HHHHQqII", message.data,
                                                                                           8 * head)
    if version < 1:
        raise ValueError("a version expected")
    names_start, names_count = message.list_at(texts + 1)
    names = [message.text_at(names_start // 8 + i) for i in range(names_count)]
    columns = {}
    for i, (name, form) in enumerate(LISTS[KINDS[kind]]):
        numbers = message.numbers_at(root + 1 + i, "I" if form == "name" else form)
        columns[name] = [names[n] for n in numbers] if form == "name" else numbers
    if "end" in columns:
        ends, heap = columns.pop("end"), bytes(columns["body"])
        columns["body"] = [heap[a:b] for a, b in zip([0] + ends, ends)]
        columns["body"] = [msgpack.unpackb(body) if body else None for body in columns["body"]]
    assert all(len(column) == rows for column in columns.values())
    return {"kind": KINDS[kind], "source": message.text_at(texts), "partition": partition, "sequence": sequence,
            "received": received, "generation": generation, "columns": plain(columns)}


def read_msgpack(data):
    batch = msgpack.unpackb(data)
    batch["columns"] = plain(batch["columns"])
    return batch


def nanoseconds(text):
    """Of an RFC 3339 time in UTC."""
    date, _, fraction = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(date, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction.ljust(9, "0") or 0)


def quality(text):
    words = text.split("|")
    return SEVERITIES[words[0]] | sum(1 << FLAGS.index(word) for word in words[1:])


def read_json(data):
    batch = json.loads(data, parse_int=lambda digits: -0.0 if digits == "-0" else int(digits))
    columns = batch["columns"]
    batch["received"] = nanoseconds(batch["received"])
    columns["time"] = [nanoseconds(text) for text in columns["time"]]
    if "value" in columns:
        columns["value"] = [None if number is None else float(number) for number in columns["value"]]
    if "quality" in columns:
        columns["quality"] = [quality(text) for text in columns["quality"]]
    if "id" in columns:
        columns["id"] = [int(text) for text in columns["id"]]
    return batch


def plain(columns):
    """The same with None for NaN."""
    return {name: [None if isinstance(v, float) and math.isnan(v) else v for v in column]
            for name, column in columns.items()}


def from_capnp_tool(text):
    """What `capnp convert binary:json` prints, as samples."""
    root = json.loads(text)
    header = root["header"]
    columns = {
        "time": [int(t) for t in root["time"]],
        "tag": [header["names"][i] for i in root["tag"]],
        "value": [None if v in ("nan", "NaN") else float(v) for v in root["value"]],
        "quality": root["quality"],
    }
    return {"kind": header["kind"], "source": header["source"], "partition": header["partition"],
            "sequence": int(header["firstSequence"]), "received": int(header["receiveTime"]),
            "generation": header["generation"], "columns": columns}


READ = {"capnp": read_capnp, "msgpack": read_msgpack, "json": read_json}

"""A program that passes rows on, and at some of them does what no program should: each deed once at its row, or `times`.

Options: deeds (names, divided by blanks; deed i at the row of the time start + (i + 1) * every), every, start, times, marks
(a folder that remembers across deaths what was done).
"""
import os
import signal
import sys
import time

sys.path.insert(0, os.environ["CLIENT"])
import msgpack  # noqa: E402
import potline  # noqa: E402
import zmq  # noqa: E402

EVENT = {"time": [1], "id": [1], "kind": ["k"], "severity": [1], "asset": ["line1"], "tag": ["line1.v"], "body": [None]}
SAMPLE = {"time": [1], "tag": ["line1.v"], "value": [1.0], "quality": [0]}


def rows(**columns):
    return msgpack.packb({"kind": "samples", "columns": {**SAMPLE, **columns}})


# What makes no sense, as bytes or as a message.
NONSENSE = {
    "nothing": b"",
    "no-msgpack": b"\xc1\xff\xff",
    "a-number": 5,
    "no-type": {},
    "type-of-no-text": {"type": 7},
    "unknown-type": {"type": "unheard-of"},
    "engines-type": {"type": "barrier", "number": 1, "epoch": 1},
    "bytes-behind": msgpack.packb({"type": "pong", "number": 1}) + b"\x00",
    "cut": msgpack.packb({"type": "rows", "rows": rows()})[:-3],
    "deep": msgpack.packb({"type": "pong"})[:-5] + b"\x91" * 1000,
    "hello-again": {"type": "hello", "protocol": 1},
    "ready-again": {"type": "ready"},
    "rows-without": {"type": "rows"},
    "rows-of-text": {"type": "rows", "rows": "junk"},
    "rows-of-junk": {"type": "rows", "rows": os.urandom(500)},
    "rows-of-another-kind": {"type": "rows", "rows": msgpack.packb({"kind": "events", "columns": EVENT})},
    "rows-of-no-rows": {"type": "rows", "rows": rows(time=[], tag=[], value=[], quality=[])},
    "rows-uneven": {"type": "rows", "rows": rows(time=[1, 2])},
    "rows-of-a-bad-name": {"type": "rows", "rows": rows(tag=["a" * 300])},
    "rows-of-no-model": {"type": "rows", "rows": msgpack.packb({"kind": "samples", "model": 5, "columns": SAMPLE})},
    "rows-of-a-bad-model": {"type": "rows", "rows": msgpack.packb({"kind": "samples", "model": "a\nb", "columns": SAMPLE})},
    "rows-too-many": {"type": "rows", "rows": rows(**{name: column * 100000 for name, column in SAMPLE.items()})},
    "rows-of-no-output": {"type": "rows", "rows": rows(), "output": 5},
    "done-of-another": {"type": "done", "number": 2**40},
    "done-without": {"type": "done"},
    "done-negative": {"type": "done", "number": -1},
    "state-too-early": {"type": "state", "key": "k", "value": b"v"},
    "state-without": {"type": "state"},
    "state-of-no-key": {"type": "state", "key": "", "value": b"v"},
    "state-of-a-long-key": {"type": "state", "key": "k" * 513, "value": b"v"},
    "state-of-a-long-value": {"type": "state", "key": "k", "value": bytes(2 << 20)},
    "pong-without": {"type": "pong"},
    "failed-without": {"type": "failed"},
    "failed-too-long": {"type": "failed", "text": "x" * 3000},
    "progress": {"type": "progress", "time": 1},
    "end": {"type": "end"},
}


class Deeds(potline.Operator):
    def open(self):
        self.model("deeds 1")
        self.deeds = self.options["deeds"].split()
        self.every, self.start = int(self.options["every"]), int(self.options["start"])
        self.times = int(self.options.get("times", "1"))
        self.count = self.state.get("count", 0)
        print("environment:", " ".join(sorted(os.environ)), flush=True)  # on standard output, which goes the same way

    def rows(self, batch):
        first, last = batch["time"][0], batch["time"][-1]
        for i, deed in enumerate(self.deeds):
            if first <= self.start + (i + 1) * self.every <= last and self.is_to_do(f"{i}-{deed}"):
                self.do(deed)
        self.count += len(batch["time"])
        self.state["count"] = self.count
        self.emit(batch)

    def end(self, stopped):
        if not stopped:
            self.emit({"time": [2**62], "tag": ["counted"], "value": [float(self.count)], "quality": [0]})

    def is_to_do(self, name):
        path = os.path.join(self.options["marks"], name)
        with open(path, "ab+") as marks:
            if marks.tell() >= self.times:
                return False
            marks.write(b".")
        return True

    def do(self, deed):
        socket = self._link.outgoing
        if deed in NONSENSE:
            what = NONSENSE[deed]
            socket.send(what if isinstance(what, bytes) else msgpack.packb(what))
            time.sleep(100)
        elif deed == "parts":
            socket.send_multipart([msgpack.packb({"type": "pong", "number": 1})] * 2)
            time.sleep(100)
        elif deed == "too-large":
            socket.send(msgpack.packb({"type": "pong", "number": 1, "ballast": bytes(5 << 20)}))
            time.sleep(100)
        else:
            getattr(self, deed)()

    def exit(self):
        sys.exit(7)

    def crash(self):
        raise RuntimeError("these rows are too much for it")

    def killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(self):
        os.kill(os.getpid(), signal.SIGSTOP)

    def memory(self):
        hoard = [bytearray(16 << 20) for _ in range(64)]
        raise RuntimeError(f"{len(hoard)} blocks: nothing held it back")

    def files(self):
        held = [open(os.devnull) for _ in range(200)]
        raise RuntimeError(f"{len(held)} files: nothing held it back")

    def cpu(self):
        while True:
            self.alive()


if __name__ == "__main__":
    assert zmq.zmq_version_info() >= (4, 0)
    potline.run(Deeds)

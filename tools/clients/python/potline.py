"""Potline operators, sinks and sources in Python: one file, which needs pyzmq and msgpack.

    import potline

    class Doubles(potline.Operator):
        def rows(self, batch):
            batch["value"] = [2 * value for value in batch["value"]]
            self.emit(batch)

    potline.run(Doubles)

and in a graph file

    twice: { op: external, from: in, command: [python3, doubles.py] }

The engine starts the program, and ends it; see docs/external.md for what the two say to each other. A program that
cannot go on lets its exception go: it is started again from the last checkpoint, and at a third failure at the same rows
these are left out.
"""
import collections
import os
import sys

import msgpack
import zmq

PROTOCOL = 1
END_OF_TIME = 2**63 - 1
BATCH = 4096  # rows of a message
UNCERTAIN, BAD = 0x4000, 0x8000  # the top bits of a quality; the others say why (potline/quality.h)


class State(collections.abc.MutableMapping):
    """What a program keeps between two rows, by key: a map of texts to whatever msgpack can write.

    Set a key again when its value has changed within: only keys that were set or deleted since the last barrier are
    saved at the next one. After a death the map holds again what it held at the last checkpoint.
    """

    def __init__(self):
        self.values_, self.changed = {}, set()

    def __getitem__(self, key):
        return self.values_[key]

    def __setitem__(self, key, value):
        self.values_[key] = value
        self.changed.add(key)

    def __delitem__(self, key):
        del self.values_[key]
        self.changed.add(key)

    def __iter__(self):
        return iter(self.values_)

    def __len__(self):
        return len(self.values_)

    def restore(self, key, value):
        self.values_[key] = msgpack.unpackb(value, strict_map_key=False)

    def take_changes(self):
        """Pairs of key and bytes; None: the key is gone."""
        for key in sorted(self.changed):
            yield key, msgpack.packb(self.values_[key]) if key in self.values_ else None
        self.changed.clear()


class Program:
    """What operators and sources have in common."""

    def __init__(self, link, config):
        self._link = link
        self.config = config
        self.node = config["node"]
        self.partition = config["partition"]
        self.options = config["options"]  # names and texts, from the graph file
        self.state = State()  # not of a source, which has its position

    def open(self):
        """Everything is there, the state too; rows come next."""

    def close(self):
        """It ends in good order."""

    def model(self, name):
        """Which model makes its rows from now on, with its version: "mpc 2.1 5f0c21ae". They say so, and what is made of
        them: in the zones, to `explain`, and in the audit of a set point."""
        self._link.model = name

    def alive(self):
        """Say this now and then within a call that may take longer than `hang`."""
        self._link.drain(0)


class Operator(Program):
    """Works on rows; with no output (op: sink.external) it only takes them."""

    def rows(self, batch):
        """Columns by name, each a list: time (ns since 1970), tag, value, quality of samples. One list for each column
        of the kind that the input has (config["takes"])."""
        raise NotImplementedError

    def raw(self, batch):
        """The same as the bytes that came, where the graph says `format: capnp`: for a library that reads those."""
        raise NotImplementedError

    def watermark(self, time):
        """No row older than `time` is to come. Emits what is due; returns the watermark of its own rows."""
        return time

    def committed(self, epoch):
        """What was saved at the barrier of this epoch is durable."""

    def end(self, stopped):
        """The last of it: no rows follow. `stopped`: the engine stops, and another run goes on here."""

    def emit(self, columns):
        """Columns by name, as `rows` gets them; in pieces when there are many."""
        self._link.emit(columns, {})

    def emit_raw(self, batch):
        """A batch as bytes in the format that the graph says."""
        self._link.send_bytes(batch, {})


class Source(Program):
    """Gives rows, each batch with the position behind it, at which it goes on when it is started again."""

    position = None  # where to go on: what was given with the last rows that the engine has; None: begin

    def produce(self):
        """Emits about one batch and returns true; false: there is nothing more, ever. It may wait for rows for a while
        shorter than `hang`, and return true without any."""
        raise NotImplementedError

    def emit(self, columns, position):
        """Rows and where it stands behind them, anything that msgpack can write (64 KiB): at most some thousand rows a
        call, since they are one message."""
        self._link.send_rows(columns, {"position": position})
        self.position = position

    def progress(self, time):
        """No row older than `time` will follow."""
        self._link.send({"type": "progress", "time": time})


class Link:
    """The two endpoints, and the rules of who may be ahead of whom."""

    def __init__(self):
        self.parent = os.getppid()
        context = zmq.Context.instance()
        self.incoming, self.outgoing = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        for socket in (self.incoming, self.outgoing):
            socket.linger = 5000
        self.incoming.rcvhwm = self.outgoing.sndhwm = 0
        self.incoming.connect(os.environ["POTLINE_IN"])
        self.outgoing.connect(os.environ["POTLINE_OUT"])
        self.messages = collections.deque()
        self.emitted = self.credited = 0
        self.ahead = 1
        self.gives = self.model = None
        self.send({"type": "hello", "protocol": PROTOCOL})

    def send(self, message):
        self.outgoing.send(msgpack.packb(message))

    def drain(self, wait):
        """What has come, for up to `wait` ms. Pings are answered and credits counted at once."""
        if self.incoming.poll(wait) == 0 and os.getppid() != self.parent:
            os._exit(1)  # the engine is gone
        while self.incoming.poll(0):
            message = msgpack.unpackb(self.incoming.recv(), strict_map_key=False)
            if message["type"] == "ping":
                self.send({"type": "pong", "number": message["number"]})
            elif message["type"] == "credit":
                self.credited = message["bytes"]
            else:
                self.messages.append(message)

    def next(self):
        """The next message that asks for something."""
        while not self.messages:
            self.drain(1000)
        return self.messages.popleft()

    def wait_for_room(self):
        """False: it is to quit."""
        while self.emitted - self.credited >= self.ahead:
            if any(message["type"] == "quit" for message in self.messages):
                return False
            self.drain(1000)
        return True

    def send_rows(self, columns, more):
        said = {"model": self.model} if self.model else {}
        self.send_bytes(msgpack.packb({"kind": self.gives, **said, "columns": columns}), more)

    def send_bytes(self, rows, more):
        self.emitted += len(rows)
        self.send({"type": "rows", "rows": rows, **more})

    def emit(self, columns, more):
        count = len(next(iter(columns.values())))
        for start in range(0, count, BATCH):
            self.send_rows({name: column[start:start + BATCH] for name, column in columns.items()}, more)


def _begin(kind):
    link, program = Link(), None
    while True:
        message = link.next()
        if message["type"] == "config":
            link.ahead, link.gives = message["ahead"], message["gives"]
            program = kind(link, message)
            if isinstance(program, Source):
                program.position = message["position"]
        elif message["type"] == "state":
            program.state.restore(message["key"].decode(), message["value"])
        elif message["type"] == "open":
            program.open()
            link.send({"type": "ready"})
            return link, program
        elif message["type"] == "quit":
            sys.exit(0)


def _work_on(link, program, message):
    """One item."""
    done = {"type": "done", "number": message["number"]}
    if message["type"] == "rows":
        if program.config["format"] == "msgpack":
            program.rows(msgpack.unpackb(message["rows"], strict_map_key=False)["columns"])
        else:
            program.raw(message["rows"])
    elif message["type"] == "watermark":
        done["watermark"] = program.watermark(message["time"])
    elif message["type"] == "end":
        program.end(message["stopped"])
    saves = message["type"] == "barrier" or (message["type"] == "end" and not message["stopped"])
    if saves and program.config["recovers"]:
        for key, value in program.state.take_changes():
            link.send({"type": "state", "key": key, "value": value})
    link.send(done)


def _run_operator(link, program):
    while True:
        message = link.next()
        if message["type"] == "quit":
            return
        if message["type"] == "commit":
            program.committed(message["epoch"])
        elif "number" in message:
            if not link.wait_for_room():
                return
            _work_on(link, program, message)


def _run_source(link, program):
    more = True
    while True:
        link.drain(0 if more else 1000)
        while link.messages:
            if link.messages.popleft()["type"] == "quit":
                return
        if not more:
            continue
        if not link.wait_for_room():
            return
        more = program.produce()
        if not more:
            link.send({"type": "end"})


def run(kind):
    """Runs a class derived from Operator or Source until the engine has enough of it."""
    if "POTLINE_IN" not in os.environ:
        sys.exit("this program is started by the engine: op: external, command: [python3, ...]")
    link, program = _begin(kind)
    if isinstance(program, Source):
        _run_source(link, program)
    else:
        _run_operator(link, program)
    program.close()
    link.send({"type": "closed"})
    link.incoming.close()
    link.outgoing.close()
    zmq.Context.instance().term()

"""A wire between an engine and a peer, with the troubles of a plant's network on request: the words of potline-plant --trouble.

    refuse 700ms       nobody is let in, and who is there is cut off
    hang 700ms         what is sent arrives when it is over
    slow 700ms 300ms   each piece arrives so much later
    garble 500ms 0.5   of what the peer says, so many pieces have a wrong byte
    cut                connections break, and may come again at once
"""
import random
import socket
import threading
import time

PIECE = 65536


def seconds(text):
    return float(text[:-2]) / 1000 if text.endswith("ms") else float(text[:-1])


class Wire:
    """Listens on `port` for the one at `to`, both of this machine."""

    def __init__(self, to):
        self.to, self.dice = to, random.Random(7)
        self.kind, self.until, self.amount = "", 0.0, 0.0
        self.lock, self.pairs = threading.Lock(), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def trouble(self, line):
        kind, *words = line.split()
        self.kind, self.until = kind, time.monotonic() + (seconds(words[0]) if words else 0)
        self.amount = (seconds if kind == "slow" else float)(words[1]) if len(words) > 1 else 0
        if kind in ("refuse", "cut"):
            self.cut()

    def has(self, kind):
        return self.kind == kind and time.monotonic() < self.until

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has gone by itself

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            try:
                if self.has("refuse"):
                    raise OSError("refused")
                far = socket.create_connection(("127.0.0.1", self.to), timeout=10)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.pairs.append((near, far))
            for ends in ((near, far, False), (far, near, True)):
                threading.Thread(target=self.carry, args=ends, daemon=True).start()

    def carry(self, source, target, from_peer):
        """Until one of them has gone; then neither is there."""
        try:
            while True:
                piece = source.recv(PIECE)
                if not piece:
                    break
                while self.has("hang"):
                    time.sleep(0.005)
                if self.has("slow"):
                    time.sleep(self.amount)
                if from_peer and self.has("garble") and self.dice.random() < self.amount:
                    at = self.dice.randrange(len(piece))
                    piece = piece[:at] + bytes([piece[at] ^ self.dice.randrange(1, 256)]) + piece[at + 1:]
                target.sendall(piece)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self.lock:
            self.pairs = [pair for pair in self.pairs if source not in pair]

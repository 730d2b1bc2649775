"""A real Mosquitto of a test's own, on a free port, and paho as the independent client.

Exits with 77 and a line that says why where they are not to be had.
"""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

PATIENCE = 60


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def dies_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Broker:
    """.port, .restart(), .stop(), .start(); what it keeps of sessions survives an orderly restart."""

    def __init__(self, folder, *more, port=None):
        self.program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        if not self.program:
            skip("no mosquitto (Debian package mosquitto)")
        self.port = port or free_port()
        self.folder = os.path.join(folder, f"broker-{self.port}")
        os.makedirs(self.folder, exist_ok=True)
        self.conf = os.path.join(self.folder, "mosquitto.conf")
        with open(self.conf, "w") as file:
            file.write(f"persistence true\npersistence_location {self.folder}/\nmax_queued_messages 0\n"
                       f"user root\nlistener {self.port} 127.0.0.1\n" + "\n".join(more or ("allow_anonymous true",)) + "\n")
        self.process = None
        self.start()

    def start(self):
        with open(os.path.join(self.folder, "said"), "a") as said:
            self.process = subprocess.Popen([self.program, "-c", self.conf], stdout=said, stderr=said,
                                            preexec_fn=dies_with_us)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, "mosquitto does not start"
                time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)

    def restart(self):
        self.stop()
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def client(port, name, host="127.0.0.1", **more):
    """A client of paho, connected, with its loop on a thread of its own."""
    try:
        import paho.mqtt.client as paho  # pylint: disable=import-outside-toplevel
    except ImportError:
        skip("no paho (Debian package python3-paho-mqtt)")
    made = paho.Client(name, **more)
    made.max_inflight_messages_set(200)
    made.reconnect_delay_set(min_delay=1, max_delay=1)
    made.connect(host, port)
    made.loop_start()
    return made

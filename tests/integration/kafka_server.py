"""Real Kafka brokers of a test's own (tools/kafka/broker), and independent clients: kcat and python3-kafka.

Exits with 77 and a line that says why where they are not to be had.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE = 120


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


class Brokers:
    def __init__(self, count=1, *properties):
        if not shutil.which("kcat"):
            skip("no kcat (Debian package kcat)")
        try:
            import kafka  # noqa: F401  pylint: disable=import-outside-toplevel,unused-import
        except ImportError:
            skip("no python3-kafka (Debian package python3-kafka)")
        self.security = tempfile.TemporaryDirectory(prefix="potline-kafka-ca-")
        command = [os.path.join(ROOT, "tools", "kafka", "broker"), "--brokers", str(count), "--secure", self.security.name]
        for each in properties:
            command += ["--set", each]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            skip(self.process.communicate()[1].strip().removeprefix("skipped: ").splitlines()[0])
        self.addresses, self.secure = line.split()[1:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=PATIENCE)

    def do(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer != "ok":
            raise RuntimeError(f"{words}: {answer}")

    def produce(self, topic, messages):
        """Pairs of key and value; a value may have headers behind it."""
        import kafka  # pylint: disable=import-outside-toplevel
        producer = kafka.KafkaProducer(bootstrap_servers=self.addresses.split(","), linger_ms=20, acks="all")
        for key, value, *headers in messages:
            producer.send(topic, value, key=key, headers=headers[0] if headers else None)
        producer.flush()
        producer.close()

    def kcat(self, *arguments, data=None):
        done = subprocess.run(["kcat", "-b", self.addresses, "-q", *arguments], input=data, capture_output=True,
                              timeout=PATIENCE, check=False)
        if done.returncode:
            raise RuntimeError(f"kcat {arguments}: {done.stderr.decode()}")
        return done.stdout

    def lines(self, topic, form, least=0, isolation="read_committed"):
        """All messages that are there, a line each. What has been committed may be seen a moment later, so at least
        `least` of them are waited for."""
        deadline = time.time() + 20
        while True:
            text = self.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-X", f"isolation.level={isolation}", "-f",
                             form + "\\n").decode().splitlines()
            if len(text) >= least or time.time() > deadline:
                return text
            time.sleep(0.1)

    def values(self, topic, least=0, isolation="read_committed"):
        return self.lines(topic, "%s", least, isolation)

#!/usr/bin/python3
"""Savepoints: a checkpoint as a file, of a running and of a stopped folder, with which another folder begins; what goes on
from it ends as what was never disturbed. Encrypted like the folder, refused when damaged or newer, killed while read in."""
import os
import signal
import struct
import subprocess
import tempfile

from backup_test import BEGIN, Job, POTLINE, ROWS, SECOND, VALUES, environment, flip, hashes, potline

ALARMS = """
potline: 1
name: kept
checkpoint: 100ms
nodes:
  in: {{ op: source.csv, path: "{work}/in.csv", header: false, rate: "1000/s", batch: 64 }}
  high: {{ op: threshold, from: in, rules: [ {{ name: volts, tags: "*.voltage", above: 200 }} ] }}
  list:
    op: alarms
    from: high
    alarms: [ {{ match: volts, priority: high, consequence: a, action: b, respond: 1h }} ]
  end: {{ op: sink.null, from: list }}
"""


def add_rows(job, first, count):
    with open(job.path("in.csv"), "a") as file:
        file.writelines(f"{(BEGIN + n // 8) * SECOND},Qwertz{n % 8}.pot01.voltage,{VALUES[n % 997]!r}\n"
                        for n in range(first, first + count))


class Half(Job):
    """Of the file only a part is there yet."""

    def __init__(self, root, name, key=None, rows=11111):
        super().__init__(root, name, key)
        os.truncate(self.path("in.csv"), 0)
        self.rows = rows
        add_rows(self, 0, rows)

    def add_the_rest(self):
        add_rows(self, self.rows, ROWS - self.rows)

    def save(self, name="saved", **options):
        return potline("savepoint", "--data", self.data, "--to", self.path(name), *self.key, **options)

    def go_on(self, name="saved", data="again", *more, **options):
        """In another folder."""
        return potline(*self.command(data=self.path(data)), "--from-savepoint", self.path(name), *more, **options)

    def out(self):
        with open(self.path("out.csv")) as file:
            return file.read()


def of_a_stopped_folder(root, calm):
    job = Half(root, "half")
    job.finish()
    said = job.save().stderr
    assert said.startswith("epoch ") and "the log goes on" not in said, said
    assert "savepoint " in potline("audit", "query", "--data", job.data).stdout
    job.save(code=1, text="there is such a file already")
    job.add_the_rest()
    job.go_on()
    assert job.out() == calm
    assert not potline("doctor", "--data", job.path("again")).stderr
    # The new folder is one like any other.
    potline(*job.command(data=job.path("again")))
    assert job.out() == calm
    print("half of it in one folder, the rest from a savepoint in another: the output is the same")


def of_a_running_engine(root, calm):
    """Killed right behind it: what came in since comes again from the file."""
    job = Job(root, "running")
    with job.running() as process:
        said = potline("savepoint", "--data", job.data, "--to", job.path("saved")).stderr
        assert said.startswith("epoch "), said
        potline("savepoint", "--data", job.data, "--to", job.path("saved"), code=1, text="there is such a file already")
        process.send_signal(signal.SIGKILL)
    potline(*job.command(data=job.path("again")), "--from-savepoint", job.path("saved"))
    with open(job.path("out.csv")) as file:
        assert file.read() == calm
    # And of what the kill has left.
    said = potline("savepoint", "--data", job.data, "--to", job.path("left")).stderr
    assert said.startswith("epoch "), said
    potline(*job.command(data=job.path("left-again")), "--from-savepoint", job.path("left"))
    with open(job.path("out.csv")) as file:
        assert file.read() == calm
    print("of a running engine, which is killed, and of what it has left: the output is the same")


def with_other_partitions(root, calm):
    job = Half(root, "partitions")
    job.finish()
    job.save()
    job.add_the_rest()
    graph = job.graph(1000000)
    for partitions, data in ((3, "three"), (5, "five")):
        with open(graph) as file:
            text = file.read().replace("checkpoint:", f"partitions: {partitions}\ncheckpoint:")
        changed = job.path(f"{data}.yaml")
        with open(changed, "w") as file:
            file.write(text)
        potline("run", changed, "--data", job.path(data), "--quiet", "--until-eof", "--from-savepoint", job.path("saved"),
                text=f"shared out to {partitions}")
        assert sorted(job.out().splitlines()) == sorted(calm.splitlines())
    print("from a savepoint of one partition to three and five: every row is the same")


def with_another_graph(root):
    """State follows names as it does in the same folder; what does not fit is named."""
    job = Half(root, "graphs")
    job.finish()
    job.save()
    with open(job.graph(1000000)) as file:
        text = file.read()

    def run(name, changed, *more, **options):
        path = job.path(name + ".yaml")
        with open(path, "w") as file:
            file.write(changed)
        return potline("run", path, "--data", job.path(name), "--quiet", "--until-eof", "--from-savepoint",
                       job.path("saved"), *more, **options).stderr

    run("by", text.replace("size: 50s", "size: 50s, by: asset"), code=1, text="its state was made with other values")
    run("reset", text.replace("size: 50s", "size: 50s, by: asset"), "--reset", "QwertzWindow", text="QwertzWindow starts afresh")
    renamed = text.replace("QwertzWindow", "other").replace("window.tumbling,", "window.tumbling, was: QwertzWindow,")
    run("was", renamed, text="node other takes over what was kept of QwertzWindow")
    run("none", text.replace("checkpoint:", "log: { kind: none }\ncheckpoint:"), code=1, text="without a log")
    print("another graph: named, afresh, renamed")


def people(root):
    """What people have decided goes with it."""
    job = Half(root, "people")
    graph = job.path("alarms.yaml")
    with open(graph, "w") as file:
        file.write(ALARMS.format(work=job.work))
    process = subprocess.Popen([POTLINE, "run", graph, "--data", job.data, "--quiet"], stderr=subprocess.PIPE, text=True)
    try:
        job.wait(lambda status: status["rows_in"] >= 1000, process)
        alarms = job.ask("alarms", "list", "--state", "all")
        assert len(alarms) == 8, alarms
        for number in (1, 4, 6):
            job.ask("alarms", "shelve", f"volts@Qwertz{number}.pot01.voltage", "1h", "'not now'")
        shelved = job.ask("alarms", "list", "--state", "shelved")
        assert len(shelved) == 3, shelved
        potline("savepoint", "--data", job.data, "--to", job.path("saved"))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    job.data = job.path("again")
    process = subprocess.Popen([POTLINE, "run", graph, "--data", job.data, "--quiet", "--from-savepoint",
                                job.path("saved")], stderr=subprocess.PIPE, text=True)
    try:
        job.wait(lambda status: True, process)
        found = job.ask("alarms", "list", "--state", "shelved")
        assert [row["alarm"] for row in found] == [row["alarm"] for row in shelved], (found, shelved)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    print("what people have decided is in the savepoint")


def encrypted(root, calm):
    key, other = os.path.join(root, "key"), os.path.join(root, "other")
    for path in (key, other):
        potline("keys", "generate", "--out", path)
    key_id = potline("keys", "id", "--key-file", key).stdout.strip()
    job = Half(root, "sealed", key)
    job.finish()
    job.save()
    with open(job.path("saved"), "rb") as file:
        content = file.read()
    needles = [b"Qwertz", b"QwertzWindow", b"voltage", b"window", b"in.csv", b"savepoint"]
    needles += [struct.pack("<d", value) for value in VALUES]
    assert content.startswith(b"potline1") and not [n for n in needles if n in content]
    potline("savepoint", "--data", job.data, "--to", job.path("x"), code=2, text=key_id)
    again = ["run", job.graph(1000000), "--data", job.path("x"), "--quiet", "--until-eof", "--from-savepoint", job.path("saved")]
    potline(*again, code=1, text=[key_id, "no key is given"])
    potline(*again, "--key-file", other, code=1, text=key_id)
    job.add_the_rest()
    job.go_on(data="y")
    assert job.out() == calm
    # One in the clear may begin a folder that is encrypted.
    clear = Half(root, "clear")
    clear.finish()
    clear.save()
    clear.add_the_rest()
    clear.key = ["--key-file", key]
    clear.go_on()
    assert clear.out() == calm
    potline("export", "--data", clear.path("again"), "--zone", "gold", code=2, text=key_id)
    print("encrypted with the folder's key, refused without it")


def refused(root, calm):
    job = Half(root, "refused")
    job.finish()
    job.save()
    size = os.path.getsize(job.path("saved"))
    with open(job.path("saved"), "rb") as file:
        content = file.read()
    begun = hashes(job.data)

    def bad(name, changed, text):
        with open(job.path(name), "wb") as file:
            file.write(changed)
        job.go_on(name=name, data="never", code=1, text=[job.path(name), text])
        assert not os.path.exists(job.path("never/store")), name

    for at in (30, size // 3, size // 2, size - 30, size - 3):
        bad("flipped", content[:at] + bytes([content[at] ^ 4]) + content[at + 1:], "damaged")
    for left in (0, 10, 25, size // 2, size - 1):
        bad("short", content[:left], "not a savepoint" if left < 20 else "damaged")
    bad("longer", content + b"x", "damaged")
    bad("newer", content.replace(b"potline savepoint 1", b"potline savepoint 2", 1), "newer version")
    bad("other", b"time,tag,value\n" * 100, "not a savepoint")
    job.go_on(name="nowhere", data="never", code=1, text="No such file")
    # A folder that has something of its own.
    job.go_on(data="data", code=1, text=["it has a checkpoint", "--fresh"])
    assert {n: h for n, h in hashes(job.data).items() if n.startswith("store/0") and n.endswith(".sst")}.items() <= \
        {**begun, **hashes(job.data)}.items()
    job.add_the_rest()
    potline(*job.command(), "--fresh", "--from-savepoint", job.path("saved"))
    assert job.out() == calm
    print("damaged, cut short, newer, no savepoint: refused before anything is touched; so is a folder that is in use")


def killed(root, calm):
    """While it is written: there is none. While it is read in: the folder says so, and beginning again goes through."""
    job = Half(root, "killed")
    job.finish()
    for fault in ("savepoint.write:1", "savepoint.written:1"):
        done = subprocess.run([POTLINE, "savepoint", "--data", job.data, "--to", job.path("saved")], capture_output=True,
                              env=environment(POTLINE_FAULT=fault), timeout=60)
        assert done.returncode < 0 and not os.path.exists(job.path("saved")), (fault, done)
    job.save()
    job.add_the_rest()
    for fault in ("savepoint.fill:1", "savepoint.fill:9", "savepoint.begin:1"):
        done = subprocess.run([POTLINE, *job.command(data=job.path("again")), "--from-savepoint", job.path("saved")],
                              capture_output=True, text=True, env=environment(POTLINE_FAULT=fault), timeout=60)
        assert done.returncode < 0, (fault, done)
        potline(*job.command(data=job.path("again")), code=1, text="did not come to its end")
    job.go_on()
    assert job.out() == calm
    print("killed while it is written and while it is read in: the next one goes through")


def main():
    with tempfile.TemporaryDirectory() as root:
        undisturbed = Job(root, "calm")
        undisturbed.finish()
        with open(undisturbed.path("out.csv")) as file:
            calm = file.read()
        of_a_stopped_folder(root, calm)
        of_a_running_engine(root, calm)
        with_other_partitions(root, calm)
        with_another_graph(root)
        people(root)
        encrypted(root, calm)
        refused(root, calm)
        killed(root, calm)


if __name__ == "__main__":
    main()

"""A PostgreSQL server of a test's own: a cluster in a temporary folder, on a Unix socket and a port of the loopback.

Exits with 77 and a line that says why where there is none to be had.
"""
import glob
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 60  # seconds


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def binaries():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda path: float(path.split("/")[4]))
    if not found:
        skip("no PostgreSQL server in /usr/lib/postgresql (Debian package postgresql)")
    return os.path.dirname(found[-1])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def other_user():
    """initdb and postgres refuse to be root."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return skip("this is root, and there is no user postgres or nobody to run a server as")


class Server:
    def __init__(self):
        self.bin = binaries()
        self.user = other_user()
        self.folder = tempfile.mkdtemp(prefix="potline-pg-")
        self.data = os.path.join(self.folder, "data")
        self.port = free_port()
        self.process = None
        os.chmod(self.folder, 0o755)
        os.mkdir(self.data, 0o700)
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
            os.chown(self.data, self.user.pw_uid, self.user.pw_gid)
        self._run("initdb", "-D", self.data, "-U", "potline", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        # fsync matters to a power cut, not to a process that dies.
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{self.folder}'\n"
                       "fsync = off\nshared_buffers = 32MB\nmax_connections = 20\n")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _demote(self):
        if self.user:
            os.setgroups([])
            os.setgid(self.user.pw_gid)
            os.setuid(self.user.pw_uid)

    def _run(self, program, *arguments):
        done = subprocess.run([os.path.join(self.bin, program), *arguments], capture_output=True, text=True, cwd="/",
                              preexec_fn=self._demote, check=False)
        if done.returncode:
            skip(f"{program} does not work here: {done.stderr.strip()}")

    def start(self):
        with open(os.path.join(self.folder, "log"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([os.path.join(self.bin, "postgres"), "-D", self.data], stdout=log,
                                            stderr=log, cwd="/", preexec_fn=self._demote)
        end = time.time() + PATIENCE
        while self.ask("SELECT 1", may_fail=True) is None:
            if time.time() > end or self.process.poll() is not None:
                with open(os.path.join(self.folder, "log"), encoding="utf-8") as log:
                    skip(f"the server does not start: {log.read()[-500:]}")
            time.sleep(0.05)

    def stop(self, how="fast"):
        """fast and immediate as pg_ctl means them; kill: SIGKILL for all of it."""
        if not self.process:
            return
        if how == "kill":
            children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True,
                                      text=True, check=False).stdout.split()
            self.process.kill()
            for child in children:
                try:
                    os.kill(int(child), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        else:
            self.process.send_signal(signal.SIGINT if how == "fast" else signal.SIGQUIT)
        self.process.wait(timeout=PATIENCE)
        self.process = None
        # Its children hold the memory that the next one asks for; they notice that it is gone.
        time.sleep(0.05)
        pid = os.path.join(self.data, "postmaster.pid")
        if how == "kill" and os.path.exists(pid):
            os.remove(pid)

    def url(self, database="postgres"):
        return f"postgresql://potline@127.0.0.1:{self.port}/{database}"

    def local_url(self, database="postgres"):
        return f"host={self.folder} port={self.port} user=potline dbname={database}"

    def ask(self, statement, may_fail=False):
        """The answer's lines, columns between tabs; None: it could not be had."""
        done = subprocess.run([os.path.join(self.bin, "psql"), "-X", "-q", "-t", "-A", "-F", "\t", "-v",
                               "ON_ERROR_STOP=1", "-d", self.local_url(), "-c", statement], capture_output=True,
                              text=True, check=False, env=dict(os.environ, PGTZ="UTC"))
        if done.returncode == 0:
            return done.stdout.splitlines()
        if not may_fail:
            print(f"psql: {statement}: {done.stderr}", file=sys.stderr)
            sys.exit(1)
        return None


class Cutter:
    """What stands between a client and the server, and cuts the connection at a COMMIT: in front of it, or behind it, when
    the server has done it and the client has not heard so. `chance` is how often."""

    def __init__(self, server, dice, chance):
        self.server, self.dice, self.chance = server, dice, chance
        self.before = self.behind = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self):
        return f"postgresql://potline@127.0.0.1:{self.port}/postgres"

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            try:
                with socket.create_connection(("127.0.0.1", self.server.port)) as server:
                    self._pass_on(client, server)
            except OSError:
                pass

    def _pass_on(self, client, server):
        while True:
            for ready in select.select([client, server], [], [])[0]:
                data = ready.recv(1 << 16)
                if not data:
                    return
                commits = ready is client and b"; COMMIT\0" in data and self.dice.random() < self.chance
                if commits and self.dice.random() < 0.5:
                    self.before += 1
                    return
                (server if ready is client else client).sendall(data)
                if commits and server.recv(1 << 16):
                    self.behind += 1
                    return

    def close(self):
        self.socket.close()

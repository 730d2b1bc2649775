"""A real schema registry of a test's own (tools/kafka/registry), a gate in front of it that can close, with TLS and a password,
and independent eyes: python3-avro, python3-jsonschema.

Exits with 77 and a line that says why where they are not to be had.
"""
import base64
import http.server
import io
import json
import os
import ssl
import struct
import subprocess
import threading
import urllib.error
import urllib.request
import warnings

import kafka_server

PATIENCE = 240
warnings.filterwarnings("ignore", message="Unknown timestamp-nanos")  # which Avro has since 1.12


class Registry:
    def __init__(self):
        self.process = subprocess.Popen([os.path.join(kafka_server.ROOT, "tools", "kafka", "registry")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.url = None

    def wait(self):
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            kafka_server.skip(self.process.communicate()[1].strip().removeprefix("skipped: ").splitlines()[0])
        self.url = line.split()[1]
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=PATIENCE)

    def ask(self, path, body=None, method=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/vnd.schemaregistry.v1+json"}, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def register(self, subject, schema, kind="AVRO"):
        """The id of a schema; of another kind than Avro it is said which."""
        more = {} if kind == "AVRO" else {"schemaType": kind}
        text = schema if isinstance(schema, str) else json.dumps(schema)
        return self.ask(f"/subjects/{subject}/versions", {"schema": text, **more})["id"]

    def schema(self, number):
        answer = self.ask(f"/schemas/ids/{number}")
        return answer.get("schemaType", "AVRO"), answer["schema"]


class Gate:
    """In front of a registry: wants a password, speaks TLS when it gets a certificate, and answers `status` while that is set."""

    def __init__(self, behind, password, certificate=None):
        gate, self.status, self.requests = self, None, []
        wanted = "Basic " + base64.b64encode(f"plant:{password}".encode()).decode()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

            def answer(self, status, body=b"{}"):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
                gate.requests.append(self.path)
                if gate.status == "close":
                    self.close_connection = True
                elif gate.status == "other":
                    self.answer(404, b"<html>no such page</html>")
                elif gate.status == "endless":
                    self.answer(200, b'{"schema": "' + b" " * (5 << 20) + b'"}')
                elif gate.status:
                    self.answer(gate.status)
                elif self.headers.get("Authorization") != wanted:
                    self.answer(401, b'{"error_code":401,"message":"who are you"}')
                else:
                    self.pass_on(body)

            def pass_on(self, body):
                request = urllib.request.Request(behind + self.path, body, {"Content-Type": self.headers.get("Content-Type", "")})
                try:
                    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                        self.answer(answer.status, answer.read())
                except urllib.error.HTTPError as error:
                    self.answer(error.code, error.read())

            do_GET = do_POST = serve

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # of who has gone away in the middle of an answer
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# ---- Other people's messages ----


def frame(number, value):
    return struct.pack(">bI", 0, number) + value


def unframe(message):
    zero, number = struct.unpack(">bI", message[:5])
    if zero != 0:
        raise ValueError(f"no frame: {message[:8]}")
    return number, message[5:]


def write_avro(schema, value):
    import avro.io  # pylint: disable=import-outside-toplevel
    to = io.BytesIO()
    avro.io.DatumWriter(schema).write(value, avro.io.BinaryEncoder(to))
    return to.getvalue()


def read_avro(schema, data):
    import avro.io  # pylint: disable=import-outside-toplevel
    source = io.BytesIO(data)
    value = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(source))
    if source.read():
        raise ValueError("there is more in a message than its schema says")
    return value

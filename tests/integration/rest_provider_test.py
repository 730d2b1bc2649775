#!/usr/bin/python3
"""The keys of the plant's identity provider by a URL: asked for, kept, asked for again when they change, and what a
provider that dawdles, lies or is away does to everybody else: nothing."""
import base64
import http.server
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from resting import Engine, wait

ISSUER = "https://id.plant"
GRAPH = """
potline: 1
name: small
nodes:
  gen: { op: source.generator, tags: "line1.pot01.voltage", rate: 100/s }
  gone: { op: sink.null, from: gen }
"""


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, data=b""):
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


class Key:
    def __init__(self, folder, name):
        self.name, self.file = name, os.path.join(folder, name)
        openssl("genrsa", "-out", self.file, "2048")
        modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus").decode().strip().partition("=")[2]
        self.jwk = {"kty": "RSA", "kid": name, "use": "sig", "alg": "RS256", "n": b64(bytes.fromhex(modulus)), "e": "AQAB"}

    def token(self, **more):
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": "potline-api", "sub": "paula", "potline_role": "engineer", "exp": now + 600, "iat": now}
        signed = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": self.name, **more}, claims))
        return f"{signed}.{b64(openssl('dgst', '-sha256', '-sign', self.file, data=signed.encode()))}"


class Provider:
    """Serves `answer` over HTTPS and counts who asks."""

    def __init__(self, folder):
        self.asked, self.answer, self.status, self.holds = 0, b"", 200, threading.Event()
        self.holds.set()
        certificate, key = os.path.join(folder, "id.pem"), os.path.join(folder, "id.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=id",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate)
        self.ca = certificate
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.asked += 1
                provider.holds.wait(60)
                try:
                    self.send_response(provider.status)
                    self.send_header("content-length", str(len(provider.answer)))
                    self.send_header("location", "/elsewhere")
                    self.end_headers()
                    self.wfile.write(provider.answer)
                except OSError:
                    pass  # the other side was tired of waiting

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def show(self, *keys):
        self.answer = json.dumps({"keys": [key.jwk for key in keys]}).encode()


def status(engine, token):
    return engine.ask("GET", "/sensors", token=token).status


def settled(engine, token):
    """Behind 503: keys are asked for, come again."""
    return wait(lambda: (s := status(engine, token)) != 503 and s)


def main():
    with tempfile.TemporaryDirectory() as folder:
        first, second, stranger = (Key(folder, name) for name in ("plant-1", "plant-2", "stranger"))
        provider = Provider(folder)
        provider.show(first)
        url = f"https://127.0.0.1:{provider.port}/keys"
        with Engine(folder, ["--oidc-issuer", ISSUER, "--oidc-jwks", url, "--oidc-ca", provider.ca], graph=GRAPH) as engine:
            # Known keys are not asked for again, whoever comes.
            assert settled(engine, first.token()) == 200
            asked = provider.asked
            assert {status(engine, first.token()) for _ in range(20)} == {200} and provider.asked == asked

            # The provider goes over to another key: the token names it, so it is asked for; the old one is gone.
            provider.show(second)
            assert wait(lambda: status(engine, second.token()) == 200)
            assert settled(engine, first.token()) == 401 and status(engine, second.token()) == 200

            # Names that are not known make nobody ask without end, and what is signed by nobody is no reason to ask.
            asked = provider.asked
            begun = time.monotonic()
            found = {status(engine, stranger.token(kid=f"k{i}")) for i in range(40)}
            assert found <= {401, 429, 503} and provider.asked - asked <= 2 + (time.monotonic() - begun) / 10, (found, provider.asked - asked)
            wait(lambda: status(engine, engine.admin) == 200)

            # A provider that does not answer holds nobody up, and what is known stays good.
            provider.holds.clear()
            provider.asked = 0
            wait(lambda: status(engine, stranger.token(kid=f"h{time.monotonic_ns()}")) and provider.asked)
            begun = time.monotonic()
            assert status(engine, second.token()) == 200 and status(engine, engine.admin) == 200
            assert provider.asked, "it is still being asked"
            wait(lambda: engine.find("no keys of the identity provider"), why="it was not given up")
            assert status(engine, second.token()) == 200
            # Behind an answer that has not come there is no such key, for a while: else who brings one would wait for ever.
            assert settled(engine, stranger.token(kid="never")) in (401, 429)
            provider.holds.set()

            # Nor do an error, a redirect, no JSON, too much of it, or keys that are none.
            for answer, code in ((b"", 500), (b"", 302), (b"{", 200), (b" " * (1 << 20), 200), (b'{"keys":[]}', 200)):
                provider.answer, provider.status, provider.asked = answer, code, 0
                wait(lambda: status(engine, stranger.token(kid=f"e{time.monotonic_ns()}")) and provider.asked)
                assert settled(engine, second.token()) == 200, (answer[:10], code)
                if not os.environ.get("POTLINE_LONG"):
                    break  # each takes ten seconds, as nobody asks more often
            provider.status = 200
            provider.show(first, second)
            wait(lambda: status(engine, first.token()) == 200, 90)
            wait(lambda: engine.find("gives the keys of the identity provider again"))
            provider.holds.clear()  # the end does not wait for who does not answer
            provider.asked = 0
            wait(lambda: status(engine, stranger.token(kid=f"z{time.monotonic_ns()}")) and provider.asked)
            engine.stop()
            provider.holds.set()

        # Somebody between who shows another certificate is not believed.
        other = os.path.join(folder, "other")
        os.mkdir(other)
        with Engine(other, ["--oidc-issuer", ISSUER, "--oidc-jwks", url], graph=GRAPH) as engine:
            wait(lambda: status(engine, first.token()) and engine.find("no keys of the identity provider"))
            assert settled(engine, first.token()) == 401
            engine.stop()

        for bad, why in (("http://id.plant/keys", "https:// only"), ("/nowhere.json", "no file with the keys")):
            done = subprocess.run([os.path.join(os.environ["POTLINE_BIN"], "potline"), "run", engine.graph, "--data", os.path.join(folder, "none"),
                                   "--http", "127.0.0.1:0", "--oidc-issuer", ISSUER, "--oidc-jwks", bad],
                                  capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 2 and why in done.stderr, done


sys.exit(main())

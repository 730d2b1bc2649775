#!/usr/bin/python3
"""What strangers try with the REST interface, and how it is refused: forged tokens, paths that lead out, smuggled
requests and headers, floods, slow ones, passwords tried one after the other, old TLS."""
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from resting import BASE, PASSWORD, Engine, wait


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value):
    return b64(json.dumps(value, separators=(",", ":")).encode())


def read(token, index):
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def forged(header, claims, key=b""):
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{b64(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def refused(engine, token, what):
    answer = engine.ask("GET", "/users", token=token)
    assert answer.status == 401 and answer.json()["code"] == "ERR-4011", (what, answer)
    assert "www-authenticate" in answer.headers, what


def check_tokens(engine):
    token = engine.sign_in("olaf", PASSWORD)
    header, claims = read(token, 0), read(token, 1)
    assert engine.ask("GET", "/sensors", token=token).status == 200
    head, body, signature = token.split(".")
    other = "A" if signature[0] != "A" else "B"
    for what, bad in {
            "nothing": "", "no token": "x", "two parts": f"{head}.{body}", "four parts": token + ".x", "padding": token + "=",
            "alg none": f"{part({**header, 'alg': 'none'})}.{body}.", "alg None signed": forged({**header, "alg": "None"}, claims),
            "no alg": forged({"kid": header["kid"]}, claims), "no kid": forged({"alg": "HS256"}, claims),
            "unknown kid": forged({**header, "kid": "0" * 16}, claims), "kid as path": forged({**header, "kid": "../../dev/null"}, claims),
            "empty key": forged(header, claims, b""), "crit": forged({**header, "crit": ["x"]}, claims),
            "altered role": f"{head}.{part({**claims, 'role': 'admin'})}.{signature}",
            "altered user": f"{head}.{part({**claims, 'sub': 'admin'})}.{signature}",
            "altered signature": f"{head}.{body}.{other}{signature[1:]}", "cut signature": f"{head}.{body}.{signature[:-4]}",
            "huge": "a" * 7000, "no JSON": f"{b64(b'{')}.{body}.{signature}", "not canonical": token[:-1] + chr(ord(token[-1]) ^ 1),
    }.items():
        refused(engine, bad, what)
    for scheme in ("Basic " + base64.b64encode(b"olaf:" + PASSWORD.encode()).decode(), token, "Bearer", "Token " + token):
        assert engine.ask("GET", "/sensors", authorization=scheme).status == 401, scheme
    assert engine.ask("GET", f"/sensors?access_token={token}").status == 401


def openssl(*words, text=""):
    return subprocess.run(["openssl", *words], input=text, capture_output=True, text=True, timeout=60)


def jwk_of(folder, name):
    """A key for RS256, its JWK, and its public key as PEM."""
    key = os.path.join(folder, name)
    openssl("genrsa", "-out", key, "2048")
    modulus = openssl("rsa", "-in", key, "-noout", "-modulus").stdout.strip().partition("=")[2]
    public = openssl("rsa", "-in", key, "-pubout").stdout
    return key, {"kty": "RSA", "kid": name, "use": "sig", "alg": "RS256", "n": b64(bytes.fromhex(modulus)), "e": "AQAB"}, public


def es256_of(folder):
    """The same on P-256: a key, its JWK, and what signs with it."""
    key = os.path.join(folder, "plant-ec")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    point = subprocess.run(["openssl", "ec", "-in", key, "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout[-64:]

    def sign(header, claims):
        signed = f"{part(header)}.{part(claims)}"
        der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=signed.encode(), capture_output=True, check=True).stdout
        r_size = der[3]
        r, s = der[4:4 + r_size], der[6 + r_size:]
        return f"{signed}.{b64(b''.join(int.from_bytes(n, 'big').to_bytes(32, 'big') for n in (r, s)))}"
    return {"kty": "EC", "crv": "P-256", "kid": "plant-ec", "x": b64(point[:32]), "y": b64(point[32:])}, sign


def rs256(key, header, claims):
    signed = f"{part(header)}.{part(claims)}"
    done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=signed.encode(), capture_output=True, check=True)
    return f"{signed}.{b64(done.stdout)}"


def check_provider(engine, key, jwk, public, stranger, es256):
    """Tokens of the plant's identity provider, and the classic confusion: its public key taken for a secret."""
    now = int(time.time())
    header = {"alg": "RS256", "typ": "JWT", "kid": jwk["kid"]}
    claims = {"iss": "https://id.plant", "aud": "potline-api", "sub": "paula", "potline_role": "engineer", "exp": now + 600, "iat": now}
    good = rs256(key, header, claims)
    assert engine.ask("GET", "/sensors", token=good).status == 200
    assert engine.ask("GET", "/users", token=good).status == 403
    engine.ask("POST", "/nodes/kept/pause", {"reason": "x"}, good)
    engine.ask("POST", "/nodes/kept/resume", {}, good)
    assert engine.ask("GET", "/audit?action=pause", token=engine.admin).json()[-1]["user"] == "oidc:paula"
    for what, changed in {
            "expired": {"exp": now - 120}, "no exp": {"exp": None}, "exp as text": {"exp": str(now + 600)},
            "audience": {"aud": "other"}, "audiences": {"aud": ["a", "b"]}, "issuer": {"iss": "https://id.other"},
            "of the future": {"nbf": now + 600}, "iat of the future": {"iat": now + 600}, "no role": {"potline_role": None},
            "odd role": {"potline_role": "root"}, "nobody": {"sub": ""}, "long name": {"sub": "x" * 100}}.items():
        refused(engine, rs256(key, header, {name: value for name, value in {**claims, **changed}.items() if value is not None}), what)
    assert engine.ask("GET", "/sensors", token=rs256(key, header, {**claims, "aud": ["x", "potline-api"]})).status == 200
    other = {"alg": "ES256", "kid": "plant-ec"}
    assert engine.ask("GET", "/sensors", token=es256(other, claims)).status == 200
    refused(engine, es256({**other, "kid": jwk["kid"]}, claims), "signed by another kind of key")
    head, body, signature = es256(other, claims).split(".")
    for bad in (b64(bytes(64)), b64(b"\xff" * 64), signature[:-2], signature + "AA", ""):
        refused(engine, f"{head}.{body}.{bad}", "a signature that is none")
    for secret in (public, public.rstrip("\n"), jwk["n"]):
        refused(engine, forged({**header, "alg": "HS256"}, claims, secret.encode()), "confusion")
    refused(engine, rs256(stranger, header, claims), "somebody else's key")
    refused(engine, rs256(key, {**header, "alg": "ES256"}, claims), "another algorithm")
    refused(engine, rs256(key, {**header, "jwk": jwk}, {**claims, "exp": now - 1000}), "a key of its own")


def check_fixation(engine):
    """Who signs in gets a session that nobody has chosen or known before."""
    body = {"username": "olaf", "password": PASSWORD}
    first, second = (engine.ask("POST", "/tokens", body).json() for _ in range(2))
    assert first["tokenId"] != second["tokenId"] and first["refreshToken"] != second["refreshToken"]
    assert engine.ask("POST", "/tokens", {**body, "tokenId": first["tokenId"]}).status == 400
    taken = engine.ask("POST", "/tokens", body, token=first["accessToken"]).json()
    assert taken["tokenId"] not in (first["tokenId"], second["tokenId"])
    assert engine.ask("DELETE", f"/tokens/{first['tokenId']}", token=second["accessToken"]).status == 204
    refused(engine, first["accessToken"], "signed out from elsewhere")


def check_expiry(engine):
    """Our own tokens end after a quarter of an hour: the clock of the claims says so, which nobody can alter."""
    claims = read(engine.sign_in("olaf", PASSWORD), 1)
    assert claims["exp"] - claims["iat"] == 900 and claims["aud"] == "potline-api" and claims["iss"].startswith("potline/")


# ---- Bytes ----

def raw(engine, data, seconds=10, tls=True):
    """What comes back for these bytes, until the other side closes or is silent."""
    with socket.create_connection(("127.0.0.1", engine.port), timeout=seconds) as plain:
        connection = engine.tls.wrap_socket(plain, server_hostname="127.0.0.1") if tls else plain
        found = b""
        try:
            connection.sendall(data)
            while piece := connection.recv(65536):
                found += piece
        except (OSError, ssl.SSLError):
            pass
        return found.decode(errors="replace")


def statuses(text):
    return [int(status) for status in re.findall(r"HTTP/1\.1 (\d{3})", text)]


def request(path, *headers, method="GET", body=""):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: x", *headers, "connection: close", "", body]).encode()


def check_paths(engine):
    secret = os.path.join(engine.data, "tls", "key.pem")
    with open(secret) as file:
        lines = file.read().splitlines()
    for path in ("/../tls/key.pem", "/..%2ftls%2fkey.pem", "/%2e%2e/tls/key.pem", "/....//tls/key.pem", "/.%00./x", "//etc/passwd",
                 "/index.html/../../secret.txt", "/link.txt", "/.hidden", "/sub/", "/sub", "/%c0%ae%c0%ae/secret.txt", "/secret.txt",
                 f"{BASE}/../../../etc/passwd", f"{BASE}/pde-models/..%2f..%2fusers", f"{BASE}/sensors/%2e%2e/users", "/\x01"):
        text = raw(engine, request(path))
        assert not any(line in text for line in lines) and "root:" not in text and "not for you" not in text, (path, text)
        assert not statuses(text) or statuses(text)[0] in (400, 401, 403, 404), (path, text)
    page = engine.ask("GET", "//")
    assert page.status == 200 and "<title>" in page.body and page.headers["content-type"].startswith("text/html")
    assert "unsafe-inline" not in page.headers["content-security-policy"] and page.headers["x-content-type-options"] == "nosniff"
    again = engine.ask("GET", "//", if_none_match=page.headers["etag"])
    assert again.status == 304 and again.body == ""
    packed = raw(engine, request("/sub/app.js", "accept-encoding: gzip"))
    assert "content-encoding: gzip" in packed and "vary: accept-encoding" in packed
    plain = raw(engine, request("/sub/app.js", "accept-encoding: gzip;q=0"))
    assert "content-encoding" not in plain and "const x" in plain


def check_smuggling(engine):
    token = f"authorization: Bearer {engine.admin}"
    inner = f"GET {BASE}/users HTTP/1.1\r\nhost: x\r\n{token}\r\n\r\n"
    chunked = request(f"{BASE}/dashboards", token, "content-type: application/json", "transfer-encoding: chunked", method="POST",
                      body=f"0\r\n\r\n{inner}")
    assert statuses(raw(engine, chunked)) == [411], "a body without a length, and what hides behind it"
    both = request(f"{BASE}/dashboards", token, "content-length: 5", "transfer-encoding: chunked", method="POST", body=f"0\r\n\r\n{inner}")
    assert statuses(raw(engine, both)) in ([400], [411])
    for length in ("-1", "+5", "5, 6", "0x5", "99999999999999999999", "1e3"):
        text = raw(engine, request(f"{BASE}/dashboards", token, f"content-length: {length}", method="POST", body="{}" + inner))
        assert statuses(text) in ([400], [413], []), (length, text)
    two = request(f"{BASE}/sensors", token).replace(b"connection: close\r\n", b"") + request(f"{BASE}/nodes", token)
    assert statuses(raw(engine, two)) == [200, 200], "two at once are answered one after the other"
    split = raw(engine, request(f"{BASE}/sensors", "x-correlation-id: a\r\n\tset-cookie: evil=1"))
    assert "set-cookie" not in split.lower()
    split = raw(engine, request(f"{BASE}/pde-models/a%0d%0aset-cookie:%20evil=1", token))
    assert "\nset-cookie" not in split.lower(), split


def check_cut_paths(engine):
    """A path that the end of a line or of a text is written into is refused whole, whatever the method: what is in front of it is not acted on."""
    token = f"authorization: Bearer {engine.admin}"
    made = engine.ask("POST", "/dashboards", {"title": "stays", "panels": []}, engine.admin).json()
    place = f"{BASE}/dashboards/{made['dashboardId']}"
    for end in ("%0d", "%0a", "%0D%0A", "%0d%0aauthorization: Bearer x", "%0A/x", "%00x", "%0d%0ahost: y%0d%0a%0d%0a"):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            for path in (place + end, f"{BASE}/dashboards{end}/{made['dashboardId']}", f"{place}?x=1{end}", f"/{end}", f"/healthz{end}"):
                body = '{"title":"changed","panels":[]}' if method in ("POST", "PUT", "PATCH") else ""
                more = [token, "content-type: application/json"] + ([f"content-length: {len(body)}"] if body else [])
                found = statuses(raw(engine, request(path, *more, method=method, body=body)))
                assert found in ([], [400], [404]), (method, path, found)
    assert statuses(raw(engine, f"GET {BASE}/sensors\r\n{token}\r\n\r\n".encode())) in ([], [400]), "without a version"
    now = engine.ask("GET", f"/dashboards/{made['dashboardId']}", token=engine.admin).json()
    assert now == engine.ask("GET", "/dashboards", token=engine.admin).json()[-1] and now["title"] == "stays", now
    assert engine.ask("DELETE", f"/dashboards/{made['dashboardId']}", token=engine.admin).status == 204


def check_strange_methods(engine):
    """What libwebsockets does not take for HTTP gets the answers of any other request: a path its methods, the rest 400 or 404."""
    answers = {request(f"{BASE}/rules/reload", method="TRACE"): (405, "POST"), request(f"{BASE}/rules/x?y=1", method="FOO"): (405, "GET"),
               request(f"{BASE}/nothing", method="PROPFIND"): (404, None), request("/", method="TRACE"): (404, None),
               b"garbage\r\n\r\n": (400, None), b"\x00\x01 /x HTTP/1.1\r\n\r\n": (400, None), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": (400, None),
               b"TRACE /\xff HTTP/1.1\r\n\r\n": (400, None), b"TRACE " + b"/a" * 4000 + b" HTTP/1.1\r\n\r\n": (404, None),
               b"TRACE /x" + bytes(20) + b" HTTP/1.1\r\n\r\n": (400, None), b"FOO " + bytes(range(256)): (400, None)}
    for data, (status, allowed) in answers.items():
        text = raw(engine, data)
        head, _, body = text.partition("\r\n\r\n")
        assert head.startswith(f"HTTP/1.0 {status} ") and head.count("HTTP/") == 1, (data[:80], text[:400])
        assert json.loads(body)["status"] == status and "\r\nx-content-type-options: nosniff" in head, (data[:80], text)
        assert re.findall(r"\r\nallow: ([^\r]*)", head) == ([allowed] if allowed else []), text
    kept = request(f"{BASE}/openapi.json").replace(b"connection: close\r\n", b"")
    text = raw(engine, kept + request(f"{BASE}/rules/reload", method="TRACE"))
    assert statuses(text)[0] == 200 and " 405 " in text.rpartition("HTTP/")[2], "behind a request that was answered"


def check_behind_bodies(engine):
    """What comes behind a body is another request, whether the first one has been answered or not; it is acted on once."""
    token, kind = f"authorization: Bearer {engine.admin}", "content-type: application/json"
    text = '{"title":"once","panels":[]}'
    made = request(f"{BASE}/dashboards", token, kind, f"content-length: {len(text)}", method="POST", body=text)
    login = '{"username":"nobody","password":"none of them"}'
    asked = request(f"{BASE}/tokens", kind, f"content-length: {len(login)}", method="POST", body=login)
    for behind in (b"\r\n", b"z", b"GET /x HTTP/1.1\r\n", os.urandom(20000)):
        for _ in range(5):
            assert statuses(raw(engine, made + behind, seconds=2))[0] == 201, behind[:20]
        assert statuses(raw(engine, asked + behind))[0] in (401, 429), behind[:20]
    listed = engine.ask("GET", "/dashboards?limit=1000", token=engine.admin).json()
    assert sum(one["title"] == "once" for one in listed) == 20, listed
    for one in listed:
        assert engine.ask("DELETE", f"/dashboards/{one['dashboardId']}", token=engine.admin).status == 204
    again = engine.ask("POST", "/dashboards", {"title": "another", "panels": []}, engine.admin).json()
    assert again["dashboardId"] not in [one["dashboardId"] for one in listed], "an id comes once"
    kept = made.replace(b"connection: close\r\n", b"")
    for _ in range(20):
        assert statuses(raw(engine, kept + kept + made))[0] == 201, "and the connection is closed behind an answer"
    assert engine.ask("GET", "/sensors", token=engine.admin).status == 200, "nobody else waits meanwhile"
    for name in ("content-length ", "content-length\t", "transfer-encoding "):
        hidden = request(f"{BASE}/dashboards", token, kind, f"{name}: {len(text)}", method="POST", body=text)
        assert statuses(raw(engine, hidden)) == [400], "a length that somebody else may take for one"


def check_bodies(engine):
    """Bodies of any length arrive, however they are cut into records and segments."""
    for size in (0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 12288, 16383, 16384, 16385, 30000, 65536, 200000, 1000000):
        answer = engine.ask("POST", "/dashboards", "x" * size, engine.admin)
        assert answer.status == 400 and "it is no JSON" in answer.body, (size, answer)
    made = engine.ask("POST", "/dashboards", {"title": "large", "panels": [{"text": "y" * 200000}]}, engine.admin)
    assert made.status == 201 and len(made.json()["panels"][0]["text"]) == 200000, made.status


def check_sizes(engine):
    token = f"authorization: Bearer {engine.admin}"
    answer = engine.ask("POST", "/dashboards", json.dumps({"title": "x" * (1 << 20), "panels": []}), engine.admin)
    assert answer.status == 413 and answer.json()["code"] == "ERR-4131", answer
    text = raw(engine, request(f"{BASE}/dashboards", token, "content-length: 99999999999", "content-type: application/json", method="POST"))
    assert statuses(text) == [413], text
    deep = "[" * 100000
    assert engine.ask("POST", "/dashboards", '{"title":"x","panels":' + deep, engine.admin).status == 400
    many = "&".join(f"a{i}=1" for i in range(40))
    assert engine.ask("GET", f"/sensors?{many}", token=engine.admin).status == 400
    text = raw(engine, request(f"{BASE}/sensors", "x-filler: " + "y" * 100000))
    assert not statuses(text) or statuses(text)[0] >= 400, text[:200]
    text = raw(engine, request(f"{BASE}/{'a' * 20000}"))
    assert not statuses(text) or statuses(text)[0] >= 400, text[:200]
    assert engine.ask("GET", f"/sensors/{'a' * 300}", token=engine.admin).status in (400, 404)


def check_slow(engine):
    """Those who send a byte now and then are let go of, and meanwhile nobody else waits."""
    ended = []

    def dawdle(head):
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", engine.port), timeout=60) as plain:
            connection = engine.tls.wrap_socket(plain, server_hostname="127.0.0.1")
            connection.settimeout(0.5)
            try:
                connection.sendall(head)
                while time.monotonic() - begun < 50:
                    try:
                        if not connection.recv(100):
                            break
                    except TimeoutError:
                        connection.sendall(b"a")
            except (OSError, ssl.SSLError):
                pass
        ended.append(time.monotonic() - begun)

    heads = [b"GET / HTTP/1.1\r\nx-slow: ", request(f"{BASE}/tokens", "content-type: application/json", "content-length: 5000", method="POST")]
    threads = [threading.Thread(target=dawdle, args=(heads[i % 2],)) for i in range(60)]
    for thread in threads:
        thread.start()
    quick = []
    while any(thread.is_alive() for thread in threads):
        begun = time.monotonic()
        assert engine.ask("GET", "/sensors", token=engine.admin).status == 200
        quick.append(time.monotonic() - begun)
        time.sleep(0.2)
    assert max(ended) < 45 and sorted(quick)[len(quick) // 2] < 5, (max(ended), quick)
    print(f"60 slow ones: the last was gone after {max(ended):.1f} s; meanwhile a request took {max(quick) * 1000:.0f} ms at most")


def check_origins(engine):
    """Nothing of a browser's own signs anybody in, and no page of another origin may read."""
    answer = engine.ask("POST", "/overrides", {"scope": "ALL", "reason": "x"}, origin="https://evil.example", cookie="session=1")
    assert answer.status == 401 and "set-cookie" not in answer.headers, answer
    answer = engine.ask("GET", "/sensors", token=engine.admin, origin="https://evil.example")
    assert not any(name.startswith("access-control") for name in answer.headers), answer
    asked = raw(engine, request(f"{BASE}/overrides", "origin: https://evil.example", "access-control-request-method: POST", method="OPTIONS"))
    assert "access-control" not in asked.lower() and statuses(asked)[0] in (401, 405), asked
    form = engine.ask("POST", "/overrides", "scope=ALL&reason=x", engine.admin, content_type="application/x-www-form-urlencoded")
    assert form.status == 415, form


def ports_of(engine):
    """Where the process listens."""
    inodes = set()
    for name in os.listdir(folder := f"/proc/{engine.process.pid}/fd"):
        target = os.readlink(os.path.join(folder, name)) if os.path.islink(os.path.join(folder, name)) else ""
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for name in ("tcp", "tcp6"):
        with open(f"/proc/{engine.process.pid}/net/{name}") as file:
            rows = [line.split() for line in file][1:]
        found |= {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in inodes}
    return found


def check_old_tls(engine):
    ports = ports_of(engine)
    assert engine.port in ports and len(ports) >= 2, ports  # that of --metrics too
    for port in ports if shutil.which("openssl") else ():
        for version in ("-tls1", "-tls1_1"):
            done = openssl("s_client", "-connect", f"127.0.0.1:{port}", version, "-cipher", "ALL:@SECLEVEL=0", text="")
            assert not re.search(r"Cipher is (?!\(NONE\))", done.stdout), (port, version, done.stdout[-500:])
    if shutil.which("openssl"):
        for version, works in (("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
            done = openssl("s_client", "-connect", f"127.0.0.1:{engine.port}", version, "-cipher", "ALL:@SECLEVEL=0", text="")
            assert (re.search(r"Cipher is (?!\(NONE\))", done.stdout) is not None) == works, (version, done.stdout[-500:])
        for weak in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "NULL-SHA"):
            done = openssl("s_client", "-connect", f"127.0.0.1:{engine.port}", "-tls1_2", "-cipher", weak + ":@SECLEVEL=0", text="")
            assert "Cipher is (NONE)" in done.stdout or done.returncode, weak
    text = raw(engine, request("/"), tls=False)
    assert not statuses(text) or statuses(text)[0] >= 300, "in the clear at the encrypted port"


def check_passwords(engine):
    """Five wrong ones, then nobody is listened to for that user from there; who there is, is not told."""
    sign = lambda user, password: engine.ask("POST", "/tokens", {"username": user, "password": password})
    known, unknown = sign("olaf", "wrong wrong"), sign("nobody-at-all", "wrong wrong")
    assert known.status == unknown.status == 401 and known.json()["detail"] == unknown.json()["detail"]
    for _ in range(4):
        assert sign("olaf", "wrong wrong").status == 401
    locked = sign("olaf", PASSWORD)
    assert locked.status == 429 and locked.json()["code"] == "ERR-4291" and int(locked.headers["retry-after"]) > 200, locked
    for _ in range(50):
        assert sign("olaf", PASSWORD).status == 429
    told = [row for row in engine.ask("GET", "/audit?action=login&limit=1000", token=engine.admin).json() if "too many" in row["outcome"]]
    assert 1 <= len(told) <= 10, "who is locked out cannot fill the audit"
    assert sign("admin", engine.password).status == 201, "others are"
    outcomes = [row["outcome"] for row in engine.ask("GET", "/audit?action=login", token=engine.admin).json() if row["user"] in ("olaf", "")]
    assert sum("refused" in outcome or "wrong" in outcome for outcome in outcomes) >= 5, outcomes
    with open(engine.said) as file:
        assert "wrong wrong" not in file.read()
    for odd in ("", "a" * 300, "a\u0000b", "../x", "olaf\n", "' or 1=1"):
        assert sign(odd, "x").status in (400, 401), odd


def check_floods(engine):
    """Without a token a client is slowed down, and then heard again."""
    connection = engine.connect()
    found = [engine.ask("GET", "/sensors", connection=connection).status for _ in range(400)]
    assert 429 in found and set(found) <= {401, 429}, set(found)
    wait(lambda: engine.ask("GET", "/sensors").status == 401)
    assert engine.ask("GET", "/sensors", token=engine.admin).status == 200


def check_noise(engine):
    for i in range(200):
        raw(engine, os.urandom(50 + i), seconds=0.2, tls=i % 2 == 0)
    answer = engine.ask("GET", "/sensors", token=engine.admin)
    assert answer.status == 200


def main():
    with tempfile.TemporaryDirectory() as folder:
        files = os.path.join(folder, "files")
        os.makedirs(os.path.join(files, "sub"))
        for name, text in (("index.html", "<!doctype html><title>x</title>"), ("sub/app.js", "const x = 1;\n" * 100), (".hidden", "not for you")):
            with open(os.path.join(files, name), "w") as file:
                file.write(text)
        with open(os.path.join(folder, "secret.txt"), "w") as file:
            file.write("not for you")
        os.symlink(os.path.join(folder, "secret.txt"), os.path.join(files, "link.txt"))
        key, jwk, public = jwk_of(folder, "plant-1")
        stranger, _, _ = jwk_of(folder, "plant-2")
        curve, es256 = es256_of(folder)
        jwks = os.path.join(folder, "jwks.json")
        with open(jwks, "w") as file:
            json.dump({"keys": [jwk, curve, {"kty": "oct", "kid": "plant-3", "k": "c2VjcmV0"}]}, file)
        with Engine(folder, ["--http-files", files, "--metrics", "127.0.0.1:0", "--oidc-issuer", "https://id.plant", "--oidc-jwks", jwks]) as engine:
            added = engine.ask("POST", "/users", {"user": "olaf", "role": "operator", "password": PASSWORD}, engine.admin)
            assert added.status == 201, added
            check_tokens(engine)
            check_provider(engine, key, jwk, public, stranger, es256)
            check_expiry(engine)
            check_fixation(engine)
            check_paths(engine)
            check_smuggling(engine)
            check_cut_paths(engine)
            check_strange_methods(engine)
            check_behind_bodies(engine)
            check_bodies(engine)
            check_sizes(engine)
            check_origins(engine)
            check_old_tls(engine)
            check_passwords(engine)
            check_floods(engine)
            if os.environ.get("POTLINE_LONG"):
                check_slow(engine)
                check_noise(engine)
            engine.stop()


sys.exit(main())

"""The part of kafka_test.py about brokers that want TLS and a password: who has them reads and writes, as a node and as the
log; with a wrong one of either it is said which, the secret stays one, and nothing is lost meanwhile.

By SCRAM only where librdkafka is new enough: before 2.6.1 it repeats its nonce, which brokers refuse since they check that."""
import os
import re
import subprocess
import sys
import time

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
ROWS, PATIENCE = 300, 120


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def settings(password, authority, mechanism):
    pairs = {"security.protocol": "SASL_SSL", "sasl.mechanisms": mechanism, "sasl.username": "potline", "sasl.password": password,
             "ssl.ca.location": authority}
    return "settings: [ " + ", ".join(f'{{ name: {name}, value: "{value}" }}' for name, value in pairs.items()) + " ]"


def write_graph(folder, name, nodes, log="{ kind: embedded }"):
    path = f"{folder}/{name}.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"potline: 1\nname: secure\ncheckpoint: 200ms\nlog: {log}\nnodes:\n{nodes}")
    return path


def run(graph, data, secrets, *options):
    """Exit code, and what it said; no secret is told."""
    done = subprocess.run([POTLINE, "run", graph, "--data", data, "--quiet", "--until-eof", *options], capture_output=True,
                          text=True, timeout=PATIENCE, check=False)
    if any(secret in done.stderr + done.stdout for secret in secrets):
        fail(f"a secret is told: {done.stderr}")
    return done.returncode, done.stderr


def says(graph, data, pattern, secrets):
    """It runs, and says so; then it is killed."""
    path = f"{data}.said"
    with open(path, "w", encoding="utf-8") as said:
        process = subprocess.Popen([POTLINE, "run", graph, "--data", data, "--quiet"], stderr=said, stdout=said)
    end, text = time.monotonic() + PATIENCE, ""
    try:
        while not re.search(pattern, text):
            if time.monotonic() > end or process.poll() is not None:
                fail(f"{graph}: exit code {process.poll()}, not a word like {pattern}: {text}")
            time.sleep(0.1)
            with open(path, encoding="utf-8") as file:
                text = file.read()
    finally:
        process.kill()
        process.wait(timeout=PATIENCE)
    if any(secret in text for secret in secrets):
        fail(f"a secret is told: {text}")


def scram_is_sound():
    said = subprocess.run(["kcat", "-V"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", said)
    return version is not None and tuple(map(int, version.groups())) >= (2, 6, 1)


def secure(brokers, folder, _):
    authority, other = f"{brokers.security.name}/ca.pem", f"{folder}/other.pem"
    with open(f"{brokers.security.name}/password", encoding="utf-8") as file:
        password = file.read()
    wrong = "wr0ng" + password[::-1]
    secrets = (password, wrong)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-subj",
                    "/CN=another authority", "-keyout", "/dev/null", "-out", other], check=True, capture_output=True)
    scram, longer = "SCRAM-SHA-256", "SCRAM-SHA-512"
    ways = {"password": (wrong, authority, "PLAIN"), "ca": (password, other, "PLAIN"), "scram": (wrong, authority, longer),
            "plain": (password, authority, "PLAIN"), "scram-256": (password, authority, scram), "scram-512": (password, authority, longer)}
    patterns = {"password": "(?i)authentication failed", "ca": "(?i)certificate verify failed", "scram": "(?i)authentication failed"}
    if not scram_is_sound():
        print("SCRAM is tried with a wrong password only: librdkafka is older than 2.6.1")
        ways = {name: way for name, way in ways.items() if name not in ("scram-256", "scram-512")}
    for mechanism in ("PLAIN", scram, longer):
        brokers.do("topic", f"safe-{mechanism}")
    with open(f"{folder}/safe.csv", "w", encoding="utf-8") as file:
        file.writelines(f"{1_700_000_000 + i},line1.pot1.volt,{i}\n" for i in range(ROWS))
    at = f'brokers: "{brokers.secure}", '
    for name, way in ways.items():
        timeout = "3s" if name in patterns else "5s"  # which is waited for in vain
        write_graph(folder, f"to-{name}", f"  in: {{ op: source.csv, path: {folder}/safe.csv, header: false }}\n"
                    f"  out: {{ op: sink.kafka, from: in, topic: safe-{way[2]}, encoding: rows, linger: 2m, {at}{settings(*way)} }}\n")
        write_graph(folder, f"from-{name}", f"  in: {{ op: source.kafka, topic: safe-{way[2]}, encoding: rows, until: end, {at}{settings(*way)} }}\n"
                    f"  out: {{ op: sink.csv, from: in, path: {folder}/{way[2]}-back.csv }}\n")
        write_graph(folder, f"log-{name}", f"  in: {{ op: source.csv, path: {folder}/safe.csv, header: false }}\n"
                    f"  out: {{ op: sink.csv, from: in, path: {folder}/{way[2]}-log.csv }}\n",
                    f"{{ kind: kafka, topic: log-{way[2]}, timeout: {timeout}, {at}{settings(*way)} }}")
    done = subprocess.run([POTLINE, "check", f"{folder}/from-scram.yaml"], capture_output=True, text=True, check=False)
    if ("check its nonce" in done.stdout + done.stderr) == scram_is_sound():
        fail(f"check does not say whether SCRAM works: {done.stdout}{done.stderr}")
    for wrong_way, pattern in patterns.items():
        mechanism = ways[wrong_way][2]
        says(f"{folder}/to-{wrong_way}.yaml", f"{folder}/to-{mechanism}.data", pattern, secrets)
        says(f"{folder}/from-{wrong_way}.yaml", f"{folder}/from-{mechanism}.data", pattern, secrets)
        code, said = run(f"{folder}/log-{wrong_way}.yaml", f"{folder}/log-{mechanism}.data", secrets)
        if code != 1 or not re.search(pattern, said):
            fail(f"log, wrong {wrong_way}: exit code {code}: {said}")
    right = [name for name in ways if name not in patterns]
    for name in right:
        for node, path in (("to", None), ("from", f"{ways[name][2]}-back.csv"), ("log", f"{ways[name][2]}-log.csv")):
            code, said = run(f"{folder}/{node}-{name}.yaml", f"{folder}/{node}-{ways[name][2]}.data", secrets)
            if code:
                fail(f"{node}, {name}: exit code {code}: {said}")
            if path:
                with open(f"{folder}/{path}", encoding="utf-8") as file:
                    values = [float(line.split(",")[2]) for line in file if line[0].isdigit()]
                if values != [float(i) for i in range(ROWS)]:
                    fail(f"{node}, {name}: {len(values)} rows of {ROWS}: {values[:3]}")
    return f"TLS and a password ({', '.join(right)}), as node and as log: {ROWS} rows, each once; what is wrong is said"

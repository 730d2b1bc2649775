"""The part of kafka_test.py about brokers that want TLS and a password: who has them reads and writes, as a node and as the
log; with a wrong one of either it is said which, the secret stays one, and nothing is lost meanwhile."""
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


def settings(password, authority):
    pairs = {"security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN", "sasl.username": "potline", "sasl.password": password,
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


def secure(brokers, folder, _):
    authority, other = f"{brokers.security.name}/ca.pem", f"{folder}/other.pem"
    with open(f"{brokers.security.name}/password", encoding="utf-8") as file:
        password = file.read()
    wrong = "wr0ng" + password[::-1]
    secrets = (password, wrong)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-subj",
                    "/CN=another authority", "-keyout", "/dev/null", "-out", other], check=True, capture_output=True)
    ways = {"password": (wrong, authority), "ca": (password, other), "right": (password, authority)}
    patterns = {"password": "(?i)authentication failed", "ca": "(?i)certificate verify failed"}
    brokers.do("topic", "safe")
    with open(f"{folder}/safe.csv", "w", encoding="utf-8") as file:
        file.writelines(f"{1_700_000_000 + i},line1.pot1.volt,{i}\n" for i in range(ROWS))
    at = f'brokers: "{brokers.secure}", '
    for name, way in ways.items():
        timeout = "5s" if name == "right" else "3s"  # which is waited for in vain
        write_graph(folder, f"to-{name}", f"  in: {{ op: source.csv, path: {folder}/safe.csv, header: false }}\n"
                    f"  out: {{ op: sink.kafka, from: in, topic: safe, encoding: rows, linger: 2m, {at}{settings(*way)} }}\n")
        write_graph(folder, f"from-{name}", f"  in: {{ op: source.kafka, topic: safe, encoding: rows, until: end, {at}{settings(*way)} }}\n"
                    f"  out: {{ op: sink.csv, from: in, path: {folder}/safe-back.csv }}\n")
        write_graph(folder, f"log-{name}", f"  in: {{ op: source.csv, path: {folder}/safe.csv, header: false }}\n"
                    f"  out: {{ op: sink.csv, from: in, path: {folder}/safe-log.csv }}\n",
                    f"{{ kind: kafka, timeout: {timeout}, {at}{settings(*way)} }}")
    for wrong_way, pattern in patterns.items():
        says(f"{folder}/to-{wrong_way}.yaml", f"{folder}/to.data", pattern, secrets)
        says(f"{folder}/from-{wrong_way}.yaml", f"{folder}/from.data", pattern, secrets)
        code, said = run(f"{folder}/log-{wrong_way}.yaml", f"{folder}/log.data", secrets)
        if code != 1 or not re.search(pattern, said):
            fail(f"log, wrong {wrong_way}: exit code {code}: {said}")
    for node, path in (("to", None), ("from", "safe-back.csv"), ("log", "safe-log.csv")):
        code, said = run(f"{folder}/{node}-right.yaml", f"{folder}/{node}.data", secrets)
        if code:
            fail(f"{node}: exit code {code}: {said}")
        if path:
            with open(f"{folder}/{path}", encoding="utf-8") as file:
                values = [float(line.split(",")[2]) for line in file if line[0].isdigit()]
            if values != [float(i) for i in range(ROWS)]:
                fail(f"{node}: {len(values)} rows of {ROWS}: {values[:3]}")
    return f"TLS and a password, as node and as log: {ROWS} rows, each once; what is wrong is said"

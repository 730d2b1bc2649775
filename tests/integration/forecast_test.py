#!/usr/bin/python3
"""Networks that others have made forecast here what they do there: weights with PyTorch's names, held against the same equations
in NumPy; and, where PyTorch is there (Debian: python3-torch; PyPI: safetensors), modules of its own that have learned something,
as its own library saves them."""
import csv
import json
import os
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("skipped: NumPy is not there")
    sys.exit(77)
try:
    import torch
    from safetensors.torch import save_file
except ImportError as missing:
    print(f"not held against PyTorch itself: {missing}")
    torch = None

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
ROWS = 200
KINDS = (("lstm", 3, 20, 2), ("gru", 5, 7, 1), ("lstm", 30, 64, 1), ("gru", 4, 33, 3))  # signals, units, layers


# ---- PyTorch's names and equations, in NumPy ----

def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, value in tensors.items():
        raw = value.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def network(kind, signals, units, layers, generator):
    gates = {"lstm": 4, "gru": 3}[kind]
    draw = lambda *shape: generator.uniform(-0.6, 0.6, shape).astype(np.float32)
    tensors = {}
    for layer in range(layers):
        tensors[f"body.rnn.weight_ih_l{layer}"] = draw(gates * units, units if layer else signals)
        tensors[f"body.rnn.weight_hh_l{layer}"] = draw(gates * units, units)
        tensors[f"body.rnn.bias_ih_l{layer}"] = draw(gates * units)
        tensors[f"body.rnn.bias_hh_l{layer}"] = draw(gates * units)
    tensors["linear.weight"], tensors["linear.bias"] = draw(signals, units), draw(signals)
    return tensors


def forecasts(kind, tensors, rows):
    """As torch.nn.LSTM and torch.nn.GRU say it; what is forecast behind each row."""
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    of = {name: value.astype(float) for name, value in tensors.items()}
    layers = sum("weight_ih" in name for name in of)
    units = of["linear.weight"].shape[1]
    h, c, out = np.zeros((layers, units)), np.zeros((layers, units)), []
    for x in rows:
        for layer in range(layers):
            a = of[f"body.rnn.weight_ih_l{layer}"] @ x + of[f"body.rnn.bias_ih_l{layer}"]
            b = of[f"body.rnn.weight_hh_l{layer}"] @ h[layer] + of[f"body.rnn.bias_hh_l{layer}"]
            if kind == "lstm":
                i, f, g, o = np.split(a + b, 4)
                c[layer] = sigmoid(f) * c[layer] + sigmoid(i) * np.tanh(g)
                h[layer] = sigmoid(o) * np.tanh(c[layer])
            else:
                (ar, az, an), (br, bz, bn) = np.split(a, 3), np.split(b, 3)
                r, z = sigmoid(ar + br), sigmoid(az + bz)
                h[layer] = (1 - z) * np.tanh(an + r * bn) + z * h[layer]
            x = h[layer]
        out.append(of["linear.weight"] @ h[-1] + of["linear.bias"])
    return np.array(out)


# ---- PyTorch itself ----

def learned(kind, rows, units, layers, path):
    """What a module forecasts behind each row, after some steps of learning; its state is in the file."""
    class Forecaster(torch.nn.Module):
        def __init__(self, signals):
            super().__init__()
            self.rnn = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](signals, units, layers, batch_first=True)
            self.head = torch.nn.Linear(units, signals)

        def forward(self, x):
            return self.head(self.rnn(x)[0])

    torch.manual_seed(4)
    model, frames = Forecaster(rows.shape[1]), torch.tensor(rows, dtype=torch.float32)[None]
    descent = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(20):
        descent.zero_grad()
        torch.nn.functional.mse_loss(model(frames[:, :-1]), frames[:, 1:]).backward()
        descent.step()
    save_file(model.state_dict(), path)
    with torch.no_grad():
        return model.double()(torch.tensor(rows)[None])[0].numpy()


# ---- The engine ----

FOREIGN = """
potline: 1
name: foreign
log: { kind: none }
nodes:
  in: { op: source.csv, path: "${IN}", layout: wide, prefix: unit. }
  watch: { op: detect.recurrent, from: in, model: "${MODEL}", inputs: NAMES, signals: 32, state: 256 }
  out: { op: sink.csv, from: watch.forecast, path: "${OUT}" }
"""


def write_rows(path, names, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.write("time," + ",".join(names) + "\n")
        for i, row in enumerate(rows):
            file.write(f"2026-01-01T00:{i // 60:02}:{i % 60:02}Z," + ",".join(f"{v:.6f}" for v in row) + "\n")


def told(work, names):
    """What the engine forecasts of each signal, behind each row but the last."""
    paths = {"IN": f"{work}/in.csv", "OUT": f"{work}/out.csv", "MODEL": f"{work}/net.safetensors"}
    graph = f"{work}/foreign.yaml"
    with open(graph, "w", encoding="utf-8") as file:
        file.write(FOREIGN.replace("NAMES", "[" + ", ".join(names) + "]"))
    subprocess.run([POTLINE, "run", graph, "--until-eof", "-q"], check=True, timeout=200, env={**os.environ, **paths})
    of = {name: [] for name in names}
    with open(paths["OUT"], encoding="utf-8") as file:
        for row in csv.DictReader(file):
            of[row["tag"].split(".")[1]].append((int(row["time_ns"]), float(row["value"])))
    return np.array([[value for _, value in sorted(of[name])] for name in names]).T


def other_names(work):
    """A file that is called otherwise is not taken for a folder that gets its first version some time."""
    os.rename(f"{work}/net.safetensors", f"{work}/net.pt")
    done = subprocess.run([POTLINE, "check", f"{work}/foreign.yaml"], capture_output=True, text=True, check=False,
                          env={**os.environ, "IN": "in.csv", "OUT": "out.csv", "MODEL": f"{work}/net.pt"})
    assert done.returncode and "foreign.yaml:7:" in done.stdout and "net.pt is a file, and its name does not end" in done.stdout, done


def main():
    generator = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as work:
        model = f"{work}/net.safetensors"
        for kind, signals, units, layers in KINDS:
            names = [f"s{i:02}" for i in range(signals)]
            rows = np.round(generator.normal(size=(ROWS, signals)), 6)
            write_rows(f"{work}/in.csv", names, rows)
            tensors = network(kind, signals, units, layers, generator)
            write_safetensors(model, tensors, {})
            expected = {"NumPy": forecasts(kind, tensors, rows)}
            found = {"NumPy": told(work, names)}
            if torch:
                expected["PyTorch"] = learned(kind, rows, units, layers, model)
                found["PyTorch"] = told(work, names)
            for of, there in expected.items():
                assert found[of].shape == (ROWS - 1, signals), found[of].shape
                worst = np.abs(found[of] - there[:-1]).max()
                print(f"{kind}, {layers} layers of {units}, {signals} signals: {worst:.1e} from {of}")
                assert worst < 2e-5, worst
        other_names(work)


main()

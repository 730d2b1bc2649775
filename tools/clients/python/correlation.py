"""A moving correlation of two tags: Pearson's, over the last `window` pairs.

    ties: { op: external, from: clean, command: [python3, tools/clients/python/correlation.py],
            options: { first: line1.pot01.voltage, second: line1.pot01.current, window: 60, hold: 2, output: line1.pot01.tie } }

Each sample of the second tag makes a pair with the last one of the first, if that is no more than `hold` seconds older;
rows of other tags, and those of bad quality, are passed over. A row comes out for each pair, as soon as there are
`window` of them; where one of the two does not move there is no correlation, and none comes. The result depends on the
rows alone, not on how they are cut into batches or on how often the program was started: all it knows is in its state.
"""
import math
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import potline  # noqa: E402


def correlate(pairs):
    """None where one of the two does not move. fsum: the same whatever came before."""
    count = len(pairs)
    mean_a, mean_b = math.fsum(a for a, _ in pairs) / count, math.fsum(b for _, b in pairs) / count
    spread_a = math.fsum((a - mean_a) ** 2 for a, _ in pairs)
    spread_b = math.fsum((b - mean_b) ** 2 for _, b in pairs)
    if spread_a <= 0 or spread_b <= 0:
        return None
    return math.fsum((a - mean_a) * (b - mean_b) for a, b in pairs) / math.sqrt(spread_a * spread_b)


class Correlation(potline.Operator):
    def open(self):
        self.first, self.second, self.output = (self.options[name] for name in ("first", "second", "output"))
        self.window = int(self.options.get("window", "60"))
        self.hold = int(float(self.options.get("hold", "2")) * 1e9)
        if self.window < 2 or self.first == self.second:
            raise ValueError("a correlation is of two tags, over two pairs or more")
        self.pairs = self.state.get("pairs", [])
        self.last = self.state.get("last")  # of the first tag: time and value

    def rows(self, batch):
        out = {"time": [], "tag": [], "value": [], "quality": []}
        for time, tag, value, quality in zip(batch["time"], batch["tag"], batch["value"], batch["quality"]):
            if quality & potline.BAD or math.isnan(value):
                continue
            if tag == self.first:
                self.last = (time, value)
            elif tag == self.second:
                self.pair(time, value, out)
        self.state["pairs"], self.state["last"] = self.pairs, self.last
        if out["time"]:
            self.emit(out)

    def pair(self, time, value, out):
        if not self.last or not 0 <= time - self.last[0] <= self.hold:
            return
        self.pairs.append((self.last[1], value))
        del self.pairs[:-self.window]
        result = correlate(self.pairs) if len(self.pairs) == self.window else None
        if result is not None:
            for name, what in (("time", time), ("tag", self.output), ("value", result), ("quality", 0)):
                out[name].append(what)


if __name__ == "__main__":
    potline.run(Correlation)

"""A program that keeps ever more: a key of 100 kB for each batch, half of which go again where the options say so."""
import os
import sys

sys.path.insert(0, os.environ["CLIENT"])
import potline  # noqa: E402


class Hoarder(potline.Operator):
    def rows(self, batch):
        count = self.state.get("count", 0)
        self.state["count"] = count + 1
        self.state[f"hoard {count}"] = bytes(100000)
        if self.options["tidy"] == "true" and count >= 5:
            del self.state[f"hoard {count - 5}"]
        self.emit(batch)


potline.run(Hoarder)

"""A program that passes batches on as the bytes that they are, in Cap'n Proto."""
import os
import sys

sys.path.insert(0, os.environ["CLIENT"])
import potline  # noqa: E402


class Relay(potline.Operator):
    def raw(self, batch):
        self.emit_raw(batch)


potline.run(Relay)

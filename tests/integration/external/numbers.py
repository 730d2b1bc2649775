"""A source of numbered rows, of which one batch can never be read; and one that hangs once, if the options say when."""
import os
import signal
import sys

sys.path.insert(0, os.environ["CLIENT"])
import potline  # noqa: E402

BATCH = 10


class Numbers(potline.Source):
    def open(self):
        self.count, self.junk = int(self.options["count"]), int(self.options["junk"])
        self.hang, self.mark = int(self.options["hang"]), self.options["mark"]

    def produce(self):
        at = self.position or 0
        if at >= self.count:
            return False
        if at == self.hang and not os.path.exists(self.mark):
            open(self.mark, "w").close()
            os.kill(os.getpid(), signal.SIGSTOP)
        numbers = list(range(at, at + BATCH))
        times = [n * 10**9 for n in numbers]
        tags = ["line1.number"] * (BATCH - 1 if at == self.junk else BATCH)
        self.emit({"time": times, "tag": tags, "value": [float(n) for n in numbers], "quality": [0] * BATCH}, at + BATCH)
        self.progress(times[-1])
        return True


potline.run(Numbers)

"""A way to the field that dies with the first set point it is given, whatever has become of it; the next one says that it has arrived,
but of 7, of which it says nothing."""
import os
import signal
import sys
import time

sys.path.insert(0, os.environ["CLIENT"])
import potline  # noqa: E402


class Way(potline.Operator):
    def rows(self, batch):
        for tag, number, value in zip(batch["tag"], batch["id"], batch["value"]):
            if value == 7:
                continue
            mark = os.path.join(self.options["marks"], f"{tag} {value}")
            if not os.path.exists(mark):
                open(mark, "x").close()
                os.kill(os.getpid(), signal.SIGKILL)
            self.emit({"time": [time.time_ns()], "id": [number], "kind": ["setpoint.verified"], "severity": [100], "asset": [""],
                       "tag": [tag], "body": [{"id": str(number), "value": value, "read_back": value}]})


potline.run(Way)

"""A sink that writes each row into a file once: its state says how far the file belongs to the last checkpoint."""
import os
import sys

sys.path.insert(0, os.environ["CLIENT"])
import potline  # noqa: E402


class Writer(potline.Operator):
    def open(self):
        self.file = open(self.options["path"], "ab")
        self.file.truncate(self.state.get("size", 0))
        self.file.seek(0, os.SEEK_END)

    def rows(self, batch):
        for time, tag, value in zip(batch["time"], batch["tag"], batch["value"]):
            self.file.write(f"{time},{tag},{value!r}\n".encode())
        self.file.flush()
        self.state["size"] = self.file.tell()


potline.run(Writer)

"""`potline model` for tests."""
import os
import subprocess
import sys

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")


def potline(*arguments, code=0):
    """Runs it, and ends the test where it ends with another exit code."""
    done = subprocess.run([POTLINE, "model", *arguments], capture_output=True, text=True)
    if done.returncode != code:
        sys.exit(f"potline model {' '.join(arguments)}: exit code {done.returncode}, not {code}\n{done.stderr}{done.stdout[-2000:]}")
    return done

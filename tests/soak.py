"""`make soak`: rounds of all fault scenarios, each with the next seed, until SOAK_SECONDS (600) have passed.

A round that fails ends it and says how to have the same again. Arguments go to pytest: `-n 4` runs four scenarios at
once, which takes half as long, as they wait more than they work.
"""

import os
import subprocess
import sys
import tempfile
import time
from itertools import count


def soak(first: int, seconds: float, arguments: list[str]) -> int:
    """The exit code."""
    stop = time.monotonic() + seconds
    for seed in count(first):
        print(f"--- round with seed {seed}", flush=True)
        command = [sys.executable, "-m", "pytest", "tests/e2e", "-m", "soak", "-q", "-s", *arguments]
        settings = {"SOAK_SEED": str(seed), "TMPDIR": tempfile.gettempdir()}  # its files are too large for memory
        code = subprocess.run(command, env=os.environ | settings, check=False).returncode
        if code:
            print(f"--- the same again: SOAK_SEED={seed} SOAK_SECONDS=1 make soak")
            return code
        if time.monotonic() > stop:
            return 0
    return 0


if __name__ == "__main__":
    first, seconds = int(os.environ.get("SOAK_SEED", "1")), float(os.environ.get("SOAK_SECONDS", "600"))
    raise SystemExit(soak(first, seconds, sys.argv[1:]))

"""Files that take their place when they are complete, so that nobody reads half of one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: Path, *, private: bool = False) -> Iterator[IO[str]]:
    """A file to write text to. `private`: only its owner may read it."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)  # one that is there may be for others to read, or lead elsewhere
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise

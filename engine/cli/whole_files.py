"""Files that take their place when they are complete, so that nobody reads half of one; `-` is standard output."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from rich.console import Console

from engine.cli.console import err, out
from engine.errors import UsageError

STANDARD: Final = Path("-")


@contextmanager
def whole_file(path: Path, *, private: bool = False) -> Iterator[IO[str]]:
    """A file to write text to. `private`: only its owner may read it. A device or a pipe is written to as it is."""
    if path == STANDARD:
        yield sys.stdout
        return
    path = path.resolve()
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
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


def write_document(path: Path, text: str) -> None:
    """Write a page, a picture or a report; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(text)


def console_beside(*documents: Path | None) -> Console:
    """Where a command says the rest: standard error if a document is standard output. Raises UsageError if two are."""
    if documents.count(STANDARD) > 1:
        message = "standard output is given twice; each document has a file of its own"
        raise UsageError(message)
    return err if STANDARD in documents else out


def say_written(path: Path) -> None:
    if path != STANDARD:
        out.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)

"""`archive.json`: which files make up the archive and how far each source was read, replaced as a whole at each commit.

So a kill at any moment leaves each record in the archive once: files that the ledger does not name are of a commit that
did not happen, and go when the archive is opened next.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from engine.errors import EngineError

NAME: Final = "archive.json"
VERSION: Final = 1


@dataclass
class ArchiveBusy(EngineError):
    """Another process writes to the archive."""

    folder: str

    def __str__(self) -> str:
        return f"{self.folder}: another `engine archive` is writing to it; wait until it has ended"


@dataclass
class ArchiveBroken(EngineError):
    """A folder that is no archive of ours, or of a later version."""

    folder: str
    reason: str

    def __str__(self) -> str:
        return f"{self.folder}: {self.reason}"


class Ledger(msgspec.Struct):
    """`commits` counts, and names the files of the next one. `read`: topic -> partition -> the next offset to read.

    `files`: kind -> paths relative to the archive.
    """

    version: int = VERSION
    commits: int = 0
    read: dict[str, dict[int, int]] = {}
    files: dict[str, list[str]] = {}


def load(folder: Path) -> Ledger:
    """An empty one where there is no archive yet. Raises ArchiveBroken."""
    try:
        ledger = msgspec.json.decode((folder / NAME).read_bytes(), type=Ledger)
    except FileNotFoundError:
        return Ledger()
    except msgspec.DecodeError as error:
        raise ArchiveBroken(str(folder), f"{NAME} is not what `engine archive` wrote: {error}") from error
    if ledger.version > VERSION:
        raise ArchiveBroken(str(folder), f"written by a newer engine (version {ledger.version}; this one: {VERSION})")
    return ledger


def store(folder: Path, ledger: Ledger) -> None:
    """On the disk, and the only one, when this returns."""
    beside = folder / f"{NAME}.new"
    with beside.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(ledger)))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / NAME)
    sync(folder)


def sync(path: Path) -> None:
    """A file's or a folder's content is on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else writes meanwhile; a killed process leaves no lock. Raises ArchiveBusy."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "archive.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArchiveBusy(str(folder)) from error
        yield


def drop_unnamed(folder: Path, ledger: Ledger) -> None:
    """Delete what an unfinished commit has left; what others keep in the folder stays."""
    named = {path for paths in ledger.files.values() for path in paths}
    for path in folder.glob("kind=*/day=*/commit-*"):
        if path.relative_to(folder).as_posix() not in named:
            path.unlink()
    for path in folder.glob("spool-*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()

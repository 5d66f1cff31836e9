"""`archive.json`: which files make up the archive and how far each source was read, replaced as a whole at each commit.

The writer and `rewrite` commit through it. A kill at any moment leaves each record in the archive once: files that the
ledger does not name belong to an unfinished commit, and are deleted when the archive is opened next.
"""

import fcntl
import os
import shutil
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.errors import EngineError
from engine.model import UNREADABLE

NAME: Final = "archive.json"
VERSION: Final = 1


class ArchiveBusy(EngineError):
    """Raised if another process writes to the archive."""

    folder: str

    says = "{folder}: another `engine archive` is writing to it; wait until it has ended"


class ArchiveBroken(EngineError):
    """Raised for a folder that is not an archive, or is one of a later version."""

    folder: str
    reason: str

    says = "{folder}: {reason}"


class Ledger(msgspec.Struct):
    """`commits` counts, and names the files of the next one. `read`: topic -> partition -> the next offset to read.

    `files`: kind -> paths relative to the archive.
    """

    version: int = VERSION
    commits: int = 0
    read: dict[str, dict[int, int]] = {}
    files: dict[str, list[str]] = {}
    guests_from: dict[str, dict[int, int]] | None = None
    """Topic -> partition -> the offset from which the archive has the guests that records name, where that is not the
    first; None: an older engine, which left them out, wrote the archive."""
    topics: dict[str, str] = {}
    """Topic -> id of the one that `read` is of; a topic is not in it where no id was known."""
    rollouts: list[dict[str, Any]] = []
    """The phases of roll-outs that the partitions of the store were in when the archive was written to."""

    def without_guests(self, topics: Container[str]) -> Iterator[str]:
        """In words: where an older engine has archived records of these topics without the guests they name."""
        for topic, partitions in (self.guests_from or {}).items():
            for partition, offset in sorted(partitions.items() if topic in topics else ()):
                yield f"{topic}/{partition} before offset {offset:,}: which guests became customers is not there"


def load(folder: Path) -> Ledger:
    """Read the ledger; an empty one if there is no archive yet, and no file of one. Raises ArchiveBroken."""
    try:
        ledger = msgspec.json.decode((folder / NAME).read_bytes(), type=Ledger)
    except FileNotFoundError:
        if any(_committed(folder)):
            reason = (
                f"{NAME} is gone, which says what belongs to the archive: put it back, or archive into another folder"
            )
            raise ArchiveBroken(str(folder), reason) from None
        return Ledger(guests_from={})
    except UNREADABLE as error:
        raise ArchiveBroken(str(folder), f"{NAME} is not what `engine archive` wrote: {error}") from error
    if ledger.version > VERSION:
        raise ArchiveBroken(str(folder), f"written by a newer engine (version {ledger.version}; this one: {VERSION})")
    if ledger.guests_from is None:
        ledger.guests_from = {topic: dict(partitions) for topic, partitions in ledger.read.items()}
    return ledger


def store(folder: Path, ledger: Ledger) -> None:
    """Replace the ledger; it is on the disk when this returns."""
    beside = folder / f"{NAME}.new"
    with beside.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(ledger)))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / NAME)
    sync(folder)


def sync(path: Path) -> None:
    """Flush a file or a folder; its content is on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    """Lock the archive against other writers, and give its ledger; a killed process leaves no lock.

    What no commit names is deleted before, and also after: a disk that is full must not stay so.
    Raises ArchiveBusy and ArchiveBroken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "archive.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArchiveBusy(str(folder)) from error
        ledger = load(folder)
        _drop_unnamed(folder, ledger)
        try:
            yield ledger
        except OSError as error:
            error.filename = error.filename or str(folder)  # writing to an open file names none
            raise
        finally:
            _drop_unnamed(folder, load(folder))


def _committed(folder: Path) -> Iterator[Path]:
    """The files of all commits, also of one that is not finished."""
    return folder.glob("kind=*/day=*/commit-*")


def _drop_unnamed(folder: Path, ledger: Ledger) -> None:
    """Delete the files of an unfinished commit; other files in the folder stay."""
    named = {path for paths in ledger.files.values() for path in paths}
    for path in _committed(folder):
        if path.relative_to(folder).as_posix() not in named:
            path.unlink()
    for path in folder.glob("spool-*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()

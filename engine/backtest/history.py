"""A history that is ready for backtests: Parquet files sorted by customer and arrival, the clock, and a manifest.

`prepare` makes it, in a folder that is named after all it depends on; `reader` and the processes of a backtest read it.
Each input carries the partition's clock before and after it, so that customers can be decided one after the other, in
any process, as if all events had come in their order.
"""

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from engine.errors import BadInputFile
from engine.model import UNREADABLE

VERSION: Final = 4
"""Of the files below. A folder of another version is made anew."""
_MANIFEST, _CLOCK = "history.json", "clock.bin"


MARKED: Final = 256
"""One value of the clock in so many is in a list, which is searched in a third of the time, as its numbers are made."""


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Customers from `first` on and before `end` ("": to the last): what one process takes at a time.

    `number`: of its file.
    """

    number: int
    first: str
    end: str
    rows: int


class Manifest(msgspec.Struct):
    """What is known of the history as a whole. Instants are epoch ms. `broken`: path and reason of a file that broke
    off."""

    version: int = VERSION
    records: int = 0
    events: int = 0
    customers: int = 0
    first: int = 0
    clock: int = 0
    pieces: list[Piece] = []
    dead_letters: dict[str, int] = {}
    first_dead_letter: dict[str, str] = {}
    undeclared: dict[str, int] = {}
    broken: tuple[str, str] | None = None
    lacks: list[str] = []
    """What decisions may rest on and the history does not have, a sentence each."""

    @property
    def trouble(self) -> BadInputFile | None:
        return BadInputFile(*self.broken) if self.broken else None


@dataclass(frozen=True)
class Prepared:
    """The folder of a prepared history, complete."""

    folder: Path

    def inputs_of(self, piece: Piece) -> Path:
        """The file of the piece's customers: a row for each, or several for one with many inputs."""
        return self.folder / f"{piece.number:06}.parquet"

    @property
    def clock_file(self) -> Path:
        return self.folder / _CLOCK

    def manifest(self) -> Manifest | None:
        """None if the folder is not complete, or of another version."""
        try:
            found = msgspec.json.decode((self.folder / _MANIFEST).read_bytes(), type=Manifest)
        except (FileNotFoundError, *UNREADABLE):
            return None
        return found if found.version == VERSION else None

    def complete(self, manifest: Manifest) -> None:
        """Write the manifest, last: without it the folder counts for nothing."""
        beside = self.folder / f"{_MANIFEST}.new"
        beside.write_bytes(msgspec.json.encode(manifest))
        beside.replace(self.folder / _MANIFEST)


class Tick(NamedTuple):
    """One step of the clock: where it stood, and where it stands."""

    before: int
    now: int


class Clock:
    """All values of the partition's clock, in order; in a file that processes share, as 100 million take 800 MB.

    `until`: the clock runs to here, and later values don't count; None: to the last event.
    """

    def __init__(self, path: Path, until: int | None) -> None:
        self._values = _mapped(path)
        count = len(self._values)
        self._marks = self._values[::MARKED].tolist()
        self._count = count if until is None else bisect_left(self._values, until + 1)
        self.last = self._values[self._count - 1] if self._count else 0
        self.end = self.last if until is None else until

    def passing(self, moment: int) -> Tick | None:
        """The step that first reaches the moment; None if the clock never does."""
        if moment > self.last:
            return Tick(self.last, self.end) if moment <= self.end else None
        after = bisect_left(self._marks, moment) * MARKED
        place = bisect_left(self._values, moment, max(after - MARKED, 0), min(after, self._count))
        return Tick(self._values[place - 1] if place else 0, self._values[place])


def _mapped(path: Path) -> "memoryview[int]":
    if not path.stat().st_size:  # nothing cannot be mapped
        return memoryview(array("q"))
    with path.open("rb") as file:
        return memoryview(mmap(file.fileno(), 0, access=ACCESS_READ)).cast("q")

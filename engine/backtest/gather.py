"""Reads files of JSON lines as `engine replay` does, merged by time, and spools what is decoded for `sorting`.

`prepare` calls it once per history: decoding JSON costs as much as deciding. A record that cannot be used is counted,
with its reason, and stops nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from engine.backtest.history import Manifest
from engine.backtest.inputs import encode_input
from engine.errors import BadInputFile, BadRecord
from engine.model import Event, Identified
from engine.ports import Record
from engine.replay.replay import Input

CHUNK: Final = 500_000
"""Rows that are spooled before they become Parquet: 150 MB of text on the disk at a time."""
TOLD: Final = 5_000
"""Records between two calls of `progress`."""
_encode = msgspec.json.Encoder().encode


class DecodedRecord(NamedTuple):
    """What one record says. `clock`: where it would move the clock alone; records without an event repeat it."""

    clock: int
    event: Event | None
    identified: Identified | None


class Gathering:
    """One pass over the files. `manifest` has its counts when the rows have been read to their end."""

    def __init__(self, inputs: Sequence[Input], wall: int, progress: Callable[[int], None]) -> None:
        self._inputs = inputs
        self._wall = wall
        self._progress = progress
        self.manifest = Manifest()
        self._letters: Counter[str] = Counter()

    def chunks(self) -> Iterator[Iterator[bytes]]:
        """Groups of rows, each a line of JSON with the columns of `sorting.COLUMNS`."""
        rows = self._rows()
        while (first := next(rows, None)) is not None:
            yield _with_first(first, islice(rows, CHUNK - 1))
        self._conclude()

    def _rows(self) -> Iterator[bytes]:
        before = sequence = 0
        found = merge(*(self._of(one) for one in self._inputs), key=_clock)
        try:
            for clock, event, identified in found:
                now = max(before, clock)
                for input in (event, identified):
                    if input is not None:
                        sequence += 1
                        yield from self._row(input, sequence, before, now)
                before = now
        except BadInputFile as error:
            self.manifest.broken = (error.path, error.reason)

    def _of(self, one: Input) -> Iterator[DecodedRecord]:
        clock, names_guests = 0, one.decoder.names_guests
        for record in one.source.read({}):
            self.manifest.records += 1
            if self.manifest.records % TOLD == 0:
                self._progress(TOLD)
            event = self._decoded(one, record)
            identified = one.decoder.identified(record, self._wall) if names_guests else None
            if event is not None:
                clock = event.time
            if event is not None or identified is not None:
                yield DecodedRecord(clock, event, identified)

    def _decoded(self, one: Input, record: Record) -> Event | None:
        try:
            return one.decoder.decode(record, self._wall)
        except BadRecord as error:
            self._reject(error.code, f"{record.source}:{record.next_offset}: {error.reason}")
            return None

    def _row(self, input: Event | Identified, sequence: int, before: int, clock: int) -> Iterator[bytes]:
        row = {"customer": input.customer, "seq": sequence, "clock": clock, "occurred_at": input.time}
        try:
            row["input"] = encode_input(input, before, clock)
            yield _encode(row | {"id": input.id} if isinstance(input, Event) else row) + b"\n"
        except UnicodeEncodeError:
            self._reject("undecidable", f"a text that is no Unicode, of {input.customer!r}")

    def _reject(self, code: str, place: str) -> None:
        self._letters[code] += 1
        self.manifest.first_dead_letter.setdefault(code, place)

    def _conclude(self) -> None:
        undeclared: Counter[str] = Counter()
        for one in self._inputs:
            undeclared.update(one.decoder.undeclared)
        self.manifest.undeclared = dict(undeclared)
        self.manifest.dead_letters = dict(self._letters)


def _clock(found: DecodedRecord) -> int:
    return found.clock


def _with_first(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest

"""Reads records of files and topics into the archive: of `engine archive`, or one that figures are made from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from engine.adapters.file import JsonLinesSource
from engine.core.catalog import Catalog
from engine.errors import BadInputFile, BadRecord
from engine.insight.archive import Archive, Place, decode_feedback, decode_outcome
from engine.operate.words import count_of
from engine.ports import Record, Source
from engine.wire.decode import Decoder
from engine.wire.derived import DerivedDecoder
from engine.wiring.replay import HistoryFiles, inputs

FileKind = Literal["events", "feedback", "outcomes"]
Add = Callable[[Archive, Place, Record], int]
"""Adds a record and returns when it happened, epoch ms. Raises BadRecord."""


@dataclass(frozen=True)
class Added:
    """The number of records read, and of those that could not be decoded; `first`: which was the first, and why."""

    records: int = 0
    unreadable: int = 0
    first: str = ""

    def and_(self, other: "Added") -> "Added":
        first = self.first or other.first
        return Added(self.records + other.records, self.unreadable + other.unreadable, first)

    def complaint(self) -> str:
        """A sentence on what could not be decoded; empty if all could."""
        if not self.unreadable:
            return ""
        counts = f"{self.unreadable:,} of {count_of(self.records, 'record')}"
        return f"{counts} could not be read, or are not declared; the first: {self.first}"


def archive_files(archive: Archive, kind: FileKind, history: HistoryFiles, catalog: Catalog) -> Added:
    """Append the files' records that are not in the archive yet; a record of a file arrived when it happened.

    Raises BadInputFile for a file that breaks off, when all that comes before is in the archive.
    """
    added = Added()
    try:
        for source, add in _files(kind, history, catalog):
            added = added.and_(add_records(archive, source.read(archive.next_offsets()), add))
    except BadInputFile:
        archive.commit()
        raise
    archive.commit()
    return added


def _files(kind: FileKind, history: HistoryFiles, catalog: Catalog) -> list[tuple[Source, Add]]:
    if kind == "events":
        return [(file.source, event_adder(file.decoder, history.now)) for file in inputs(history, catalog)]
    add = add_outcome if kind == "outcomes" else add_feedback
    return [(source, add) for source in JsonLinesSource.of_each(history.paths)]


def add_records(archive: Archive, records: Iterator[Record], add: Add, *, by_arrival: bool = False) -> Added:
    """Add each record. `by_arrival`: the broker's time is when it arrived; else that is when it happened."""
    count, bad, last, first = 0, 0, 0, ""
    for record in records:
        count += 1
        place = Place(record.source, record.partition, record.next_offset - 1)
        try:
            last = add(archive, place, record)
        except BadRecord as error:
            bad += 1
            first = first or f"{_named(place, by_arrival=by_arrival)}: {error.reason}"
            archive.add_unreadable(place, record.timestamp if by_arrival else last, error, record.value)
    return Added(count, bad, first)


def _named(place: Place, *, by_arrival: bool) -> str:
    """A record's place as a person would look for it: a file's line, or an offset of a topic."""
    if by_arrival:
        return f"{place.topic}:{place.partition} offset {place.offset}"
    return f"{place.topic.rpartition('#')[0]} line {place.offset + 1}"


def event_adder(decoder: Decoder, wall: int) -> Add:
    """Adds events as workers would see them; those of undeclared types become unreadable records, and are not lost."""

    undeclared = "events.yaml declares no event of this type"
    if "ignore" in (decoder.accept.tombstones, decoder.accept.strangers):
        undeclared += ", or the record is passed over (accept)"

    def add(archive: Archive, place: Place, record: Record) -> int:
        identified = decoder.identified(record, wall)
        if identified is not None:
            archive.add_guest(place, record.timestamp or identified.time, identified)
        event = decoder.decode(record, wall)
        if event is None:
            raise BadRecord("undeclared-type", undeclared)
        archive.add_event(place, record.timestamp or event.time, event)
        return event.time

    return add


def derived_adder(decoder: DerivedDecoder, wall: int) -> Add:
    """Adds events that rules have made, for other customers or as copies."""

    def add(archive: Archive, place: Place, record: Record) -> int:
        event = decoder.decode(record, wall)
        if event is None:
            raise BadRecord("undeclared-type", "events.yaml declares no event of this type")
        archive.add_derived(place, record.timestamp, event, *decoder.maker(record))
        return event.time

    return add


def add_feedback(archive: Archive, place: Place, record: Record) -> int:
    event = decode_feedback(record.value)
    archive.add_event(place, record.timestamp or event.time, event, feedback=True)
    return event.time


def add_outcome(archive: Archive, place: Place, record: Record) -> int:
    outcome = decode_outcome(record.value)
    archive.add_outcome(place, record.timestamp or outcome.time, outcome)
    return outcome.time

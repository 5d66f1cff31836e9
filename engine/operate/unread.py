"""Tells unread records from offsets that are no records: the markers of transactions, and what was never committed."""

from collections.abc import Mapping
from typing import NamedTuple

from engine.errors import CodecMissing
from engine.ports import Place, Record, TopicReader


class Unread(NamedTuple):
    """Records that nobody has read: how many offsets they span, and when the first arrived (epoch ms, 0: unknown)."""

    records: int
    since: int


def unread_of(reader: TopicReader, spans: Mapping[Place, tuple[int, int]]) -> dict[Place, Unread]:
    """What is left to read of each span of offsets; places where that is nothing are left out.

    A topic that is written in transactions, as the ingest's is, ends with a marker, and a worker that has read all of
    it stands before that.
    """
    left = {place: span for place, span in spans.items() if span[0] < span[1]}
    found: dict[Place, Unread] = {}

    def note(first: Record) -> None:
        place = first.source, first.partition
        found[place] = Unread(left.pop(place)[1] - first.next_offset + 1, first.timestamp)

    try:
        for first in reader.read({place: (start, start + 1) for place, (start, _) in left.items()}):
            note(first)
        while left and (further := next(reader.read(left), None)):
            note(further)
    except CodecMissing:
        found |= {place: Unread(end - start, 0) for place, (start, end) in left.items()}
    return found

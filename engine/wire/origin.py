"""Headers by which records of the ingest's internal topic name their original topic, partition, offset and time.

The ingest writes them; workers decode each record by the declaration of its original source.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.errors import BadRecord
from engine.model import UNREADABLE, Event, Identified
from engine.ports import Record, Rekeyed
from engine.wire.decode import Decoder, id_from_place

ORIGIN: Final = "engine-origin"
"""Header: topic:partition:offset:broker time (epoch ms). A topic's name has no colon."""
IDENTIFIED: Final = "engine-identified"
"""Header that marks a record made by the ingest: its key is a guest, its value names the known customer."""


def headers_of(record: Record) -> tuple[tuple[str, bytes], ...]:
    """The record's own headers and the origin header."""
    place = f"{record.source}:{record.partition}:{record.next_offset - 1}:{record.timestamp}"
    return (*_own(record), (ORIGIN, place.encode()))


def identification(identified: Identified, record: Record) -> Rekeyed:
    """The record that tells the guest's partition who the guest is."""
    headers = (headers_of(record)[-1], (IDENTIFIED, b""))
    return Rekeyed(identified.customer, msgspec.json.encode(identified), headers, record)


def original(record: Record) -> Record:
    """The record as it was in its own topic. Raises BadRecord for a record that the ingest has not written."""
    for name, value in record.headers:
        if name == ORIGIN:
            try:
                topic, partition, offset, timestamp = value.decode().split(":")
                return msgspec.structs.replace(
                    record,
                    source=topic,
                    partition=int(partition),
                    next_offset=int(offset) + 1,
                    timestamp=int(timestamp),
                    headers=_own(record),
                )
            except ValueError as error:
                raise BadRecord("bad-origin", f"the header {ORIGIN} is not the ingest's") from error
    raise BadRecord("no-origin", f"there is no header {ORIGIN}: only the ingest may write here")


def _own(record: Record) -> tuple[tuple[str, bytes], ...]:
    return tuple(header for header in record.headers if header[0] not in (ORIGIN, IDENTIFIED))


class IngestedDecoder:
    """Decodes the records of the internal topic, each as its own source declares."""

    def __init__(self, decoders: Mapping[str, Decoder]) -> None:
        self._decoders = decoders

    def decode(self, record: Record, wall: int) -> Event | Identified | None:
        """An event without an id gets one from its original place and the broker's time. Raises BadRecord.

        The time tells it from the record that stood at this place before its topic was deleted and made again.
        """
        origin = original(record)
        decoder = self._decoders.get(origin.source)
        if decoder is None:
            raise BadRecord("unknown-origin", f"events.yaml declares no un-keyed source on {origin.source}")
        if any(name == IDENTIFIED for name, _ in record.headers):
            return _identified(origin, wall + decoder.accept.ahead)
        event = decoder.decode(origin, wall)
        if event is not None and event.id == (place := id_from_place(origin)):
            event.id = f"{place}@{origin.timestamp}"
        return event


def _identified(record: Record, latest: int) -> Identified | None:
    """None for a time too far ahead; then the event's own record becomes a dead letter."""
    try:
        identified = msgspec.json.decode(record.value or b"", type=Identified)
    except UNREADABLE as error:
        raise BadRecord("bad-origin", f"the record is marked {IDENTIFIED} and is not the ingest's") from error
    return identified if identified.time <= latest else None

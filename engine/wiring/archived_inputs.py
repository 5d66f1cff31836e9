"""What an archive has of a customer as the inputs that a worker had: events, feedback, and what the ingest has moved.

`as_decided` reads the rows. Each table has its query, all with the same columns.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.core.catalog import Catalog
from engine.core.seen import OF_RULES
from engine.core.zones import iso, to_millis
from engine.errors import BadRecord
from engine.insight.archive import Kind
from engine.model import Event, Identified
from engine.ports import Record
from engine.replay.comparison import Arrived
from engine.wire.decode import Decoder, id_from_place
from engine.wire.scopes import Scopes
from engine.wiring.wall_clock import wall_clock

_SELECT: Final = """
    SELECT customer, arrived_at, topic, topic_partition, topic_offset, '{}' AS kind, occurred_at, {}
    FROM read_parquet(?)
"""
_EVENT: Final = "id, id_source, type, properties, '' AS known"
_GUEST: Final = "'' AS id, 0 AS id_source, '' AS type, '{}' AS properties, known"
INPUTS: Final[Mapping[Kind, str]] = {
    "events": _SELECT.format("events", _EVENT),
    "feedback": _SELECT.format("feedback", _EVENT),
    "derived": _SELECT.format("derived", _EVENT) + "WHERE customer <> because_of",
    "guests": _SELECT.format("guests", _GUEST),
}
"""Table -> its inputs. A derived event of the customer's own is a copy: it happened in the decision that made it."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class ArchivedInputs:
    """Reads rows of `INPUTS` by what events.yaml declares now."""

    def __init__(self, catalog: Catalog) -> None:
        self._types = catalog.events
        self._decoders = {source.topic: Decoder(source, catalog) for source in catalog.sources}
        owns = [Scopes(source, catalog).own for source in catalog.sources]
        self._scopes = {one.number: one.shown for one in owns}
        self._wall = wall_clock()

    def read(self, row: Any) -> Arrived | None:
        """The input; None for an event that workers do not take."""
        customer, arrived, topic, partition, offset, kind, occurred, id_, source, type_, properties, known = row
        at, time = to_millis(arrived), to_millis(occurred)
        input: Event | Identified | None
        if kind == "guests":
            input = Identified(customer, known, time)
        elif type_ not in self._types:
            return None
        else:
            input = Event(id_, type_, customer, time, _decode(properties), source, self._scopes.get(source, ""))
        record = Record(topic, partition, offset + 1, None, timestamp=at)
        if isinstance(input, Event):
            input = self._of_kind(kind, input, record)
        return Arrived(input, at, topic, f"{topic}/{partition}@{offset}") if input is not None else None

    def _of_kind(self, kind: str, event: Event, record: Record) -> Event | None:
        if kind == "feedback":
            return self._feedback(event, record)
        if kind == "derived":
            event.source, event.scope = OF_RULES, ""
        elif event.id == id_from_place(record) and not self._is_keyed(record.source):
            event.id = f"{event.id}@{record.timestamp}"  # as the ingest makes it
        return event

    def _is_keyed(self, topic: str) -> bool:
        decoder = self._decoders.get(topic)
        return decoder is None or decoder.source.keyed

    def _feedback(self, event: Event, record: Record) -> Event | None:
        """The archive has it as it was published; workers read it if its topic is declared as a source."""
        decoder = self._decoders.get(record.source)
        if decoder is None:
            return None
        fields = {"id": event.id, "type": event.type, "customer": event.customer, "time": iso(event.time)}
        record.value = _encode(fields | {"properties": event.properties})
        try:
            return decoder.decode(record, self._wall)
        except BadRecord:
            return None

"""Events that rules make for other customers, and those that policy.yaml publishes, as records of their own topic.

`Turns` encodes them for the outbox; the relay publishes them to the partition that made them, and the ingest moves each
to the partition of its customer. A published event of the customer's own has happened already, and is not moved.
"""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from engine.core.catalog import Catalog, Source
from engine.core.seen import OF_RULES
from engine.core.zones import iso
from engine.model import UNREADABLE, DerivedEvent, Event, Identified
from engine.ports import Entry, Record
from engine.wire.decode import Decoder
from engine.wire.instants import FIRST, LAST
from engine.wire.published import Maker
from engine.wire.reading import reading

DERIVED: Final = "derived"
"""The destination of these events in the outbox."""
_encode = msgspec.json.Encoder().encode


def encode_derived(derived: DerivedEvent, catalog: Catalog) -> Entry:
    """Its key is the customer that it is about, so that it can be moved to their partition; the value is JSON."""
    event = derived.event
    return Entry(event.id, _encode(_fields(derived, catalog)), DERIVED, event.customer)


def _fields(derived: DerivedEvent, catalog: Catalog) -> dict[str, Any]:
    """An event in our own format, with where it comes from."""
    event = derived.event
    return {
        "id": event.id,
        "type": event.type,
        "customer": event.customer,
        "time": iso(event.time),
        "properties": {name: _written(catalog, event.type, name, value) for name, value in event.properties.items()},
        "rule": derived.rule,
        "because_of": derived.customer,
        "at": iso(derived.at),
    }


def _written(catalog: Catalog, type_: str, name: str, value: Any) -> Any:
    """A property of kind `time` as others read it, ISO 8601; every other value as it is."""
    declared = catalog.events[type_].properties.get(name)
    is_time = declared is not None and declared.kind == "time" and type(value) is int and FIRST <= value <= LAST
    return iso(value) if is_time else value


_MAKER = msgspec.json.Decoder(Maker)


class DerivedDecoder(Decoder):
    """Decodes the records of the topic of derived events."""

    def __init__(self, topic: str, catalog: Catalog) -> None:
        super().__init__(Source(DERIVED, topic, keyed=False), catalog)

    def decode(self, record: Record, wall: int) -> Event | None:
        """As of any source. The event is marked so that it makes no new customer, and occurrences show its bare id."""
        event = super().decode(record, wall)
        if event is not None:
            event.source, event.scope = OF_RULES, ""
        return event

    def maker(self, record: Record) -> tuple[str, str]:
        """The rule that made the event, and the customer whom it was made of. Raises BadRecord."""
        with reading("not-decodable"):
            maker = _MAKER.decode(record.value or b"")
        return maker.rule, maker.because_of

    def whose(self, record: Record) -> tuple[str | None, Identified | None]:
        """As of any source; (None, None) for an event of its maker's own customer: it has happened already."""
        try:
            maker = _MAKER.decode(record.value or b"")
        except UNREADABLE:
            return super().whose(record)  # and raises what is wrong with it
        own = bool(maker.customer) and maker.customer == maker.because_of
        return (None, None) if own else super().whose(record)


class ArchivedDecoder(DerivedDecoder):
    """Decodes for archives: also the types that only the engine makes, of which policy.yaml publishes copies."""

    def __init__(self, topic: str, catalog: Catalog) -> None:
        types = {name: replace(declared, made=False) for name, declared in catalog.events.items()}
        super().__init__(topic, replace(catalog, events=types))

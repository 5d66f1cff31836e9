"""Finds the parts of an event in a record. The engine's own JSON is here; Segment and CloudEvents have their modules.

`Decoder` makes a reader per source. A reader must not check values: the decoder does, for all formats alike.
"""

from collections.abc import Callable, Mapping, Set
from typing import Annotated, Any

import msgspec

from engine.core.catalog import Source
from engine.model import Event
from engine.ports import Record
from engine.wire.cloudevents import CloudEventsReader
from engine.wire.parts import Parts, at, object_of, value_of
from engine.wire.scopes import Scope
from engine.wire.segment import SegmentReader

MAX_ID_LENGTH = 512
"""Characters of an event's id, or of a type, at most."""
MAX_CUSTOMER_BYTES = 256
"""Bytes of a customer's id in UTF-8, at most; an e-mail address has 254. Every signed link has the id in it: with a
longer one it would not fit into a mail's header or a provider's metadata, and each message would fail by itself."""


def is_customer_length(customer: str) -> bool:
    """Whether an id is short enough."""
    return len(customer.encode(errors="replace")) <= MAX_CUSTOMER_BYTES


HIDDEN = {name: f"engine/{name}" for name in ("source", "scope", "guest")}
"""Internal fields that must not be read from a record: msgspec looks for them under names that no producer uses."""
Reader = Callable[[Record], Parts]


def reader(source: Source, nested: frozenset[str] = frozenset()) -> Reader:
    """The reader for a source's format and places. `nested`: fields of which declared properties are parts."""
    if source.format == "segment":
        return SegmentReader(source)
    if source.format == "cloudevents":
        return CloudEventsReader(source)
    paths = (source.id, source.type, source.customer, source.time, source.properties)
    return _top_level(source) if all(len(path) == 1 for path in paths) else _by_paths(source, nested)


Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)]
Customer = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CUSTOMER_BYTES // 4)]
"""So many characters are never too many bytes. Longer ids are no usual form: they are measured where it is decoded."""
_USUAL = {"id": Name, "type": Name, "customer": Customer, "time": int, "properties": dict[str, Any]}


def direct(source: Source, scope: Scope) -> Callable[[bytes], Event] | None:
    """A decoder straight to an Event for records in the usual form; it raises DecodeError for others.

    None if the source's declaration rules the usual form out.
    """
    paths = {part: getattr(source, part) for part in _USUAL}
    if source.format != "json" or source.unit != "ms" or source.event or any(len(path) != 1 for path in paths.values()):
        return None
    names = {part: path[0] for part, path in paths.items()} | HIDDEN
    fields: list[Any] = [*_USUAL.items(), ("source", int, scope.number), ("scope", str, scope.shown)]
    shape: Any = msgspec.defstruct("Usual", fields, bases=(Event,), rename=names, gc=False)
    decode: Callable[[bytes], Event] = msgspec.json.Decoder(shape).decode
    return _renaming(decode, source.types) if source.types else decode


def _renaming(decode: Callable[[bytes], Event], types: Mapping[str, str]) -> Callable[[bytes], Event]:
    """With the types of events as events.yaml has them."""

    def renamed(value: bytes) -> Event:
        event = decode(value)
        event.type = types.get(event.type, event.type)
        return event

    return renamed


def _top_level(source: Source) -> Reader:
    """A reader for the usual case: every part is a top-level field of the record."""
    names = {part: getattr(source, part)[0] for part in _USUAL}
    shape = msgspec.defstruct(
        "Parts", [(part, Any, None) for part in names], bases=(Parts,), rename=names | HIDDEN, gc=False
    )
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(shape).decode

    def read(record: Record) -> Parts:
        parts: Parts = decode(value_of(record))
        return parts

    return read


def _by_paths(source: Source, nested: frozenset[str]) -> Reader:
    used = {path[0] for path in (source.id, source.type, source.customer, source.time) if path} - nested

    def read(record: Record) -> Parts:
        body = object_of(record)
        return Parts(
            id=at(body, source.id),
            type=at(body, source.type),
            customer=at(body, source.customer),
            time=at(body, source.time),
            properties=at(body, source.properties) if source.properties else _others(body, used),
        )

    return read


def _others(body: dict[str, Any], used: Set[str]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in used}

"""The unchecked parts of an event as a record has them, and functions to read them. Readers of all formats use it."""

from typing import Any

import msgspec

from engine.errors import BadRecord
from engine.ports import Record


class Parts(msgspec.Struct, gc=False):
    """The parts of an event, unchecked. Only some formats have the last two."""

    id: Any = None
    type: Any = None
    customer: Any = None
    time: Any = None
    properties: Any = None
    scope: Any = None
    """The scope within which the id is unique."""
    guest: Any = None
    """The customer's id from before they were known."""


FRAMED = b"\0"
HEAD = 5
"""A schema registry's serializers write a zero byte and the schema's number before the value. No JSON begins so."""
decode_json = msgspec.json.Decoder().decode


def value_of(record: Record) -> bytes:
    """The record's value, behind the head that a schema registry's serializer of JSON puts before it.

    Raises BadRecord if it has none.
    """
    if record.value is None:
        raise BadRecord(
            "no-value",
            "the record has no value (a tombstone); `accept: { tombstones: ignore }` passes such records over",
        )
    framed = record.value[:1] == FRAMED and record.value[HEAD : HEAD + 1] == b"{"
    return record.value[HEAD:] if framed else record.value


def object_of(record: Record) -> dict[str, Any]:
    """The record's JSON. Raises BadRecord and DecodeError."""
    body = decode_json(value_of(record))
    if not isinstance(body, dict):
        raise BadRecord("not-an-object", "the record is JSON, but not an object")
    return body


def at(body: Any, path: tuple[str, ...]) -> Any:
    """The value at this path; None if there is none. In a list a name is the number of an item, from 0."""
    for name in path:
        if isinstance(body, dict):
            body = body.get(name)
        elif isinstance(body, list) and name.isdecimal() and int(name) < len(body):
            body = body[int(name)]
        else:
            return None
    return body

"""What a record says before anything of it is checked: the parts of an event, and how to get at them."""

from typing import Any

import msgspec

from engine.errors import BadRecord
from engine.ports import Record


class Parts(msgspec.Struct, gc=False):
    """The parts of an event as they stand in the record. The last two are only told by formats that have them."""

    id: Any = None
    type: Any = None
    customer: Any = None
    time: Any = None
    properties: Any = None
    scope: Any = None
    """What the id is unique within."""
    guest: Any = None
    """Who the customer was before they were known."""


decode_json = msgspec.json.Decoder().decode


def value_of(record: Record) -> bytes:
    """Raises BadRecord where there is none."""
    if record.value is None:
        raise BadRecord("no-value", "the record has no value (a tombstone)")
    return record.value


def object_of(record: Record) -> dict[str, Any]:
    """The record's JSON. Raises BadRecord and DecodeError."""
    body = decode_json(value_of(record))
    if not isinstance(body, dict):
        raise BadRecord("not-an-object", "the record is JSON, but not an object")
    return body


def at(body: Any, path: tuple[str, ...]) -> Any:
    """What stands at this path, None where nothing does."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body

"""Where the parts of an event sit in a record: our own JSON, the Segment spec, CloudEvents structured and binary."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from engine.core.catalog import Source
from engine.errors import BadRecord
from engine.model import Event
from engine.ports import Record
from engine.runtime.scopes import Scope

MOST_ID = 512
"""Characters in a customer's or event's id, or in a type."""


class Parts(msgspec.Struct, gc=False):
    """What a record says, unchecked."""

    id: Any = None
    type: Any = None
    customer: Any = None
    time: Any = None
    properties: Any = None
    scope: Any = None
    """What the id is unique within, where the record says so."""


HIDDEN = {name: f"engine/{name}" for name in ("source", "scope")}
"""Fields of ours that are not read from a record: msgspec looks for them under names that no producer uses."""
Reader = Callable[[Record], Parts]
_decode = msgspec.json.Decoder().decode


def reader(source: Source) -> Reader:
    """The reader for a source's format and places."""
    if source.format == "segment":
        return _segment
    if source.format == "cloudevents":
        return _cloudevents(source)
    paths = (source.id, source.type, source.customer, source.time, source.properties)
    return _top_level(source) if all(len(path) == 1 for path in paths) else _by_paths(source)


Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_ID)]
_USUAL = {"id": Name, "type": Name, "customer": Name, "time": int, "properties": dict[str, Any]}


def direct(source: Source, scope: Scope) -> Callable[[bytes], Event] | None:
    """Decodes, in one go, a record that has every part where and as it should be, and raises DecodeError for others.

    None where the source's records need more than that.
    """
    paths = {part: getattr(source, part) for part in _USUAL}
    if source.format != "json" or source.unit != "ms" or any(len(path) != 1 for path in paths.values()):
        return None
    names = {part: path[0] for part, path in paths.items()} | HIDDEN
    fields: list[Any] = [*_USUAL.items(), ("source", int, scope.number), ("scope", str, scope.shown)]
    shape: Any = msgspec.defstruct("Usual", fields, bases=(Event,), rename=names, gc=False)
    decode: Callable[[bytes], Event] = msgspec.json.Decoder(shape).decode
    return decode


def _top_level(source: Source) -> Reader:
    """The usual case: every part is a field of the record."""
    names = {part: getattr(source, part)[0] for part in _USUAL}
    shape = msgspec.defstruct(
        "Parts", [(part, Any, None) for part in names], bases=(Parts,), rename=names | HIDDEN, gc=False
    )
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(shape).decode

    def read(record: Record) -> Parts:
        parts: Parts = decode(record.value or b"")
        return parts

    return read


def _by_paths(source: Source) -> Reader:
    def read(record: Record) -> Parts:
        body = _object(record)
        return Parts(
            id=_at(body, source.id),
            type=_at(body, source.type),
            customer=_at(body, source.customer),
            time=_at(body, source.time),
            properties=_at(body, source.properties) if source.properties else _others(body, source),
        )

    return read


def _object(record: Record) -> dict[str, Any]:
    body = _decode(record.value or b"")
    if not isinstance(body, dict):
        raise BadRecord("not-an-object", "the record is JSON, but not an object")
    return body


def _at(body: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def _others(body: dict[str, Any], source: Source) -> dict[str, Any]:
    used = {path[0] for path in (source.id, source.type, source.customer, source.time)}
    return {name: value for name, value in body.items() if name not in used}


def _segment(record: Record) -> Parts:
    """track, identify, page, screen and group calls; an anonymous visitor is a customer until they have a userId."""
    body = _object(record)
    call = body.get("type")
    type_ = body.get("event") if call == "track" else call
    properties = body.get("traits") if call in ("identify", "group") else body.get("properties")
    customer = body.get("userId") or body.get("anonymousId")
    return Parts(body.get("messageId"), type_, customer, body.get("timestamp"), properties)


def _cloudevents(source: Source) -> Reader:
    """Structured mode by the body, binary mode by `ce_` headers. The customer is the subject, unless declared."""
    customer = source.customer if source.customer != ("customer",) else ("subject",)
    time = source.time

    def read(record: Record) -> Parts:
        headers = {name: value.decode() for name, value in record.headers if name.startswith("ce_")}
        if "ce_id" in headers:
            attributes: dict[str, Any] = {name[3:]: value for name, value in headers.items()}
            attributes["data"] = _decode(record.value or b"{}")
        else:
            attributes = _object(record)
        if "specversion" not in attributes:
            raise BadRecord("not-cloudevents", "neither a CloudEvents body nor ce_ headers (no specversion)")
        return Parts(
            id=attributes.get("id"),
            type=attributes.get("type"),
            customer=_at(attributes, customer),
            time=_at(attributes, time),
            properties=attributes.get("data"),
            scope=attributes.get("source"),
        )

    return read

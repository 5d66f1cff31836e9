"""Encodes events as records of a source's format: the reverse of `formats`. `engine send-event` calls it."""

from typing import Any

import msgspec

from engine.core.catalog import Kind, Source
from engine.core.zones import iso
from engine.model import Event

Headers = tuple[tuple[str, bytes], ...]
_encode = msgspec.json.Encoder().encode
_PER_MS = {"s": 0.001, "ms": 1, "us": 1000, "ns": 1_000_000}


def compose(source: Source, event: Event) -> tuple[bytes, Headers]:
    """Value and headers of a record that the source's decoder turns into this event."""
    if source.format == "segment":
        return _encode(_segment(source, event)), ()
    if source.format == "cloudevents":
        return _encode(_cloudevent(source, event)), (("content-type", b"application/cloudevents+json"),)
    body: dict[str, Any] = dict(event.properties) if not source.properties else {}
    if source.properties:
        _put(body, source.properties, event.properties)
    time = iso(event.time) if source.unit == "ms" else event.time * _PER_MS[source.unit]
    parts = {source.id: event.id, source.type: event.type, source.customer: event.customer, source.time: time}
    for path, value in parts.items():
        if path:
            _put(body, path, value)
    return _encode(body), (("content-type", b"application/json"),)


def _put(body: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *outer, last = path
    for name in outer:
        body = body.setdefault(name, {})
    body[last] = value


_PLAIN = Source("", "")


def _declared(path: tuple[str, ...], plain: tuple[str, ...], spec: str) -> tuple[str, ...]:
    """The path of a part of another format: as events.yaml declares it, else as the format's specification does."""
    return path if path != plain else (spec,)


def _segment(source: Source, event: Event) -> dict[str, Any]:
    call = event.type if event.type in ("identify", "group", "page", "screen") else "track"
    body: dict[str, Any] = {"type": call, "event": event.type} if call == "track" else {"type": call}
    body["traits" if call in ("identify", "group") else "properties"] = dict(event.properties)
    _put(body, _declared(source.id, _PLAIN.id, "messageId"), event.id)
    _put(body, _declared(source.customer, _PLAIN.customer, "userId"), event.customer)
    _put(body, _declared(source.time, _PLAIN.time, "timestamp"), iso(event.time))
    return body


def _cloudevent(source: Source, event: Event) -> dict[str, Any]:
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type,
        "source": "/engine/send-event",
        "data": dict(event.properties),
    }
    _put(body, source.id, event.id)
    _put(body, _declared(source.customer, _PLAIN.customer, "subject"), event.customer)
    _put(body, source.time, iso(event.time))
    return body


def parse(kind: Kind, text: str) -> Any:
    """A property's value from typed text. Text that does not fit the kind stays text; the decoder then rejects it."""
    if kind in ("string", "date", "time"):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text

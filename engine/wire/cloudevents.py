"""CloudEvents over Kafka: structured mode (all in the value) and binary mode (attributes in `ce_` headers).

What the SDKs of Python, JavaScript, Java and Go write is recorded in tests/support/cloudevents_recorded.py.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any

import msgspec

from engine.core.catalog import Source
from engine.core.zones import iso
from engine.errors import BadRecord
from engine.ports import Record
from engine.wire.parts import Parts, at, decode_json, object_of

STRUCTURED = "application/cloudevents"
BATCHED = "application/cloudevents-batch"
JSON = "application/cloudevents+json"


class CloudEventsReader:
    """Reads both modes. The customer is the subject unless events.yaml declares another field; an event without a time
    gets the broker's."""

    def __init__(self, source: Source) -> None:
        plain = Source("", "")
        self.id = source.id
        self.customer = source.customer if source.customer != plain.customer else ("subject",)
        self.time = source.time
        self.time_is_optional = source.time == plain.time

    def __call__(self, record: Record) -> Parts:
        """Raises BadRecord and DecodeError."""
        attributes = _attributes(record)
        if "specversion" not in attributes:
            raise BadRecord("not-cloudevents", "neither a CloudEvents body nor ce_ headers (no specversion)")
        time = at(attributes, self.time)
        if time is None and self.time_is_optional and record.timestamp > 0:
            time = iso(record.timestamp)
        return Parts(
            id=at(attributes, self.id),
            type=attributes.get("type"),
            customer=at(attributes, self.customer),
            time=time,
            properties=attributes.get("data"),
            scope=attributes.get("source"),
        )


def _attributes(record: Record) -> dict[str, Any]:
    """The context attributes, with `data` decoded."""
    headers = {name.lower(): value for name, value in record.headers}
    content_type = headers.get("content-type", b"").decode()
    mode = _media_type(content_type)
    if mode == BATCHED or mode.startswith(f"{BATCHED}+"):
        raise BadRecord("cloudevents-batch", "a batch of CloudEvents is one record; write each event as a record")
    structured = mode == STRUCTURED or mode.startswith(f"{STRUCTURED}+")
    if structured and mode not in (STRUCTURED, JSON):
        raise BadRecord("cloudevents-format", f"content-type {mode} is not read; write {JSON}")
    if structured or "ce_specversion" not in headers:
        return _structured(object_of(record), content_type)
    attributes: dict[str, Any] = {name[3:]: text.decode() for name, text in headers.items() if name.startswith("ce_")}
    attributes["data"] = _data(record.value, content_type or attributes.get("datacontenttype"))
    return attributes


def _structured(body: dict[str, Any], content_type: str) -> dict[str, Any]:
    """The attributes of a structured event. An older Python SDK moves `datacontenttype` from the body to the header."""
    declared = body.get("datacontenttype", content_type)
    if isinstance(encoded := body.get("data_base64"), str):
        try:
            return body | {"data": _data(b64decode(encoded, validate=True), declared)}
        except Base64Error as error:
            raise BadRecord("not-decodable", "data_base64 is not base64") from error
    if isinstance(data := body.get("data"), str) and _is_json(declared):
        return body | {"data": _json_in(data)}
    return body


def _data(value: bytes | None, content_type: Any) -> Any:
    """Data decoded from JSON, the only format whose properties rules can read. None if there is no data."""
    if not value:
        return None
    try:
        data = decode_json(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        shown = content_type if isinstance(content_type, str) and content_type else "not declared"
        raise BadRecord("not-decodable", f"data is not JSON (content type {shown[:100]}): {error}") from error
    return _json_in(data) if isinstance(data, str) else data


def _json_in(text: str) -> Any:
    """Decode JSON within a JSON string: SDKs that are given a string encode it a second time."""
    try:
        return decode_json(text)
    except msgspec.DecodeError:
        return text


def _is_json(content_type: Any) -> bool:
    media_type = _media_type(content_type) if isinstance(content_type, str) else ""
    return not media_type or media_type.startswith(STRUCTURED) or media_type.endswith(("/json", "+json"))


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()

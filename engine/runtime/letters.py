"""Dead letters: what could not be used, why, and where it was; enough to replay it once the cause is mended."""

from base64 import b64decode, b64encode

import msgspec

from engine.errors import BadRecord
from engine.ports import Record
from engine.runtime.reading import reading
from engine.runtime.result import Failure

_encode = msgspec.json.Encoder().encode

MOST_KEPT = 512 * 1024
"""Bytes of a record: as base64 they fit into any topic, so that no record, however large, stops its partition."""


class DeadLetter(msgspec.Struct):
    """One rejected record. Key, value and the headers' values are base64 of the bytes; `offset` is where it stands."""

    id: str
    code: str
    reason: str
    source: str
    partition: int
    offset: int
    timestamp: int
    key: str | None
    value: str | None
    headers: list[tuple[str, str]]
    left_out: int = 0
    """Bytes of a record too large to be kept here (key, value and headers are not); it stands in its own topic only."""


def of_record(record: Record, error: BadRecord) -> DeadLetter:
    """The dead letter of a record that is no event."""
    return _letter(record, error.code, error.reason)


def of_failure(record: Record | None, failure: Failure, partition: int) -> DeadLetter:
    """The dead letter of an input that `decide` failed on; a wake-up has no record."""
    if record is None:
        identity = f"wake-up:{partition}:{failure.input.customer}"
        return DeadLetter(identity, "undecidable", failure.reason, "", partition, -1, 0, None, None, [])
    return _letter(record, "undecidable", failure.reason)


def _letter(record: Record, code: str, reason: str) -> DeadLetter:
    offset, size = record.next_offset - 1, _size(record)
    if size > MOST_KEPT:
        record = Record(record.source, record.partition, record.next_offset, None, timestamp=record.timestamp)
    return DeadLetter(
        id=f"{record.source}:{record.partition}:{offset}",
        code=code,
        reason=reason,
        source=record.source,
        partition=record.partition,
        offset=offset,
        timestamp=record.timestamp,
        key=_text(record.key),
        value=_text(record.value),
        headers=[(name, b64encode(value).decode()) for name, value in record.headers],
        left_out=size if size > MOST_KEPT else 0,
    )


def _size(record: Record) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def _text(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


def encode_letter(letter: DeadLetter) -> bytes:
    """JSON."""
    return _encode(letter)


def decode_letter(data: bytes) -> DeadLetter:
    """Raises BadRecord for what is none, or whose bytes cannot be had back."""
    with reading("not-a-dead-letter"):
        letter = msgspec.json.decode(data, type=DeadLetter)
        original(letter)
    return letter


def original(letter: DeadLetter) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """Key, value and headers as they were."""
    headers = [(name, b64decode(value)) for name, value in letter.headers]
    return _bytes(letter.key), _bytes(letter.value), headers


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)

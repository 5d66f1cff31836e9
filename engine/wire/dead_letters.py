"""Dead letters: what could not be used, why, and where it was; enough to replay it once the cause is mended."""

from base64 import b64decode, b64encode

import msgspec

from engine.errors import BadRecord
from engine.ports import Record
from engine.wire.reading import reading

_encode = msgspec.json.Encoder().encode

OUTREACH_TOO_LARGE = "outreach-too-large"
"""The code of outreach that was decided before its topic took less."""
SHOWN = 1_024
"""Bytes of the key and of the value of a record that is not kept whole: enough to see whose it was, and what."""


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
    """Bytes that are missing here, as the topic of dead letters takes no more: `key` and `value` are what the record
    begins with, its headers are gone. It stands whole in its own topic only."""


def of_record(record: Record, error: BadRecord) -> DeadLetter:
    """The dead letter of a record that is no event."""
    return _letter(record, error.code, error.reason)


def of_outreach(identity: str, outreach: bytes, reason: str, partition: int) -> DeadLetter:
    """The dead letter of encoded outreach that its topic does not take; it has no record of its own."""
    place, value = f"outreach:{identity}", _text(outreach)
    return DeadLetter(place, OUTREACH_TOO_LARGE, reason, "", partition, -1, 0, None, value, [])


def of_failure(record: Record | None, customer: str, reason: str, partition: int) -> DeadLetter:
    """The dead letter of an input that `decide` failed on; a wake-up has no record."""
    if record is None:
        identity = f"wake-up:{partition}:{customer}"
        return DeadLetter(identity, "undecidable", reason, "", partition, -1, 0, None, None, [])
    return _letter(record, "undecidable", reason)


def _letter(record: Record, code: str, reason: str) -> DeadLetter:
    offset = record.next_offset - 1
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
    )


def _text(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


def encode_letter(letter: DeadLetter, largest: int) -> bytes:
    """JSON of at most `largest` bytes: where the record does not fit, only its beginning is in it, and it says so."""
    encoded = _encode(letter)
    return encoded if len(encoded) <= largest else _encode(_shortened(letter))


def _shortened(letter: DeadLetter) -> DeadLetter:
    key, value, headers = original(letter)
    size = sum(len(part) for part in (key or b"", value or b"", *(part for _, part in headers)))
    shown_key, shown_value = key and key[:SHOWN], value and value[:SHOWN]
    return msgspec.structs.replace(
        letter,
        reason=letter.reason[:SHOWN],
        key=_text(shown_key),
        value=_text(shown_value),
        headers=[],
        left_out=size - len(shown_key or b"") - len(shown_value or b""),
    )


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

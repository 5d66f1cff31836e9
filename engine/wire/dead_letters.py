"""Dead letters: records that could not be used, with the reason and their place, complete enough to replay them.

Workers, the ingest and senders write them; `engine dead-letters` lists and replays them.
"""

from base64 import b64decode, b64encode

import msgspec

from engine.errors import BadRecord, UnknownCustomer
from engine.ports import Record
from engine.wire.reading import reading

_encode = msgspec.json.Encoder().encode

OUTREACH_TOO_LARGE = "outreach-too-large"
"""The code of outreach that was decided before its topic's size limit was lowered."""
UNDECIDABLE = "undecidable"
"""The code of an input that failed in `decide`: a fault of the engine."""
UNKNOWN_CUSTOMER = "unknown-customer"
"""The code of an event that a rule made for a customer of whom nothing is known: a rule or a producer is at fault."""
MAX_EXCERPT = 1_024
"""Bytes of key and value kept of a record that does not fit: enough to recognize the customer and the event."""


class DeadLetter(msgspec.Struct):
    """One rejected record. Key, value and header values are base64; `offset` is its own, not the next one."""

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
    """Bytes left out since the dead-letter topic takes no more; 0: complete. `key` and `value` then hold the beginning
    only, headers are dropped, and the whole record is in its own topic alone."""


def of_record(record: Record, error: BadRecord) -> DeadLetter:
    """The dead letter of a record that cannot be decoded."""
    return _letter(record, error.code, error.reason)


def of_outreach(identity: str, outreach: bytes, reason: str, partition: int) -> DeadLetter:
    """The dead letter of encoded outreach that is too large for its topic; there is no record behind it."""
    place, value = f"outreach:{identity}", _text(outreach)
    return DeadLetter(place, OUTREACH_TOO_LARGE, reason, "", partition, -1, 0, None, value, [])


def code_of(error: Exception) -> str:
    """The code of an input for which `decide` has raised this."""
    return UNKNOWN_CUSTOMER if isinstance(error, UnknownCustomer) else UNDECIDABLE


def of_failure(record: Record | None, customer: str, code: str, reason: str, partition: int) -> DeadLetter:
    """The dead letter of an input that failed in `decide`; a wake-up has no record."""
    if record is None:
        identity = f"wake-up:{partition}:{customer}"
        return DeadLetter(identity, code, reason, "", partition, -1, 0, None, None, [])
    return _letter(record, code, reason)


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
    """JSON of at most `largest` bytes: a record that does not fit is shortened, and `left_out` says by how much."""
    encoded = _encode(letter)
    return encoded if len(encoded) <= largest else _encode(_shortened(letter))


def _shortened(letter: DeadLetter) -> DeadLetter:
    key, value, headers = original(letter)
    size = sum(len(part) for part in (key or b"", value or b"", *(part for _, part in headers)))
    shown_key, shown_value = key and key[:MAX_EXCERPT], value and value[:MAX_EXCERPT]
    return msgspec.structs.replace(
        letter,
        reason=letter.reason[:MAX_EXCERPT],
        key=_text(shown_key),
        value=_text(shown_value),
        headers=[],
        left_out=size - len(shown_key or b"") - len(shown_value or b""),
    )


def decode_letter(data: bytes) -> DeadLetter:
    """Raises BadRecord for a record that is no dead letter, or whose base64 is damaged."""
    with reading("not-a-dead-letter"):
        letter = msgspec.json.decode(data, type=DeadLetter)
        original(letter)
    return letter


def original(letter: DeadLetter) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """Key, value and headers of the original record."""
    headers = [(name, b64decode(value)) for name, value in letter.headers]
    return _bytes(letter.key), _bytes(letter.value), headers


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)

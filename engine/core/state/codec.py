"""States as bytes. Fields are only appended; a change of meaning raises STATE_VERSION and adds a migration here."""

from collections.abc import Callable
from typing import Any

import msgspec

from engine.errors import StateUnreadable
from engine.model import STATE_VERSION, State

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)

encode_state: Callable[[State], bytes] = _encoder.encode

MIGRATIONS: dict[int, Callable[[list[Any]], list[Any]]] = {}
"""version -> what turns its raw fields into those of the next version."""


def decode_state(data: bytes) -> State:
    """Raises StateUnreadable for what no version of the engine up to this one wrote."""
    try:
        state = _decoder.decode(data)
    except msgspec.DecodeError as error:
        return _migrate(data, str(error))
    return state if state.version == STATE_VERSION else _migrate(data, f"version {state.version} is unknown")


def _migrate(data: bytes, problem: str) -> State:
    try:
        fields = msgspec.msgpack.decode(data)
        while fields[0] in MIGRATIONS:
            fields = MIGRATIONS[fields[0]](fields)
        state = msgspec.convert(fields, State)
    except (msgspec.DecodeError, TypeError, IndexError, KeyError) as error:
        raise StateUnreadable(problem) from error
    if state.version != STATE_VERSION:
        reason = f"version {state.version} was written by a newer engine; this one reads up to {STATE_VERSION}"
        raise StateUnreadable(reason)
    return state

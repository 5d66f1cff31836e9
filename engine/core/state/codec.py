"""States to bytes and back; it reads this version and all earlier ones.

The worker, the replay and the operator's tools call it. It must refuse the state of a newer engine instead of dropping
fields. `model` says which change of a struct needs a new version.
"""

from collections.abc import Callable

import msgspec

from engine.core.state.migrations import MIGRATIONS, v2_4_packed_days, v2_5_columns
from engine.core.state.model import STATE_MINOR, STATE_VERSION, State
from engine.errors import StateTooNew, StateUnreadable
from engine.model import UNREADABLE

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)

encode_state: Callable[[State], bytes] = _encoder.encode


def decode_state(data: bytes) -> State:
    """Raises StateTooNew for a newer engine's state, StateUnreadable for anything that is not a state."""
    try:
        state = _decoder.decode(data)
    except UNREADABLE as error:
        return _migrate(data, str(error))
    if state.version == STATE_VERSION and state.minor == STATE_MINOR:
        return state
    return _migrate(data, f"version {state.version} is unknown")


def _migrate(data: bytes, problem: str) -> State:
    try:
        fields = msgspec.msgpack.decode(data)
        _refuse_newer(fields)
        while fields[0] in MIGRATIONS:
            fields = MIGRATIONS[fields[0]](fields)
        if fields[:2] < [2, 4]:
            v2_4_packed_days.migrate(fields)
        if fields[:2] < [2, 5]:
            v2_5_columns.migrate(fields)
        state = msgspec.convert(fields, State)
        state.minor = STATE_MINOR  # the version it will be written with
    except (*UNREADABLE, TypeError, LookupError, AttributeError, ValueError, OverflowError) as error:
        raise StateUnreadable(problem) from error
    if state.version != STATE_VERSION:
        raise StateUnreadable(problem)
    return state


def _refuse_newer(fields: list[int]) -> None:
    version, minor = fields[0], fields[1] if fields[0] >= STATE_VERSION else 0
    if (version, minor) > (STATE_VERSION, STATE_MINOR):
        raise StateTooNew((version, minor), (STATE_VERSION, STATE_MINOR))

"""The inputs of one customer as a prepared history holds them: JSON arrays that msgspec turns into events in one call.

`gather` and `sorting` write them, in a column of the Parquet files; `reader` decodes them. Rows of a column for each
field would cost four times as much to read.
"""

from bisect import bisect_right
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec

from engine.model import Event, Identified

Input = tuple[Event | Identified, int, int]
"""An event or identification, and the partition's clock before and after it."""


class Whose(NamedTuple):
    """One customer with all inputs. `plain`: all are events, and no two have the same id."""

    customer: str
    inputs: list[Input]
    plain: bool = False
    small: bool = False
    """No number in them is so large, and none of their values so deep, that a state could not be encoded with it."""


class _Event(Event, array_like=True, tag="event", tag_field="kind", gc=False):
    """An event of the stream."""


class _Guest(msgspec.Struct, array_like=True, tag="guest", tag_field="kind", gc=False):
    """The fields of Identified, whose type `decide` asks for exactly."""

    customer: str
    known: str
    time: int


EVENT: Final = ("id", "type", "customer", "occurred_at", "properties", "id_source", "scope")
"""The columns of an archived event in the order of `_Event`; the tag is before them."""
GUEST: Final = ("customer", "known", "occurred_at")
"""The same of `_Guest`."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[tuple[_Event | _Guest, int, int]]).decode
_CLOCK: Final = itemgetter(2)


def encode_input(input: Event | Identified, before: int, clock: int) -> str:
    """One input as JSON. Raises UnicodeEncodeError."""
    kept: _Event | _Guest
    if isinstance(input, Event):
        kept = _Event(input.id, input.type, input.customer, input.time, input.properties, input.source, input.scope)
    else:
        kept = _Guest(input.customer, input.known, input.time)
    return _encode((kept, before, clock)).decode()


def decode_inputs(text: str, has_guests: bool, until: int | None) -> list[Input]:
    """The inputs of a JSON array, without those after which the clock is past `until`."""
    found: list[Input] = _decode(text)  # type: ignore[assignment]  # without guests all are events
    if has_guests:
        found = [(_identified(one), before, clock) for one, before, clock in _decode(text)]
    if until is not None and found and found[-1][2] > until:
        del found[bisect_right(found, until, key=_CLOCK) :]
    return found


def _identified(one: _Event | _Guest) -> Event | Identified:
    return Identified(one.customer, one.known, one.time) if isinstance(one, _Guest) else one

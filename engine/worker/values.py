"""What the store keeps of one customer as one value, and the lists of looks: encoding and decoding.

`Partition` and the commands use it. A value is a MessagePack array of state, wake-up, look and history, so that
`redis-cli HGET` and any MessagePack reader show it. Deciding passes the history on without decoding it.
"""

from collections.abc import Iterable, Mapping

import msgspec

from engine.core.state.codec import decode_state
from engine.core.state.going_back import TriedOutreach
from engine.core.state.model import State
from engine.errors import StoreDamaged
from engine.model import UNREADABLE


class Shadow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What the customer would be if only the old book of a roll-out had decided them. Nothing of it is sent.

    `own`: when the state that the new book decides must be decided again; the value's `wake` is the sooner one.
    """

    state: bytes | None
    wake: int = 0
    own: int = 0
    told: tuple[TriedOutreach, ...] = ()
    """What the new book has sent meanwhile."""


class Value(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One customer. Moments are epoch ms.

    `state` is None for a forgotten customer of whom a history is left. `wake` is when the state must be decided again
    without an event, 0: never; the state itself says 0. `early`: how long before `wake` the customer's one live look
    is, which takes fewer bytes than its moment. Other looks that name the customer are of the past, and nothing follows
    from them.
    """

    state: bytes | None
    wake: int = 0
    early: int = 0
    history: bytes = b""
    shadow: Shadow | None = None
    """Of a customer who has the new book of a roll-out. In the store it takes no bytes where it is None."""

    @property
    def look(self) -> int:
        """The moment of the customer's one live look; 0: none."""
        return self.wake - self.early


NOBODY = Value(None)


def read_value(data: bytes | None) -> Value:
    """The value; one that cannot be read becomes a state that cannot be read, so that nothing of it is lost.

    Its wake-up is 1, so that the customer is looked at again later.
    """
    if data is None:
        return NOBODY
    try:
        return _decode(data)
    except UNREADABLE:
        return Value(data, wake=1, early=1)


def read_values(data: Mapping[str, bytes | None], customers: Iterable[str]) -> dict[str, Value]:
    """`read_value` for each customer; as fast as can be where all can be read."""
    try:
        return {one: NOBODY if (found := data[one]) is None else _decode(found) for one in customers}
    except UNREADABLE:
        return {one: read_value(data[one]) for one in customers}


def state_of(value: Value) -> State | None:
    """The state, with its wake-up. Raises StateUnreadable."""
    if value.state is None:
        return None
    state = decode_state(value.state)
    state.wake = value.wake
    return state


def encode_looks(looks: Iterable[tuple[int, str]]) -> bytes:
    """A list of looks: (moment, customer)."""
    return _encode_looks(list(looks))


def decode_looks(data: Iterable[bytes]) -> list[tuple[int, str]]:
    """(moment, customer) of each look, in no order. Raises UNREADABLE."""
    return [look for some in data for look in _decode_looks(some)]


def read_looks(partition: int, found: Mapping[int, Iterable[bytes]]) -> dict[int, list[tuple[int, str]]]:
    """Day -> its looks, in no order. Raises StoreDamaged, which says where."""
    looks = {}
    for day, lists in found.items():
        try:
            looks[day] = decode_looks(lists)
        except UNREADABLE as error:
            raise StoreDamaged("the store", f"t:{day} of partition {partition}", str(error)) from error
    return looks


def encode_value(value: Value) -> bytes:
    """The bytes for the store."""
    return encode_with_look(value, value.look)


def encode_with_look(value: Value, look: int) -> bytes:
    """The same with this live look (0: none). A value without a shadow has four fields, as before there were any."""
    early = value.wake - look
    if value.shadow is not None:
        return _encode((value.state, value.wake, early, value.history, value.shadow))
    return _encode((value.state, value.wake, early, value.history))


_encode = msgspec.msgpack.Encoder().encode
_encode_looks = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Value).decode
_decode_looks = msgspec.msgpack.Decoder(list[tuple[int, str]]).decode

"""A commit in the form `commit.lua` takes.

Few large arguments, because the client spends a microsecond or more on each: for 2,000 states of 150 bytes and 2,000
wake-ups one argument per key and value took six times as long. And few large values, because the server spends one on
each: the outreach of a commit is one value, which leaves when all of it is published.
"""

from collections.abc import Mapping, Sequence

import msgspec

from engine.adapters.redis import history
from engine.errors import OtherFormat
from engine.ports import HISTORY_LENGTH, OUTREACH, STORE_FORMAT, Commit, Entry, Meta


class Change(msgspec.Struct):
    """What of a commit is text or number; its bytes go beside it, end to end.

    `lengths` cuts the bytes into the values of `states`, `outbox` and `outcomes`, in this order. `wakes` alternates
    moment and customer and `meta` field and value, as the server wants them. `trim` and `outbox` name commits by their
    seq. `erased` alternates moment and digest; tombstones of `erased_after` and before have served.
    """

    expected_seq: str
    expected_offsets: str
    meta: list[str]
    states: list[str]
    outbox: list[str]
    outcomes: list[str]
    lengths: list[int]
    trim: list[str]
    wakes: list[int | str]
    unwake: list[str]
    deleted: list[str]
    erased: list[int | str]
    erased_after: int
    erased_seconds: int
    history_until: int
    history_length: int = HISTORY_LENGTH
    history_bytes: int = 100 * HISTORY_LENGTH
    """From here on it is worth counting."""


def pack(commit: Commit, history_until: int, erased_seconds: int) -> tuple[bytes, bytes]:
    """The script's two arguments."""
    states = {customer: state for customer, state in commit.states.items() if state is not None}
    deleted = [customer for customer, state in commit.states.items() if state is None]
    outcomes = {customer: history.pack(records) for customer, records in commit.outcomes.items()}
    waiting = {**commit.rewritten, commit.meta.seq: commit.outbox}
    outbox = {seq: encode_outbox(entries) for seq, entries in waiting.items() if entries}
    trim = [*commit.trim, *(seq for seq, entries in commit.rewritten.items() if not entries)]
    values = [*states.values(), *outbox.values(), *outcomes.values()]
    change = Change(
        expected_seq=_json(commit.expected.seq),
        expected_offsets=_json(commit.expected.offsets),
        meta=[text for field, value in msgspec.structs.asdict(commit.meta).items() for text in (field, _json(value))],
        states=list(states),
        outbox=list(map(str, outbox)),
        outcomes=list(outcomes),
        lengths=[len(value) for value in values],
        trim=list(map(str, trim)),
        wakes=[part for customer, wake in commit.wakes.items() if wake for part in (wake, customer)],
        unwake=[customer for customer, wake in commit.wakes.items() if not wake] + deleted,
        deleted=deleted,
        erased=[part for digest, moment in commit.erased.items() for part in (moment, digest)],
        erased_after=max(commit.erased.values(), default=0) - erased_seconds * 1000,
        erased_seconds=erased_seconds,
        history_until=history_until,
    )
    return msgspec.msgpack.encode(change), b"".join(values)


def encode_outbox(entries: Sequence[Entry]) -> bytes:
    """Outreach takes no more room than id and value, nearly all that there ever is."""
    return _encode([(one.id, one.value) if one.destination == OUTREACH and not one.key else one for one in entries])


def read_outbox(stored: Mapping[bytes, bytes]) -> dict[int, list[Entry]]:
    """What waits, by the seq of the commit that decided it, oldest first."""
    return {seq: _decode(stored[b"%d" % seq]) for seq in sorted(map(int, stored))}


def read_meta(stored: dict[bytes, bytes], name: str) -> Meta:
    """The meta of a stored hash. Raises msgspec.ValidationError where it is none of ours, OtherFormat with its age."""
    fields = {field.decode(): msgspec.json.decode(value) for field, value in stored.items()}
    found = fields.get("format", STORE_FORMAT)
    if found != STORE_FORMAT:
        raise OtherFormat(name, found, STORE_FORMAT)
    return msgspec.convert(fields, Meta)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Entry]).decode


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()

"""A commit in the form `commit.lua` takes.

Few large arguments, because the client spends a microsecond or more on each: for 2,000 states of 150 bytes and 2,000
wake-ups one argument per key and value took six times as long, and declaring the keys takes nearly three times as long.
"""

import msgspec

from engine.ports import HISTORY_LENGTH, Commit, Meta


class Change(msgspec.Struct):
    """What of a commit is text or number; its bytes go beside it, end to end.

    `lengths` cuts the bytes into the values of `states`, `outbox` and `outcomes`, in this order. `wakes` alternates
    moment and customer and `meta` field and value, as the server wants them. `unscheduled` are those of `states`
    who are not in `wakes`: their wake-up stays, or they are new and have none. `erased` alternates moment and digest;
    tombstones of `erased_after` and before have served.
    """

    prefix: str
    expected_seq: str
    expected_offsets: str
    meta: list[str]
    states: list[str]
    wakes: list[int | str]
    unwake: list[str]
    unscheduled: list[str]
    deleted: list[str]
    trim: list[str]
    outbox: list[str]
    outcomes: list[str]
    erased: list[int | str]
    lengths: list[int]
    history_seconds: int
    erased_after: int
    erased_seconds: int
    history_length: int = HISTORY_LENGTH


def pack(commit: Commit, prefix: str, history_seconds: int, erased_seconds: int) -> tuple[bytes, bytes]:
    """The script's two arguments."""
    states = {customer: state for customer, state in commit.states.items() if state is not None}
    records = [(customer, record) for customer, some in commit.outcomes.items() for record in some]
    outbox = dict(commit.outbox)
    values = [*states.values(), *outbox.values(), *(record for _, record in records)]
    change = Change(
        prefix=prefix,
        expected_seq=_json(commit.expected.seq),
        expected_offsets=_json(commit.expected.offsets),
        meta=[text for field, value in msgspec.structs.asdict(commit.meta).items() for text in (field, _json(value))],
        states=list(states),
        wakes=[part for customer, wake in commit.wakes.items() if wake for part in (wake, customer)],
        unwake=[customer for customer, wake in commit.wakes.items() if not wake],
        unscheduled=[customer for customer in states if not commit.wakes.get(customer)],
        deleted=[customer for customer, state in commit.states.items() if state is None],
        trim=commit.trim,
        outbox=list(outbox),
        outcomes=[customer for customer, _ in records],
        erased=[part for digest, moment in commit.erased.items() for part in (moment, digest)],
        lengths=[len(value) for value in values],
        history_seconds=history_seconds,
        erased_after=max(commit.erased.values(), default=0) - erased_seconds * 1000,
        erased_seconds=erased_seconds,
    )
    return msgspec.msgpack.encode(change), b"".join(values)


def touched(commit: Commit, prefix: str) -> list[str]:
    """The keys of single customers that the script will write to."""
    states = [f"{prefix}c:{customer}" for customer in commit.states]
    forgotten = {customer for customer, state in commit.states.items() if state is None}
    return states + [f"{prefix}h:{customer}" for customer in forgotten | commit.outcomes.keys()]


def read_meta(stored: dict[bytes, bytes]) -> Meta:
    """The meta of a stored hash. Raises msgspec.ValidationError where it is none of ours."""
    return msgspec.convert({field.decode(): msgspec.json.decode(value) for field, value in stored.items()}, Meta)


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()

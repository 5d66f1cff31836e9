"""A commit in the form `commit.lua` takes.

Few large arguments, because client and server spend a microsecond or more on each: for 2,000 values of 150 bytes one
argument per key and value took six times as long. And few large values, because the server spends one on each: the
outreach of a commit is one value, which leaves when all of it is published, and so are its looks at one day.
"""

from collections.abc import Mapping, Sequence

import msgspec

from engine.ports import OUTREACH, STORE_FORMAT, Commit, Entry


class PackedCommit(msgspec.Struct):
    """What of a commit is text or number; its bytes go beside it, end to end.

    `lengths` cuts the bytes into values, outbox, looks, and pairs of looks to be found and replaced, in this order.
    `looks`, `days_gone` and the first of each pair in `rewritten` are places in `days`, counted from 1; the second is a
    place in the day's list, counted from 0. `trim` and `outbox` name commits by their seq. `erased` alternates moment
    and digest; tombstones of `erased_after` and before have served.
    """

    values: list[str]
    deleted: list[str]
    days: list[str]
    looks: list[int]
    days_gone: list[int]
    rewritten: list[int]
    outbox: list[str]
    trim: list[str]
    lengths: list[int]
    erased: list[int | str]
    erased_after: int
    erased_seconds: int
    old_seq: str
    old_offsets: str
    format: str = str(STORE_FORMAT)


def days_of(commit: Commit) -> list[int]:
    """The days of whose looks the commit must be given the keys, in this order."""
    return list(dict.fromkeys((*commit.looks, *commit.days_gone, *(day for day, _ in commit.rewritten_looks))))


def pack(commit: Commit, erased_seconds: int) -> tuple[bytes, bytes]:
    """The two arguments of the script."""
    values = {customer: value for customer, value in commit.values.items() if value is not None}
    days = days_of(commit)
    places = {day: place for place, day in enumerate(days, 1)}
    waiting = {**commit.rewritten, commit.meta.seq: commit.outbox}
    outbox = {seq: encode_outbox(entries) for seq, entries in waiting.items() if entries}
    replaced = [looks for pair in commit.rewritten_looks.values() for looks in pair]
    blobs = [*values.values(), *outbox.values(), *commit.looks.values(), *replaced]
    change = PackedCommit(
        values=list(values),
        deleted=[customer for customer, value in commit.values.items() if value is None],
        days=list(map(str, days)),
        looks=[places[day] for day in commit.looks],
        days_gone=[places[day] for day in commit.days_gone],
        rewritten=[part for day, place in commit.rewritten_looks for part in (places[day], place)],
        outbox=list(map(str, outbox)),
        trim=list(map(str, (*commit.trim, *(seq for seq, entries in commit.rewritten.items() if not entries)))),
        lengths=list(map(len, blobs)),
        erased=[part for digest, moment in commit.erased.items() for part in (moment, digest)],
        erased_after=max(commit.erased.values(), default=0) - erased_seconds * 1000,
        erased_seconds=erased_seconds,
        old_seq=_json(commit.format_2[0]),
        old_offsets=_json(commit.format_2[1]),
    )
    return msgspec.msgpack.encode(change), b"".join(blobs)


def only_trims(commit: Commit) -> bool:
    """Whether the commit makes the store smaller: a full server can take it."""
    added = commit.looks or commit.outbox or commit.erased or any(value is not None for value in commit.values.values())
    return not added and bool(commit.trim or commit.values or commit.days_gone)


def encode_outbox(entries: Sequence[Entry]) -> bytes:
    """Outreach takes no more room than id and value, nearly all that there ever is."""
    return _encode(
        [
            (one.id, one.value) if one.destination == OUTREACH else (one.id, one.value, one.destination, one.key)
            for one in entries
        ]
    )


def read_outbox(stored: Mapping[bytes, bytes]) -> dict[int, list[Entry]]:
    """What waits, by the seq of the commit that decided it, oldest first."""
    return {seq: _decode(stored[b"%d" % seq]) for seq in sorted(map(int, stored))}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Entry]).decode


def _json(value: object) -> str:
    """As format 2 has it."""
    return msgspec.json.encode(value, order="sorted").decode()

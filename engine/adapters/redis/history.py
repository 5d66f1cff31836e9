"""Computes in which hashes a customer's outcomes are stored, and when these expire.

Those of one period, a quarter of the time that history is kept, share a hash, which expires as a whole: a key of one's
own for each customer would take as much room as the outcomes.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from engine.ports import HISTORY_LENGTH

_LENGTH = 3
"""Bytes of the length in front of each record."""


class Periods(NamedTuple):
    """The hashes there may be: the present period's, which expires at `until` (epoch s), and all, newest first.

    The next period is among them: whoever wrote to it may have had another clock.
    """

    present: str
    names: list[str]
    until: int


def periods(now: float, kept: int) -> Periods:
    """At `now` (epoch s), of a history kept for so many seconds after an outcome, and at most a quarter longer."""
    length = max(kept // 4, 1)
    present = int(now // length)
    oldest = int((now - kept) // length) - 1
    names = [f"h:{period}" for period in range(present + 1, oldest - 1, -1)]
    return Periods(names[1], names, (present + 1) * length + kept)


def pack(records: Iterable[bytes]) -> bytes:
    """Join records, given oldest first, in the form that `commit.lua` appends: newest first."""
    return b"".join(len(record).to_bytes(_LENGTH) + record for record in reversed([*records]))


def unpack(packed: Iterable[bytes | None]) -> list[bytes]:
    """The newest records of all periods; `packed` has the present period first."""
    return list(islice((record for some in packed if some for record in _records(some)), HISTORY_LENGTH))


def _records(packed: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(packed):
        length = int.from_bytes(packed[start : start + _LENGTH])
        start += _LENGTH + length
        yield packed[start - length : start]

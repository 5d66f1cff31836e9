"""Moves a partition from format 2 of the store to format 3, for `engine run --upgrade-store`.

The first commit of format 3 makes every engine that knows only format 2 refuse the partition. Then all customers move
in ordinary commits, a page at a time; the last commit says that nothing is left, and until then nobody decides. A move
that was interrupted is gone on with by the next one, in this process or another. There is no way back.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import msgspec

from engine.core.state.codec import decode_state, encode_state
from engine.core.zones import DAY
from engine.errors import StateTooNew, StateUnreadable
from engine.model import UNREADABLE
from engine.operate.outside_commit import repeat_if_fenced
from engine.ports import Commit, HasFormat2, OldCustomer, Opened, StateStore
from engine.wire.format2 import decode_old_past
from engine.wire.histories import Names, encode_past
from engine.worker.opening_checks import KNOWN_STATES, MAX_PARTITIONS_PROBED, stamped
from engine.worker.values import Value, encode_looks, encode_value

PAGE = 1_000
SECONDS_PER_100_000 = 15
"""Of a move, on one slow core that Redis shares; docs/operations.md has the measurement."""


def waiting(old: HasFormat2) -> dict[int, int]:
    """Partition -> its customers that are to be moved, of the partitions that are in format 2 still, or in part."""
    counts = {number: old.old_count(number) for number in range(MAX_PARTITIONS_PROBED)}
    return {number: count for number, count in counts.items() if count or old.old_meta(number) is not None}


Convert = Callable[[OldCustomer, Names], Value]


def converted(old: OldCustomer, names: Names) -> Value:
    """The value of a customer. A state that cannot be read moves as it is; such an outcome does not."""
    history = b"".join(_pasts(old, names))
    if old.state is None:
        return Value(None, history=history)
    state, wake = old.state, old.wake
    try:
        known = decode_state(old.state)
    except StateUnreadable:
        return Value(state, wake, history=history)
    known.wake = 0
    return Value(encode_state(known), wake, history=history)


def _pasts(old: OldCustomer, names: Names) -> Iterator[bytes]:
    for record in old.history:
        with suppress(*UNREADABLE):
            yield encode_past(decode_old_past(old.customer, record), names)


def upgrade(store: StateStore, old: HasFormat2, partition: int, convert: Convert = converted) -> None:
    """Move the partition, or go on where another stopped. Does nothing where there is nothing to move.

    Raises Fenced if others write to the partition again and again.
    """
    repeat_if_fenced(lambda: _move(store, old, partition, convert))


def _move(store: StateStore, old: HasFormat2, partition: int, convert: Convert) -> None:
    before = old.old_meta(partition)
    opened = Opened(b"", before, set(), {}) if before is not None else store.open(partition)
    if opened.meta.states > KNOWN_STATES:
        raise StateTooNew(opened.meta.states, KNOWN_STATES, opened.meta.engine)
    if before is not None:
        commit = _next(opened, moving_from=2)
        commit.format_2 = before.seq, before.offsets
        opened = _committed(store, partition, commit)
    if not opened.meta.moving_from:
        return
    while page := old.old_customers(partition, PAGE):
        opened = _committed(store, partition, _moving(opened, page, convert))
        old.drop_old(partition, [one.customer for one in page])
    _committed(store, partition, _next(opened, moving_from=0))


def _committed(store: StateStore, partition: int, commit: Commit) -> Opened:
    return Opened(store.commit(partition, commit), commit.meta, set(), {})


def _next(opened: Opened, **changes: object) -> Commit:
    meta = stamped(opened.meta)
    return Commit(opened.seal, msgspec.structs.replace(meta, seq=meta.seq + 1, **changes))


def _moving(opened: Opened, page: Sequence[OldCustomer], convert: Convert) -> Commit:
    names = Names(opened.meta.names)
    values = {one.customer: convert(one, names) for one in page}
    looks: dict[int, list[tuple[int, str]]] = {}
    for customer, value in values.items():
        if value.look:
            looks.setdefault(value.look // DAY, []).append((value.look, customer))
    commit = _next(opened, names=names.all)
    commit.values = {customer: encode_value(value) for customer, value in values.items()}
    commit.looks = {day: encode_looks(some) for day, some in looks.items()}
    return commit

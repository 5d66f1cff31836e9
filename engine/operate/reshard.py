"""Moves the customers of a namespace to another number of partitions while no worker runs, for `engine reshard`.

The metas say `moving_to` from before the first customer moves until after the last, so that no worker starts in between
and a running one is fenced. A customer is written to the new partition first and deleted from the old one then: whoever
is in both after a crash is a copy, and the next run goes on.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.core.zones import DAY
from engine.errors import ReshardRefused
from engine.operate.outside_commit import commit_outside, on_top
from engine.operate.positions import positions, read_until, topics_read
from engine.operate.store_view import pages_of
from engine.ports import Commit, Meta, Opened, StateStore
from engine.wire.histories import Names, encode_past, outcomes_of
from engine.worker.opening_checks import stored_meta
from engine.worker.rollout_rules import goes_on
from engine.worker.values import NOBODY, Value, encode_looks, encode_value, read_value

PartitionOf = Callable[[str, int], int]
"""(customer, number of partitions) -> partition, by the producers' partitioner."""


@dataclass
class Moved:
    """The result of a reshard or a dry run. `conflicts`: customers with two different states, as producers
    had used another partitioner; the state in the right place was kept."""

    before: int
    after: int
    moved: int = 0
    conflicts: int = 0
    resumed: bool = False
    customers: Counter[int] = field(default_factory=Counter)
    """New partition -> number of customers."""


class Reshard:
    """The constructor raises ReshardRefused if there is nothing to move, or not to this number."""

    def __init__(self, store: StateStore, to: int, partition_of: PartitionOf) -> None:
        self.store = store
        self.to = to
        self.partition_of = partition_of
        self.before, resumed = _state_of(store, to)
        self.numbers = range(max(self.before, to))
        self.moved = Moved(self.before, to, resumed=resumed)

    def plan(self) -> Moved:
        """Count the customers that would move; change nothing."""
        self._check_drained()
        for number in self.numbers:
            for customer in _customers(self.store, number):
                target = self.partition_of(customer, self.to)
                self.moved.moved += target != number
                self.moved.customers[target] += 1
        return self.moved

    def run(self, *, keep_offsets: bool = True, progress: Callable[[int], None] = lambda customers: None) -> Moved:
        """Move all customers; continues an interrupted run. Without `keep_offsets` all topics are read again."""
        if keep_offsets:
            self._check_read_evenly()
        self._begin()
        for number in self.numbers:
            for page in pages_of(self.store, number):
                self._move(number, page)
                progress(len(page))
        self._finish(keep_offsets)
        for number in range(self.to):
            self.moved.customers[number] = len(_customers(self.store, number))
        return self.moved

    def _check_drained(self) -> None:
        """Outreach stays in its partition of the topic, where the relay looks for what is published already."""
        for number, waiting in self.to_publish().items():
            what = "outreach to publish: run it without --force, or start the workers, then stop them with SIGTERM"
            reason = f"partition {number} has {waiting} {what}"
            raise ReshardRefused(reason)

    def to_publish(self) -> dict[int, int]:
        """How much outreach the partitions have that workers have left; without those that have none."""
        counts = {number: sum(map(len, self.store.outbox(number).values())) for number in self.numbers}
        return {number: count for number, count in counts.items() if count}

    def read_unevenly(self) -> str:
        """A topic of which some partitions of the store have read further than others; "" where there is none."""
        metas = [self.store.meta(number) for number in self.numbers]
        topics = sorted(topics_read(metas))
        return next((one for one in topics if any(len(positions(metas, one, p)) > 1 for p in self.numbers)), "")

    def _check_read_evenly(self) -> None:
        """Customers that move between partitions of which one has read further than the other lose events."""
        if topic := self.read_unevenly():
            reason = f"reading what was left of {topic} was interrupted: run it without --force, which goes on"
            raise ReshardRefused(reason)

    def _begin(self) -> None:
        """Mark the namespace so that workers refuse it, unless a worker has left outreach to publish."""
        try:
            self._check_drained()
            self._mark(self.to)
            self._check_drained()
        except ReshardRefused:
            self._mark(0)
            raise

    def _mark(self, moving_to: int) -> None:
        for number in self.numbers:
            if self.store.meta(number).moving_to != moving_to:
                self._commit(number, {"partitions": self.before, "moving_to": moving_to})

    def _move(self, number: int, customers: Sequence[str]) -> None:
        leaving: dict[int, list[str]] = defaultdict(list)
        for customer in dict.fromkeys(customers):
            if (target := self.partition_of(customer, self.to)) != number:
                leaving[target].append(customer)
        for target, some in leaving.items():
            self._copy(number, target, some)
        gone = [customer for some in leaving.values() for customer in some]
        if gone:
            self._commit(number, values=dict.fromkeys(gone))

    def _copy(self, number: int, target: int, customers: Sequence[str]) -> None:
        moving: dict[str, Value] = {}
        values = self.store.load(number, customers), self.store.load(target, customers)
        for customer, *pair in zip(customers, *values, strict=True):
            here, there = map(read_value, pair)
            self.moved.moved += here != NOBODY
            if there.state is None and here != NOBODY:
                moving[customer] = here
            elif here.state is not None and (there.state, there.wake) != (here.state, here.wake):
                self.moved.conflicts += 1
        if moving:
            self._write(target, moving, self.store.meta(number).names)

    def _write(self, target: int, moving: Mapping[str, Value], names: Sequence[str]) -> None:
        """Write values of another partition, whose histories have places in that partition's `names`."""

        def change(before: Opened) -> Commit:
            known = Names(before.meta.names)
            values, looks = {}, defaultdict(list)
            for customer, value in moving.items():
                history = b""
                with suppress(msgspec.DecodeError):
                    history = b"".join(encode_past(one, known) for one in outcomes_of(customer, value.history, names))
                values[customer] = encode_value(Value(value.state, value.wake, 0, history))
                if value.wake:
                    looks[value.wake // DAY].append((value.wake, customer))
            commit = on_top(before, names=known.all)
            commit.values, commit.looks = dict(values), {day: encode_looks(some) for day, some in looks.items()}
            return commit

        commit_outside(self.store, target, change)

    def _finish(self, keep_offsets: bool) -> None:
        """Let a sweep re-arm every customer: how far the sweep of each old partition had come is lost."""
        metas = [self.store.meta(number) for number in self.numbers]
        clock = max(meta.clock for meta in metas)
        erased = {digest: at for number in self.numbers for digest, at in self.store.open(number).erased.items()}
        for number in reversed(range(len(metas))):  # partition 0 last: it tells that this has not ended
            offsets = self._offsets(metas, number) if keep_offsets and number < self.to else {}
            ended = {"partitions": self.to, "moving_to": 0, "clock": clock, "mark": 0, "sweep": "", "offsets": offsets}
            if number >= self.before:
                ended |= _rules_of(metas[0])
            gone = self.store.days(number) if number >= self.to else []  # nobody is there any more
            self._commit(number, ended, erased=erased, days_gone=gone)

    def _offsets(self, metas: Sequence[Meta], number: int) -> dict[str, int]:
        """From where the partition reads on: after a drain a new one, too, begins where that has read to."""
        return {
            topic: read_until(metas, topic, number) for topic in topics_read(metas) if positions(metas, topic, number)
        }

    def _commit(self, number: int, meta: Mapping[str, object] | None = None, **changes: Any) -> None:
        commit_outside(
            self.store, number, lambda before: msgspec.structs.replace(on_top(before, **(meta or {})), **changes)
        )


def _customers(store: StateStore, number: int) -> set[str]:
    return {customer for page in pages_of(store, number) for customer in page}


def _rules_of(meta: Meta) -> dict[str, object]:
    """What a partition that is new takes over from another: by which rules its customers are decided, whatever the
    workers' folders have, and since when these keep which history. What the other one has counted stays there."""
    rollout = meta.rollout and msgspec.structs.replace(meta.rollout, counts=None)
    return {"revision": meta.revision, "rollout": rollout, "keeps": meta.keeps}


def _state_of(store: StateStore, to: int) -> tuple[int, bool]:
    """The present number of partitions, and whether an earlier run to the same number was interrupted."""
    first = stored_meta(store)
    if first is None:
        reason = "nothing is stored in this namespace"
        raise ReshardRefused(reason)
    metas = [store.meta(number) for number in range(max(first.partitions, to))]
    begun = next((meta for meta in metas if meta.moving_to), None)
    if begun is None and any(map(goes_on, metas)):
        reason = "a roll-out is going on, or customers have still to meet its end: see `engine apply`"
        raise ReshardRefused(reason)
    if begun is None and first.partitions == to:
        reason = f"the namespace has {to} partitions already"
        raise ReshardRefused(reason)
    if begun is not None and begun.moving_to != to:
        reason = f"a reshard to {begun.moving_to} partitions was begun: finish that one first"
        raise ReshardRefused(reason)
    return (begun or first).partitions, begun is not None

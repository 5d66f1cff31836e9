"""When a worker whose commit was refused opens the partition again."""

import msgspec

from engine.adapters.memory import MemoryStore
from engine.operate.outside_commit import commit_outside, on_top
from engine.ports import Commit, Meta
from engine.worker.reopening import OTHERS_REOPEN_DELAY, ClosedPartitions

EVENTS = "events"


class Partition:
    """A partition in a store, which this worker has moved to offset 10, and a clock of seconds."""

    def __init__(self) -> None:
        self.store, self.now = MemoryStore(), 0.0
        self.closed = ClosedPartitions(self.store.meta, lambda: self.now)
        self.commit(offsets={EVENTS: 10})
        self.committed = self.store.meta(0)

    def commit(self, **changes: object) -> None:
        opened = self.store.open(0)
        seq = opened.meta.seq + 1
        self.store.commit(0, Commit(opened.seal, msgspec.structs.replace(opened.meta, seq=seq, **changes)))

    def reopened_at(self, *seconds: float) -> list[float]:
        """Those of these moments at which it may be opened."""
        moments = []
        for self.now in seconds:
            moments += [self.now for _ in self.closed.due()]
        return moments


def test_after_the_commit_of_a_command_it_is_opened_a_moment_later() -> None:
    partition = Partition()
    commit_outside(partition.store, 0, lambda opened: on_top(opened))
    partition.closed.add(0, partition.committed, delay=0.3)
    assert partition.reopened_at(0.0, 0.2, 0.3) == [0.3]


def test_a_worker_back_from_the_dead_first_hears_from_the_group_whose_the_partition_is() -> None:
    for progress in ({"offsets": {EVENTS: 11}}, {"clock": 5}):
        partition = Partition()
        partition.commit(**progress)
        partition.closed.add(0, partition.committed, delay=0.3)
        assert partition.reopened_at(0.3, 0.4, OTHERS_REOPEN_DELAY, OTHERS_REOPEN_DELAY + 0.3) == [
            OTHERS_REOPEN_DELAY + 0.3
        ]


def test_an_outage_meanwhile_does_not_shorten_that() -> None:
    partition = Partition()
    partition.commit(clock=5)
    partition.closed.add(0, partition.committed)
    assert not partition.reopened_at(0.0)
    partition.closed.add(0)
    assert partition.reopened_at(1.0, OTHERS_REOPEN_DELAY) == [OTHERS_REOPEN_DELAY]


def test_a_partition_that_was_never_open_is_opened_at_once_and_only_while_it_is_this_workers() -> None:
    closed = ClosedPartitions(lambda number: Meta(), lambda: 0.0)
    closed.add(1)
    closed.add(2)
    closed.discard(2)
    assert list(closed.due()) == [1]
    closed.discard(1)
    assert not closed

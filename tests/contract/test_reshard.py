"""Customers move to another number of partitions with all that belongs to them, or nobody does."""

from collections.abc import Iterable
from functools import partial
from typing import Any
from zlib import crc32

import msgspec
import pytest

from engine.core.state.codec import encode_state
from engine.core.state.model import Memory, State
from engine.errors import PartitionsDiffer, ReshardRefused
from engine.model import Outcome, OutcomeRecord
from engine.operate.erasure import erase
from engine.operate.outside_commit import commit_outside, on_top
from engine.operate.reshard import Reshard
from engine.operate.rollout import begin
from engine.ports import Commit, Counts, Entry, KeptHistory, Meta, Rollout, StateStore, position_of
from engine.wire.digests import customer_digest
from engine.wire.histories import outcomes_of
from engine.worker.opening_checks import check_stored
from engine.worker.partition import Partition
from engine.worker.rollout_brakes import counted
from engine.worker.values import read_value
from tests.support.books import Plain, book
from tests.support.drive import Crash
from tests.support.stores import put, raw_state, wakes

WAKE = 1_800_000_000_000


def place(customer: str, count: int) -> int:
    return crc32(customer.encode()) % count


def state_of(number: int) -> bytes:
    return encode_state(State(events={"buy": Memory(number, 2, 1)}))


def past(at: int) -> OutcomeRecord:
    return OutcomeRecord(at, "", "win-back", str(at), Outcome.CAPPED, f"2 in {at}d", "abc")


def fill(store: StateStore, customers: int, partitions: int) -> None:
    for partition in range(partitions):
        own = [n for n in range(customers) if place(f"c-{n}", partitions) == partition]
        meta = Meta(
            seq=1, partitions=partitions, offsets={"events": 100 + partition}, clock=1000 + partition, mark=7,
            names=[str(partition)],
        )  # fmt: skip
        store.commit(partition, Commit(b"", meta))
        put(
            store,
            partition,
            states={f"c-{n}": state_of(n) for n in own},
            wakes={f"c-{n}": WAKE + n for n in own if n % 3},
            pasts={f"c-{n}": [past(n + 1), past(n)] for n in own if n % 10 == 0},
        )


def check_everybody(store: StateStore, customers: int, partitions: int) -> None:
    """Each is where they belong with state, wake-up and history, and nowhere else."""
    found: dict[str, int] = {}
    for partition in range(20):
        for customer in everyone(store, partition):
            assert customer not in found
            found[customer] = partition
        own = [n for n in range(customers) if place(f"c-{n}", partitions) == partition]
        values = [read_value(data) for data in store.load(partition, [f"c-{n}" for n in own])]
        assert [value.state for value in values] == [state_of(n) for n in own]
        assert wakes(store, partition) == {f"c-{n}": WAKE + n for n in own if n % 3}
        names = store.meta(partition).names
        times = [[one.at for one in outcomes_of("", value.history, names)] for value in values]
        assert times == [[n + 1, n] if n % 10 == 0 else [] for n in own]
        assert {one.reason for value in values for one in outcomes_of("", value.history, names)} <= {
            f"2 in {n}d" for n in range(customers + 1)
        }
    assert found == {f"c-{n}": place(f"c-{n}", partitions) for n in range(customers)}


def everyone(store: StateStore, partition: int) -> set[str]:
    page, cursor = store.customers(partition, "", 500)
    found = set(page)
    while cursor:
        page, cursor = store.customers(partition, cursor, 500)
        found.update(page)
    return found


@pytest.mark.parametrize(("before", "after", "customers"), [(8, 12, 5_000), (8, 3, 300), (1, 4, 300)])
def test_everybody_moves_with_state_wake_up_and_history(
    store: StateStore, before: int, after: int, customers: int
) -> None:
    fill(store, customers, before)
    planned = Reshard(store, after, place).plan()
    moved = Reshard(store, after, place).run()
    check_everybody(store, customers, after)
    assert (moved.moved, moved.conflicts, moved.customers) == (planned.moved, 0, planned.customers)
    assert moved.customers.total() == customers
    for partition in range(after):
        meta = store.meta(partition)
        expected = {"events": 100 + partition} if partition < before else {}
        assert (meta.partitions, meta.moving_to, meta.clock, meta.offsets) == (after, 0, 999 + before, expected)
    open_all(store, after)


def test_a_plan_changes_nothing(store: StateStore) -> None:
    fill(store, 100, 4)
    before = [store.meta(partition) for partition in range(6)]
    Reshard(store, 6, place).plan()
    assert [store.meta(partition) for partition in range(6)] == before
    check_everybody(store, 100, 4)


class Dying:
    """A store whose client dies at its n-th commit, before or after it."""

    def __init__(self, store: StateStore, at: int, after: bool) -> None:
        self._store = store
        self._left = at
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, partition: int, commit: Commit) -> bytes:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Crash
        seal = self._store.commit(partition, commit)
        if self._left == 0:
            raise Crash
        return seal


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("partitions", "to"), [(3, 5), (5, 2)])
def test_a_reshard_that_dies_anywhere_is_finished_by_the_next(
    store: StateStore, partitions: int, to: int, after: bool
) -> None:
    fill(store, 60, partitions)
    check_stored(store, partitions)
    for at in _until_done(store, to, after):
        if any(store.meta(partition).moving_to for partition in range(5)):
            assert at
            refuse_workers(store, partitions, to)
    check_everybody(store, 60, to)
    check_stored(store, to)


def _until_done(store: StateStore, to: int, after: bool) -> Iterable[int]:
    """Dies at its first commit, then at its second, and so on: further each time."""
    for at in range(1, 100):
        try:
            Reshard(Dying(store, at, after), to, place).run()
        except Crash:
            yield at
        except ReshardRefused:
            return  # there is nothing left to do
        else:
            return


def refuse_workers(store: StateStore, partitions: int, to: int) -> None:
    for count in (partitions, to):
        with pytest.raises(PartitionsDiffer, match=f"--to {to}"):
            open_all(store, count)
    with pytest.raises(ReshardRefused, match=f"reshard to {to}"):
        Reshard(store, 16, place)


def open_all(store: StateStore, partitions: int) -> None:
    for partition in range(partitions):
        Partition(partition, book(), store, Plain(), partitions=partitions)


def test_a_roll_out_that_goes_on_stops_a_reshard(store: StateStore) -> None:
    fill(store, 50, 2)
    for number in (0, 1):
        commit_outside(store, number, lambda before: on_top(before, revision="0" * 12))
    begin(store, Rollout("0" * 12, "1" * 12, 500), {})
    with pytest.raises(ReshardRefused, match="a roll-out is going on"):
        Reshard(store, 3, place)


def test_rules_that_were_rolled_out_decide_the_customers_of_new_partitions_too(store: StateStore) -> None:
    fill(store, 50, 2)
    rollout = Rollout("0" * 12, "1" * 12, 500, 1, phase="finished", counts=Counts(7))
    kept = [KeptHistory("buy", "count", 1_000, since=5)]
    for number in (0, 1):
        commit_outside(store, number, lambda before: on_top(before, revision="1" * 12, rollout=rollout, keeps=kept))
    Reshard(store, 4, place).run()
    metas = [store.meta(number) for number in range(4)]
    assert [meta.rollout and (meta.rollout.phase, meta.rollout.revision) for meta in metas] == [
        ("finished", "1" * 12)
    ] * 4
    assert [(meta.revision, meta.keeps) for meta in metas] == [("1" * 12, kept)] * 4
    assert counted([meta.rollout for meta in metas if meta.rollout]).customers == 14, "each counts once"


def test_outreach_that_waits_to_be_published_stops_a_reshard_and_lets_workers_go_on(store: StateStore) -> None:
    fill(store, 50, 2)
    put(store, 1, outbox=[Entry("o-1", b"{}")])
    with pytest.raises(ReshardRefused, match="1 outreach to publish"):
        Reshard(store, 3, place).run()
    check_stored(store, 2)
    Partition(0, book(), store, Plain(), partitions=2)
    check_everybody(store, 50, 2)


def test_a_reshard_can_have_all_topics_read_anew(store: StateStore) -> None:
    fill(store, 50, 2)
    Reshard(store, 3, place).run(keep_offsets=False)
    assert [store.meta(partition).offsets for partition in range(3)] == [{}, {}, {}]


def test_tombstones_are_in_every_partition_after_a_reshard(store: StateStore) -> None:
    fill(store, 50, 2)
    erase(store, 1, "gone", 5, 2)
    Reshard(store, 3, place).run()
    assert [store.open(partition).erased for partition in range(3)] == [{customer_digest("gone"): 5}] * 3


def test_of_a_customer_whom_two_partitions_know_the_one_in_the_right_place_stays(store: StateStore) -> None:
    fill(store, 50, 2)
    right = place("c-1", 3)
    wrong = (place("c-1", 2) + 1) % 2
    for partition, state in ((wrong, state_of(77)), (right, state_of(1))):
        before = store.meta(partition)
        meta = msgspec.structs.replace(before, seq=before.seq + 1, partitions=2)
        put(store, partition, meta, states={"c-1": state}, wakes={"c-1": WAKE + 1})
    moved = Reshard(store, 3, place).run()
    assert moved.conflicts == 1
    assert raw_state(store, "c-1", right) == state_of(1)


def test_a_worker_refuses_a_store_of_another_number_of_partitions(store: StateStore) -> None:
    fill(store, 10, 4)
    with pytest.raises(PartitionsDiffer, match=r"4 partitions and the topics have 6.*engine reshard --to 6"):
        check_stored(store, 6)
    with pytest.raises(PartitionsDiffer):
        Partition(0, book(), store, Plain(), partitions=6)


def test_a_worker_refuses_a_partition_that_the_topics_have_grown_by(store: StateStore) -> None:
    fill(store, 10, 4)
    with pytest.raises(PartitionsDiffer, match="--to 5"):
        Partition(4, book(), store, Plain(), partitions=4)


def test_there_is_nothing_to_reshard_where_nothing_is_stored_or_the_number_is_the_same(store: StateStore) -> None:
    with pytest.raises(ReshardRefused, match="nothing"):
        Reshard(store, 4, place)
    check_stored(store, 9)
    fill(store, 10, 4)
    with pytest.raises(ReshardRefused, match="already"):
        Reshard(store, 4, place)


def read_by_all(store: StateStore, ends: dict[int, int]) -> None:
    """As a drain leaves it: each of two partitions has read all three of a topic that has grown, up to these ends."""
    for number in (0, 1):
        offsets = {"events" if place == number else position_of("events", place): end for place, end in ends.items()}
        commit_outside(store, number, partial(on_top, offsets=offsets))


def test_after_what_was_left_is_read_every_partition_goes_on_where_that_ended(store: StateStore) -> None:
    fill(store, 50, 2)
    ends = {0: 120, 1: 130, 2: 17}
    read_by_all(store, ends)
    Reshard(store, 3, place).run()
    check_everybody(store, 50, 3)
    assert [store.meta(number).offsets for number in range(3)] == [{"events": end} for end in ends.values()]


def test_a_run_that_dies_after_what_was_left_is_read_loses_no_place(store: StateStore) -> None:
    fill(store, 50, 2)
    ends = {0: 120, 1: 130, 2: 17}
    read_by_all(store, ends)
    for _ in _until_done(store, 3, after=True):
        pass
    assert [store.meta(number).offsets for number in range(3)] == [{"events": end} for end in ends.values()]


def test_customers_do_not_move_while_one_partition_has_read_further_than_another(store: StateStore) -> None:
    fill(store, 50, 2)
    read_by_all(store, {0: 120, 1: 130, 2: 17})
    commit_outside(store, 0, lambda before: on_top(before, offsets=before.meta.offsets | {"events": 121}))
    with pytest.raises(ReshardRefused, match="events was interrupted"):
        Reshard(store, 3, place).run()
    assert not store.meta(0).moving_to
    check_everybody(store, 50, 2)
    Reshard(store, 3, place).run(keep_offsets=False)
    assert [store.meta(number).offsets for number in range(3)] == [{}, {}, {}]

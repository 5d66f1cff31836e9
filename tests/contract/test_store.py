"""What every StateStore promises."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import msgspec
import pytest

from engine.errors import Fenced
from engine.ports import Commit, Entry, Meta, StateStore
from tests.support.stores import OpenStore

ODD_CUSTOMERS = [
    "{}", "{other:7}", "}{", "a b", "tab\tand\nnewline", "\r\n", "\x00", "🙂🙃", "naïve", "ключ", "*", "?[a-z]", "c:x",
    "'\"\\", "%41", "x" * 5_000,
]  # fmt: skip


def write(store: StateStore, partition: int = 0, *, read: int = 1, **changes: Any) -> Meta:
    """Commit on top of what is there: `read` records further on, with the given changes."""
    before = store.meta(partition)
    after = msgspec.structs.replace(
        before, seq=before.seq + 1, offsets={**before.offsets, "events": before.offsets.get("events", 0) + read}
    )
    store.commit(partition, Commit(before, after, **changes))
    return after


def everyone(store: StateStore, partition: int = 0, limit: int = 100) -> list[str]:
    found, cursor = store.customers(partition, "", limit)
    while cursor:
        page, cursor = store.customers(partition, cursor, limit)
        found += page
    return found


def waiting(store: StateStore, partition: int = 0) -> list[str]:
    """The ids in the outbox."""
    return [entry.id for entries in store.outbox(partition).values() for entry in entries]


def test_a_partition_nobody_wrote_to_is_empty(store: StateStore) -> None:
    assert store.meta(0) == Meta()
    assert store.load(0, ["c-1"]) == [None]
    assert store.load(0, []) == []
    assert store.due(0, 10**13, 10) == []
    assert store.outbox(0) == {}
    assert store.history(0, "c-1") == []
    assert store.customers(0, "", 10) == ([], "")


def test_everything_of_a_commit_is_there_afterwards(store: StateStore) -> None:
    meta = Meta(
        seq=1, offsets={"shop#1": 42, "web": 7}, clock=1_700_000_000_123, mark=2**40, sweep='5:"ключ"\n', partitions=12
    )
    store.commit(
        3,
        Commit(
            expected=Meta(),
            meta=meta,
            states={"c-1": b"\x00\xffone", "c-2": b""},
            wakes={"c-1": 1_700_000_500_000},
            outbox=[Entry("o-1", b"\xfe1"), Entry("o-2", b"2")],
            outcomes={"c-1": [b"first", b"second"]},
        ),
    )
    assert store.meta(3) == meta
    assert store.load(3, ["c-2", "nobody", "c-1", "c-1"]) == [b"", None, b"\x00\xffone", b"\x00\xffone"]
    assert store.due(3, 1_700_000_500_000, 10) == [("c-1", 1_700_000_500_000)]
    assert store.outbox(3) == {1: [Entry("o-1", b"\xfe1"), Entry("o-2", b"2")]}
    assert store.history(3, "c-1") == [b"second", b"first"]
    assert sorted(everyone(store, 3)) == ["c-1", "c-2"]


@pytest.mark.parametrize(
    "stale",
    [
        Meta(seq=1, offsets={"events": 10}),
        Meta(seq=3, offsets={"events": 10}),
        Meta(seq=2, offsets={"events": 9}),
        Meta(seq=2, offsets={"events": 11}),
        Meta(seq=2, offsets={}),
        Meta(seq=2, offsets={"other": 10}),
        Meta(seq=2, offsets={"events": 10, "other": 1}),
        Meta(),
    ],
)
def test_who_expects_another_seq_or_offset_is_fenced_and_changes_nothing(store: StateStore, stale: Meta) -> None:
    write(store, read=4, states={"c-1": b"kept", "gone": b"kept"}, wakes={"c-1": 5}, outbox=[Entry("o-1", b"1")])
    meta = write(store, read=6, outcomes={"c-1": [b"fired"]})
    with pytest.raises(Fenced) as refused:
        store.commit(
            0,
            Commit(
                expected=stale,
                meta=Meta(seq=9, offsets={"events": 99}),
                states={"c-1": b"zombie", "new": b"zombie", "gone": None},
                wakes={"c-1": 1, "new": 1},
                outbox=[Entry("o-2", b"zombie")],
                trim=[1],
                rewritten={1: []},
                outcomes={"c-1": [b"zombie"], "new": [b"zombie"]},
            ),
        )
    assert refused.value.partition == 0
    assert "commit 2" in refused.value.found
    assert "10" in refused.value.found
    assert store.meta(0) == meta
    assert store.load(0, ["c-1", "new", "gone"]) == [b"kept", None, b"kept"]
    assert store.due(0, 10, 10) == [("c-1", 5)]
    assert store.outbox(0) == {1: [Entry("o-1", b"1")]}
    assert store.history(0, "c-1") == [b"fired"]
    assert store.history(0, "new") == []


def test_a_commit_that_is_sent_twice_counts_once(store: StateStore) -> None:
    commit = Commit(Meta(), Meta(seq=1), outbox=[Entry("o-1", b"1")], outcomes={"c-1": [b"fired"]})
    store.commit(0, commit)
    with pytest.raises(Fenced):
        store.commit(0, commit)
    assert store.outbox(0) == {1: [Entry("o-1", b"1")]}
    assert store.history(0, "c-1") == [b"fired"]


def test_of_two_writers_who_start_from_the_same_place_one_wins(open_store: OpenStore) -> None:
    stores = [open_store("a"), open_store("a")]
    for round_ in range(25):
        together = Barrier(2)
        before = stores[0].meta(0)

        def attempt(writer: int, before: Meta = before, together: Barrier = together) -> bool:
            after = Meta(seq=before.seq + 1, offsets={"events": before.seq + 1})
            commit = Commit(before, after, states={f"only-{writer}": b"", "c-1": f"{writer}".encode()})
            together.wait(10)
            try:
                stores[writer].commit(0, commit)
            except Fenced:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            won = list(pool.map(attempt, (0, 1)))
        assert sorted(won) == [False, True]
        assert stores[0].meta(0).seq == round_ + 1
        assert stores[0].load(0, ["c-1"]) == [f"{won.index(True)}".encode()]


def test_forgetting_a_customer_leaves_nothing_of_them(store: StateStore) -> None:
    write(store, states={"c-1": b"1", "c-2": b"2"}, wakes={"c-1": 5, "c-2": 6}, outcomes={"c-1": [b"fired"]})
    write(store, states={"c-1": None, "never-was": None})
    assert store.load(0, ["c-1", "c-2"]) == [None, b"2"]
    assert store.due(0, 10, 10) == [("c-2", 6)]
    assert store.history(0, "c-1") == []
    assert everyone(store) == ["c-2"]


def test_a_tombstone_stays_after_later_commits_and_keeps_the_latest_erasure(store: StateStore) -> None:
    write(store, erased={"ab12": 1_700_000_000_000, "cd34": 1_700_000_000_005})
    write(store, states={"c-1": b"1"}, erased={"ab12": 1_700_000_000_900})
    write(store, states={"c-1": None})
    assert store.erased(0) == {"ab12": 1_700_000_000_900, "cd34": 1_700_000_000_005}
    assert store.erased(1) == {}
    assert everyone(store) == []


def test_forgetting_wins_over_a_wake_up_of_the_same_commit(store: StateStore) -> None:
    write(store, states={"c-1": b"1"}, wakes={"c-1": 5})
    write(store, states={"c-1": None}, wakes={"c-1": 7})
    assert store.due(0, 10, 10) == []
    assert everyone(store) == []


def test_the_soonest_wake_ups_come_first_and_no_more_than_asked_for(store: StateStore) -> None:
    customers = [f"c-{number:03}" for number in range(50)]
    moments = {customer: 1_700_000_000_000 + place for place, customer in enumerate(customers)}
    shuffled = random.Random(7).sample(customers, 50)
    write(store, states=dict.fromkeys(customers, b""), wakes={customer: moments[customer] for customer in shuffled})
    assert store.due(0, 1_700_000_000_029, 100) == list(moments.items())[:30]
    assert store.due(0, 1_700_000_000_029, 3) == list(moments.items())[:3]
    assert store.due(0, 1_700_000_000_029, 3) == list(moments.items())[:3]
    assert store.due(0, 1_699_999_999_999, 100) == []


def test_wake_ups_of_one_moment_come_in_order_of_customer(store: StateStore) -> None:
    customers = ["é", "b", "🙂", "B", "a"]
    write(store, states=dict.fromkeys(customers, b""), wakes=dict.fromkeys(customers, 5))
    assert store.due(0, 5, 10) == [(customer, 5) for customer in ("B", "a", "b", "é", "🙂")]


def test_a_wake_up_moves_and_goes(store: StateStore) -> None:
    write(store, states={"c-1": b"", "c-2": b""}, wakes={"c-1": 5, "c-2": 6})
    write(store, wakes={"c-1": 9})
    assert store.due(0, 10, 10) == [("c-2", 6), ("c-1", 9)]
    write(store, wakes={"c-1": 5})
    assert store.due(0, 10, 10) == [("c-1", 5), ("c-2", 6)]
    write(store, wakes={"c-1": 0, "never-was": 0})
    assert store.due(0, 10, 10) == [("c-2", 6)]
    assert sorted(everyone(store)) == ["c-1", "c-2"]


def test_a_new_customer_without_a_wake_up_is_a_customer(store: StateStore) -> None:
    write(store, states={"c-1": b"", "c-2": b""}, wakes={"c-1": 0})
    assert store.due(0, 10**13, 10) == []
    assert sorted(everyone(store)) == ["c-1", "c-2"]


def test_a_state_that_changes_keeps_its_wake_up(store: StateStore) -> None:
    write(store, states={"c-1": b"1"}, wakes={"c-1": 5})
    write(store, states={"c-1": b"2"})
    assert store.due(0, 10, 10) == [("c-1", 5)]


def test_the_outbox_gives_the_oldest_first_and_keeps_its_order(store: StateStore) -> None:
    ids = [f"o-{number}" for number in random.Random(3).sample(range(10_000), 3_000)]
    for start in range(0, 3_000, 250):
        write(store, outbox=[Entry(id_, id_.encode()) for id_ in ids[start : start + 250]])
        write(store)
    assert list(store.outbox(0)) == list(range(1, 24, 2))
    assert [entry for entries in store.outbox(0).values() for entry in entries] == [
        Entry(id_, id_.encode()) for id_ in ids
    ]


@pytest.mark.parametrize("published", [[1], [1, 2, 3], [2], [3, 1], [4, 99], []])
def test_published_outreach_leaves_the_outbox_commit_by_commit(store: StateStore, published: Sequence[int]) -> None:
    for number in range(1, 4):
        write(store, outbox=[Entry(f"o-{number}", b"text"), Entry(f"p-{number}", b"")])
    write(store, outbox=[Entry("o-1", b"again")], trim=[seq for seq in published if seq != 4])
    assert list(store.outbox(0)) == [seq for seq in (1, 2, 3) if seq not in published] + [4]
    assert store.outbox(0)[4] == [Entry("o-1", b"again")]
    write(store, trim=[1, 2, 3, 4])
    assert store.outbox(0) == {}


def test_outreach_that_must_not_be_published_is_taken_out(store: StateStore) -> None:
    write(store, outbox=[Entry("o-1", b"1"), Entry("o-2", b"2")])
    write(store, outbox=[Entry("o-3", b"3")])
    write(store, rewritten={1: [Entry("o-2", b"2")], 2: []}, outbox=[Entry("o-4", b"4")])
    assert store.outbox(0) == {1: [Entry("o-2", b"2")], 3: [Entry("o-4", b"4")]}


def test_history_keeps_the_twenty_newest_outcomes(store: StateStore) -> None:
    records = [f"{number}".encode() for number in range(45)]
    write(store, outcomes={"c-1": records[:3], "c-2": records[:1]})
    write(store, outcomes={"c-1": records[3:30]})
    write(store, outcomes={"c-1": records[30:]})
    assert store.history(0, "c-1") == records[:24:-1]
    assert store.history(0, "c-2") == [b"0"]


def test_odd_customer_ids_are_customers_like_any_other(store: StateStore) -> None:
    states = {customer: customer.encode() for customer in ODD_CUSTOMERS}
    wakes = {customer: place for place, customer in enumerate(ODD_CUSTOMERS, 1)}
    write(store, states=states, wakes=wakes, outcomes={customer: [state] for customer, state in states.items()})
    assert store.load(0, ODD_CUSTOMERS) == list(states.values())
    assert store.due(0, 100, 100) == list(wakes.items())
    assert sorted(everyone(store)) == sorted(ODD_CUSTOMERS)
    assert [store.history(0, customer) for customer in ODD_CUSTOMERS] == [[state] for state in states.values()]
    write(store, states=dict.fromkeys(ODD_CUSTOMERS))
    assert everyone(store) == []


def test_odd_outreach_ids_and_sources_come_back_as_they_were(store: StateStore) -> None:
    meta = Meta(seq=1, offsets={"a b.jsonl#1": 3, "файл\n": 4, '"': 5})
    store.commit(0, Commit(Meta(), meta, outbox=[Entry(id_, b"") for id_ in ODD_CUSTOMERS]))
    assert waiting(store) == ODD_CUSTOMERS


def test_twenty_thousand_customers_fit_into_one_commit(store: StateStore) -> None:
    customers = [f"customer-{number:06}" for number in range(20_000)]
    write(
        store,
        states={customer: customer.encode() * 10 for customer in customers},
        wakes={customer: 10 + place for place, customer in enumerate(customers)},
        outbox=[Entry(customer, customer.encode()) for customer in customers],
        outcomes={customer: [b"fired"] for customer in customers},
    )
    assert store.load(0, customers) == [customer.encode() * 10 for customer in customers]
    assert len(store.due(0, 10**13, 100_000)) == 20_000
    assert waiting(store) == customers
    write(store, states=dict.fromkeys(customers), trim=[1])
    assert store.outbox(0) == {}
    assert everyone(store) == []


def test_pages_reach_every_customer_with_or_without_a_wake_up(store: StateStore) -> None:
    customers = {f"c-{number}": b"" for number in range(3_000)}
    write(store, states=customers, wakes={f"c-{number}": number for number in range(1, 3_000, 3)})
    page, cursor = store.customers(0, "", 100)
    assert cursor
    assert 50 <= len(page) <= 400
    assert set(everyone(store)) == customers.keys()


def test_pages_reach_whoever_stays_while_others_come_and_go(store: StateStore) -> None:
    stay = {f"stay-{number}": b"" for number in range(1_000)}
    leave = {f"leave-{number}": b"" for number in range(1_000)}
    write(store, states={**stay, **leave})
    found, cursor = store.customers(0, "", 100)
    write(store, states={**dict.fromkeys(leave), **{f"new-{number}": b"" for number in range(2_000)}})
    write(store, wakes=dict.fromkeys(stay, 5))
    while cursor:
        page, cursor = store.customers(0, cursor, 100)
        found += page
    assert stay.keys() <= set(found)


def test_partitions_and_namespaces_do_not_see_each_other(open_store: OpenStore) -> None:
    ours, theirs = open_store("a"), open_store("a:1")
    write(ours, 1, states={"c-1": b"ours"}, wakes={"c-1": 5}, outbox=[Entry("o-1", b"")], outcomes={"c-1": [b"fired"]})
    for store, partition in ((ours, 0), (ours, 11), (theirs, 1), (theirs, 0)):
        assert store.meta(partition) == Meta()
        assert store.load(partition, ["c-1"]) == [None]
        assert store.due(partition, 10, 10) == []
        assert store.outbox(partition) == {}
        assert store.history(partition, "c-1") == []
        assert everyone(store, partition) == []


def test_what_a_caller_does_to_a_meta_it_was_given_stays_with_the_caller(store: StateStore) -> None:
    write(store, read=5)
    meta = store.meta(0)
    meta.offsets["events"] = 99
    meta.seq = 99
    assert store.meta(0) == Meta(seq=1, offsets={"events": 5})


def test_another_client_sees_what_the_first_one_wrote(open_store: OpenStore) -> None:
    first = open_store("a")
    meta = write(first, states={"c-1": b"1"})
    second = open_store("a")
    assert second.meta(0) == meta
    assert second.load(0, ["c-1"]) == [b"1"]

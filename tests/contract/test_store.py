"""What every StateStore promises."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import msgspec
import pytest

from engine.errors import Fenced
from engine.ports import Commit, Entry, Meta, Opened, StateStore
from tests.support.stores import OpenStore

ODD_CUSTOMERS = [
    "{}", "{other:7}", "}{", "a b", "tab\tand\nnewline", "\r\n", "\x00", "🙂🙃", "naïve", "ключ", "*", "?[a-z]", "c:x",
    "'\"\\", "%41", "x" * 5_000,
]  # fmt: skip


def write(store: StateStore, partition: int = 0, *, read: int = 1, **changes: Any) -> bytes:
    """Commit on top of what is there: `read` records further on, with the given changes. Returns the seal."""
    before = store.open(partition)
    offsets = {**before.meta.offsets, "events": before.meta.offsets.get("events", 0) + read}
    after = msgspec.structs.replace(before.meta, seq=before.meta.seq + 1, offsets=offsets)
    return store.commit(partition, Commit(before.seal, after, **changes))


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
    assert store.open(0) == Opened(b"", Meta(), set(), {})
    assert store.meta(0) == Meta()
    assert store.load(0, ["c-1"]) == [None]
    assert store.load(0, []) == []
    assert store.load(0, ["c-1"], b"") == [None]
    assert store.days(0) == []
    assert store.looks(0, {5: 0}) == {5: []}
    assert store.outbox(0) == {}
    assert store.customers(0, "", 10) == ([], "")


def test_everything_of_a_commit_is_there_afterwards(store: StateStore) -> None:
    meta = Meta(
        seq=1, offsets={"shop#1": 42, "web": 7}, clock=1_700_000_000_123, mark=2**40, sweep='5:"ключ"\n', partitions=12,
        names=["win-back", "ключ"],
    )  # fmt: skip
    commit = Commit(
        b"",
        meta,
        values={"c-1": b"\x00\xffone", "c-2": b""},
        looks={19_000: b"\xfflooks", 3: b""},
        outbox=[Entry("o-1", b"\xfe1"), Entry("o-2", b"2")],
        erased={"ab12": 1_700_000_000_000},
    )
    seal = store.commit(3, commit)
    assert store.open(3) == Opened(seal, meta, {3, 19_000}, {"ab12": 1_700_000_000_000})
    assert store.meta(3) == meta
    assert store.load(3, ["c-2", "nobody", "c-1", "c-1"], seal) == [b"", None, b"\x00\xffone", b"\x00\xffone"]
    assert store.looks(3, {19_000: 0, 3: 0, 4: 0}, seal) == {19_000: [b"\xfflooks"], 3: [b""], 4: []}
    assert store.days(3) == [3, 19_000]
    assert store.outbox(3) == {1: [Entry("o-1", b"\xfe1"), Entry("o-2", b"2")]}
    assert sorted(everyone(store, 3)) == ["c-1", "c-2"]


def test_who_does_not_know_the_seal_is_fenced_and_changes_nothing(store: StateStore) -> None:
    first = write(store, read=4, values={"c-1": b"kept", "gone": b"kept"}, looks={5: b"x"}, outbox=[Entry("o-1", b"1")])
    seal = write(store, read=6)
    before = store.open(0)
    for stale in (b"", first, seal + b" ", seal[:-1], b"0" * 16 + seal[16:]):
        commit = Commit(
            stale,
            Meta(seq=9, offsets={"events": 99}),
            values={"c-1": b"zombie", "new": b"zombie", "gone": None},
            looks={5: b"zombie", 6: b"zombie"},
            days_gone=[5],
            outbox=[Entry("o-2", b"zombie")],
            trim=[1],
            rewritten={1: []},
            erased={"ab": 1},
            rewritten_looks={(5, 0): (b"x", b"zombie")},
        )
        with pytest.raises(Fenced) as refused:
            store.commit(0, commit)
        assert refused.value.partition == 0
        assert "commit 2" in refused.value.found
        assert "10" in refused.value.found
        for customers in (["c-1"], []):
            with pytest.raises(Fenced):
                store.load(0, customers, stale)
        with pytest.raises(Fenced):
            store.looks(0, {5: 0}, stale)
    assert store.open(0) == before
    assert store.load(0, ["c-1", "new", "gone"]) == [b"kept", None, b"kept"]
    assert store.looks(0, {5: 0, 6: 0}) == {5: [b"x"], 6: []}
    assert store.outbox(0) == {1: [Entry("o-1", b"1")]}


def test_two_commits_of_the_same_number_have_different_seals(open_store: OpenStore) -> None:
    a, b = open_store("a"), open_store("b")
    assert a.commit(0, Commit(b"", Meta(seq=1))) != b.commit(0, Commit(b"", Meta(seq=1)))


def test_a_commit_that_is_sent_twice_counts_once(store: StateStore) -> None:
    commit = Commit(b"", Meta(seq=1), looks={5: b"x"}, outbox=[Entry("o-1", b"1")])
    store.commit(0, commit)
    with pytest.raises(Fenced):
        store.commit(0, commit)
    assert store.outbox(0) == {1: [Entry("o-1", b"1")]}
    assert store.looks(0, {5: 0}) == {5: [b"x"]}


def test_of_two_writers_who_start_from_the_same_place_one_wins(open_store: OpenStore) -> None:
    stores = [open_store("a"), open_store("a")]
    for round_ in range(25):
        together = Barrier(2)
        before = stores[0].open(0)

        def attempt(writer: int, before: Opened = before, together: Barrier = together) -> bool:
            after = Meta(seq=before.meta.seq + 1, offsets={"events": before.meta.seq + 1})
            commit = Commit(before.seal, after, values={f"only-{writer}": b"", "c-1": f"{writer}".encode()})
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


def test_a_value_that_is_deleted_is_gone(store: StateStore) -> None:
    write(store, values={"c-1": b"1", "c-2": b"2"})
    write(store, values={"c-1": None, "never-was": None})
    assert store.load(0, ["c-1", "c-2"]) == [None, b"2"]
    assert everyone(store) == ["c-2"]


def test_a_tombstone_stays_after_later_commits_and_keeps_the_latest_erasure(store: StateStore) -> None:
    write(store, erased={"ab12": 1_700_000_000_000, "cd34": 1_700_000_000_005})
    write(store, values={"c-1": b"1"}, erased={"ab12": 1_700_000_000_900})
    write(store, erased={"ab12": 1_700_000_000_100})
    assert store.open(0).erased == {"ab12": 1_700_000_000_900, "cd34": 1_700_000_000_005}
    assert store.open(1).erased == {}


def test_looks_are_appended_day_by_day_and_can_be_read_on_from_a_place(store: StateStore) -> None:
    for number in range(4):
        write(store, looks={7: b"seven-%d" % number, 8 + number: b"%d" % number})
    assert store.days(0) == [7, 8, 9, 10, 11]
    assert store.looks(0, {7: 2, 9: 0, 10: 1, 99: 0}) == {7: [b"seven-2", b"seven-3"], 9: [b"1"], 10: [], 99: []}


def test_days_go_before_the_same_commit_appends_to_them(store: StateStore) -> None:
    write(store, looks={7: b"old", 8: b"old"})
    write(store, looks={7: b"new"}, days_gone=[7, 8, 9])
    assert store.days(0) == [7]
    assert store.looks(0, {7: 0, 8: 0}) == {7: [b"new"], 8: []}


def test_looks_are_replaced_where_they_are_as_expected_and_nothing_is_written_where_not(store: StateStore) -> None:
    write(store, looks={7: b"a"})
    write(store, looks={7: b"b", 8: b"c"})
    write(store, rewritten_looks={(7, 1): (b"b", b""), (8, 0): (b"c", b"longer")}, values={"c-1": b"1"})
    assert store.looks(0, {7: 0, 8: 0}) == {7: [b"a", b""], 8: [b"longer"]}
    for place, known in (((7, 0), b"b"), ((7, 2), b""), ((9, 0), b""), ((8, 0), b"c")):
        with pytest.raises(Fenced) as refused:
            write(store, rewritten_looks={(7, 1): (b"", b"x"), place: (known, b"x")}, values={"c-1": b"2"})
        assert refused.value.expected == refused.value.found
    assert store.load(0, ["c-1"]) == [b"1"]
    assert store.looks(0, {7: 0, 8: 0}) == {7: [b"a", b""], 8: [b"longer"]}


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


def test_odd_customer_ids_are_customers_like_any_other(store: StateStore) -> None:
    values = {customer: customer.encode() for customer in ODD_CUSTOMERS}
    seal = write(store, values=values)
    assert store.load(0, ODD_CUSTOMERS, seal) == list(values.values())
    assert sorted(everyone(store)) == sorted(ODD_CUSTOMERS)
    write(store, values=dict.fromkeys(ODD_CUSTOMERS))
    assert everyone(store) == []


def test_odd_outreach_ids_and_sources_come_back_as_they_were(store: StateStore) -> None:
    meta = Meta(seq=1, offsets={"a b.jsonl#1": 3, "файл\n": 4, '"': 5})
    store.commit(0, Commit(b"", meta, outbox=[Entry(id_, b"") for id_ in ODD_CUSTOMERS]))
    assert waiting(store) == ODD_CUSTOMERS


def test_twenty_thousand_customers_fit_into_one_commit(store: StateStore) -> None:
    customers = [f"customer-{number:06}" for number in range(20_000)]
    seal = write(
        store,
        values={customer: customer.encode() * 10 for customer in customers},
        looks={day: b"%d" % day for day in range(2_500)},
        outbox=[Entry(customer, customer.encode()) for customer in customers],
    )
    assert store.load(0, customers, seal) == [customer.encode() * 10 for customer in customers]
    assert len(store.looks(0, dict.fromkeys(range(2_500), 0), seal)) == 2_500
    assert waiting(store) == customers
    write(store, values=dict.fromkeys(customers), trim=[1], days_gone=list(range(2_500)))
    assert store.outbox(0) == {}
    assert store.days(0) == []
    assert everyone(store) == []


def test_pages_reach_every_customer(store: StateStore) -> None:
    customers = {f"c-{number}": b"" for number in range(3_000)}
    write(store, values=customers)
    page, cursor = store.customers(0, "", 100)
    assert cursor
    assert 50 <= len(page) <= 400
    assert set(everyone(store)) == customers.keys()


def test_pages_reach_whoever_stays_while_others_come_and_go(store: StateStore) -> None:
    stay = {f"stay-{number}": b"" for number in range(1_000)}
    leave = {f"leave-{number}": b"" for number in range(1_000)}
    write(store, values={**stay, **leave})
    found, cursor = store.customers(0, "", 100)
    write(store, values={**dict.fromkeys(leave), **{f"new-{number}": b"" for number in range(2_000)}})
    while cursor:
        page, cursor = store.customers(0, cursor, 100)
        found += page
    assert stay.keys() <= set(found)


def test_partitions_and_namespaces_do_not_see_each_other(open_store: OpenStore) -> None:
    ours, theirs = open_store("a"), open_store("a:1")
    write(ours, 1, values={"c-1": b"ours"}, looks={5: b"x"}, outbox=[Entry("o-1", b"")], erased={"ab": 1})
    for store, partition in ((ours, 0), (ours, 11), (theirs, 1), (theirs, 0)):
        assert store.open(partition) == Opened(b"", Meta(), set(), {})
        assert store.load(partition, ["c-1"]) == [None]
        assert store.looks(partition, {5: 0}) == {5: []}
        assert store.outbox(partition) == {}
        assert everyone(store, partition) == []


def test_what_a_caller_does_to_a_meta_it_was_given_stays_with_the_caller(store: StateStore) -> None:
    write(store, read=5)
    for meta in (store.meta(0), store.open(0).meta):
        meta.offsets["events"] = 99
        meta.seq = 99
    store.open(0).days.add(3)
    assert store.days(0) == []
    assert store.meta(0) == Meta(seq=1, offsets={"events": 5})


def test_another_client_sees_what_the_first_one_wrote(open_store: OpenStore) -> None:
    first = open_store("a")
    seal = write(first, values={"c-1": b"1"})
    second = open_store("a")
    assert second.open(0).seal == seal
    assert second.load(0, ["c-1"], seal) == [b"1"]


def test_the_files_of_a_rule_book_are_kept_for_everybody_until_they_are_deleted(open_store: OpenStore) -> None:
    first, second, other = open_store("a"), open_store("a"), open_store("b")
    assert first.book("1" * 12) is None
    first.keep_book("1" * 12, b"packed")
    assert second.book("1" * 12) == b"packed"
    assert other.book("1" * 12) is None
    second.keep_book("1" * 12, None)
    assert first.book("1" * 12) is None

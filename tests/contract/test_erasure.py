"""An erased customer stays erased, whatever comes late, and may come back as somebody new."""

import msgspec
import pytest

from engine.core.book import RuleBook
from engine.core.policy import Policy, QuietHours
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.milestone import Milestone
from engine.errors import Fenced
from engine.model import DerivedEvent, Event, Identified
from engine.operate.customers import erase_everywhere
from engine.operate.erasure import erase, pending
from engine.ports import Record, StateStore
from engine.wire.derived import encode_derived
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.books import DAY, HOUR, START, Plain, book, event, rule
from tests.support.stores import history, put, state, wakes

BOOK: RuleBook = book(
    rule(OnEvent("receipt", event="buy")),
    rule(Milestone("third", event="buy", levels=(3.0,))),
    rule(Inactivity("quiet", of=frozenset({"buy"}), after=10 * DAY)),
)


def opened(store: StateStore, partitions: int = 1) -> Partition:
    return Partition(0, BOOK, store, Plain(), partitions=partitions)


def tell(partition: Partition, *events: Event) -> None:
    """As the worker does: what is from before an erasure is not decided, only counted as read."""
    at = partition.meta.offsets.get("events", 0)
    kept = [None if partition.is_erased(one) else one for one in events]
    list(
        partition.process(
            [Arrival(Record("events", 0, at + n, None), one.time if one else 0, one) for n, one in enumerate(kept, 1)]
        )
    )


def on(day: int, customer: str = "c-1") -> Event:
    return event("buy", START + day * DAY, customer=customer)


def test_nothing_of_an_erased_customer_is_left(store: StateStore) -> None:
    tell(opened(store), on(0), on(1), on(1, "c-2"))
    erase(store, 0, "c-1", START + 5 * DAY, 1)
    assert store.load(0, ["c-1"]) == [None]
    assert history(store, "c-1") == []
    assert pending(store, 0, "c-1") == []
    assert store.customers(0, "", 10)[0] == ["c-2"]
    assert list(wakes(store)) == ["c-2"]
    looks = [look for lists in store.looks(0, dict.fromkeys(store.days(0), 0)).values() for look in lists]
    assert b"c-1" not in b"".join(looks)
    assert list(store.outbox(0).values()) == [pending(store, 0, "c-2")]
    assert len(pending(store, 0, "c-2")) == 1
    assert "c-1" not in str(store.open(0).erased)


def test_what_a_rule_has_made_for_another_customer_names_nobody_who_was_erased_either(store: StateStore) -> None:
    made = DerivedEvent("thanks", "1", "c-1", START, Event("m-1", "buy", "c-2", START, {"friend": "c-1"}))
    put(store, outbox=[encode_derived(made, BOOK.catalog)])
    tell(opened(store), on(0, "c-2"))
    erase(store, 0, "c-1", START + 5 * DAY, 1)
    assert "c-1" not in str(store.outbox(0))
    assert len(pending(store, 0, "c-2")) == 1


def test_the_customer_whom_a_guest_became_is_named_in_the_guests_value_alone(store: StateStore) -> None:
    night = Policy(fresh_for=None, quiet_hours=(QuietHours(0, 6 * 60),))
    partition = Partition(0, book(rule(OnEvent("receipt", event="buy")), policy=night), store, Plain())
    known = Identified("c-1", "ada@shop.example", START + HOUR)
    list(partition.process([Arrival(Record("events", 0, 1, None), START, on(0))]))
    list(partition.process([Arrival(Record("events", 0, 2, None), known.time, identified=known)]))
    assert history(store, "c-1")[0].reason == "became ada@shop.example"
    assert "ada@shop.example" not in str(store.meta(0))


def test_nothing_is_left_either_where_a_customer_was_before_a_reshard(store: StateStore) -> None:
    for partition in range(2):
        tell_one(store, partition, "c-1", partitions=2)
    put(store, 0, states={"c-1": None})
    put(store, 1, states={"c-1": None})
    erase_everywhere(store, "c-1", START + 5 * DAY)
    for partition in range(2):
        looks = store.looks(partition, dict.fromkeys(store.days(partition), 0)).values()
        assert b"c-1" not in b"".join(some for lists in looks for some in lists)


def tell_one(store: StateStore, number: int, customer: str, partitions: int) -> None:
    partition = Partition(number, BOOK, store, Plain(), partitions=partitions)
    list(partition.process([Arrival(Record("events", number, 1, None), START, on(0, customer))]))


def test_a_running_worker_cannot_write_an_erased_customer_back(store: StateStore) -> None:
    worker = opened(store)
    tell(worker, on(0))
    erase(store, 0, "c-1", START + 5 * DAY, 1)
    with pytest.raises(Fenced):
        tell(worker, on(1, "c-2"))
    again = opened(store)
    tell(again, on(1, "c-2"), on(2))
    assert store.load(0, ["c-1"]) == [None]
    assert store.load(0, ["c-2"]) != [None]


def test_who_comes_back_after_the_erasure_is_a_new_customer(store: StateStore) -> None:
    tell(opened(store), on(0), on(1))
    erase(store, 0, "c-1", START + 5 * DAY, 1)
    worker = opened(store)
    tell(worker, on(4), on(6), on(3))
    known = state(store, "c-1")
    assert known is not None
    assert known.events["buy"].count == 1
    list(worker.advance(START + 20 * DAY))
    sent = [msgspec.json.decode(entry.value)["rule"] for entry in pending(store, 0, "c-1")]
    assert sorted(sent) == ["quiet", "receipt"]


def test_an_event_that_arrived_before_the_erasure_is_ignored_even_if_dated_after_it(store: StateStore) -> None:
    erase(store, 0, "c-1", START, 4)
    worker = opened(store, partitions=4)
    assert worker.is_erased(on(1), arrived=START - 1)
    assert not worker.is_erased(on(1), arrived=START + DAY)
    assert not worker.is_erased(on(1))
    assert worker.is_erased(on(-1), arrived=START + DAY)
    assert not worker.is_erased(on(-1, "c-2"), arrived=START - 1)


def test_erasing_somebody_unknown_leaves_only_a_tombstone(store: StateStore) -> None:
    tell(opened(store), on(0, "c-2"))
    before = store.meta(0)
    erase(store, 0, "c-1", START, 1)
    assert store.meta(0) == msgspec.structs.replace(before, seq=before.seq + 1)
    assert len(store.open(0).erased) == 1

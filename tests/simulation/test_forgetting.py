"""A customer who was silent for long enough is forgotten, and is new when they come back."""

import msgspec

from engine.core.book import RuleBook
from engine.core.policy import Policy
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.milestone import Milestone
from engine.model import Event
from engine.ports import Record
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.books import DAY, START, Plain, book, event, rule
from tests.support.drive import CrashingStore, Customers

BUY = frozenset({"buy"})


def forgetful(quiet_after: int = 100) -> RuleBook:
    return book(
        rule(Milestone("second", event="buy", levels=(2.0,))),
        rule(Inactivity("quiet", of=BUY, after=quiet_after * DAY)),
        rule(OnEvent("receipt", event="cart")),
        policy=Policy(fresh_for=None, forget_after=30 * DAY),
    )


def on(day: int, type: str = "buy", **properties: str) -> Event:
    return event(type, START + day * DAY, **properties)


def test_after_so_long_nothing_is_left() -> None:
    customers = Customers(forgetful()).tell(on(0)).until(START + 30 * DAY - 1)
    assert "c-1" in customers.states
    assert customers.until(START + 30 * DAY).states == {}


def test_who_comes_back_after_being_forgotten_starts_from_nothing() -> None:
    assert Customers(forgetful()).tell(on(0), on(30)).fired == []
    assert Customers(forgetful()).tell(on(0), on(29)).fired == [("c-1", "second", "2")]


def test_a_live_engine_that_lags_forgets_before_it_counts_the_return() -> None:
    customers = Customers(forgetful(), live=True)
    customers.wakes = []
    customers.tell(on(0))
    customers.wakes.clear()
    assert customers.tell(on(30)).fired == []


def test_a_message_to_somebody_who_is_forgotten_at_the_same_moment_still_has_its_text() -> None:
    for quiet_after in (30, 29):
        store = CrashingStore()
        partition = Partition(0, forgetful(quiet_after), store, Plain())
        told = [on(0, "person", name="Ann"), on(0)]
        list(
            partition.process([Arrival(Record("events", 0, n + 1, None), one.time, one) for n, one in enumerate(told)])
        )
        list(partition.advance(START + 60 * DAY))
        assert [msgspec.json.decode(entry)["text"] for entry in store.committed] == ["dear Ann"]
        assert store.load(0, ["c-1"]) == [None]


def test_a_message_about_a_very_late_event_of_somebody_unknown_still_has_its_text() -> None:
    store = CrashingStore()
    partition = Partition(0, forgetful(), store, Plain())
    told = [on(90, "visit", customer="bob"), on(0, "cart")]
    list(partition.process([Arrival(Record("events", 0, n + 1, None), one.time, one) for n, one in enumerate(told)]))
    assert [msgspec.json.decode(entry)["text"] for entry in store.committed] == ["dear friend"]
    assert store.load(0, ["c-1"]) == [None]

"""A batch that fails anywhere has not happened; an input that cannot be decided is one failure and nothing more."""

from typing import Any

import pytest

from engine.core.book import RuleBook
from engine.core.decide import decide
from engine.core.state.model import State
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.milestone import Milestone
from engine.model import Event, Outreach, WakeUp
from engine.ports import Record
from engine.worker.executors import results
from engine.worker.holding import RETRY_WAKE
from engine.worker.partition import Partition
from engine.worker.result import Arrival, Failure
from engine.worker.values import Value, encode_value
from tests.support.books import DAY, HOUR, START, Plain, book, event, expression, rule
from tests.support.drive import Crash, CrashingStore, Fired
from tests.support.stores import wakes

BUY = frozenset({"buy"})


def explode(scope: Any) -> bool:
    if scope.state.profile.get("bomb"):
        raise ZeroDivisionError
    return True


BOMB = expression("1 / 0", explode)
RULES = book(
    rule(Milestone("second", event="buy", levels=(2.0,))),
    rule(OnEvent("cart", event="cart"), condition=BOMB),
    rule(Inactivity("quiet", of=BUY, after=10 * HOUR), condition=BOMB),
)


def arrivals(*events: Event) -> list[Arrival]:
    return [Arrival(Record("events", 0, n + 1, None), one.time, one) for n, one in enumerate(events)]


def opened(store: CrashingStore, rules: RuleBook = RULES) -> Partition:
    return Partition(0, rules, store, Plain())


def buy(hour: int, customer: str = "c-1") -> Event:
    return event("buy", START + hour * HOUR, customer=customer, id=f"{customer}-{hour}")


@pytest.mark.parametrize("crash", ["before", "after"])
def test_the_same_partition_may_try_again_what_the_store_did_not_take(crash: str) -> None:
    """A commit that was taken, but whose answer was lost, is refused the second time."""
    store = CrashingStore([crash])
    partition = opened(store)
    told = arrivals(buy(0), buy(1))
    with pytest.raises(Crash):
        list(partition.process(told))
    if crash == "after":
        partition = opened(store)
        told = told[partition.meta.offsets["events"] :]
    list(partition.process(told))
    assert store.fired() == [("c-1", "second", "2")]


def test_a_renderer_that_breaks_down_leaves_nothing_behind_in_memory() -> None:
    class Broken(Plain):
        def render(self, outreach: Outreach, state: State) -> None:
            raise MemoryError

    store = CrashingStore()
    partition = Partition(0, RULES, store, Broken())
    with pytest.raises(MemoryError):
        list(partition.process(arrivals(buy(0), buy(1))))
    partition.renderer = Plain()
    list(partition.process(arrivals(buy(0), buy(1))))
    assert store.fired() == [("c-1", "second", "2")]


def failures(partition: Partition, told: list[Arrival], until: int) -> list[Failure]:
    found = [*results(partition.process(told)), *results(partition.advance(until))]
    return [failure for result in found for failure in result.failures]


def test_an_event_that_cannot_be_decided_counts_for_nothing_and_the_next_one_counts() -> None:
    store = CrashingStore()
    bomb = event("person", START, bomb=True)
    cart = event("cart", START + HOUR)
    defused = event("person", START + 2 * HOUR, bomb=False)
    told = arrivals(bomb, buy(0), cart, buy(1, "bob"), buy(2, "bob"), defused, buy(3))
    [failure] = failures(opened(store), told, START + 4 * HOUR)
    assert (failure.input, failure.reason) == (cart, "ZeroDivisionError: ")
    assert sorted(store.fired()) == [("bob", "second", "2"), ("c-1", "second", "2")]


def test_a_wake_up_that_cannot_be_decided_is_tried_again_later_and_holds_nobody_up() -> None:
    store = CrashingStore()
    partition = opened(store)
    told = arrivals(event("person", START, bomb=True), buy(0), buy(0, "bob"))
    [failure] = failures(partition, told, START + 10 * HOUR)
    assert failure.input == WakeUp("c-1")
    assert store.fired() == [("bob", "quiet", str(START))]
    assert wakes(store, until=START + DAY) == {"c-1": START + 10 * HOUR + RETRY_WAKE}
    list(partition.process(arrivals(event("person", START + 10 * HOUR, bomb=False))))
    expected: list[Fired] = [("bob", "quiet", str(START)), ("c-1", "quiet", str(START))]
    assert store.fired() == expected


DAMAGED = {
    "no MessagePack": b"\xc1 no value",
    "a value that is no UTF-8": b"\xa1\xff",
    "a value nested too deeply": b"\x91" * 100_000,
    "a state that is no UTF-8": encode_value(Value(b"\x92\x02\xa1\xff", wake=START)),
    "a state nested too deeply": encode_value(Value(b"\x91" * 100_000, wake=START)),
    "a state of version 1 that never was": encode_value(Value(b"\x95\x01\x03\xa1x\xa1x\x81\xa1a\xa1x", wake=START)),
    "packed days of less than nothing": encode_value(
        Value(b"\x95\x02\x03\x00\x00\x81\xa3buy\x94\x03\x05\x01\x82\xa1d\x91\x03\xa1o\xd0\xce", wake=START)
    ),
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_state_that_cannot_be_read_stops_nobody_else(damaged: bytes) -> None:
    store = CrashingStore()
    list(opened(store).process(arrivals(buy(0), buy(0, "bob"))))
    store.partitions[0]["values"]["c-1"] = damaged
    partition = opened(store)
    bought = [buy(1), buy(1, "bob")]
    told = [Arrival(Record("events", 0, n + 3, None), one.time, one) for n, one in enumerate(bought)]
    found = failures(partition, told, START + DAY)
    assert {type(failure.input) for failure in found} == {Event}
    assert {failure.input.customer for failure in found} == {"c-1"}
    assert ("bob", "second", "2") in store.fired()


def test_a_wake_up_that_was_put_off_fires_what_was_due_before_it() -> None:
    """The state knows the soonest moment that is due, which a wake-up fires without a look at all timers."""
    rules, due = book(rule(Inactivity("quiet", of=BUY, after=10 * HOUR))), START + 10 * HOUR
    state = decide(rules, None, buy(0), START).state
    assert state is not None
    assert state.wake == due
    state.wake = due + RETRY_WAKE
    decision = decide(rules, state, WakeUp("c-1"), due + RETRY_WAKE, START)
    assert [(one.rule, one.moment) for one in decision.outreach] == [("quiet", due)]
    assert state.wake == 0

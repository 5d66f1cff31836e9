"""A batch decides customer by customer, and everybody gets what they would get if all were decided in order."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from engine.core.book import RuleBook
from engine.core.policy import Policy, QuietHours
from engine.core.state.codec import decode_state
from engine.core.state.model import State
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.model import Event, Identified
from engine.ports import Record
from engine.wire.histories import Names, outcomes_of
from engine.worker.batch import Batch
from engine.worker.holding import RETRY_WAKE, Decided
from engine.worker.inputs import Inputs
from engine.worker.result import Arrival, Failure
from engine.worker.turns import BatchSettings, Turns
from engine.worker.values import NOBODY, Value, state_of
from tests.support.actions import Tell
from tests.support.books import DAY, HOUR, START, Plain, book, event, every_kind, expression, rule
from tests.support.effort import Effort, tried_hard
from tests.support.examples import so_many
from tests.support.in_order import InOrder

Stored = dict[str, bytes | None]
TYPES = ("visit", "buy", "cart", "subscribed", "trial", "person")


def explode(scope: Any) -> bool:
    if scope.state.profile.get("bomb"):
        raise ZeroDivisionError
    return True


MAX_OFFSET = 2**63


def a_book(chance: random.Random) -> RuleBook:
    lateness = chance.choice([0, 0, HOUR, DAY])
    policy = Policy(
        fresh_for=chance.choice([None, DAY]),
        allowed_lateness=lateness,
        forget_after=chance.choice([None, 5 * DAY, 20 * DAY]),
        dedupe=chance.choice([0, DAY]),
        quiet_hours=(QuietHours(22 * 60, 7 * 60),) if chance.random() < 0.5 else (),
    )
    lost = Inactivity("lost", of=frozenset({"buy"}), after=chance.choice([HOUR, DAY]), slack=lateness)
    return book(
        *every_kind(chance.choice([4 * HOUR, DAY]), lateness),
        rule(lost, action=Tell("subscribed")),
        rule(OnEvent("friend", event="subscribed"), action=Tell("buy", "a friend")),
        rule(OnEvent("risky", event="cart"), condition=expression("1 / bomb", explode)),
        policy=policy,
        revision=f"{chance.randrange(2**32):012x}",
    )


def history(chance: random.Random, live: bool) -> Iterator[Arrival]:
    """Events of few customers over weeks: some late, some twice, some that identify or that cannot be decided."""
    customers = [f"c-{number}" for number in range(chance.choice([1, 3, 10]))]
    time, last = START, None
    for place in range(chance.choice([20, 60, 150])):
        time += int(chance.expovariate(1 / chance.choice([HOUR, 6 * HOUR, 2 * DAY])))
        happened = time - chance.choice([0, 0, 0, HOUR, 3 * DAY])
        who = chance.choice(customers)
        said = last if last and chance.random() < 0.05 else an_event(chance, who, happened, place)
        last = said
        known = Identified(who, f"known-{who}", happened) if chance.random() < 0.03 else None
        clock = time if live else said.time
        if chance.random() < 0.05:
            yield Arrival(Record("events", 0, place + 1, None), clock)
        else:
            yield Arrival(Record("events", 0, place + 1, None), clock, said, known)


def an_event(chance: random.Random, customer: str, time: int, place: int) -> Event:
    type_ = chance.choice(TYPES)
    properties: dict[str, dict[str, Any]] = {
        "buy": {"amount": chance.choice([2, 4.5, 8, "much"]), "cart_id": chance.choice("ab")},
        "cart": {"cart_id": chance.choice("ab")},
        "trial": {"ends": time + chance.choice([HOUR, 9 * DAY])},
        "person": {"bomb": chance.random() < 0.3, "name": chance.choice(["Ann", "Bo"])},
    }
    return event(type_, time, customer=customer, id=f"e-{place}", **properties.get(type_, {}))


def both(
    chance: random.Random, rules: RuleBook, stored: Stored, wakes: Mapping[str, int], inputs: Inputs, wall: int | None
) -> tuple[Batch, InOrder]:
    renderer = Plain("quiet") if chance.random() < 0.2 else Plain()
    values = {customer: Value(state, wakes.get(customer, 0)) for customer, state in stored.items()}
    batch = Batch(rules, renderer, values, inputs, BatchSettings(wall, Names()))
    return batch, InOrder(rules, renderer, stored, inputs.clocks[0], wall)


def same(one: Batch, other: InOrder) -> None:
    """All of it, in the same order, but for states, which may only mean the same, and for wake-ups that fail."""
    for result in (one.result, other.result):
        result.failures = sorted(result.failures, key=_arrived)
    assert one.result == other.result
    values, again = one.decided.values, set(one.decided.unreadable)
    assert dict.fromkeys(again, other.end + RETRY_WAKE).items() <= other.wakes.items()
    assert other.states.keys() <= values.keys()
    for customer, value in values.items():
        before = one.stored[customer]
        data = other.states.get(customer, before.state)  # whose inputs have all failed is as before
        assert value.wake == other.wakes.get(customer, before.wake)
        assert state_of(value) == decoded(data)
    assert isinstance(one.turns, Turns)
    told = {outcome.customer for outcome in one.result.outcomes}
    assert told >= {customer for customer, value in values.items() if value.history}
    for customer, value in values.items():
        mine = [outcome for outcome in one.result.outcomes if outcome.customer == customer]
        newest = [past.at for past in outcomes_of(customer, value.history, one.turns.names.all)]
        assert newest == [outcome.at for outcome in reversed(mine)][: len(newest)]


def _arrived(failure: Failure) -> tuple[int, str]:
    """Its record's offset; wake-ups, which have no record, come last, by customer."""
    arrival = failure.arrival
    return (arrival.record.next_offset, "") if arrival else (MAX_OFFSET, failure.input.customer)


def decoded(data: bytes | None) -> State | None:
    return decode_state(data) if data is not None else None


@tried_hard
@pytest.mark.parametrize("live", [False, True], ids=["event clock", "live"])
def test_everybody_gets_what_they_would_get_in_the_order_of_arrival(live: bool, effort: Effort) -> None:
    for seed in range(so_many(effort.of(40, 3_000))):
        chance = random.Random(f"{effort.seed} {seed}")
        arrivals, stored = list(history(chance, live)), Stored()
        rules, clock = a_book(chance), 0
        wakes: dict[str, int] = {}
        while arrivals:
            size = chance.choice([1, 7, 40, 200])
            own, arrivals = arrivals[:size], arrivals[size:]
            clock = step(chance, rules, stored, wakes, own, clock, live)


def step(
    chance: random.Random,
    rules: RuleBook,
    stored: Stored,
    wakes: dict[str, int],
    arrivals: Sequence[Arrival],
    clock: int,
    live: bool,
) -> int:
    """One batch, and what is stored after it. Sometimes the clock goes on beyond the last event."""
    after = max(clock, *(one.clock for one in arrivals)) + chance.choice([0, 0, DAY])
    due = [(who, wake) for who, wake in wakes.items() if 0 < wake <= after - rules.policy.allowed_lateness]
    if live and chance.random() < 0.3:
        due = due[: len(due) // 2]  # a live batch takes some of others' timers along, not all
    wall = max(after, START) + HOUR if live else None
    known = {one.customer for arrival in arrivals for one in (arrival.event, arrival.identified) if one}
    there = {customer: stored.get(customer) for customer in [*known, *dict(due)]}
    if there and chance.random() < 0.02:
        there[chance.choice(list(there))] = b"\xc1 no state"
    looks = [(who, wake - chance.choice([0, 0, HOUR])) for who, wake in due]
    looks += [(who, after) for who in there if chance.random() < 0.1 and not 0 < wakes.get(who, 0) <= after]
    one, other = both(chance, rules, there, wakes, Inputs(arrivals, clock), wall)
    one.run(after, [customer for customer, _ in looks])
    other.run(arrivals, after, due)
    same(one, other)
    stored.update(other.states)
    again = one.decided.unreadable  # who keep the wake-up that they had
    wakes.update({customer: wake for customer, wake in other.wakes.items() if customer not in again})
    return after


def test_a_look_that_is_left_of_somebody_forgotten_brings_nobody_back() -> None:
    inputs = Inputs((), START)
    batch = Batch(a_book(random.Random(1)), Plain(), {"gone": NOBODY}, inputs, BatchSettings(None, Names()))
    batch.run(START + DAY, ["gone"])
    assert (batch.decided, batch.result.wakes) == (Decided(), 0)

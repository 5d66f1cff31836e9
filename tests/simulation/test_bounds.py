"""A customer's state stays small, whatever they do and however often. The bounds are bytes."""

from collections.abc import Callable
from datetime import time

import pytest

from engine.core.actions.send import Send
from engine.core.book import Rule, RuleBook
from engine.core.facts import Fact
from engine.core.policy import Cap, Policy, QuietHours
from engine.core.settle import MAX_SENT_REMEMBERED
from engine.core.state.codec import encode_state
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.base import Trigger
from engine.core.triggers.date import Date
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.model import Event
from tests.support.books import DAY, HOUR, START, book, event, every_kind, expression, rule
from tests.support.drive import Customers
from tests.support.examples import so_many

MANY = so_many(10_000)
MINUTE = 60_000
BUY = frozenset({"buy"})
ASKED = expression(
    "events.buy.sum('amount', '30d') > 0",
    lambda scope: True,
    last=frozenset({"buy"}),
    sums=frozenset({("buy", "amount")}),
    windows=frozenset({("buy", "amount", 30 * DAY), ("visit", None, 30 * DAY)}),
)
LATE = 6 * HOUR
CAPS = (Cap(3, span=DAY, purpose="marketing"), Cap(9, calendar="month", channel="push"))


def everything(slack: int = 0, policy: Policy | None = None) -> RuleBook:
    rules: tuple[Rule, ...] = (
        *every_kind(HOUR, slack),
        rule(Date("birthday", field="birthday", yearly=True)),
        rule(Date("renewal", field="renewal", at=time(9)), exits=(Fact("subscribed"),)),
        rule(OnEvent("news", event="visit"), action=Send("news", purpose="news"), condition=ASKED, needs=ASKED.needs),
    )
    return book(*rules, policy=policy or Policy(fresh_for=None, allowed_lateness=slack, caps=CAPS))


def largest(rules: RuleBook, events: list[Event]) -> int:
    """The most bytes the customer's state has taken."""
    customers = Customers(rules)
    sizes = []
    for place, one in enumerate(events):
        customers.tell(one)
        if place % 50 == 0 or place == len(events) - 1:
            sizes.append(len(encode_state(customers.states["c-1"])))
    return max(sizes)


def told(make: Callable[[int], Event]) -> list[Event]:
    return [make(number) for number in range(MANY)]


FLOODS: dict[str, tuple[Callable[[int], Event], int]] = {
    "many ids": (lambda n: event("visit", START + n, id=f"{n:036}"), 26_000),
    "visits over years": (lambda n: event("visit", START + n * 4 * HOUR), 5_000),
    "purchases": (lambda n: event("buy", START + n * MINUTE, amount=n % 7 + 0.5), 36_000),
    "many carts": (lambda n: event("cart", START + n, cart_id=f"cart-{n}"), 7_000),
    "many carts over years": (lambda n: event("cart", START + n * DAY, cart_id=f"cart-{n}"), 3_000),
    "bought carts": (lambda n: event(("cart", "buy")[n % 2], START + n * MINUTE, cart_id=f"cart-{n // 2}"), 36_000),
    "one cart, bought again and again": (lambda n: event("buy", START + n * MINUTE, cart_id="a"), 36_000),
    "trials that move": (lambda n: event("trial", START + n, ends=START + HOUR + n), 8_000),
    "trials that go": (lambda n: event("trial", START + n, ends=None if n % 2 else START + DAY + n), 8_000),
    "dates that move": (lambda n: event("person", START + n * DAY, renewal=f"20{n % 90 + 10}-01-01"), 2_000),
    "new profile fields": (lambda n: event("person", START + n, **{f"field-{n}": "x" * 20}), 26_000),
    "cancellations": (lambda n: event("subscribed", START + n), 8_000),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_ten_thousand_events_of_a_kind_leave_a_bounded_state(flood: str) -> None:
    make, bound = FLOODS[flood]
    size = largest(everything(), told(make))
    assert size <= bound, f"{flood}: {size} bytes"


def test_waiting_for_late_events_keeps_no_more_than_what_may_still_come() -> None:
    assert largest(everything(LATE), told(lambda n: event("buy", START + n * 4 * HOUR, amount=1))) <= 8_000


def test_messages_that_wait_for_the_morning_are_bounded() -> None:
    night = Policy(fresh_for=None, quiet_hours=(QuietHours(0, 23 * 60),))
    assert largest(everything(policy=night), told(lambda n: event("visit", START + n, id=f"{n:09}"))) <= 40_000


def test_few_messages_that_no_cap_is_about_are_remembered() -> None:
    customers = Customers(everything()).tell(*told(lambda n: event("visit", START + n * MINUTE)))
    sent = customers.states["c-1"].sent
    assert sum(one.purpose == "marketing" for one in sent) <= 9
    assert len(sent) <= MAX_SENT_REMEMBERED


def test_match_values_of_any_length_are_bounded() -> None:
    carts = [event("cart", START + n, cart_id="x" * 400 + str(n)) for n in range(100)]
    carts += [event("cart", START + 100 + n, cart_id="y" * 100_000 + str(n)) for n in range(5)]
    assert (
        largest(book(rule(Abandoned("cart", after="cart", without=BUY, within=HOUR, match="cart_id"))), carts) <= 25_000
    )


def test_a_profile_of_many_fields_still_takes_news_of_those_it_has() -> None:
    customers = Customers(everything()).tell(
        *told(lambda n: Event(str(n), "person", "c-1", START + n, {f"field-{n}": n}))
    )
    customers.tell(Event("last", "person", "c-1", START + DAY, {"field-3": "new", "field-9999": "too many"}))
    profile = customers.states["c-1"].profile
    assert (profile["field-3"], "field-9999" in profile) == ("new", False)


def test_two_replays_leave_the_same_bytes() -> None:
    events = [make(n) for n in range(0, 300, 7) for make, _ in FLOODS.values()]
    events.sort(key=lambda one: one.time)
    rules = everything(policy=Policy(quiet_hours=(QuietHours(0, 480),), caps=(Cap(2, calendar="week"),)))
    first, second = (Customers(rules).tell(*events).until(START + 900 * DAY) for _ in range(2))
    assert first.outcomes == second.outcomes
    assert encode_state(first.states["c-1"]) == encode_state(second.states["c-1"])


@pytest.mark.parametrize(
    "trigger",
    [
        Inactivity("r", of=BUY, after=DAY),
        TrialExpiring("r", before=DAY),
        Date("r", field="birthday", yearly=True),
    ],
    ids=lambda trigger: trigger.kind,
)
def test_one_rule_over_four_years_takes_little_more_than_the_tallies(trigger: Trigger) -> None:
    said = [event("trial", START, ends=START + DAY), event("person", START, birthday="1990-05-05")]
    bought = [event("buy", START + n * 3 * DAY) for n in range(500)]
    assert largest(book(rule(trigger), policy=Policy(fresh_for=None, dedupe=0)), [*said, *bought]) <= 260


def test_a_moment_before_1970_is_past_like_any_other() -> None:
    """A trial that ends 2 ms after the epoch, announced a day before, is due at a negative number."""
    there = Customers(book(rule(TrialExpiring("trial", before=DAY)))).tell(event("trial", START, ends=2))
    assert there.until(START + DAY).states["c-1"].wake == 0
    assert [outcome for _, outcome, _ in there.told()] == ["expired"]

"""What a plan says of the customers who are there is what then happens to them, and nothing is written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st

from engine.adapters.memory import MemoryStore
from engine.core.book import RuleBook
from engine.core.zones import iso
from engine.model import Event, Outcome
from engine.plan.build import Plan, look
from engine.plan.live import Looked, Side
from engine.plan.sample import choose
from engine.ports import Record
from engine.worker.executors import results
from engine.worker.partition import Partition
from engine.worker.result import Arrival, Result
from tests.support.books import DAY, HOUR, POLICIES, START, Plain, book, event, every_kind
from tests.support.histories import LAST, histories
from tests.support.plans import plan_of

NOW = START + LAST * HOUR
DAYS = 5


def books(first: str, second: str, span: int, dropped: Sequence[int]) -> tuple[RuleBook, RuleBook]:
    """Two books: with other policies, other spans, and without some rules."""
    old, new = POLICIES[first], POLICIES[second]
    changed = [one for place, one in enumerate(every_kind(span, slack=new.allowed_lateness)) if place not in dropped]
    return (
        book(*every_kind(HOUR, slack=old.allowed_lateness), policy=old),
        book(*changed, policy=new, revision="2" * 12),
    )


def lived(rules: RuleBook, events: Sequence[Event]) -> MemoryStore:
    """A store with the customers of a history, at NOW."""
    store = MemoryStore()
    partition = Partition(0, rules, store, Plain())
    arrivals = [Arrival(Record("e", 0, place + 1, None), one.time, one) for place, one in enumerate(events)]
    for _ in (*results(partition.process(arrivals)), *results(partition.advance(NOW))):
        pass
    return store


def goes_live(store: MemoryStore, rules: RuleBook) -> list[Result]:
    """The book meets the customers, and their clock runs on."""
    partition = Partition(0, rules, store, Plain())
    done: list[Result] = []
    while not partition.is_swept:
        done += results(partition.sweep_page())
    return [*done, *results(partition.advance(NOW + DAYS * DAY))]


def fired(done: Sequence[Result]) -> Counter[str]:
    return Counter(one.rule for each in done for one in each.outcomes if one.outcome is Outcome.FIRED)


def planned(store: MemoryStore, old: RuleBook, new: RuleBook) -> Plan:
    sides = [Side(each, Plain(), {}) for each in (old, new)]
    return plan_of(store, sides[0], sides[1], DAYS)


def content(store: MemoryStore) -> Any:
    """All that the store has."""
    names = store.customers(0, "", 1_000)[0]
    looks = store.looks(0, dict.fromkeys(store.days(0), 0))
    return store.open(0), names, store.load(0, names), store.outbox(0), looks


def forecast(plan: Plan, rules: RuleBook, *, old: bool) -> Counter[str]:
    sums = {one: plan.sum_of(f"outreach.{one}") for one in rules.by_id}
    return +Counter({one: int(found.old if old else found.new) for one, found in sums.items()})


def test_a_plan_of_a_shop_in_which_no_timer_was_due_yet_begins_at_its_newest_event() -> None:
    rules, store = book(*every_kind(HOUR)), MemoryStore()
    visit = event("visit", START)
    for _ in results(Partition(0, rules, store, Plain()).process([Arrival(Record("e", 0, 1, None), 0, visit)])):
        pass
    assert store.meta(0).clock == 0
    assert planned(store, rules, rules).base.clock == iso(START)


policies = st.sampled_from(sorted(POLICIES))


@given(histories(), policies, policies, st.sampled_from([HOUR, 2 * HOUR]), st.lists(st.integers(0, 11), max_size=3))
def test_the_forecast_of_a_change_is_what_then_happens(
    events: list[Event], first: str, second: str, span: int, dropped: list[int]
) -> None:
    old, new = books(first, second, span, dropped)
    store = lived(old, events)
    before = content(store)
    plan = planned(store, old, new)
    assert content(store) == before, "nothing is written"
    assert forecast(plan, new, old=False) == fired(goes_live(store, new))
    assert forecast(plan, old, old=True) == fired(goes_live(lived(old, events), old))


@given(histories(), policies, policies, st.integers(2, 4))
def test_what_several_processes_find_adds_up_to_what_one_finds(
    events: list[Event], first: str, second: str, number: int
) -> None:
    old, new = books(first, second, HOUR, [])
    sides = [Side(each, Plain(), {}) for each in (old, new)]
    store = lived(old, events)
    chosen = choose(store, None, lambda done: None)
    looked = Looked()
    for place in range(number):
        share = replace(chosen, names=chosen.names[place::number])
        looked.take(look(store, share, sides[0], sides[1], DAYS, lambda done: None))
    assert looked == look(store, chosen, sides[0], sides[1], DAYS, lambda done: None)


def idle(hours: int) -> RuleBook:
    return book(*(one for one in every_kind(hours * HOUR) if one.id == "quiet"), revision=str(hours) * 12)


def test_timers_that_move_and_what_is_due_at_once_are_told_apart() -> None:
    """`quiet` fires after three spans."""
    events = [
        event("visit", NOW - 4 * HOUR, customer="due-at-once"),
        event("visit", NOW - 1 * HOUR, customer="moved"),
        event("visit", NOW - 20 * HOUR, customer="fired-long-ago"),
    ]
    old, new = idle(5), idle(1)
    plan = planned(lived(old, sorted(events, key=lambda one: one.time)), old, new)
    told = {name: plan.sum_of(name).new for name in ("at_once", "moved", "armed", "dropped")}
    assert told == {"at_once": 1, "moved": 1, "armed": 0, "dropped": 0}


def test_a_removed_rule_drops_its_timers_and_a_new_one_arms_them() -> None:
    events = [event("visit", NOW - HOUR)]
    kinds = {one.id: one for one in every_kind(HOUR)}
    old, new = book(kinds["quiet"]), book(kinds["no-buy"], revision="2" * 12)
    plan = planned(lived(old, events), old, new)
    assert (plan.sum_of("dropped.quiet").new, plan.sum_of("armed.no-buy").new) == (1, 0)
    plan = planned(
        lived(new, [event("buy", NOW - HOUR)]), new, book(kinds["quiet"], kinds["no-buy"], revision="3" * 12)
    )
    assert (plan.sum_of("armed.quiet").new, plan.sum_of("dropped").new) == (1, 0)

"""Events may say anything: no value makes `decide` raise, spoils a state, or stops a partition."""

from datetime import time
from typing import Any

import pytest
from hypothesis import given, strategies as st

from engine.core.state.codec import decode_state, encode_state
from engine.core.triggers.date import Date
from engine.core.triggers.event import OnEvent
from engine.core.triggers.milestone import Milestone
from engine.model import Event
from engine.ports import Record
from engine.worker.executors import results
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.books import HOUR, START, Plain, book, event, every_kind, expression, rule
from tests.support.drive import CrashingStore, Customers
from tests.support.examples import examples
from tests.support.stores import state as stored_state

NAN, INFINITE, HUGE = float("nan"), float("inf"), 10**400
anything = st.recursive(
    st.one_of(
        st.sampled_from(
            [None, True, False, 0, -1, 2**63, -(2**63), 1e308, NAN, INFINITE, -INFINITE, START, START + HOUR]
        ),
        st.sampled_from(
            ["", "a", "x" * 300, "2026-01-05", "02-29", "0001-01-01", "9999-12-31", "Europe/Berlin", "\0@"]
        ),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(),
        st.text(max_size=9),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
NAMES = ("amount", "cart_id", "ends", "birthday", "zone", "trial_ends_at")
SUMS = expression(
    "events.buy.sum('amount', '7d')",
    lambda scope: True,
    sums=frozenset({("buy", "amount")}),
    windows=frozenset({("buy", "amount", 7 * 24 * HOUR)}),
    last=frozenset({"buy", "person"}),
)
RULES = book(
    *every_kind(HOUR),
    rule(Date("once", field="birthday", at=time(9), offset=-100 * 365 * 24 * HOUR)),
    rule(Date("yearly", field="birthday", yearly=True)),
    rule(OnEvent("summing", event="cart"), condition=SUMS, needs=SUMS.needs),
)
TYPES = ("visit", "buy", "cart", "trial", "person", "subscribed")
events = st.builds(
    lambda number, type, hour, properties: Event(f"e{number}", type, "c-1", START + hour * HOUR, properties),
    st.integers(0, 10**9),
    st.sampled_from(TYPES),
    st.integers(0, 60),
    st.dictionaries(st.sampled_from(NAMES), anything, max_size=4),
)


@examples(300)
@given(st.lists(events, max_size=20))
def test_no_sequence_of_events_makes_the_engine_raise_or_write_what_it_cannot_read(told: list[Event]) -> None:
    customers = Customers(RULES, reload=lambda: True).tell(*told).until(START + 900 * 24 * HOUR)
    for state in customers.states.values():
        again = decode_state(encode_state(state))
        assert encode_state(decode_state(encode_state(again))) == encode_state(again)


@pytest.mark.parametrize("amount", [NAN, INFINITE, -INFINITE, HUGE, -HUGE, True, "12", None, [1], {"a": 1}])
def test_an_amount_that_is_no_number_leaves_the_sum_as_it_was(amount: Any) -> None:
    spent = book(rule(Milestone("spent", event="buy", property="amount", levels=(10.0,))))
    told = [event("buy", START, amount=amount), event("buy", START + 1, amount=10)]
    assert Customers(spent).tell(*told).fired == [("c-1", "spent", "10")]


@pytest.mark.parametrize("ends", [True, False, -5, 10**17, -(10**17), 2**63, 1.5, "soon", NAN])
def test_an_end_that_is_no_moment_is_no_end(ends: Any) -> None:
    customers = Customers(RULES, reload=lambda: True).tell(event("trial", START, ends=ends)).until(START + 999 * HOUR)
    assert customers.fired == []


def test_an_event_that_cannot_be_kept_is_reported_and_everything_else_goes_on() -> None:
    """JSON allows integers that no store of ours can hold."""
    store = CrashingStore()
    partition = Partition(0, RULES, store, Plain())
    told = [
        event("person", START, name="Ann"),
        event("person", START + 1, points=HUGE),
        event("buy", START + 2, amount=9),
        event("buy", START + 2, customer="bob", amount=9),
        event("person", START + 3, city="Ulm"),
    ]
    found = list(
        results(
            partition.process([Arrival(Record("events", 0, n + 1, None), one.time, one) for n, one in enumerate(told)])
        )
    )
    assert [failure.input for result in found for failure in result.failures] == [told[1]]
    assert sorted(store.fired()) == [
        ("bob", "dear", "buy-1767225600002"),
        ("bob", "dear-levels", "1"),
        ("c-1", "dear", "buy-1767225600002"),
        ("c-1", "dear-levels", "1"),
    ]
    known = stored_state(store, "c-1")
    assert known is not None
    assert known.profile == {"name": "Ann", "city": "Ulm"}

"""Until when an expression holds: a segment's timer, or an explanation, looks again then and not before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.actions.send import Send
from engine.core.book import NEVER, Expression, Needs, Rule, RuleBook
from engine.core.catalog import Catalog, EventType, Property
from engine.core.decide import decide
from engine.core.expr import compile_expression
from engine.core.scope import Scope
from engine.core.state.model import State
from engine.core.triggers.event import OnEvent
from engine.model import Event

HOUR = 3_600_000
START = 1_767_225_600_000
CATALOG = Catalog(
    events={"buy": EventType("buy", {"amount": Property("amount", "number")}), "visit": EventType("visit")}
)
TEXTS = (
    'events.buy.count("5h") >= 2',
    'events.buy.sum("amount", "3h") > 4 or events.visit.count("9h") == 0',
    'events.buy.count("5h") - events.buy.count("2h")',
    "events.buy.count() > 2",
)


def expression(text: str) -> Expression:
    compiled, problems = compile_expression(text, CATALOG, frozenset())
    assert compiled, problems
    return compiled


def book(*texts: str, revision: str = "1" * 12) -> RuleBook:
    """It keeps what these need, and fires nothing that matters."""
    needs = Needs()
    for text in texts:
        needs |= expression(text).needs
    return RuleBook((Rule("r", OnEvent("r", event="visit"), Send("r"), needs=needs),), CATALOG, revision=revision)


def told(*events: tuple[int, str], known_from: int = 0) -> State:
    """Events at these hours; the rules that ask come after the first `known_from` of them."""
    state: State | None = None
    for place, (hour, type_) in enumerate(events):
        rules = book(*TEXTS, revision="2" * 12) if place >= known_from else book()
        event = Event(f"e{place}", type_, "c-1", START + hour * HOUR, {"amount": hour % 4})
        state = decide(rules, state, event, event.time).state
    return state or State()


@given(
    st.sampled_from(TEXTS),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["buy", "visit"])), min_size=1, max_size=8),
    st.integers(0, 4),
)
def test_a_value_stays_as_it_is_until_its_next_change(
    text: str, events: list[tuple[int, str]], known_from: int
) -> None:
    state, compiled = told(*sorted(events), known_from=known_from), expression(text)
    now, last = START, START + 40 * HOUR
    while now < last:
        then = min(compiled.next_change(Scope(state, None, now)), last)
        assert then > now
        value = compiled.test(Scope(state, None, now))
        assert all(
            compiled.test(Scope(state, None, moment)) == value for moment in {now + 1, (now + then) // 2, then - 1}
        )
        now = then


def test_a_window_empties_to_the_millisecond() -> None:
    state, compiled = told((0, "buy"), (1, "buy")), expression('events.buy.count("5h") >= 2')
    change = compiled.next_change(Scope(state, None, START + HOUR))
    assert change == START + 5 * HOUR
    assert compiled.test(Scope(state, None, change - 1))
    assert not compiled.test(Scope(state, None, change))


@pytest.mark.parametrize("text", ["events.buy.count() > 2", "events.buy.last.time > '2026-01-01'", "1 == 1"])
def test_what_no_time_changes_holds_for_ever(text: str) -> None:
    assert expression(text).next_change(Scope(told((0, "buy")), None, START)) == NEVER

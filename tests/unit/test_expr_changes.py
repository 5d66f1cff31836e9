"""Until when an expression holds, and whether it is certain: a segment's timer looks again then and not before."""

import pytest
from hypothesis import given, strategies as st

from engine.core.actions.send import Send
from engine.core.book import Rule, RuleBook
from engine.core.catalog import Catalog, EventType, Property
from engine.core.decide import decide
from engine.core.expr import compile_expression
from engine.core.expression import NEVER, Expression, Needs
from engine.core.scope import Scope
from engine.core.state.model import State
from engine.core.triggers.event import OnEvent
from engine.model import Event

HOUR = 3_600_000
START = 1_767_225_600_000
CATALOG = Catalog(
    events={"buy": EventType("buy", {"amount": Property("amount", "number")}), "visit": EventType("visit")},
    profile={"ends": Property("ends", "time")},
)
TEXTS = (
    'events.buy.count("5h") >= 2',
    'events.buy.sum("amount", "3h") > 4 or events.visit.count("9h") == 0',
    'events.buy.count("5h") - events.buy.count("2h")',
    "events.buy.count() > 2",
    '4 < events.buy.count("5h")',
    'events.buy.count("4h") == 1',
    'events.visit.count("3h") != 2 and not events.buy.count("7h") < 1',
    'events.buy.sum("amount", "6h") <= 2 and events.buy.count("9h") > 1.5',
    'events.buy.sum("amount") >= 3',
    "events.buy.last.amount >= 2",
    "profile.ends > now or events.buy.count('2h') >= 1",
    "profile.ends == now",
    "now >= profile.ends and now != '2026-01-01T20:00:00Z'",
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
    state = state or State()
    state.profile["ends"] = START + 9 * HOUR
    return state


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
        value = bool(compiled.test(Scope(state, None, now)))
        assert all(
            bool(compiled.test(Scope(state, None, moment))) is value
            for moment in {now + 1, (now + then) // 2, then - 1} - {then}
        )
        now = then


@given(
    st.sampled_from(TEXTS),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["buy", "visit"])), min_size=1, max_size=8),
    st.integers(0, 8),
    st.integers(0, 30),
)
def test_what_is_certain_is_what_whole_histories_say(
    text: str, events: list[tuple[int, str]], known_from: int, later: int
) -> None:
    known, partly = told(*sorted(events)), told(*sorted(events), known_from=known_from)
    compiled, now = expression(text), START + later * HOUR
    assert compiled.is_certain(Scope(known, None, now))
    if compiled.is_certain(Scope(partly, None, now)):
        truths = [bool(compiled.test(Scope(state, None, now))) for state in (known, partly)]
        assert truths[0] is truths[1]


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("profile.ends > now", 9 * HOUR),
        ("profile.ends >= now", 9 * HOUR + 1),
        ("now < profile.ends", 9 * HOUR),
        ("now > profile.ends", 9 * HOUR + 1),
        ("now == profile.ends", 9 * HOUR),
        ("now >= '2026-01-01T07:00:00Z'", 7 * HOUR),
        ("now >= profile.ends and now >= '2026-01-01T07:00:00Z'", 9 * HOUR),
        ("events.buy.count('5h') >= 2", 5 * HOUR),
        ("events.buy.count('5h') >= 1", 6 * HOUR),
        ("events.buy.count('5h') >= 3", None),
        ("events.buy.count('5h') > 1", 5 * HOUR),
        ("events.buy.count('5h') == 1", 5 * HOUR),
        ("events.buy.sum('amount', '5h') >= 0.5", 6 * HOUR),
        ("events.buy.count('5h') >= 1 and events.visit.count() > 3", None),
        ("events.buy.count('5h') < 2 and events.buy.count('6h') < 1", 7 * HOUR),
    ],
)
def test_time_changes_a_truth_at_one_moment_and_nothing_looks_before(text: str, change: int | None) -> None:
    found = expression(text).next_change(Scope(told((0, "buy"), (1, "buy")), None, START + HOUR))
    assert found == (NEVER if change is None else START + change)


def test_a_window_empties_to_the_millisecond() -> None:
    state, compiled = told((0, "buy"), (1, "buy")), expression('events.buy.count("5h") >= 2')
    change = compiled.next_change(Scope(state, None, START + HOUR))
    assert change == START + 5 * HOUR
    assert compiled.test(Scope(state, None, change - 1))
    assert not compiled.test(Scope(state, None, change))


@pytest.mark.parametrize("text", ["events.buy.count() > 2", "events.buy.last.time > '2026-01-01'", "1 == 1"])
def test_what_no_time_changes_holds_for_ever(text: str) -> None:
    assert expression(text).next_change(Scope(told((0, "buy")), None, START)) == NEVER

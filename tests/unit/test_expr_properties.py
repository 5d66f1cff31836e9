"""Expressions against a second, simpler reading of them: over plain dicts, from whole histories."""

import math
import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from hypothesis import given, strategies as st

from engine.core.expr import compile_expression
from engine.core.scope import MISSING, Scope
from engine.core.state.model import History, Memory, State
from engine.model import Event, KeptEvent
from tests.support.expressions import CATALOG, DAY, NOON


class Bought(NamedTuple):
    time: int
    properties: dict[str, Any]


class World(NamedTuple):
    """A customer: what is known, the purchase that fires, and all earlier purchases in order."""

    profile: dict[str, Any]
    event: Bought
    history: list[Bought]


Meaning: TypeAlias = Callable[[World], Any]
"""None is missing."""


class Written(NamedTuple):
    text: str
    meaning: Meaning


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv
}  # fmt: skip


def sort_of(found: Any) -> str:
    if isinstance(found, bool):
        return "boolean"
    if isinstance(found, int | float):
        return "missing" if math.isnan(found) else "number"
    return "string" if isinstance(found, str) else "missing"


def compared(order: str, left: Any, right: Any) -> bool:
    sort = sort_of(left)
    if sort == "missing" or sort != sort_of(right) or (sort == "boolean" and order not in ("==", "!=")):
        return False
    return ORDERS[order](left, right)


def calculated(sign: str, left: Any, right: Any) -> Any:
    if sort_of(left) != "number" or sort_of(right) != "number":
        return None
    try:
        result = SIGNS[sign](left, right)
        return result if abs(result) < math.inf else None
    except (ZeroDivisionError, OverflowError):
        return None


def is_in(found: Any, within: list[Any], negated: bool) -> bool:
    alike = [item for item in within if sort_of(item) == sort_of(found)]
    if sort_of(found) == "missing" or not alike:
        return False
    return (found in alike) != negated


def bought(span_days: int) -> Callable[[World], list[Bought]]:
    return lambda world: [past for past in world.history if past.time > NOON - span_days * DAY]


def total(history: list[Bought]) -> float:
    amounts: list[float] = [past.properties["amount"] for past in history]
    return sum(amounts)


def of_last(name: str) -> Meaning:
    return lambda world: world.history[-1].properties.get(name) if world.history else None


def field(name: str) -> Written:
    return Written(f"profile.{name}", lambda world: world.profile.get(name))


def property_(name: str) -> Written:
    return Written(f"event.{name}", lambda world: world.event.properties.get(name))


def constant(found: Any) -> Written:
    return Written(
        "null" if found is None else str(found).lower() if isinstance(found, bool) else repr(found), lambda _: found
    )


TALLIES = [
    Written("events.purchase.count()", lambda world: len(world.history)),
    Written("events.purchase.count('7d')", lambda world: len(bought(7)(world))),
    Written("events.purchase.sum('amount')", lambda world: float(total(world.history))),
    Written('events.purchase.sum("amount", "2d")', lambda world: total(bought(2)(world))),
    Written("events.purchase.last.amount", of_last("amount")),
]
TIMES = [
    field("trial_ends_at"),
    Written("event.time", lambda world: world.event.time),
    Written("events.purchase.last.time", lambda world: world.history[-1].time if world.history else None),
    Written("events.purchase.first.time", lambda world: world.history[0].time if world.history else None),
]
NOONS = st.just(Written("'2026-01-01T12:00Z'", lambda _: NOON))

words = st.sampled_from(["", "DE", "AT", "k-1", "ä\n'\"\\"])
small = st.integers(-3, 3) | st.sampled_from([0.5, -2.25, 1e18, 2**62])


def operation(parts: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    def make(left: Written, sign: str, right: Written) -> Written:
        meaning = lambda world: calculated(sign, left.meaning(world), right.meaning(world))  # noqa: E731
        return Written(f"({left.text} {sign} {right.text})", meaning)

    def negative(part: Written) -> Written:
        return Written(f"(-({part.text}))", lambda world: calculated("-", 0, part.meaning(world)))

    return st.builds(make, parts, st.sampled_from([*SIGNS]), parts) | st.builds(negative, parts)


unknowns = st.sampled_from([property_("note"), field("tags")])
numbers = st.recursive(
    st.sampled_from([*TALLIES, field("age"), field("score"), property_("amount"), property_("lines")])
    | st.builds(constant, small)
    | unknowns,
    operation,
    max_leaves=4,
)
strings = st.sampled_from([field("country"), property_("cart_id")]) | st.builds(constant, words) | unknowns
booleans = st.sampled_from([field("email_opt_in"), property_("gift")])
times = st.sampled_from(TIMES)


def comparison(left: Written, order: str, right: Written) -> Written:
    meaning = lambda world: compared(order, left.meaning(world), right.meaning(world))  # noqa: E731
    return Written(f"{left.text} {order} {right.text}", meaning)


def chain(first: Written, order: str, second: Written, other: str, third: Written) -> Written:
    def meaning(world: World) -> bool:
        middle = second.meaning(world)
        return compared(order, first.meaning(world), middle) and compared(other, middle, third.meaning(world))

    return Written(f"{first.text} {order} {second.text} {other} {third.text}", meaning)


def membership(left: Written, within: list[Any], negated: bool) -> Written:
    text = f"{left.text} {'not in' if negated else 'in'} {within!r}"
    return Written(text, lambda world: is_in(left.meaning(world), within, negated))


def null_test(left: Written, negated: bool) -> Written:
    return Written(
        f"{left.text} {'!=' if negated else '=='} null", lambda world: (left.meaning(world) is None) != negated
    )


def negation(part: Written) -> Written:
    return Written(f"not ({part.text})", lambda world: not part.meaning(world))


def junction(word: str, parts: list[Written]) -> Written:
    several = all if word == "and" else any
    text = f" {word} ".join(f"({part.text})" for part in parts)
    return Written(text, lambda world: several(part.meaning(world) for part in parts))


orders, equality = st.sampled_from([*ORDERS]), st.sampled_from(["==", "!="])
tests = (
    st.builds(comparison, numbers, orders, numbers)
    | st.builds(chain, numbers, orders, numbers, orders, numbers)
    | st.builds(comparison, strings, orders, strings)
    | st.builds(comparison, booleans, equality, booleans | st.builds(constant, st.booleans()) | unknowns)
    | st.builds(comparison, times, orders, times | NOONS)
    | st.builds(comparison, NOONS, orders, times)
    | st.builds(comparison, unknowns, orders, unknowns)
    | st.builds(membership, numbers, st.lists(small, min_size=1, max_size=3), st.booleans())
    | st.builds(membership, strings, st.lists(words, min_size=1, max_size=3), st.booleans())
    | st.builds(membership, unknowns, st.lists(words | small | st.booleans(), min_size=1, max_size=3), st.booleans())
    | st.builds(null_test, numbers | strings | booleans | times, st.booleans())
    | booleans
)
conditions = st.recursive(
    tests,
    lambda parts: (
        st.builds(negation, parts)
        | st.builds(junction, st.sampled_from(["and", "or"]), st.lists(parts, min_size=2, max_size=3))
    ),
    max_leaves=4,
)

odd = st.none() | st.booleans() | small | words | st.just(math.nan) | st.just(math.inf) | st.lists(small, max_size=2)


def maybe(**usual: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mostly what is declared, sometimes anything else, sometimes nothing."""
    return st.fixed_dictionaries({}, optional={name: usually | usually | odd for name, usually in usual.items()})


moments = st.integers(NOON - 10 * DAY, NOON) | st.sampled_from([NOON - 7 * DAY, NOON - 2 * DAY, NOON])
purchases = st.builds(
    Bought, moments, st.fixed_dictionaries({"amount": st.integers(0, 50).map(float), "cart_id": words})
)
worlds = st.builds(
    World,
    maybe(age=small, score=small, country=words, email_opt_in=st.booleans(), trial_ends_at=moments, tags=odd),
    st.builds(Bought, moments, maybe(amount=small, lines=small, cart_id=words, gift=st.booleans(), note=odd)),
    st.lists(purchases, max_size=4).map(lambda past: sorted(past, key=lambda one: one.time)),
)


def scope_of(world: World) -> Scope:
    """The world as the engine keeps it."""
    state = State(profile=world.profile)
    if world.history:
        first, last = world.history[0], world.history[-1]
        history = History(
            KeptEvent("e", "purchase", last.time, last.properties),
            {"amount": float(total(world.history))},
            [past.time for past in world.history],
            {"amount": [past.properties["amount"] for past in world.history]},
            span=365 * DAY,
        )
        state.events = {"purchase": Memory(len(world.history), last.time, last.time - first.time, history)}
    return Scope(state, Event("e-1", "purchase", "c-1", world.event.time, world.event.properties), NOON)


def same(found: Any, meant: Any) -> bool:
    if meant is None or found is MISSING:
        return meant is None and found is MISSING
    return found is meant or (type(found) is type(meant) and found == meant)


@given(conditions, worlds)
def test_a_condition_holds_for_a_customer_exactly_when_its_plain_reading_does(written: Written, world: World) -> None:
    compiled, problems = compile_expression(written.text, CATALOG, frozenset({"purchase"}))
    assert compiled is not None, (written.text, problems)
    assert same(compiled.test(scope_of(world)), written.meaning(world)), written.text


@given(numbers, worlds)
def test_a_calculation_gives_what_its_plain_reading_gives(written: Written, world: World) -> None:
    compiled, problems = compile_expression(written.text, CATALOG, frozenset({"purchase"}))
    assert compiled is not None, (written.text, problems)
    assert same(compiled.test(scope_of(world)), written.meaning(world)), written.text


TOKENS = re.findall(
    r"\S+|[\n\t\u00a0]",
    "profile event events purchase site_visit count sum last first time amount age country tags birthday _x __class__ "
    "and or not in is if else lambda for await True null 1 2.5 1e400 99999999999999999999 'DE' '2026-01-01' \"7d\" 'x' "
    ". . . ( ) ( ) [ ] { } , : := = == != < >= + - * ** / // % & | ~ ^ @ # \\ ' \" f' b' \n \t ä 😀 \0 \u00a0",
)
anything = st.text(max_size=60) | st.lists(st.sampled_from(TOKENS), max_size=25).map("".join)
tokens = st.lists(st.sampled_from(TOKENS), max_size=25).map(" ".join)
damaged = st.builds(
    lambda written, at, tokens: written.text[:at] + tokens + written.text[at:], conditions, st.integers(0, 60), tokens
)


@given(anything | tokens | damaged, st.sampled_from([frozenset[str](), frozenset({"purchase", "site_visit"})]), worlds)
def test_no_text_does_more_than_come_back_with_problems(text: str, types: frozenset[str], world: World) -> None:
    compiled, problems = compile_expression(text, CATALOG, types)
    for problem in problems:
        assert problem.code
        assert problem.message
        assert problem.length >= 1
        assert 0 <= problem.offset <= problem.offset + problem.length <= max(1, len(text))
    assert (compiled is None) == bool(problems)
    if compiled:
        compiled.test(scope_of(world))

"""Random histories of several customers, and what the oracle says of them for the rules of `books.every_kind`."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from hypothesis import strategies as st

from engine.model import Event
from tests.support import oracle
from tests.support.books import HOUR, START
from tests.support.drive import Fired

CUSTOMERS = ("ann", "bob", "c{1} ü\n")
LAST = 40
"""Hours in which things happen: few, so that events meet due moments exactly."""
ORDER_FREE = frozenset(
    {"quiet", "no-buy", "no-dear-buy", "levels", "every", "dear-levels", "cart", "this-cart", "dear"}
)
"""The rules for which only event times matter, as long as nothing is later than the allowed lateness."""

_carts = st.sampled_from([{}, {"cart_id": ""}, {"cart_id": "a"}, {"cart_id": "b@1"}])
_kinds: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "visit": st.just({}),
    "cart": _carts,
    "buy": st.builds(
        lambda cart, amount: cart | amount,
        _carts,
        st.sampled_from(
            [{}, {"amount": 1}, {"amount": 4.5}, {"amount": 9}, {"amount": 31}, {"amount": -8}, {"amount": -0.5}]
        ),
    ),
    "trial": st.sampled_from([None, 8, 14, 20, 33]).map(lambda at: {"ends": at and START + at * HOUR}),
}


@st.composite
def histories(draw: st.DrawFn, most: int = 30) -> list[Event]:
    """Events in the order they happened; no two of one customer about a trial at one moment.

    Each history has its own few kinds of events and its own density, so that every kind meets every other often.
    """
    kinds = draw(st.lists(st.sampled_from(sorted(_kinds)), min_size=1, max_size=3))
    customers = draw(st.sampled_from([CUSTOMERS[:1], CUSTOMERS]))
    hours = st.integers(0, draw(st.sampled_from([6, 15, LAST])))
    happening = st.sampled_from(kinds).flatmap(lambda kind: st.tuples(st.just(kind), _kinds[kind]))
    drawn = draw(st.lists(st.tuples(hours, st.sampled_from(customers), happening), min_size=most // 6, max_size=most))
    events = [
        Event(f"e-{place}", kind, customer, START + hour * HOUR, dict(properties))
        for place, (hour, customer, (kind, properties)) in enumerate(drawn)
    ]
    once = {(e.customer, e.time if e.type == "trial" else e.id): e for e in events}
    return sorted(once.values(), key=attrgetter("time"))


def ends() -> st.SearchStrategy[int]:
    return st.integers(LAST, LAST + 12).map(lambda hour: START + hour * HOUR)


def expected(events: Sequence[Event], end: int) -> set[Fired]:
    """`end`: the last moment at which a timer may come due."""
    found = set()
    for customer in CUSTOMERS:
        own = [event for event in events if event.customer == customer]
        found |= {(customer, rule, occurrence) for rule, occurrence in _of_one(own, end)}
    return found


def _dear(event: Event) -> bool:
    return bool(event.properties.get("amount", 0) > 5)


def _of_one(events: Sequence[Event], end: int) -> Iterator[tuple[str, str]]:
    by_rule = {
        "quiet": oracle.idle(events, {"visit", "buy"}, 3 * HOUR, end),
        "no-buy": oracle.idle(events, {"buy"}, 7 * HOUR, end),
        "no-dear-buy": oracle.idle(events, {"buy"}, 4 * HOUR, end, _dear),
        "levels": oracle.counted(events, "buy", (2, 3, 5)),
        "every": oracle.counted(events, "buy", every=4),
        "dear-levels": oracle.counted(events, "buy", (1, 3), where=_dear),
        "spent": oracle.summed(events, "buy", "amount", (10, 25, 60)),
        "spent-every": oracle.summed(events, "buy", "amount", every=15),
        "cart": oracle.abandoned(events, "cart", "buy", 2 * HOUR, end),
        "this-cart": oracle.abandoned(events, "cart", "buy", 3 * HOUR, end, "cart_id"),
        "trial": oracle.trials(events, 5 * HOUR, end),
        "dear": oracle.happened(events, "buy", _dear),
    }
    for rule, occurrences in by_rule.items():
        yield from ((rule, occurrence) for occurrence in occurrences)

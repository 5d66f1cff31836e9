"""What the engine makes besides outreach, as rule tests see it: moves of segments, and events.

`- 15d: { segment: active, moves: out }`, `- 15d: { event: credited, with: { amount: 5 } }`. The simulator collects
them; `rule_tests` compares those of the segments and event types that a test names.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from engine.core.book import RuleBook
from engine.core.segments.model import MOVE_TYPES
from engine.lang.rule_tests import Expected
from engine.model import Event


class Move(NamedTuple):
    """One move of one customer. `moves`: in or out, for a segment with levels up or down."""

    at: int
    segment: str
    moves: str
    old: str
    new: str


class Made(NamedTuple):
    """One event that a rule or the engine has made for the customer."""

    at: int
    event: str
    properties: dict[str, Any]


def made_of(expected: Sequence[Expected], events: Iterable[Event]) -> list[Made]:
    """The events of the types that the test names."""
    named = {one.event for one in expected if one.event}
    return [Made(event.time, event.type, event.properties) for event in events if event.type in named]


def moves_of(book: RuleBook, events: Iterable[Event]) -> list[Move]:
    """The moves among events that the engine has made."""
    found = []
    for event in events:
        if event.type in MOVE_TYPES:
            segment, old, new = (event.properties[name] for name in ("segment", "old", "new"))
            known = book.segments[segment]
            rises = known.place(new) > known.place(old)
            way = ("in" if rises else "out") if known.plain else ("up" if rises else "down")
            found.append(Move(event.time, segment, way, old, new))
    return found


def concerned(expected: Sequence[Expected], moves: Iterable[Move]) -> list[Move]:
    """The moves of the segments that the test names."""
    named = {one.segment for one in expected}
    return [move for move in moves if move.segment in named]

"""Compiled expressions: what they give, what they read, and which history they need.

`core/expr` compiles them when rule files are loaded; guards, segments, journeys and facts ask them. `RuleBook` adds up
what all of them need, so that states keep that much and no more.
"""

from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from engine.core.scope import Missing, Scope
from engine.model import Number

Predicate = Callable[[Scope], Any]
"""A compiled expression; its truth counts."""

NextChange = Callable[[Scope], int]
"""The first moment after now at which a value may change without another event; NEVER."""

NEVER: Final = 2**53

EVERY: Final = ""
"""Among the properties that are read of an event: all of them."""

Until = Callable[[Scope], tuple[bool, int]]
"""Whether an expression is true, and the first moment after now at which that may change without another event."""


class Expression(msgspec.Struct, frozen=True):
    """A compiled expression, its source text, and what it reads from a state."""

    text: str
    test: Predicate
    needs: "Needs"
    until: Until = lambda scope: (False, NEVER)
    is_certain: Callable[[Scope], bool] = lambda scope: True
    """Whether all history is known that decides its truth."""

    ticks: bool = False
    """Whether the truth may change every second, because a score is not just compared with a number."""

    kind: str = "any"
    """The kind of its value."""
    lacks: Callable[[Scope], Number | Missing] | None = None
    """How much is missing until it holds; None: it does not compare a number with a constant."""

    def next_change(self, scope: Scope) -> int:
        """The first moment after now at which the truth may change without another event; NEVER."""
        return self.until(scope)[1]


class Reads(msgspec.Struct, frozen=True):
    """The inputs, other than time, that can change the value of an expression."""

    fields: frozenset[str] = frozenset()
    """Profile fields."""
    types: frozenset[str] = frozenset()
    """Event types of which the expression reads the count, a sum, the first or the last event."""
    event: bool = False
    """Whether the expression reads the root `event`."""
    scores: bool = False
    """Whether the expression reads the root `scores`."""
    segments: frozenset[str] = frozenset()
    """Segments of which the expression reads the membership."""
    properties: frozenset[str] = frozenset()
    """The properties of the root `event` which it reads; `EVERY` among them stands for all."""
    experiments: frozenset[str] = frozenset()
    """Experiments of which the expression reads the variant."""
    points: frozenset[str] = frozenset()
    """Points of which the expression reads the ledger."""
    coupons: frozenset[str] = frozenset()
    """Coupons that the template shows."""
    calendar: bool = False
    """Whether the expression reads `today`, or windows of the customer's calendar."""
    customer: bool = False
    """Whether the expression reads the customer's id."""

    def __or__(self, other: "Reads") -> "Reads":
        return Reads(*map(or_, astuple(self), astuple(other)))


class Keeps(msgspec.Struct, frozen=True):
    """The history that states have to keep. Counts and first and last times per event type are always kept."""

    last: frozenset[str] = frozenset()
    """Event types whose newest event is kept."""
    sums: frozenset[tuple[str, str]] = frozenset()
    """(event type, property) summed over all time."""
    windows: frozenset[tuple[str, str | None, int]] = frozenset()
    """(event type, property summed or None for a count, span in milliseconds)."""
    days: frozenset[str] = frozenset()
    """Event types of which the days with such an event are counted, for scores."""
    points: frozenset[tuple[str, int]] = frozenset()
    """(points, span in milliseconds) of windows over what was earned."""
    lists: frozenset[tuple[str, str, int]] = frozenset()
    """(event type, property, span in milliseconds) of the newest events, for templates; `EVERY` stands for all
    properties. One entry has the span of a list, those of its properties have 0."""

    def __or__(self, other: "Keeps") -> "Keeps":
        return Keeps(*map(or_, astuple(self), astuple(other)))


class Needs(msgspec.Struct, frozen=True):
    """What an expression or a template reads from a state, and which history it needs."""

    reads: Reads = Reads()
    keeps: Keeps = Keeps()

    def __or__(self, other: "Needs") -> "Needs":
        return Needs(self.reads | other.reads, self.keeps | other.keeps)


NO_NEEDS: Final = Needs()


def needs_of_all(expressions: Iterable[Expression | None]) -> Needs:
    """What all of them need together; one that is not there needs nothing."""
    return reduce(or_, [each.needs for each in expressions if each is not None], NO_NEEDS)

"""Facts: what must happen for a rule to stop, for a goal to be reached, or for a wait to end.

The rule loader compiles them (`engine/lang/facts.py`); `decide` and journeys ask them about each event of their types.
A fact is either an event, or a move of a segment, which is also an event (`segment_entered`, `_left` or `_moved`).
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from engine.core.expression import Expression
from engine.core.scope import Scope
from engine.core.state.model import State
from engine.model import Event, KeptEvent

Moves = Literal["in", "out", "up", "down", "any"]

ENTERED, LEFT, MOVED = "segment_entered", "segment_left", "segment_moved"
_TYPES: dict[Moves, frozenset[str]] = {
    "in": frozenset({ENTERED}),
    "out": frozenset({LEFT}),
    "up": frozenset({ENTERED, MOVED}),
    "down": frozenset({LEFT, MOVED}),
    "any": frozenset({ENTERED, LEFT, MOVED}),
}

MAX_MATCH_VALUE_LENGTH: Final = 512
"""Characters of a match value; a longer one matches nothing. 32 values of 512 characters take 16 KB of a state."""


class Fact(msgspec.Struct, frozen=True):
    """Either an event (`event`, `where`, `match`) or a move of a segment (`segment`, `moves`, `levels`).

    `match`: the property that must equal that of the event that began the run; "": the fact concerns every run.
    `levels`: the segment's levels from the lowest; () if it has none.
    """

    event: str = ""
    where: Expression | None = None
    match: str = ""
    segment: str = ""
    moves: Moves = "in"
    levels: tuple[str, ...] = ()

    @property
    def types(self) -> frozenset[str]:
        """The event types that may bring the fact about."""
        return _TYPES[self.moves] if self.segment else frozenset({self.event})

    @property
    def is_plain(self) -> bool:
        """Whether every event of a type brings it about, for every run."""
        return not (self.segment or self.match or self.where)

    @property
    def text(self) -> str:
        """The fact in a reason."""
        return f"segment {self.segment} moving {self.moves}" if self.segment else self.event

    def may_come_with(self, other: "Fact") -> bool:
        """Whether one event may bring both about."""
        return self.segment == other.segment and not self.types.isdisjoint(other.types)

    def happens(self, state: State, event: Event) -> bool:
        """Whether an event of its types brings the fact about for some run: everything but `match`."""
        if self.segment and not self._is_move(event.properties):
            return False
        return self.where is None or bool(self.where.test(Scope(state, event, event.time)))

    def concerns(self, event: Event, began: Event | KeptEvent | None) -> bool:
        """Whether the event is about the run that began with `began`, by `match`."""
        if not self.match:
            return True
        value = match_value(event.properties, self.match)
        return bool(value) and began is not None and match_value(began.properties, self.match) == value

    def _is_move(self, properties: Mapping[str, Any]) -> bool:
        if properties.get("segment") != self.segment:
            return False
        if self.moves not in ("up", "down"):
            return True
        rise = self._rank(properties.get("new")) - self._rank(properties.get("old"))
        return rise > 0 if self.moves == "up" else rise < 0

    def _rank(self, level: Any) -> int:
        """The place of a level among the levels; outside all of them it is 0."""
        return self.levels.index(level) + 1 if level in self.levels else 0


def remembered(match: str, value: str) -> str:
    """The key under which a slot remembers that runs of this value have ended (`Slot.exits`)."""
    return f"{match} {value}"


def is_about(key: str, event: KeptEvent | None) -> bool:
    """Whether a remembered end is of what this event begins."""
    name, _, value = key.partition(" ")
    return event is not None and match_value(event.properties, name) == value


def match_value(properties: Mapping[str, Any], name: str) -> str:
    """The property as text, so that 7 and "7" match; "" if it is missing or no usable value."""
    value = properties.get(name)
    key = str(value) if isinstance(value, str | int | float) else ""
    return key if len(key) <= MAX_MATCH_VALUE_LENGTH else ""

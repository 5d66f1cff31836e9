"""What a segment is: its levels, their conditions, and for how long `keep` holds a level.

`engine/lang` makes segments when the rule files are loaded; `follow` asks them. They keep nothing of a customer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from engine.core.catalog import EventType, Property
from engine.core.expression import NEVER, Expression, Needs
from engine.core.facts import ENTERED, LEFT, MOVED
from engine.core.marks import mark_of
from engine.core.scope import Scope
from engine.core.zones import from_millis, instant_of

_PROPERTIES = {name: Property(name, "string", required=True) for name in ("segment", "old", "new")}
MOVE_TYPES: Final = {name: EventType(name, _PROPERTIES, made=True) for name in (ENTERED, LEFT, MOVED)}
"""The event types that segments make. `old` and `new` are levels; `none` is outside, and `in` inside without levels."""

MIDNIGHT = time(0)


class Level(msgspec.Struct, frozen=True):
    """One level and its condition."""

    name: str
    condition: Expression


@dataclass(frozen=True, slots=True)
class Keep:
    """How long a level is kept: for `span` milliseconds, or to the end of the `years`-th local calendar year."""

    span: int = 0
    years: int = 0

    def until(self, at: int, zone: ZoneInfo) -> tuple[int, int]:
        """The moment to which a level is kept that holds at `at`, and the year that begins then; 0: no year."""
        if self.span:
            return at + self.span, 0
        year = from_millis(at, zone).year + self.years
        return beginning(year, zone), year


def beginning(year: int, zone: ZoneInfo) -> int:
    """The first moment of a year where the customer is."""
    return instant_of(date(year, 1, 1), MIDNIGHT, zone)


Look = Callable[[Scope], tuple[str, int]]
"""The highest level whose condition holds, and the first moment at which time may change that; "" and 0: none.

Lower levels don't matter before that level changes.
"""


def _look(levels: tuple[Level, ...]) -> Look:
    asks = [(level.name, level.condition.until) for level in reversed(levels)]
    if len(asks) == 1:  # the usual case
        only, until = asks[0]

        def whether(scope: Scope) -> tuple[str, int]:
            holds, due = until(scope)
            return only if holds else "", due if due != NEVER else 0

        return whether

    def highest(scope: Scope) -> tuple[str, int]:
        soonest = NEVER
        for level, until in asks:
            holds, due = until(scope)
            if due < soonest:
                soonest = due
            if holds:
                return level, soonest if soonest != NEVER else 0
        return "", soonest if soonest != NEVER else 0

    return highest


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One compiled segment. `levels` from the lowest; one without levels has the single level IN."""

    id: str
    levels: tuple[Level, ...]
    needs: Needs
    keep: Keep | None = None
    plain: bool = False
    """It was written with `if`: customers are in or out."""
    why: str = ""
    was: tuple[str, ...] = ()
    definition: str = ""
    """What membership depends on, as text, including the segments that it reads."""
    look: Look = field(init=False)
    names: tuple[str, ...] = field(init=False)
    mark: int = field(init=False)
    """That of the definition: customers meet a segment with another mark silently."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "look", _look(self.levels))
        object.__setattr__(self, "names", tuple(level.name for level in self.levels))
        object.__setattr__(self, "mark", mark_of(self.definition))

    @property
    def by_calendar(self) -> bool:
        """Whether the beginning of a local year or month moves it."""
        return self.needs.reads.calendar or bool(self.keep and self.keep.years)

    @property
    def measured(self) -> bool:
        """Whether it can be said of each level what is missing for it."""
        return not self.plain and all(level.condition.lacks is not None for level in self.levels)

    def above(self, level: str) -> Level | None:
        """The level above this one; None: it is the highest."""
        place = self.place(level) + 1
        return self.levels[place] if place < len(self.levels) else None

    def place(self, level: str) -> int:
        """The place of a level from the lowest, 0; -1: outside, or the segment no longer has it."""
        return self.names.index(level) if level in self.names else -1

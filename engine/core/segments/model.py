"""What a segment is: its levels, their conditions, and for how long `keep` holds a level.

`engine/lang` makes segments when the rule files are loaded; `follow` asks them. They keep nothing of a customer.
"""

from dataclasses import dataclass, field
from datetime import date, time
from hashlib import blake2b
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from engine.core.catalog import EventType, Property
from engine.core.expression import Expression, Needs, Until
from engine.core.facts import ENTERED, LEFT, MOVED
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
    asks: tuple[tuple[str, Until], ...] = field(init=False)
    """Each level and its condition, the highest first."""
    names: tuple[str, ...] = field(init=False)
    mark: int = field(init=False)
    """A hash of the definition: customers meet a segment with another mark silently."""

    def __post_init__(self) -> None:
        asks = tuple((level.name, level.condition.until) for level in reversed(self.levels))
        object.__setattr__(self, "asks", asks)
        object.__setattr__(self, "names", tuple(level.name for level in self.levels))
        digest = blake2b(self.definition.encode(), digest_size=4).digest()
        object.__setattr__(self, "mark", int.from_bytes(digest) or 1)

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

"""What points are: the events that earn, spend and take them back, and when they end.

`engine/lang` makes them when the rule files are loaded; `record` asks them. They keep nothing of a customer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from functools import lru_cache
from hashlib import blake2b
from math import floor, isfinite
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from engine.core.catalog import EventType, Property
from engine.core.expression import NEVER, Expression, Needs, needs_of_all
from engine.core.scope import Scope
from engine.core.state.points import ENDED, FOREVER, MONTHS, Lot, TakenEarly
from engine.core.zones import DAY, from_millis, instant_of
from engine.model import Event

CHANGED: Final = "points_changed"
CHANGED_TYPE: Final = EventType(
    CHANGED,
    {
        name: Property(name, "string" if name in ("id", "points", "reason") else "integer", required=True)
        for name in ("id", "points", "delta", "balance", "reason")
    },
    made=True,
)
"""The event of each change of a balance. `points` is the id again, since `event.id` is the id of the event itself."""

MAX_POINTS: Final = 10**12
"""Points of one event; a larger number counts as none. Without it a mistaken amount would not fit into a state."""
REMEMBERED: Final = 90 * DAY
"""How long (ms) the source of an earning is remembered that nothing takes back, so that a repeat adds nothing."""
LATE: Final = 7 * DAY
"""How long (ms) after `within` a take-back may arrive that happened within it. Without it a ledger would have to
remember every order for ever."""
MAX_SOURCE_LENGTH: Final = 11
"""Characters of a source that are kept as they are; of a longer one a hash of 64 bits is kept, in as many letters. Two
of a customer's orders of the last months are taken for one with a chance of 1 in 10**17."""

MAX_LINES: Final = 100
"""Lines under `earn`. Without it there would be more lines than codes."""
CODES: Final = 126
"""Codes of lines and properties: those that take one byte of a state, and never 0."""

SECOND: Final = 1000
_LAST_YEAR: Final = 9999
_MIDNIGHT: Final = time(0)
_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"


@dataclass(frozen=True, slots=True)
class Expiry:
    """When points end: `after` ms from the earning, then at the end of that local month, or year."""

    after: int
    to: str = ""
    """month, year or "": at once."""

    def end(self, at: int, zone: ZoneInfo) -> int:
        """The end of points earned at `at` (ms), as a lot keeps it."""
        if not self.to:
            return max(MONTHS, -(-(at + self.after) // SECOND))
        day = from_millis(at + self.after, zone)
        return day.year * 12 + (day.month if self.to == "month" else 12)


def moment_of(end: int, zone: ZoneInfo) -> int:
    """The moment (ms) at which a lot's end comes where the customer is; NEVER if it has none. Not of ENDED."""
    if end == FOREVER:
        return NEVER
    return end * SECOND if end >= MONTHS else _beginning(end, zone)


@lru_cache(maxsize=4096)
def _beginning(month: int, zone: ZoneInfo) -> int:
    year, number = divmod(month, 12)
    return instant_of(date(min(year, _LAST_YEAR), number + 1, 1), _MIDNIGHT, zone)


def has_ended(end: int, at: int, zone: ZoneInfo) -> bool:
    """Whether a lot with that end is over at `at` (ms)."""
    return end == ENDED or moment_of(end, zone) <= at


class Earn(msgspec.Struct, frozen=True, eq=False):
    """One line under `earn`. `usable_after` is in ms; `match`: the property that names the source, or ""."""

    event: str
    points: Expression
    match: str = ""
    usable_after: int = 0
    where: Expression | None = None
    code: int = 0
    """Its number in states. It stays the same as long as event, match and where do."""

    def usable(self, at: int) -> int:
        """The second from which points earned at `at` (ms) can be spent."""
        return at // SECOND + -(-self.usable_after // SECOND)


class Spend(msgspec.Struct, frozen=True, eq=False):
    event: str
    points: Expression
    where: Expression | None = None


class TakeBack(msgspec.Struct, frozen=True, eq=False):
    """One line under `take_back`. `within` ms after the earning."""

    event: str
    match: str
    points: Expression
    within: int = REMEMBERED
    where: Expression | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of one kind, compiled."""

    id: str
    earn: tuple[Earn, ...]
    spend: tuple[Spend, ...] = ()
    take_back: tuple[TakeBack, ...] = ()
    expire: Expiry | None = None
    why: str = ""
    was: tuple[str, ...] = ()
    lines: Mapping[int, Earn] = field(init=False)
    """The lines under `earn`, by their codes."""
    terms: int = field(init=False)
    """A number of the expiry, never 0: a ledger with another one has lots that end otherwise."""
    memory: Mapping[str, int] = field(init=False)
    """Property -> how long (ms) after the earning a source is remembered that is a value of it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "earn", with_codes(self.earn))
        object.__setattr__(self, "lines", {line.code: line for line in self.earn})
        terms = repr((self.expire.after, self.expire.to) if self.expire else None)
        object.__setattr__(self, "terms", _number(terms, 2**31) + 1)
        memory = {line.match: REMEMBERED for line in self.earn if line.match}
        for each in self.take_back:
            longest = [one.within for one in self.take_back if one.match == each.match]
            memory[each.match] = max(longest) + LATE
        object.__setattr__(self, "memory", memory)

    @property
    def events(self) -> frozenset[str]:
        """The event types that it listens to."""
        return frozenset(line.event for line in self._all)

    @property
    def _all(self) -> "list[Earn | Spend | TakeBack]":
        return [*self.earn, *self.spend, *self.take_back]

    @property
    def needs(self) -> Needs:
        return needs_of_all(expression for line in self._all for expression in (line.points, line.where))

    @property
    def lines_as_text(self) -> str:
        """How points are earned, spent and taken back, for comparison."""
        return repr([[getattr(line, name, None) for name in _COMPARED] + _texts(line) for line in self._all])

    def end(self, at: int, zone: ZoneInfo) -> int:
        """The end of points earned at `at` (ms), as a lot keeps it."""
        return self.expire.end(at, zone) if self.expire is not None else FOREVER

    def earned_at(self, usable: int, line: int) -> int:
        """The second in which a lot was earned; for a line that is gone, or several of them, when it was usable."""
        known = self.lines.get(line)
        return usable - -(-known.usable_after // SECOND) if known is not None else usable

    def is_remembered(self, lot: Lot, settled: int) -> bool:
        """Whether the source of a lot still counts: for repeats, and for what is taken back."""
        if not lot.source:
            return False
        known = self.lines.get(lot.line)
        memory = self.memory.get(known.match, 0) if known is not None else self.longest_memory
        return settled < (self.earned_at(lot.usable, lot.line) + 1) * SECOND + memory

    def still_waits(self, early: TakenEarly, settled: int) -> bool:
        """Whether a take-back still waits for its earning."""
        return settled < early.at * SECOND + self.longest_memory

    @property
    def longest_memory(self) -> int:
        return max(self.memory.values(), default=0)


_COMPARED: Final = ("event", "match", "usable_after", "within")


def _texts(line: Earn | Spend | TakeBack) -> list[str]:
    return [type(line).__name__, line.points.text, line.where.text if line.where is not None else ""]


def with_codes(lines: Iterable[Earn]) -> tuple[Earn, ...]:
    """The lines, at most MAX_LINES, with codes from 1 to CODES, no two of them the same."""
    taken: dict[int, Earn] = {}
    for line in lines:
        code = code_of(f"{line.event}\0{line.match}\0{line.where.text if line.where else ''}")
        while code in taken:
            code = code % CODES + 1
        taken[code] = replace(line, code=code)
    return tuple(taken.values())


def code_of(text: str) -> int:
    """The number of a property, or of a line, in states."""
    return _number(text, CODES) + 1


def _number(text: str, below: int) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) % below


def amount(line: Earn | Spend | TakeBack, scope: Scope) -> int:
    """The points that an event is worth: rounded to 6 decimals, then down. What is missing or negative is 0."""
    value = line.points.test(scope)
    if type(value) not in (int, float) or not isfinite(value) or not 0 < value <= MAX_POINTS:
        return 0
    # 4.35 * 100 is 434.99999999999994 in floats; what is meant is 435.
    points: int = floor(round(value, 6))
    return points


def applies(line: Earn | Spend | TakeBack, scope: Scope) -> bool:
    return line.where is None or bool(line.where.test(scope))


def source_of(event: Event, match: str) -> str:
    """What a ledger keeps of the value of the property; "" if there is none."""
    value = event.properties.get(match) if match else None
    text = str(value) if isinstance(value, str | int | float) else ""
    if len(text) <= MAX_SOURCE_LENGTH and text.isascii():
        return text
    number = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
    return "".join(_LETTERS[number >> shift & 63] for shift in range(0, 64, 6))

"""What an event of one type means: the rules that react to it, the history that is kept of it, what it may move.

A `RuleBook` compiles one `Role` for each event type, so that an event costs only its own rules.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import force_setattr

from engine.core.catalog import EventType
from engine.core.expression import NEVER
from engine.core.facts import Fact
from engine.core.firing import Firing
from engine.core.points.model import Earn, Points, Spend, TakeBack
from engine.core.segments.model import Segment
from engine.core.state.model import State
from engine.core.zones import LocalDays
from engine.model import Event

if TYPE_CHECKING:
    from engine.core.book import Rule

NOT_DECLARED: Final = EventType("")
Reaction = Callable[[State, Event, int], Firing | None]


class Booking(msgspec.Struct, frozen=True):
    """The lines of points that one event type concerns; none of them where it only moves ends, by the zone."""

    points: Points
    earn: tuple[Earn, ...]
    spend: tuple[Spend, ...]
    take_back: tuple[TakeBack, ...]


class JourneyRole(msgspec.Struct, frozen=True):
    """The journeys that one event type concerns."""

    goals: "tuple[tuple[Rule, Fact], ...]"
    starts: "tuple[Rule, ...]"
    """Journeys whose start a late event of the type may disprove."""
    waits: "tuple[Rule, ...]"
    """Journeys that wait for the type."""
    calendars: "tuple[Rule, ...]"
    """Journeys with waits by the calendar, if the type sets the customer's zone."""
    followed: tuple[str, ...] = ()
    """Those whose runs the type concerns whenever they began, worked out here."""
    disproved: tuple[str, ...] = ()
    """The others: a late event of the type may disprove their start. Worked out here too."""

    def __post_init__(self) -> None:
        each = dict.fromkeys(rule.id for rule in (*(rule for rule, _ in self.goals), *self.waits, *self.calendars))
        force_setattr(self, "followed", tuple(each))
        force_setattr(self, "disproved", tuple(rule.id for rule in self.starts if rule.id not in each))


@dataclass(slots=True)
class Role:
    """What an event of one type means for the rules and the history that is kept."""

    declared: EventType = NOT_DECLARED
    feeds: tuple[tuple[str, str], ...] = ()
    feeds_all: bool = False
    keeps_last: bool = False
    sums: tuple[str, ...] = ()
    window: int = 0
    window_sums: tuple[str, ...] = ()
    list_span: int = 0
    """How far back the list of the newest events goes, in milliseconds; 0: there is none."""
    listed: frozenset[str] = frozenset()
    """The properties that the list keeps; `EVERY` among them: all that are declared."""
    days: LocalDays | None = None
    """The zone in which days with such an event are counted; None: they are not."""
    reactions: "tuple[tuple[Rule, Reaction, int], ...]" = ()
    exits: "tuple[tuple[Rule, Fact], ...]" = ()
    segments: tuple[tuple[Segment, bool], ...] = ()
    """Segments that an event may change, in the order of their dependence; False: only if one that it reads does."""
    segments_of_new: tuple[tuple[Segment, bool], ...] = ()
    """The same for a customer's first event, with the segments that need no event."""
    runs: JourneyRole | None = None
    """What the type means for runs of journeys; None: nothing."""
    points: tuple[Booking, ...] = ()
    """The points that an event may change."""
    ends: "tuple[Rule, ...]" = ()
    """Rules that follow the end of segments or points that it may change."""
    forget_after: int = NEVER
    """How long (ms) after an event of the type its customer may be forgotten, at the soonest."""
    arms_after: int = field(init=False)
    """An event of the type that rules only react to lets nothing be due sooner than so long (ms) after it."""
    keeps_history: bool = field(init=False)
    """More of the events is kept than their number, first, last and days."""
    keeps_window: bool = field(init=False)
    """The only thing that is kept besides these is a window."""
    ended: frozenset[str] = field(init=False)
    """The rules that it ends."""
    stands: bool = field(init=False)
    """An event may change where a customer stands: their points, or segments."""
    only_reacts: bool = field(init=False)
    """Nothing is to be done with an event of the type but to count it and to ask the triggers of rules."""
    is_simple: bool = field(init=False)
    """It moves no points, ends no rule, and moves no end that a rule follows; it may concern triggers, segments and
    journeys."""
    idle: bool = field(init=False)
    """Nothing is to be done with an event of the type but to count it; with a customer's first one, too."""
    only_counts: bool = field(init=False)
    """Nothing is to be done with an event of the type but to raise its number, unless it is a customer's first."""

    def __post_init__(self) -> None:
        self.arms_after = min([self.forget_after, *(rule.trigger.arms_after for rule, _, _ in self.reactions)])
        self.ended = frozenset(rule.id for rule, _ in self.exits)
        self.stands = bool(self.segments_of_new or self.points)
        others = self.keeps_last or self.sums or self.list_span
        self.keeps_history = bool(others or self.window)
        self.keeps_window = bool(self.window and not others)
        self.is_simple = not (self.exits or self.points or self.ends)
        self.only_reacts = self.is_simple and not (self.segments_of_new or self.runs)
        self.idle = self.only_reacts and not self.reactions
        concerns = self.segments or self.runs or self.reactions or self.feeds or self.feeds_all or self.days
        self.only_counts = self.is_simple and not (concerns or self.keeps_history)

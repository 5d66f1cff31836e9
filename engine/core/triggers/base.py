"""The base class of trigger kinds. A trigger folds events into timers and says what a due timer means.

`decide` calls `on_event`, `settle` calls `on_due`, and `rearm` calls `rearm`. A trigger keeps nothing in itself: all it
knows of a customer is in the state. To add a kind: one file here, one grammar model in `engine/lang/triggers.py` (see
docs/adding-a-trigger.md).
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from engine.core.catalog import EventType
from engine.core.expression import NEVER, Expression, Reads
from engine.core.firing import Firing
from engine.core.scope import Scope
from engine.core.state.model import Slot, State, Timer
from engine.core.zones import DAY, Zones
from engine.model import Event, KeptEvent

About = Callable[[KeptEvent | None], bool]


def anything(event: KeptEvent | None) -> bool:
    """The `About` of an exit without `match`."""
    return True


class Trigger:  # no ABC: compiled classes of one share its caches, and isinstance takes one kind for another
    """Base of all kinds. One instance serves one rule and every customer.

    The trigger owns the timers (oldest first) and the memory in `state.rules[self.rule]`.
    `horizon` is the moment up to which the partition's time is settled: the clock less the allowed lateness.
    """

    kind: ClassVar[str]
    code: ClassVar[int]
    """The kind's number in states, from 1 to 62; never changed, and never used again by another kind."""

    is_immediate: ClassVar[bool] = False
    """Whether it comes true with an event, at the event's time: it has no timers."""
    fit: int = 0
    """The number of the fit of scores that its timers were computed with; 0: they do not depend on scores."""

    def __init__(self, rule: str, **common: Any) -> None:
        self.rule = rule
        self._share(**common)  # of its own: mypyc cannot pass **common to names of a parent's __init__

    def _share(
        self,
        *,
        keeps_event: bool = False,
        zones: Zones | None = None,
        slack: int = 0,
        declared: Mapping[str, EventType] = MappingProxyType({}),
    ) -> None:
        self.keeps_event = keeps_event
        """Whether timers must keep the event that armed them, because the condition or the template asks for it."""
        self.zones = zones or Zones()
        self.slack = slack
        """The policy's allowed lateness."""
        self.declared = declared
        """The declared event types; a type that is not among them has all its properties kept."""

    @property
    def listens(self) -> frozenset[str]:
        """Event types that this trigger reacts to."""
        return frozenset()

    @property
    def fields(self) -> frozenset[str]:
        """Profile fields that this trigger reads; it also gets every event of a type that feeds them."""
        return frozenset()

    @property
    def segments(self) -> frozenset[str]:
        """Segments whose moves it reacts to: `on_event` gets the event of the move."""
        return frozenset()

    @property
    def ends(self) -> Reads:
        """Segments and points whose end it follows: `refresh` is called whenever they may have changed."""
        return Reads()

    @property
    def joined_by_time(self) -> bool:
        """Whether `refresh` is called too where time alone has moved segments, before the timers of that instant."""
        return False

    def refresh(self, state: State, now: int) -> None:
        """Follow what `ends` names, which is as it is since `now`."""

    @property
    def delay(self) -> int:
        """Milliseconds that pass at least between an event and what it makes come true."""
        return 0

    @property
    def arms_after(self) -> int:
        """Milliseconds at least between an event and the moment of a timer that it arms or moves. Backtests ask."""
        return 0

    @abstractmethod
    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        """Fold an event that is already in the tallies and the profile: arm, disarm, or fire at once."""

    def occurrence(self, timer: Timer) -> str:
        """What the timer makes come true."""
        return str(timer.since)

    def pass_over(self, state: State, occurrence: str) -> None:
        """The customer has been told of this occurrence by another book: its timer is done with, as if it had fired."""
        for timer in list(state.timers(self.rule)):
            if timer.due and self.occurrence(timer) == occurrence:
                self.on_due(state, timer)

    def on_due(self, state: State, timer: Timer) -> Firing | None:
        """The firing of a due timer; None if it does not concern the customer any more.

        Must leave the timer spent, re-armed or removed.
        """
        firing = Firing(self.occurrence(timer), timer.due, timer.event, f"{self.kind} is due")
        spend(timer)
        return firing

    def cancel(self, state: State, cancelled: int, held: bool = False, about: About = anything) -> None:
        """Disarm the timers that were armed before `cancelled`, the time of an event that ends, and are due after it.

        Called again whenever the rule has armed a timer, because events arrive in any order. `held`: the event has
        suppressed a firing that quiet hours held. `about`: whether it concerns a timer that this event armed.
        """
        for timer in state.timers(self.rule):
            if timer.since <= cancelled < timer.due and about(timer.event):
                spend(timer)

    def rearm(self, state: State, now: int) -> None:
        """Arm from the state's history, for customers that are older than the rule or its current revision.

        `now` is the clock: what has come true before it was not decided by this revision.
        """

    def missed(self, slot: Slot, newest: Mapping[str, int]) -> bool:
        """The rule was parked: disarm what events of these types (-> newest event time) may have disproved.

        True if they may have disproved deferred firings too.
        """
        return False

    def holds(self, state: State, occurrence: str, at: int) -> bool:
        """Whether a deferred firing still holds `at` the end of quiet hours."""
        return True

    def since(self, state: State, occurrence: str) -> int:
        """Since when this was coming, so that no exit from before ends it. 0: it is not known.

        Raises ValueError for an occurrence of another kind.
        """
        return 0

    def disproves(self, state: State, event: Event, occurrence: str) -> bool:
        """Whether a late event shows that this occurrence never came true. `decide` asks for runs of journeys."""
        return False

    @abstractmethod
    def explain(self, state: State) -> str:
        """Why the rule has not fired for this customer, or what it waits for, in one sentence."""

    def keep(self, event: Event) -> KeptEvent | None:
        """The event in the form a timer stores, if this rule asks for it later."""
        return self.kept(event) if self.keeps_event else None

    def kept(self, event: Event) -> KeptEvent:
        """The event as rules and templates can read it, for a firing or a timer."""
        type_ = self.declared.get(event.type)
        if type_ is None:
            return KeptEvent(event.id, event.type, event.time, event.properties)
        return type_.kept(event)


class EventTrigger(Trigger):
    """Base of kinds that come true with an event of one type: at once, so that there are no timers."""

    is_immediate = True
    event: str
    where: Expression | None

    @property
    def listens(self) -> frozenset[str]:
        return frozenset({self.event})

    @property
    def arms_after(self) -> int:
        return NEVER  # it has no timers

    def is_meant(self, state: State, event: Event) -> bool:
        """Whether `where` holds."""
        return self.where is None or bool(self.where.test(Scope(state, event, event.time)))


class DateTrigger(Trigger):
    """Base of kinds that follow a date or a moment in the profile, and come true once for each."""

    field: str

    @property
    def fields(self) -> frozenset[str]:
        return self.zones.fields | {self.field}

    @property
    def delay(self) -> int:
        return DAY

    @property
    def arms_after(self) -> int:
        return -NEVER  # what is known too late was due before the event that tells it


def spend(timer: Timer) -> None:
    """Mark a timer as fired or disarmed; `since` stays, so that the same occurrence cannot be armed again."""
    timer.due = 0
    timer.event = None


def newest(state: State, types: frozenset[str]) -> KeptEvent | None:
    """The newest event of these types in the state; it has properties only if a rule keeps them."""
    known = [(state.events[name].last, name) for name in types if name in state.events]
    if not known:
        return None
    time, name = max(known)
    history = state.history(name)
    latest = history.latest if history is not None else None
    return latest if latest is not None and latest.time == time else KeptEvent("", name, time, {})

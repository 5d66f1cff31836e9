"""What a trigger kind is: a small class that folds events into timers and says what a due timer means.

To add a kind: one file here, one grammar model in `engine/lang/triggers.py` (see docs/adding-a-trigger.md).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from engine.core.state.model import Slot, State, Timer
from engine.core.zones import Zones
from engine.model import Event, KeptEvent


class Firing(NamedTuple):
    """A rule that has come true for a customer. `moment` is when; `occurrence` makes it unique."""

    occurrence: str
    moment: int
    event: KeptEvent | None
    reason: str
    until: int = 0
    """After this moment it is pointless, however fresh; 0: no such moment."""


class Trigger(ABC):
    """Base of all kinds. One instance serves one rule and every customer; what it knows of a customer is in the state.

    It owns the timers (oldest first) and the memory in `state.rules[self.rule]`.
    `horizon` is the moment up to which the partition's time is settled: the clock less the allowed lateness.
    """

    kind: ClassVar[str]
    code: ClassVar[int]
    """The kind's number in states, from 1 to 62; never changed, and never used again by another kind."""

    def __init__(self, rule: str, **common: Any) -> None:
        self.rule = rule
        self._share(**common)  # of its own: mypyc cannot pass **common to names of a parent's __init__

    def _share(self, *, keeps_event: bool = False, zones: Zones | None = None, slack: int = 0) -> None:
        self.keeps_event = keeps_event
        """Whether timers must keep the event that armed them, because the condition or the template asks for it."""
        self.zones = zones or Zones()
        self.slack = slack
        """The policy's allowed lateness."""

    @property
    def listens(self) -> frozenset[str]:
        """Event types that can change anything for this trigger."""
        return frozenset()

    @property
    def fields(self) -> frozenset[str]:
        """Profile fields that can change anything for this trigger; it also hears every event type that feeds them."""
        return frozenset()

    @abstractmethod
    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        """Fold an event that is already in the tallies and the profile: arm, disarm, or fire at once."""

    def on_due(self, state: State, timer: Timer) -> Firing:
        """What the due timer means. Must leave it spent, re-armed or removed."""
        firing = Firing(str(timer.since), timer.due, timer.event, f"{self.kind} is due")
        spend(timer)
        return firing

    def cancel(self, state: State, cancelled: int, held: bool = False) -> None:
        """Disarm the timers that were armed before, and are due after, an event of that time that cancels the rule.

        It is asked again whenever the rule has armed something, as events come in any order. `held`: the event has
        taken back a firing that quiet hours held.
        """
        for timer in state.timers(self.rule):
            if timer.since <= cancelled < timer.due:
                spend(timer)

    def rearm(self, state: State) -> None:  # noqa: B027
        """Arm from what the state knows, for customers that were there before the rule (or this revision of it)."""

    def missed(self, slot: Slot, newest: Mapping[str, int]) -> bool:
        """The rule was away: disarm what events of these types (-> newest event time) may have disproved meanwhile.

        True where they may have disproved deferred firings too.
        """
        return False

    def holds(self, state: State, occurrence: str) -> bool:
        """Whether a deferred firing still makes sense when its time has come."""
        return True

    @abstractmethod
    def explain(self, state: State) -> str:
        """Why the rule has not fired for this customer, or what it waits for, in one sentence."""

    def keep(self, event: Event) -> KeptEvent | None:
        """The event in the form a timer stores, if this rule asks for it later."""
        if not self.keeps_event:
            return None
        return KeptEvent(event.id, event.type, event.time, event.properties)


def spend(timer: Timer) -> None:
    """Mark as fired or disarmed; `since` stays, so that the same occurrence cannot be armed again."""
    timer.due = 0
    timer.event = None


def newest(state: State, types: frozenset[str]) -> KeptEvent | None:
    """The newest event of these types that the state knows of; without properties unless some rule keeps them."""
    known = [(state.events[name].last, name) for name in types if name in state.events]
    if not known:
        return None
    time, name = max(known)
    history = state.history(name)
    kept = history.latest if history is not None else None
    return kept if kept is not None and kept.time == time else KeptEvent("", name, time, {})

"""The trigger `trial_expiring`: a trial's end comes near. It follows a profile field, and disarms when the field goes.

The field holds a moment or a day (`engine/core/ends.py`). The last timer is for the field's current end; spent ones
whose end is still ahead stand before it, so that a field that is set back does not repeat a firing. An end that has
gone or moved is announced no more, also where only the allowed lateness holds that: the message would have another.
"""

from datetime import time
from typing import Any

from engine.core.durations import text_of
from engine.core.ends import End, end_of, moment_before
from engine.core.firing import Firing
from engine.core.state.model import State, Timer
from engine.core.triggers.base import DateTrigger, spend
from engine.core.zones import iso
from engine.model import Event, KeptEvent

MAX_TRIAL_ENDS = 16
"""Ends remembered for one customer; beyond it the oldest are dropped. Without it a field that changes daily would
grow the state without end."""


class TrialExpiring(DateTrigger):
    kind = "trial_expiring"
    code = 3

    def __init__(
        self,
        rule: str,
        *,
        before: int,
        field: str = "trial_ends_at",
        at: time | None = None,
        zone: str = "",
        **common: Any,
    ) -> None:
        super().__init__(rule, **common)
        self.customers = self.zones
        self.zones = self.customers.other(zone)
        self.field = field
        self.before = before
        self.at = at

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        self._follow(state, event.time, self.keep(event))
        return None

    def _follow(self, state: State, now: int, event: KeptEvent | None) -> None:
        """Make the last timer match the field. Its value dates from `now` unless the profile has its time."""
        timers = state.timers(self.rule)
        end = self._end(state)
        if timers and end and _about(timers[-1]) == end.name:
            self._move(state, timers[-1], end, now)
            return
        since = self._since(state, now)
        kept = [timer for timer in timers if not timer.due and timer.ends > since]
        if end:
            same = next((timer for timer in kept if _about(timer) == end.name), None)
            if same:
                kept.remove(same)
            kept.append(same or Timer(self._due(state, end, since), since, end.day, ends=end.over, event=event))
        state.set_timers(self.rule, kept[-MAX_TRIAL_ENDS:])

    def _move(self, state: State, timer: Timer, end: End, now: int) -> None:
        """Recompute the timer for the customer's current zone. A moment that is past there comes true at once."""
        if timer.due > now:
            timer.due, timer.ends = max(self._due(state, end, timer.since), now), end.over

    def _since(self, state: State, now: int) -> int:
        """Since when the end is what it is."""
        return state.profile_times.get(self.field, now)

    def _end(self, state: State) -> End | None:
        return end_of(state.profile.get(self.field), self.zones.of(state.profile))

    def _due(self, state: State, end: End, since: int) -> int:
        return moment_before(end, self.before, self.at, self.zones.of(state.profile))

    def occurrence(self, timer: Timer) -> str:
        return _about(timer)

    def on_due(self, state: State, timer: Timer) -> Firing:
        shown = timer.key or iso(timer.ends)
        firing = Firing(_about(timer), timer.due, timer.event, f"{self.field} is {shown}", until=timer.ends)
        spend(timer)
        return firing

    def rearm(self, state: State, now: int) -> None:
        self._follow(state, 0, None)

    def holds(self, state: State, occurrence: str, at: int) -> bool:
        end = self._end(state)
        return end is not None and end.name == occurrence

    def since(self, state: State, occurrence: str) -> int:
        return max((timer.since for timer in state.timers(self.rule) if _about(timer) == occurrence), default=0)

    def disproves(self, state: State, event: Event, occurrence: str) -> bool:
        return not self.holds(state, occurrence, event.time)

    def explain(self, state: State) -> str:
        end = self._end(state)
        timers = state.timers(self.rule)
        if not end or not timers:
            return f"there is no {self.field}" if "." in self.field else f"the profile has no {self.field}"
        shown = end.day or iso(end.over)
        if timers[-1].due:
            return f"{self.field} is {shown}; comes true at {iso(timers[-1].due)}, {text_of(self.before)} before"
        return f"{self.field} is {shown}; has come true, or was cancelled"


def is_about(timer: Timer, end: End) -> bool:
    """Whether the timer announces this end, at this moment."""
    return timer.ends == end.over and _about(timer) == end.name


def _about(timer: Timer) -> str:
    return timer.key or str(timer.ends)

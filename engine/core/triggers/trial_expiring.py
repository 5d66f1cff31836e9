"""A trial's end comes near: follows the profile field that says when, and disarms when the field goes.

The last timer is for the end that the field says now. Before it stand those that came due before the field moved on
but still wait for the allowed lateness, and spent ones of ends still to come, so that a field that moves back
repeats nothing.
"""

from datetime import time
from typing import Any

from engine.core.durations import text_of
from engine.core.state.model import State, Timer
from engine.core.triggers.base import Firing, Trigger, spend
from engine.core.zones import from_millis, instant_of, iso
from engine.model import Event, KeptEvent

MOST_ENDS = 16
"""Ends remembered for one customer; beyond it the oldest go."""
LATEST = 250_000_000_000_000
"""The year 9892: what a field says beyond it is not meant as a moment."""


class TrialExpiring(Trigger):
    kind = "trial_expiring"
    code = 3

    def __init__(
        self, rule: str, *, before: int, field: str = "trial_ends_at", at: time | None = None, **common: Any
    ) -> None:
        super().__init__(rule, **common)
        self.field = field
        self.before = before
        self.at = at

    @property
    def fields(self) -> frozenset[str]:
        moved_by = {self.field, self.zones.field} if self.at and self.zones.field else {self.field}
        return frozenset(moved_by)

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        self._follow(state, event.time, self.keep(event))
        return None

    def _follow(self, state: State, known: int, event: KeptEvent | None) -> None:
        """Have the last timer stand for what the field says, which is `known` since then unless the profile knows."""
        timers = state.timers(self.rule)
        ends = self._ends(state)
        if timers and timers[-1].ends == ends:
            if timers[-1].due:
                timers[-1].due = self._due(state, ends)
            return
        since = state.profile_times.get(self.field, known)
        kept = [timer for timer in timers if (timer.due <= since if timer.due else timer.ends > since)]
        if ends:
            same = next((timer for timer in kept if timer.ends == ends), None)
            if same:
                kept.remove(same)
            kept.append(same or Timer(self._due(state, ends), since, ends=ends, event=event))
        state.set_timers(self.rule, kept[-MOST_ENDS:])

    def _ends(self, state: State) -> int:
        """What the field says, 0 where it says no moment."""
        ends = state.profile.get(self.field)
        return ends if type(ends) is int and 0 < ends < LATEST else 0

    def _due(self, state: State, ends: int) -> int:
        moment = ends - self.before
        if self.at is None:
            return moment
        zone = self.zones.of(state.profile)
        return instant_of(from_millis(moment, zone).date(), self.at, zone)

    def on_due(self, state: State, timer: Timer) -> Firing:
        ends = timer.ends
        firing = Firing(str(ends), timer.due, timer.event, f"{self.field} is {iso(ends)}", until=ends)
        spend(timer)
        return firing

    def rearm(self, state: State) -> None:
        self._follow(state, 0, None)

    def holds(self, state: State, occurrence: str) -> bool:
        return self._ends(state) == int(occurrence)

    def explain(self, state: State) -> str:
        ends = self._ends(state)
        timers = state.timers(self.rule)
        if not ends or not timers:
            return f"the profile has no {self.field}"
        if timers[-1].due:
            return f"{self.field} is {iso(ends)}; comes true at {iso(timers[-1].due)}, {text_of(self.before)} before"
        return f"{self.field} is {iso(ends)}; has come true, or was cancelled"

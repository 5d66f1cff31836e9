"""A trial's end comes near: follows the profile field that says when, and disarms when the field goes."""

from datetime import time
from typing import Any

from engine.core.durations import text_of
from engine.core.triggers.base import Firing, Trigger, spend
from engine.core.zones import from_millis, instant_of, iso
from engine.model import Event, State, Timer


class TrialExpiring(Trigger):
    kind = "trial_expiring"

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
        ends = state.profile.get(self.field)
        timers = state.timers.get(self.rule, [])
        current = timers[-1] if timers else None
        if current and current.first == ends:
            if current.due:
                current.due = self._due(state, ends)
            return None
        if isinstance(ends, int):
            kept = [timer for timer in timers if timer.due and timer.due <= event.time]
            kept.append(Timer(self._due(state, ends), event.time, first=ends, event=self.keep(event)))
            state.timers[self.rule] = kept
        elif timers:
            state.timers[self.rule] = [timer for timer in timers if timer.due <= event.time]
        return None

    def _due(self, state: State, ends: int) -> int:
        moment = ends - self.before
        if self.at is None:
            return moment
        zone = self.zones.of(state.profile)
        return instant_of(from_millis(moment, zone).date(), self.at, zone)

    def on_due(self, state: State, timer: Timer) -> Firing:
        ends = timer.first
        firing = Firing(str(ends), timer.due, timer.event, f"{self.field} is {iso(ends)}", until=ends)
        if timer is state.timers[self.rule][-1]:
            spend(timer)
        else:
            state.timers[self.rule].remove(timer)
        return firing

    def rearm(self, state: State) -> None:
        ends = state.profile.get(self.field)
        timers = state.timers.get(self.rule)
        if not isinstance(ends, int):
            return
        if not timers or timers[-1].first != ends:
            set_at = state.profile_times.get(self.field, 0)
            state.timers[self.rule] = [Timer(self._due(state, ends), set_at, first=ends)]
        elif timers[-1].due:
            timers[-1].due = self._due(state, ends)

    def holds(self, state: State, occurrence: str) -> bool:
        return bool(state.profile.get(self.field) == int(occurrence))

    def explain(self, state: State) -> str:
        ends = state.profile.get(self.field)
        timers = state.timers.get(self.rule)
        if not isinstance(ends, int) or not timers:
            return f"the profile has no {self.field}"
        if timers[-1].due:
            return f"{self.field} is {iso(ends)}; comes true at {iso(timers[-1].due)}, {text_of(self.before)} before"
        return f"{self.field} is {iso(ends)}; has come true, or was cancelled"

"""A date in the profile comes round: once, or every year, in the customer's zone.

29 February is kept on 28 February in common years. The slot's memory holds the dates that came true last, of a
yearly one only the last. A spent timer stands for a date that was cancelled.
"""

from datetime import date, time, timedelta
from typing import Any

from engine.core.state.model import State, Timer
from engine.core.triggers.base import Firing, Trigger
from engine.core.zones import DAY, from_millis, instant_of, iso
from engine.model import Event, KeptEvent

YEARS = range(1000, 9000)
"""A date outside them is a placeholder, not a date."""

MOST_DATES = 8
"""Dates remembered that came true; beyond it the oldest go."""


class Date(Trigger):
    kind = "date"
    code = 4

    def __init__(
        self,
        rule: str,
        *,
        field: str,
        yearly: bool = False,
        at: time = time(9),
        offset: int = 0,
        **common: Any,
    ) -> None:
        super().__init__(rule, **common)
        self.field = field
        self.yearly = yearly
        self.at = at
        self.offset = offset

    @property
    def fields(self) -> frozenset[str]:
        return frozenset({self.field, self.zones.field} if self.zones.field else {self.field})

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        self._arm(state, event.time, self.keep(event))
        return None

    def _arm(self, state: State, time: int, event: KeptEvent | None) -> None:
        """Arm for what the profile says at `time`; what came due before that stays, and what was cancelled."""
        armed = state.timers(self.rule)
        known = state.profile_times.get(self.field, time)
        since = max(time, known)
        kept = [timer for timer in armed if timer.due and timer.due <= since]
        if coming := self._next(state, since):
            key = coming[0].isoformat()
            same = next((timer for timer in armed if timer.key == key), None)
            if same is None or same.due > since:
                kept.append(Timer(coming[1], known, key, event=event or (same.event if same else None)))
            elif not same.due:
                kept.append(same)
        state.set_timers(self.rule, kept)

    def _next(self, state: State, since: int) -> tuple[date, int] | None:
        """The soonest occurrence that has not come true yet and, of a yearly one, is due at or after `since`."""
        value = self._value(state)
        if value is None:
            return None
        done = self._done(state)
        if not self.yearly:
            return (value, self._due(state, value)) if value.isoformat() not in done else None
        year = from_millis(since).year
        days = [_in_year(value, y) for y in range(year - 2, year + 4)]
        dues = [(day, self._due(state, day)) for day in days if day.isoformat() > max(done, default="")]
        return next(((day, due) for day, due in dues if due >= since), None)

    def _value(self, state: State) -> date | None:
        try:
            day = self._day(state.profile.get(self.field), state)
        except (ValueError, OverflowError):
            return None
        return day if day and day.year in YEARS else None

    def _day(self, value: object, state: State) -> date | None:
        if isinstance(value, str):
            return date.fromisoformat(value if len(value) > 5 else f"2000-{value}")
        if isinstance(value, int) and not isinstance(value, bool):
            return from_millis(value, self.zones.of(state.profile)).date()
        return None

    def _due(self, state: State, day: date) -> int:
        days, rest = divmod(self.offset, DAY)
        return instant_of(day + timedelta(days=days), self.at, self.zones.of(state.profile)) + rest

    def on_due(self, state: State, timer: Timer) -> Firing:
        firing = Firing(timer.key, timer.due, timer.event, f"{self.field} is {state.profile.get(self.field)}")
        done = [] if self.yearly else self._done(state)
        slot = state.rules[self.rule]
        slot.memory = " ".join([*done, timer.key][-MOST_DATES:])
        slot.timers.remove(timer)
        coming = self._next(state, timer.due) if self.yearly else None
        if coming and not slot.timers:
            slot.timers = [Timer(coming[1], timer.since, coming[0].isoformat(), event=timer.event)]
        return firing

    def _done(self, state: State) -> list[str]:
        slot = state.rules.get(self.rule)
        dates: str = slot.memory or "" if slot is not None else ""
        return dates.split()

    def rearm(self, state: State) -> None:
        self._arm(state, state.last, None)

    def explain(self, state: State) -> str:
        armed = [timer for timer in state.timers(self.rule) if timer.due]
        if armed:
            return f"{self.field} is {state.profile.get(self.field)}; comes true at {iso(armed[-1].due)}"
        if self._value(state) is None:
            return f"the profile has no {self.field}"
        if state.timers(self.rule):
            return f"{self.field} is {state.profile.get(self.field)}; was cancelled"
        return f"has come true for {' '.join(self._done(state)) or 'every date it had'}"


def _in_year(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)

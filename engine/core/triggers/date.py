"""The trigger `date`: a date in the profile is reached, once or every year, in the customer's zone.

29 February counts as 28 February in common years. The slot's memory holds the settled occurrences: those that came true
or were cancelled. A timer's key is its occurrence; its `since` is the moment from which it is the next occurrence. A
cancelling event cancels only the occurrence that was next at the event's time.
"""

from collections.abc import Container, Iterator
from datetime import date, time, timedelta
from typing import Any, NamedTuple

from engine.core.firing import Firing
from engine.core.state.model import State, Timer
from engine.core.triggers.base import About, DateTrigger, anything
from engine.core.zones import DAY, from_millis, instant_of, iso
from engine.model import Event, KeptEvent

YEARS = range(1000, 9000)
"""A year outside this range marks a placeholder such as 0001-01-01 or 9999-12-31; without it such dates would arm."""

MAX_SETTLED_DATES = 8
"""Settled occurrences remembered; beyond it the oldest are dropped. Without it each new date would add 11 bytes."""
SETTLED_FOR = timedelta(days=180)
"""How long a yearly occurrence is remembered as settled. Without it, it would come true twice when a new zone, or an
edit of the rule's `at` or `offset`, moves its moment. A full year would keep two occurrences where one is enough."""


class Said(NamedTuple):
    """The field's value. `key` is its name, independent of the zone; `day` is the day in the customer's zone.

    They differ for a field of type `time`: its key is the day in UTC, so that a move to another zone is not a new date.
    `since`: the year of the date itself, 0 where it has none.
    """

    key: date
    day: date
    since: int


class Coming(NamedTuple):
    """One occurrence: its name, when it comes true, and from when on it is the next one."""

    key: str
    due: int
    counts_from: int


class Date(DateTrigger):
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
        zone: str = "",
        **common: Any,
    ) -> None:
        super().__init__(rule, **common)
        self.zones = self.zones.other(zone)
        self.field = field
        self.yearly = yearly
        self.at = at
        self.offset = offset

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        self._arm(state, event.time, self.keep(event))
        return None

    def _arm(self, state: State, time: int, event: KeptEvent | None, edited: bool = False) -> None:
        """Arm for the profile's value at `time`; timers that came due before it stay if it still says so.

        An edit of the rule moves those too. An occurrence that a move to another zone puts into the past comes true
        with the move; one that an edit puts there should have come then, unless the date was told later.
        """
        armed = state.timers(self.rule)
        for timer in [timer for timer in armed if not timer.due]:  # cancelled by an older version of the engine
            self._settle(state, timer.key, time)
        known = state.profile_times.get(self.field, time)
        since = max(time, known)
        stays_until = 0 if edited else since
        came = [timer for timer in armed if 0 < timer.due <= stays_until]
        kept = [timer for timer in came if self.holds(state, timer.key, since)]
        pending = {timer.key: timer for timer in armed if timer.due > stays_until}
        coming = self._next(state, known, since, pending, known if edited else 0)
        if coming and all(timer.key != coming.key for timer in kept):
            timer = pending.get(coming.key) or Timer(0, coming.counts_from, coming.key)
            timer.due = max(coming.due, since) if coming.key in pending and not edited else coming.due
            timer.event = event or timer.event
            kept.append(timer)
        state.set_timers(self.rule, kept)

    def _next(
        self, state: State, known: int, since: int, pending: Container[str] = (), least: int = 0
    ) -> Coming | None:
        """The soonest occurrence that is not settled.

        A yearly one must be due at or after `since`; one that is `pending`, at or after `least`.
        """
        said = self._said(state)
        if said is None:
            return None
        settled = self._settled(state)
        if not self.yearly:
            key = said.key.isoformat()
            return Coming(key, self._due(state, said.day), known) if key not in settled else None
        for coming in self._yearly(state, said, known, from_millis(since).year):
            if coming.key not in settled and coming.due >= (least if coming.key in pending else since):
                return coming
        return None

    def _yearly(self, state: State, said: Said, known: int, year: int) -> Iterator[Coming]:
        """The occurrences of the years around `year`, or the first ones; never the original date itself."""
        counts_from, first = known, max(year - 2, said.since + 1)
        for this in range(first, first + 6):
            day = _in_year(said.day, this + said.day.year - said.key.year)
            due = self._due(state, day)
            yield Coming(_in_year(said.key, this).isoformat(), due, counts_from)
            counts_from = max(known, due)

    def _said(self, state: State) -> Said | None:
        value = state.profile.get(self.field)
        try:
            said = self._read(state, value)
        except (ValueError, OverflowError):  # no day at all
            return None
        return said if said is not None and said.key.year in YEARS else None

    def _read(self, state: State, value: Any) -> Said | None:
        if isinstance(value, str):
            has_year = len(value) > len("01-31")
            key = date.fromisoformat(value if has_year else f"2000-{value}")
            return Said(key, key, key.year if has_year else 0)
        if isinstance(value, int) and not isinstance(value, bool):
            key = from_millis(value).date()
            return Said(key, from_millis(value, self.zones.of(state.profile)).date(), key.year)
        return None

    def _due(self, state: State, day: date) -> int:
        days, rest = divmod(self.offset, DAY)
        return instant_of(day + timedelta(days=days), self.at, self.zones.of(state.profile)) + rest

    def occurrence(self, timer: Timer) -> str:
        return timer.key

    def on_due(self, state: State, timer: Timer) -> Firing:
        firing = Firing(timer.key, timer.due, timer.event, f"{self.field} is {self._shown(state)}")
        self._go_on(state, timer, timer.due)
        return firing

    def _go_on(self, state: State, timer: Timer, now: int) -> None:
        """Settle the timer's occurrence, and arm next year's."""
        self._settle(state, timer.key, now)
        rest = [other for other in state.timers(self.rule) if other is not timer]
        coming = self._next(state, timer.due, timer.due) if self.yearly and not rest else None
        if coming:
            rest.append(Timer(coming.due, coming.counts_from, coming.key, event=timer.event))
        state.set_timers(self.rule, rest)

    def _settled(self, state: State) -> list[str]:
        slot = state.rules.get(self.rule)
        dates: str = slot.memory or "" if slot is not None else ""
        return dates.split()

    def _settle(self, state: State, key: str, now: int) -> None:
        settled = self._settled(state)
        if self.yearly:
            oldest = (min(date.fromisoformat(key), from_millis(now).date()) - SETTLED_FOR).isoformat()
            settled = [one for one in settled if one > oldest]
        state.slot(self.rule).memory = " ".join([*settled, key][-MAX_SETTLED_DATES:])

    def cancel(self, state: State, cancelled: int, held: bool = False, about: About = anything) -> None:
        """Cancel the next occurrence only, of a yearly date too: the deferred one, or a timer's."""
        for timer in list(state.timers(self.rule)):
            if not about(timer.event):
                continue
            if held and self.yearly:
                timer.since = max(timer.since, cancelled + 1)
            elif timer.since <= cancelled < timer.due:
                self._go_on(state, timer, cancelled)

    def rearm(self, state: State, now: int) -> None:
        self._arm(state, state.last, None, edited=True)

    def holds(self, state: State, occurrence: str, at: int) -> bool:
        said, day = self._said(state), date.fromisoformat(occurrence)
        if said is None or not self.yearly:
            return said is not None and said.key == day
        return day.year > said.since and _in_year(said.key, day.year) == day

    def since(self, state: State, occurrence: str) -> int:
        return state.profile_times.get(self.field, 0)

    def explain(self, state: State) -> str:
        armed = [timer for timer in state.timers(self.rule) if timer.due]
        if armed:
            return f"{self.field} is {self._shown(state)}; comes true at {iso(armed[-1].due)}"
        if self._said(state) is None:
            return f"the profile has no {self.field}"
        return f"{self.field} is {self._shown(state)}; has come true, or was cancelled"

    def _shown(self, state: State) -> str:
        value, said = state.profile.get(self.field), self._said(state)
        return str(said.day) if said and not isinstance(value, str) else str(value)


def _in_year(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)

"""The trigger `schedule`: an hour of the calendar comes round for customers for whom `among` holds.

Each such customer has one timer, for the next occurrence in their zone: the cost is per member and not per tick. An
occurrence is a local day; its name does not depend on the zone. The slot's memory holds the newest that is settled.
`among` is evaluated when the timer is due. A customer for whom it does not hold then loses the timer, unless time
alone may bring them back.
"""

from datetime import date, time, timedelta
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from engine.core.expression import NEVER, Expression
from engine.core.firing import Firing
from engine.core.journeys.waits import WEEK, WEEKDAYS
from engine.core.scope import Scope
from engine.core.state.model import State, Timer
from engine.core.triggers.base import About, Trigger, anything
from engine.core.zones import DAY, EPOCH, MAX_REMEMBERED_DAYS, instant_of, iso
from engine.model import Event


class Schedule(Trigger):
    """Every `weeks` weeks on `weekdays` (0: Monday), every month on `day`, or every day if neither is given.

    `begins` is a day of the first week that counts; `spread` spreads the customers over so many milliseconds. `types`:
    the event types after which `among` may hold; `movers`: those that may bring another zone. `zone`: as of
    `Zones.other`.
    """

    kind = "schedule"
    code = 10

    def __init__(
        self,
        rule: str,
        *,
        at: time,
        weeks: int = 0,
        weekdays: tuple[int, ...] = (0,),
        day: int = 0,
        begins: date = date.min,
        spread: int = 0,
        among: Expression | None = None,
        types: frozenset[str] = frozenset(),
        movers: frozenset[str] = frozenset(),
        zone: str = "",
        **common: Any,
    ) -> None:
        super().__init__(rule, **common)
        self.zones = self.zones.other(zone)
        self.at = at
        self.weeks = weeks
        self.weekdays = weekdays
        self.day = day
        self.begins = begins
        self.spread = spread
        self.among = among
        self.types = types
        self.movers = movers
        self.text = self._in_words() + (f" in {zone}" if zone else "")
        self._known: dict[tuple[date, ZoneInfo], tuple[date, str, int]] = {}

    @property
    def listens(self) -> frozenset[str]:
        return self.types | self.movers

    @property
    def delay(self) -> int:
        return DAY

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        timer = self._timer(state)
        if timer is None:
            self._arm(state, at := max(event.time, horizon), at)
        elif event.type in self.movers:
            self._move(state, timer, max(event.time, horizon))
        return None

    @property
    def joined_by_time(self) -> bool:
        return self.among is not None and bool(self.among.needs.reads.segments)

    def refresh(self, state: State, now: int) -> None:
        if self._timer(state) is None:
            self._arm(state, now, now - 1)

    def _timer(self, state: State) -> Timer | None:
        """The timer; None if there is none, or if that of a guest who became known was disarmed."""
        return next((timer for timer in state.timers(self.rule) if timer.due), None)

    def occurrence(self, timer: Timer) -> str:
        return timer.key

    def on_due(self, state: State, timer: Timer) -> Firing | None:
        belongs = self.among is None or bool(self.among.test(Scope(state, None, timer.due)))
        state.slot(self.rule).memory = timer.key
        key, due = self._next(state, timer.due)
        if belongs or self._may_come(state, timer.due):
            self._set(state, due, timer.due, key)
        else:
            state.set_timers(self.rule, [])
        if not belongs:
            return None
        return Firing(timer.key, timer.due, None, f"it is {self.text}", until=due)

    def cancel(self, state: State, cancelled: int, held: bool = False, about: About = anything) -> None:
        """Skip the next occurrence only."""
        for timer in list(state.timers(self.rule)):
            if timer.since <= cancelled < timer.due and not held:
                state.slot(self.rule).memory = timer.key
                key, due = self._next(state, timer.due)
                self._set(state, due, timer.due, key)

    def rearm(self, state: State, now: int) -> None:
        timer = self._timer(state)
        if timer is None:
            self._arm(state, now, now)
        elif timer.due > now:
            key, due = self._next(state, now)
            self._set(state, due, timer.since if key == timer.key else now, key)

    def holds(self, state: State, occurrence: str, at: int) -> bool:
        return self.among is None or bool(self.among.test(Scope(state, None, at)))

    def since(self, state: State, occurrence: str) -> int:
        """The moment of the occurrence before it: from then on it was the next one."""
        day = date.fromisoformat(occurrence) - timedelta(days=1)
        while day >= self.begins and not self._is_day(day):
            day -= timedelta(days=1)
        return self._moment(state, day) if day >= self.begins else 0

    def explain(self, state: State) -> str:
        timer = self._timer(state)
        if timer is not None:
            return f"comes round {self.text}; next at {iso(timer.due)}"
        return f"the customer is not among those: {self.among.text}" if self.among else "no event has come yet"

    def _in_words(self) -> str:
        """When it comes round, in words."""
        if self.day:
            return f"day {self.day} of the month, {self.at:%H:%M}"
        if not self.weeks:
            return f"every day, {self.at:%H:%M}"
        every = "every week" if self.weeks == 1 else f"every {self.weeks} weeks"
        return f"{every} on {' and '.join(WEEKDAYS[day] for day in self.weekdays)}, {self.at:%H:%M}"

    def _may_come(self, state: State, at: int) -> bool:
        """Whether time alone may bring the customer back."""
        return self.among is not None and self.among.next_change(Scope(state, None, at)) != NEVER

    def _arm(self, state: State, at: int, after: int) -> None:
        """Set the timer for the first occurrence after that moment, if the customer belongs, or may come, `at`."""
        if self.among is None or self.among.test(Scope(state, None, at)) or self._may_come(state, at):
            key, due = self._next(state, after)
            self._set(state, due, at, key)

    def _set(self, state: State, due: int, since: int, key: str) -> None:
        began = self._drawn(state) if self.spread else 0
        state.set_timers(self.rule, [Timer(due, since, key, began)])

    def _move(self, state: State, timer: Timer, at: int) -> None:
        """Follow the customer's zone: what is past there is skipped."""
        due = self._moment(state, date.fromisoformat(timer.key))
        if due == timer.due or timer.due <= at:
            return
        if due <= at:
            state.slot(self.rule).memory = timer.key
            timer.key, due = self._next(state, at)
        timer.due = due

    def _next(self, state: State, after: int) -> tuple[str, int]:
        """The first occurrence after that moment that is not settled: its name, and when it is due."""
        slot = state.rules.get(self.rule)
        settled = str(slot.memory or "") if slot is not None else ""
        zone, offset = self.zones.of(state.profile), self._offset(state)
        past = EPOCH.toordinal() + after // DAY - 2 - self.spread // DAY  # whatever the zone, and the customer's share
        day = max(date.fromordinal(past), self.begins)
        while True:
            day, key, moment = self._coming(day, zone)
            if moment + offset > after and key > settled:
                return key, moment + offset
            day += timedelta(days=1)

    def _coming(self, day: date, zone: ZoneInfo) -> tuple[date, str, int]:
        """The first day from this one on on which it comes round, its name, and when."""
        found = self._known.get((day, zone))
        if found is None:
            first = day
            while not self._is_day(first):
                first += timedelta(days=1)
            if len(self._known) >= MAX_REMEMBERED_DAYS:
                self._known.clear()
            found = self._known[day, zone] = first, first.isoformat(), instant_of(first, self.at, zone)
        return found

    def _is_day(self, day: date) -> bool:
        if self.day:
            return day.day == min(self.day, _length(day))
        if not self.weeks:
            return True
        monday = self.begins - timedelta(days=self.begins.weekday()) if self.begins != date.min else date(1970, 1, 5)
        return day.weekday() in self.weekdays and (day - monday).days // WEEK % self.weeks == 0

    def _moment(self, state: State, day: date) -> int:
        return instant_of(day, self.at, self.zones.of(state.profile)) + self._offset(state)

    def _offset(self, state: State) -> int:
        """The customer's share of `spread`."""
        return self._drawn(state) % self.spread if self.spread else 0

    def _drawn(self, state: State) -> int:
        """The number that the share is taken from. The timer has it: an older event may come, or another id."""
        timer = self._timer(state)
        if timer is not None and timer.began:
            return timer.began
        first = min((memory.first for memory in state.events.values()), default=0)
        return int.from_bytes(blake2b(f"{self.rule}\0{first}".encode(), digest_size=8).digest())


def _length(day: date) -> int:
    """How many days the month has."""
    return (date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)).day

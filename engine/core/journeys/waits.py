"""How long a journey waits: an exact time, days of the customer's calendar, or until a time that an event tells.

`conduct` asks when a wait ends, and again when the customer's zone or the rule book changes: the answer depends only on
when the wait began, the event that began the run, and the zone, which is the customer's unless the wait names another.
"""

from datetime import date, time, timedelta
from math import floor
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import msgspec

from engine.core.durations import text_of
from engine.core.ends import end_of, moment_before
from engine.core.expression import Expression
from engine.core.scope import Scope
from engine.core.zones import DAY, OF_PROFILE, Zones, from_millis, instant_of, zone_said

MAX_DAYS = 36_500
"""100 years. A number of days beyond it, which may come from an event, would give a moment that no date can hold."""
WEEK = 7
OF_EVENT: Final = "event."
"""Begins the zone of a wait which a property of the event has."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Length(Protocol):
    """How long a wait lasts. `text` names it in reasons and explanations."""

    @property
    def text(self) -> str: ...

    @property
    def least(self) -> int:
        """Milliseconds that it lasts at least."""

    @property
    def by_calendar(self) -> bool:
        """Whether the end depends on the customer's zone."""

    @property
    def zone(self) -> str:
        """The zone of the calendar: a name, or the property or profile field that has it; "": the customer's."""

    @property
    def unknown(self) -> str:
        """The reason why a customer has no end of the wait."""

    def end(self, scope: Scope, since: int, zones: Zones) -> int | None:
        """When a wait that began at `since` ends; None if an event does not say how long it is."""


class Span(msgspec.Struct, frozen=True):
    """An exact time, in milliseconds."""

    millis: int

    @property
    def text(self) -> str:
        return text_of(self.millis)

    @property
    def least(self) -> int:
        return self.millis

    @property
    def by_calendar(self) -> bool:
        return False

    @property
    def zone(self) -> str:
        return ""

    @property
    def unknown(self) -> str:
        return ""  # never

    def end(self, scope: Scope, since: int, zones: Zones) -> int | None:
        return since + self.millis


class Days(msgspec.Struct, frozen=True):
    """Local days, then until a time of day, on certain days of the week: the first such moment that is not yet past.

    `until` None: the time of day at which the wait began. Of `weekdays` 0 is Monday; none: any day. `zone`: as of
    `_zone`.
    """

    days: "int | Expression" = 0
    until: time | None = None
    weekdays: tuple[int, ...] = ()
    zone: str = ""

    @property
    def text(self) -> str:
        parts = []
        if self.days or (self.until is None and not self.weekdays):
            days = self.days if isinstance(self.days, int) else self.days.text
            parts.append("1 day" if days == 1 else f"{days} days")
        if self.weekdays:
            parts.append(f"until {' or '.join(WEEKDAYS[day] for day in self.weekdays)}")
        if self.until is not None:
            parts.append(f"{'' if self.weekdays else 'until '}{self.until:%H:%M}")
        return " ".join(parts) + _in(self.zone)

    @property
    def least(self) -> int:
        return (self.days - 1) * DAY if isinstance(self.days, int) and self.days > 1 else 0

    @property
    def by_calendar(self) -> bool:
        return _may_be_the_customers(self.zone)

    @property
    def unknown(self) -> str:
        days = self.days if isinstance(self.days, int) else self.days.text
        return f"{days} is missing, negative or too large: the wait has no length"

    def end(self, scope: Scope, since: int, zones: Zones) -> int | None:
        number = self.days if isinstance(self.days, int) else self.days.test(scope)
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= MAX_DAYS:
            return None
        zone = _zone(self.zone, scope, zones)
        began = from_millis(since, zone)
        at = began.time() if self.until is None else self.until
        day = self._on_weekday(began.date() + timedelta(days=floor(number)))
        end = instant_of(day, at, zone)
        if end < since and self.until is not None:
            end = instant_of(self._on_weekday(day + timedelta(days=1)), at, zone)
        return max(end, since)

    def _on_weekday(self, day: date) -> date:
        """The first day from this one on that is a wanted day of the week."""
        return day + timedelta(days=min(((wanted - day.weekday()) % WEEK for wanted in self.weekdays), default=0))


class Until(msgspec.Struct, frozen=True):
    """Until `before` milliseconds ahead of the time or day in a property of the event that began the run, or after it.

    After it: `before` is negative. With `at`, it is this time of that local day. It may be past when the wait begins.
    `zone`: as of `_zone`.
    """

    name: str
    before: int = 0
    at: time | None = None
    zone: str = ""

    @property
    def text(self) -> str:
        away = f"{text_of(abs(self.before))} {'before' if self.before > 0 else 'after'} " if self.before else ""
        return f"until {away}event.{self.name}{f' at {self.at:%H:%M}' if self.at else ''}{_in(self.zone)}"

    @property
    def least(self) -> int:
        return 0

    @property
    def by_calendar(self) -> bool:
        return _may_be_the_customers(self.zone)

    @property
    def unknown(self) -> str:
        return f"event.{self.name} is missing, or no time that a wait can end with"

    def end(self, scope: Scope, since: int, zones: Zones) -> int | None:
        zone = _zone(self.zone, scope, zones)
        end = end_of(scope.event.properties.get(self.name), zone) if scope.event is not None else None
        return moment_before(end, self.before, self.at, zone) if end is not None else None


def _zone(name: str, scope: Scope, zones: Zones) -> ZoneInfo:
    """The zone that a wait names: itself, or the property or profile field that has it; else the customer's."""
    said: Any = name
    if name.startswith(OF_EVENT):
        said = scope.event.properties.get(name.removeprefix(OF_EVENT)) if scope.event is not None else None
    elif name.startswith(OF_PROFILE):
        said = scope.state.profile.get(name.removeprefix(OF_PROFILE))
    return zone_said(said) or zones.of(scope.state.profile)


def _may_be_the_customers(zone: str) -> bool:
    return not zone or zone.startswith((OF_EVENT, OF_PROFILE))


def _in(zone: str) -> str:
    return f" in {zone}" if zone else ""

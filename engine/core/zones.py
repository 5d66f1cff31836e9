"""Wall-clock time of a customer: their zone, and instants from local dates and times (`engine.arithmetic.local_time`).

Triggers, quiet hours, caps and messages call it. Zones come from the package tzdata alone. `ZoneInfo(name)` prefers the
system's data: often years older and different on each machine, so two workers would disagree about local time.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]

from engine.arithmetic.local_time import DAY, EPOCH, from_millis, instant_of, to_millis

__all__ = [
    "DAY",
    "EPOCH",
    "ZONES_VERSION",
    "LocalDays",
    "Zones",
    "from_millis",
    "instant_of",
    "iso",
    "iso_date",
    "iso_or_none",
    "to_millis",
    "zone_names",
    "zone_or_none",
]
ZONES_VERSION: str = tzdata.IANA_VERSION
"""The release of the time zone database that all zones come from, such as 2026f."""
_EPOCH_DAY = EPOCH.toordinal()
MAX_REMEMBERED_DAYS = 20_000
"""Days of which a zone's offset is remembered, some 2 MB: events of 55 years. Without it times that jump over centuries
would fill the memory."""
_DATA = Path(tzdata.__file__).with_name("zoneinfo")
_SECONDS = [f"{second:02}" for second in range(60)]
_FRACTIONS = ["Z", *(f".{millis:03}Z" for millis in range(1, 1000))]
_MINUTES = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(24 * 60)]


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """All zone names. Other names, which may come from a customer's profile, must not reach the file system."""
    return frozenset(_DATA.with_name("zones").read_text(encoding="ascii").split())


@lru_cache(maxsize=1024)
def zone_or_none(name: str) -> ZoneInfo | None:
    """The zone of that IANA name, or None if there is no such zone."""
    if name not in zone_names():
        return None
    with _DATA.joinpath(name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def zone_said(value: object) -> ZoneInfo | None:
    """The zone that a property or a profile field names; None if it has no such name."""
    return zone_or_none(value) if isinstance(value, str) else None


@lru_cache(maxsize=256)
def iso(instant: int) -> str:
    """ISO 8601 in UTC, with milliseconds only if they are not zero."""
    day, rest = divmod(instant, DAY)
    minute, rest = divmod(rest, 60_000)
    return f"{iso_date(day)}T{_MINUTES[minute]}:{_SECONDS[rest // 1000]}{_FRACTIONS[rest % 1000]}"


def iso_or_none(instant: int) -> str | None:
    """As `iso`; None for 0, which stands for no moment."""
    return iso(instant) if instant else None


@lru_cache(maxsize=4096)
def iso_date(day: int) -> str:
    """The day, such as "2026-01-31", by its number since 1970."""
    return (EPOCH + timedelta(days=day)).date().isoformat()


class LocalDays:
    """Numbers of local days, counted from 1970-01-01: for what asks about many instants.

    Clocks stay the same on all but some two days of UTC a year. For those the zone is asked about each instant; for the
    others its offset is remembered, which takes a tenth of the time.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._offsets: dict[int, int] = {}

    def of(self, instant: int) -> int:
        try:
            return (instant + self._offsets[instant // DAY]) // DAY
        except KeyError:
            return self._ask(instant)

    def between(self, first: int, last: int) -> int:
        """How many days the last of two instants is later."""
        offsets = self._offsets
        try:
            return (last + offsets[last // DAY]) // DAY - (first + offsets[first // DAY]) // DAY
        except KeyError:
            return self.of(last) - self.of(first)

    def _ask(self, instant: int) -> int:
        start = instant - instant % DAY
        before, after = (from_millis(moment, self.zone).utcoffset() for moment in (start, start + DAY))
        if before is not None and before == after:
            if len(self._offsets) >= MAX_REMEMBERED_DAYS:
                self._offsets.clear()
            self._offsets[start // DAY] = before // timedelta(milliseconds=1)
        return from_millis(instant, self.zone).toordinal() - _EPOCH_DAY


OF_PROFILE = "profile."
"""Begins the zone of a rule that a field of the profile has."""


class Zones:
    """Finds a customer's zone: by the profile field that the policy names, else the policy's default.

    Raises ValueError if the default is not a zone.
    """

    def __init__(self, default: str = "UTC", field: str | None = None) -> None:
        found = zone_or_none(default)
        if found is None:
            raise ValueError(default)
        self.default = found
        self.field = field
        self.fields = frozenset({field} if field else ())
        """The profile fields that it depends on."""

    def other(self, name: str) -> "Zones":
        """Those of a rule that names a zone, or the field that has it as profile.<field>; themselves for ""."""
        if name.startswith(OF_PROFILE):
            return _ZonesOfField(self, name.removeprefix(OF_PROFILE))
        return Zones(name) if name else self

    def of(self, profile: Mapping[str, Any]) -> ZoneInfo:
        """The customer's zone; an unknown name in the profile gives the default."""
        return zone_said(profile.get(self.field) if self.field else None) or self.default


class _ZonesOfField(Zones):
    """The zone that a profile field has; where it has none, the customer's."""

    def __init__(self, customers: Zones, field: str) -> None:
        super().__init__(field=field)
        self.customers = customers
        self.fields |= customers.fields

    def of(self, profile: Mapping[str, Any]) -> ZoneInfo:
        return zone_said(profile.get(self.field or "")) or self.customers.of(profile)

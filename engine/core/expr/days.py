"""Days of the calendar as data has them, "2026-01-31" or "01-31" for every year, and `today` beside them.

`closures` compares with `today`, and `changes` asks for the moment at which such a comparison becomes another: a
midnight where the customer lives.
"""

from calendar import isleap
from collections.abc import Iterator
from datetime import date, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.core.expression import NEVER
from engine.core.zones import from_millis, instant_of

_YEARLESS = len("01-31")
_LEAP_DAY = "02-29"
_DAY = timedelta(days=1)


@lru_cache(maxsize=4096)
def is_day(text: str) -> bool:
    """Whether the text is a day, with or without a year."""
    full = text if len(text) > _YEARLESS else f"2024-{text}"
    try:
        return date.fromisoformat(full).isoformat() == full
    except ValueError:
        return False


def today(now: int, zone: ZoneInfo) -> str:
    """The day in the zone."""
    return from_millis(now, zone).date().isoformat()


def next_change(day: str, now: int, zone: ZoneInfo) -> int:
    """The first moment after `now` at which `today` comes to the day or passes it; NEVER."""
    try:
        moments = [instant_of(each, time(), zone) for each in _boundaries(day, from_millis(now, zone).year)]
    except (ValueError, OverflowError):  # beyond the year 9999
        return NEVER
    return min((moment for moment in moments if moment > now), default=NEVER)


def _boundaries(day: str, year: int) -> Iterator[date]:
    """The days at whose beginning a comparison of `today` with the day may change."""
    if len(day) > _YEARLESS:
        yield from (date.fromisoformat(day), date.fromisoformat(day) + _DAY)
        return
    for each in (year, year + 1):
        yield date(each, 1, 1)
        if day == _LEAP_DAY and not isleap(each):
            yield date(each, 3, 1)
        else:
            yield from (date.fromisoformat(f"{each}-{day}"), date.fromisoformat(f"{each}-{day}") + _DAY)

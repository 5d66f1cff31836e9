"""The customer's present year or month, for windows such as count("this year").

`closures` and `changes` call it for each value, so the bounds that were used last are remembered by zone.
"""

from datetime import time, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from engine.core.zones import DAY, from_millis, instant_of

Unit: TypeAlias = Literal["year", "month"]
PERIODS: dict[str, Unit] = {"this year": "year", "this month": "month"}
SPANS: dict[Unit, int] = {"year": 368 * DAY, "month": 33 * DAY}
"""How much history is kept: the longest period, and a day more on both sides, as a customer may change their zone."""

_latest: dict[tuple[Unit, str], tuple[int, int]] = {}


def bounds(unit: Unit, now: int, zone: ZoneInfo) -> tuple[int, int]:
    """The first instant of the period around `now`, and that of the next one."""
    key = (unit, zone.key)
    found = _latest.get(key)
    if found is None or not found[0] <= now < found[1]:
        found = _latest[key] = _bounds(unit, now, zone)
    return found


def _bounds(unit: Unit, now: int, zone: ZoneInfo) -> tuple[int, int]:
    first = from_millis(now, zone).date().replace(day=1)
    if unit == "year":
        first = first.replace(month=1)
    following = (first + timedelta(days=370 if unit == "year" else 32)).replace(day=1)
    return instant_of(first, time(), zone), instant_of(following, time(), zone)

"""The end of something, such as a trial, as a profile or an event tells it, and the moment so long before it.

Triggers and waits of journeys ask here. An end is a moment or a day. A day begins at its first instant in the
customer's zone, and what ends with it is over at its end.
"""

from datetime import date, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from engine.core.zones import DAY, from_millis, instant_of

MAX_END = 250_000_000_000_000
"""Epoch ms in the year 9892. A larger number is a placeholder or microseconds, and no end."""
YEARS = range(1970, 9892)
"""Years of a day that is an end; others are placeholders such as 9999-12-31."""
MIDNIGHT = time(0)


class End(NamedTuple):
    """An end. `day` is ISO 8601, "" if it is a moment; `over` is when what ends is over.

    `name` is the occurrence; it does not depend on the zone. `counts_from`: the day whose beginning the announcement
    is so long before; None: it is before the moment `over`.
    """

    name: str
    day: str
    over: int
    counts_from: date | None = None


def end_of(said: Any, zone: ZoneInfo) -> End | None:
    """The end that a value tells; None if it is none."""
    if isinstance(said, str):
        return _end_of_day(said, zone)
    return End(str(said), "", said) if type(said) is int and 0 < said < MAX_END else None


def _end_of_day(said: str, zone: ZoneInfo) -> End | None:
    try:
        day = date.fromisoformat(said)
    except ValueError:  # a day without a year, or no day at all
        return None
    if day.year not in YEARS:
        return None
    return End(day.isoformat(), day.isoformat(), instant_of(day + timedelta(days=1), MIDNIGHT, zone), day)


def moment_before(end: End, before: int, at: time | None, zone: ZoneInfo) -> int:
    """The moment `before` milliseconds ahead of the end, or at this time of that local day."""
    moment = end.over - before
    if end.counts_from:
        days, rest = divmod(before, DAY)
        moment = instant_of(end.counts_from - timedelta(days=days), MIDNIGHT, zone) - rest
    return moment if at is None else instant_of(from_millis(moment, zone).date(), at, zone)

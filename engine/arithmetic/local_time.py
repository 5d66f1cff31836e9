"""Instants and what clocks show at them, with a stated choice where clocks are changed.

In a gap (clocks jump forward) the next valid instant is taken; in an overlap (clocks go back) the first of the two.
`engine.core.zones` finds the zones; figures take days from here too, so that both mean the same day.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DAY: Final = 86_400_000


def to_millis(moment: datetime) -> int:
    """Epoch milliseconds of an aware datetime, exactly."""
    delta = moment - EPOCH
    return delta.days * DAY + delta.seconds * 1000 + delta.microseconds // 1000


def from_millis(instant: int, zone: ZoneInfo | None = None) -> datetime:
    """The aware datetime of an instant, in UTC or the zone."""
    moment = EPOCH + timedelta(milliseconds=instant)
    return moment.astimezone(zone) if zone else moment


def instant_of(day: date, at: time, zone: ZoneInfo) -> int:
    """The instant when a wall clock in the zone shows `at` on `day`."""
    wall = datetime.combine(day, at)
    instant = to_millis(wall.replace(tzinfo=zone, fold=0))
    if from_millis(instant, zone).replace(tzinfo=None) == wall:
        return instant
    return _end_of_gap(wall, zone)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> int:
    before = to_millis(wall.replace(tzinfo=zone, fold=1))
    after = to_millis(wall.replace(tzinfo=zone, fold=0))
    return change_between(min(before, after), max(before, after), zone)


def change_between(low: int, high: int, zone: ZoneInfo) -> int:
    """The first instant after `low` with another offset, where clocks change once up to `high`."""
    offset = from_millis(low, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if from_millis(middle, zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high

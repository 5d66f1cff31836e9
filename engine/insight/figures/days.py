"""Local days of instants, in SQL: by arithmetic.

`shop` calls it, with a zone from the data that rules use. DuckDB's cast to a day of a zone asks a calendar library
about each row, and has zone data of its own.
"""

from datetime import UTC as _UTC
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

UTC: Final = ZoneInfo("UTC")
DAY: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=_UTC)
_BASE: Final = -719_162
"""The day 0001-01-01, counted from 1970: SQL's division rounds towards zero, so the dividend must not be negative."""

Offset = tuple[int, int]
"""From which instant (epoch ms) on clocks are ahead of UTC, and by how many milliseconds."""


def local(instant: int, zone: ZoneInfo) -> datetime:
    """What clocks show at an instant (epoch ms)."""
    return (_EPOCH + timedelta(milliseconds=instant)).astimezone(zone)


def start_of(day: date, zone: ZoneInfo) -> int:
    """Epoch ms of the start of a day."""
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)


def day_of(instant: str, zone: ZoneInfo, first: int, last: int) -> str:
    """SQL of the local day of `instant`, an expression in epoch ms that is never below `first` or above `last`."""
    ahead = _ahead(instant, _offsets(zone, first, last))
    return f"(DATE '0001-01-01' + (({instant} + {ahead} - {_BASE * DAY}) // {DAY})::INTEGER)"


def _ahead(instant: str, offsets: list[Offset]) -> str:
    """The offset of an instant, by halving: centuries of changes of the clocks are nested no deeper than ten times."""
    if len(offsets) == 1:
        return str(offsets[0][1])
    middle = len(offsets) // 2
    before, after = _ahead(instant, offsets[:middle]), _ahead(instant, offsets[middle:])
    return f"CASE WHEN {instant} < {offsets[middle][0]} THEN {before} ELSE {after} END"


def _offsets(zone: ZoneInfo, first: int, last: int) -> list[Offset]:
    """The offsets between two instants. Clocks that change twice within 24 hours of UTC are not known."""
    found = [(first, _offset(first, zone))]
    for start in range(first, last, DAY):
        end = min(start + DAY, last)
        offset = _offset(end, zone)
        if offset != found[-1][1]:
            found.append((_change(start, end, zone), offset))
    return found


def _change(low: int, high: int, zone: ZoneInfo) -> int:
    """The first instant after `low` that has the offset of `high`."""
    offset = _offset(high, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(middle, zone) == offset else (middle, high)
    return high


def _offset(instant: int, zone: ZoneInfo) -> int:
    ahead = local(instant, zone).utcoffset()
    return round(ahead.total_seconds() * 1000) if ahead else 0

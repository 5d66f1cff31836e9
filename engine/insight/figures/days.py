"""Local days of instants, in SQL: by arithmetic.

`shop` calls it, with a zone from the data that rules use. DuckDB's cast to a day of a zone asks a calendar library
about each row, and has zone data of its own.
"""

from datetime import date, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from engine.arithmetic.local_time import DAY, change_between, from_millis, instant_of

UTC: Final = ZoneInfo("UTC")
_BASE: Final = -719_162
"""The day 0001-01-01, counted from 1970: SQL's division rounds towards zero, so the dividend must not be negative."""

Offset = tuple[int, int]
"""From which instant (epoch ms) on clocks are ahead of UTC, and by how many milliseconds."""


def start_of(day: date, zone: ZoneInfo) -> int:
    """Epoch ms of the start of a day."""
    return instant_of(day, time(), zone)


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
            found.append((change_between(start, end, zone), offset))
    return found


def _offset(instant: int, zone: ZoneInfo) -> int:
    """How far clocks are ahead of UTC, in milliseconds."""
    return (from_millis(instant, zone).utcoffset() or timedelta()) // timedelta(milliseconds=1)

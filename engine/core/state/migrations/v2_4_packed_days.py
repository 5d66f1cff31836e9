"""Version 2.4: the days that scores count are a short text (see `core.state.days`), no lists within the history.

Before, a history had `d`, the newest days as numbers, oldest first, and `o`, how many came before these. Numbers of
zones other than UTC counted from the year 1 until December 2026, and from 1970 since. How many days there are from the
first to the last is not known here, and is 0 until the customer meets a book, whose mark has changed with this version.
"""

from itertools import pairwise
from typing import Any

_YEAR_ONE = 719_163
"""Days from 0001-01-01 to 1970-01-01."""
_LONG_AGO = 500_000
_MAX_CODE = 0xD7FF


def migrate(fields: list[Any]) -> None:
    """Change the raw fields of a state of 2.0 to 2.3."""
    for memory in (fields[4] if len(fields) > 4 else {}).values():
        history = memory[3] if len(memory) > 3 else None
        if history and "d" in history:
            packed = _packed(history.pop("d"), history.pop("o", 0))
            memory[3] = history | {"d": packed} if history else packed


def _packed(listed: list[int], older: int) -> str:
    days = sorted({day - _YEAR_ONE if day > _LONG_AGO else day for day in listed}, reverse=True)
    gaps = [late - early for late, early in pairwise(days)]
    return "".join(chr(min(number, _MAX_CODE)) for number in (len(days) + older, 0, *gaps))

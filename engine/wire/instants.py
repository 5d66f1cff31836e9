"""Instants in records: text of ISO 8601, and epoch numbers in the unit that events.yaml names."""

from datetime import UTC, datetime
from typing import Any, Final

from engine.core.zones import to_millis

UNIT = {"s": 1000.0, "ms": 1.0, "us": 0.001, "ns": 0.000_001}
DIGITS = {UNIT["s"]: 10, UNIT["ms"]: 13, UNIT["us"]: 16, UNIT["ns"]: 19}
"""Digits of an epoch number from 2001 to 2286. Text of so many digits is one; any other count may be a date, as people
and databases write it without dashes."""
FIRST: Final = to_millis(datetime.min.replace(tzinfo=UTC))
LAST: Final = to_millis(datetime.max.replace(tzinfo=UTC))
"""The years 1 to 9999, epoch ms: Python's datetime knows no others."""


def instant_in(value: Any, unit: float) -> int | None:
    """Epoch ms; None for what is no instant of the years 1 to 9999."""
    if isinstance(value, str):
        if value.isdecimal() and len(value) != len("YYYYMMDD"):
            return instant_in(int(value), unit) if len(value) == DIGITS[unit] else None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        instant = to_millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        return instant if FIRST <= instant <= LAST else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Compared before it is multiplied: infinity, NaN and integers that no float can hold are no moments.
    return round(value * unit) if FIRST / unit <= value <= LAST / unit else None


def other_units(unit: float) -> str:
    """The units other than this one, for messages."""
    return "unit: " + ", ".join(name for name, each in UNIT.items() if each != unit)

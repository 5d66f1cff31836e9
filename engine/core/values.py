"""Values that producers write as text: days, numbers, and the ways to write "no date".

The decoder and rule tests call it. It must accept only what can be read in one way; everything else is refused.
"""

import re
from datetime import date, datetime
from math import isfinite

from engine.model import Number

MAX_NUMBER_LENGTH = 64
"""Characters of a number in text; a longer text is no number. Without it `int` raises on more than 4,300 digits."""

DAY_LENGTH = 10
"""Characters of YYYY-MM-DD. Longer texts have a time, so they skip the attempt to read them as a day."""

_NO_DATE = re.compile(r"\s*|0000-00-00([ T][0:.]*Z?)?|00[-./]00[-./]0000")
_MONTH_AND_DAY = re.compile(r"\d\d-\d\d")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)


def is_no_date(text: str) -> bool:
    """Whether the text stands for a missing date, as forms and databases write it: empty, or zeros."""
    return _NO_DATE.fullmatch(text) is not None


def day_of(text: str) -> str:
    """The day as "YYYY-MM-DD" or "MM-DD"; of a day with a time, the day as written. Raises ValueError."""
    if len(text) == DAY_LENGTH:  # the usual form
        return date.fromisoformat(text).isoformat()
    if len(text) == len("MM-DD") and _MONTH_AND_DAY.fullmatch(text):
        date.fromisoformat(f"2000-{text}")
        return text
    if text.isdecimal() and len(text) != len("YYYYMMDD"):
        raise ValueError(text)  # Python reads the year 1712 in the milliseconds 1712010112345
    return datetime.fromisoformat(text).date().isoformat()


def whole_day(text: str) -> str | None:
    """The day as "YYYY-MM-DD" where the text has a day and no time, else None."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def in_first_weeks(value: object) -> bool:
    """Whether this is an instant of the first weeks of 1970: seconds of today lie there, taken for milliseconds."""
    return type(value) is int and 0 < value < 2**32


def number_of(text: str) -> Number | None:
    """The text as a number, with a decimal point and without thousands separators; None if it is not one."""
    text = text.strip()
    if len(text) > MAX_NUMBER_LENGTH or not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    number = float(text)
    return number if isfinite(number) else None

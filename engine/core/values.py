"""Values that producers write as text: days, numbers, and the ways to say "no date". For decoding and rule tests."""

import re
from datetime import date, datetime
from math import isfinite

from engine.model import Number

MAX_NUMBER_LENGTH = 64
"""Characters of a number in text; a longer one is a mistake, and Python refuses to convert thousands of digits."""

DAY_LENGTH = 10
"""Characters of a day without a time, so that times, which are longer, are not looked at twice."""

_NO_DATE = re.compile(r"\s*|0000-00-00([ T][0:.]*Z?)?|00[-./]00[-./]0000")
_MONTH_AND_DAY = re.compile(r"\d\d-\d\d")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)


def is_no_date(text: str) -> bool:
    """Whether it is what forms and databases write for a date they do not have: nothing, or zeros."""
    return _NO_DATE.fullmatch(text) is not None


def day_of(text: str) -> str:
    """The day as "YYYY-MM-DD" or "MM-DD"; of a day with a time, the day as written. Raises ValueError."""
    if len(text) == DAY_LENGTH:  # nearly every one
        return date.fromisoformat(text).isoformat()
    if len(text) == len("MM-DD") and _MONTH_AND_DAY.fullmatch(text):
        date.fromisoformat(f"2000-{text}")
        return text
    return datetime.fromisoformat(text).date().isoformat()


def whole_day(text: str) -> str | None:
    """The day as "YYYY-MM-DD" where the text has a day and no time, else None."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def number_of(text: str) -> Number | None:
    """The number that the text is, with a point and without separators of thousands, else None."""
    text = text.strip()
    if len(text) > MAX_NUMBER_LENGTH or not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    number = float(text)
    return number if isfinite(number) else None

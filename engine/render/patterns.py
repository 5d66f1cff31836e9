"""Judges the patterns that the filters `date`, `datetime` and `time` print by, without a moment of a customer.

Their letters are those of Unicode. Who writes them as for strftime, for a spreadsheet or another library gets a text
that looks like a date and is none: DD is the day of the year, YYYY the year of the week, mm are minutes.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final, NamedTuple

NAMED: Final = ("short", "medium", "long", "full")

_QUOTED = re.compile("'[^']*'")
_PERCENT = re.compile("%-?[A-Za-z]")
_RUN = re.compile("[A-Za-z]+")
_SAME = re.compile(r"([A-Za-z])\1*")
_HOURS, _TWELVE, _HALVES = frozenset("hHkK"), frozenset("hK"), frozenset("abB")
_JOINED = re.compile("[hK]m?[abB]|v?E?[abB][hK]|vH|Gy|dE")
"""Single letters that stand without a space between them: 9AM, and what is so in Chinese and Japanese."""
_ISO = re.compile("T(?=[Hk])")
"""The T of 2026-01-15T09:30, which prints as it is."""
ADD_HALF: Final = "or add a for AM and PM"
HALF_ALONE: Final = re.compile(r"""\|\s*(?:date)?time\(\s*(["'])[abB]+\1""")
"""A filter that prints AM or PM alone, as beside an hour that another filter prints."""
_WRITE = "write it as in dd.MM.yyyy HH:mm"
_NOON: Final = datetime(2026, 1, 15, 12, tzinfo=UTC)


class Flaw(NamedTuple):
    """What is wrong with a pattern, and what to write. `fails`: no moment can be printed by it."""

    message: str
    help: str
    fails: bool = False


def flaw_of(filter_: str, pattern: str) -> Flaw | None:
    """The first thing that is wrong with a pattern of this filter; None where it may be meant as it is."""
    if pattern in NAMED:
        return None
    plain = _ISO.sub(" ", _QUOTED.sub(" ", pattern))
    fields = [found[0] for found in _SAME.finditer(plain) if _is_field(found[0])]
    failing = _failing(filter_, fields)
    found = _misspelt(pattern) or _mistaken(filter_, plain, fields) or failing or _unclear(fields)
    return found and found._replace(fails=failing is not None)


def _is_field(letters: str) -> bool:
    from babel.dates import PATTERN_CHARS

    return letters[0] in PATTERN_CHARS


def _failing(filter_: str, fields: list[str]) -> Flaw | None:
    """The first part that the filter cannot print."""
    for field in fields:
        try:
            _try(filter_, field)
        except AttributeError:
            lacks = "an hour" if filter_ == "date" else "a day"
            return Flaw(f"'{field}' needs {lacks}, and {filter_} has none", "the filter `datetime` knows both")
        except (KeyError, ValueError):
            return Flaw(f"a pattern has no part '{field}'", _WRITE)
    return None


def _misspelt(pattern: str) -> Flaw | None:
    close = get_close_matches(pattern.lower(), NAMED, 1, 0.75)
    return (
        Flaw(f"'{pattern}' is no format, and read letter by letter", f"did you mean '{close[0]}'?") if close else None
    )


def _mistaken(filter_: str, plain: str, fields: list[str]) -> Flaw | None:
    """Letters that mean something else elsewhere."""
    if _PERCENT.search(plain):
        return Flaw("a % prints as it is", _WRITE)
    if words := [run for run in _RUN.findall(plain) if _is_word(run)]:
        return Flaw(f"'{words[0]}' is no part of a pattern", f"{_WRITE}; words stand in single quotes")
    return _month_or_minute(filter_, fields) or _day_or_year(fields)


def _month_or_minute(filter_: str, fields: list[str]) -> Flaw | None:
    """M where m is meant, or m where M is: minutes stand behind hours or before seconds, or all alone."""
    all_minutes = filter_ == "time" or set("".join(fields)) == {"m"}
    for before, field, after in zip(["", *fields], fields, [*fields[1:], ""], strict=False):
        behind_hours = before[:1] in _HOURS
        if field[0] == "m" and not (all_minutes or behind_hours or after[:1] in {"s", *_HOURS}):
            return Flaw(f"'{field}' prints minutes", f"months are {field.upper()}")
        if field in ("M", "MM") and behind_hours:
            return Flaw(f"'{field}' prints the month", f"minutes are {field.lower()}")
    return None


def _day_or_year(fields: list[str]) -> Flaw | None:
    """D, g and Y where d and y are meant."""
    letters = {field[0]: field for field in fields}
    if "D" in letters and letters.keys() & {"M", "L"}:
        return Flaw(f"'{letters['D']}' prints the day of the year", f"days of the month are {letters['D'].lower()}")
    if "g" in letters:
        return Flaw(f"'{letters['g']}' prints the number of days since 4713 BC", _WRITE)
    if "Y" in letters and "w" not in letters:
        help = f"years are {letters['Y'].lower()}"
        return Flaw(f"'{letters['Y']}' prints the year of the week, another one around New Year", help)
    return None


def _unclear(fields: list[str]) -> Flaw | None:
    """A pattern that can be printed, but not as what anybody means."""
    letters = {field[0]: field for field in fields}
    if not letters:
        return Flaw("this format prints nothing of the moment", _WRITE)
    if (twelve := sorted(letters.keys() & _TWELVE)) and not letters.keys() & _HALVES:
        hour = letters[twelve[0]]
        help = f"write {'H' * len(hour)}, {ADD_HALF}"
        return Flaw(f"'{hour}' prints 3 for three at night as well as for 15:00", help)
    return None


def _is_word(run: str) -> bool:
    """Whether letters without a space between them are rather a word, or the fields of another library."""
    groups = [found[0] for found in _SAME.finditer(run)]
    known = sum(map(_is_field, groups))
    if known < len(groups):
        return known > 0 or any(len(group) > 1 for group in groups)
    single = len(groups) > 1 and all(len(group) == 1 for group in groups)
    return single and not _JOINED.fullmatch(run)


def _try(filter_: str, field: str) -> None:
    from babel import dates

    trials: Mapping[str, Callable[..., str]] = {
        "date": dates.format_date,
        "datetime": dates.format_datetime,
        "time": dates.format_time,
    }
    trials[filter_](_NOON, field, locale="en")

"""Finds numbers with grouped digits: 1.000, which is read as 1, and 1,000 or 10_000, which are read as no number."""

import re
from collections.abc import Iterator
from typing import Final

_POINT = r"[1-9]\d{0,2}\.\d\d0"
"""One point, three digits and a needless zero at the end: nobody means 1.500 where 1.5 says it, but for thousands."""
ODD: Final = "odd-number"
_CUT = re.compile(r"([1-9]\d?),(\d{3})")
_LARGEST_STEP: Final = 10
"""Levels rarely rise more than tenfold from one to the next."""
_PLAIN = re.compile(rf"[-+]?{_POINT}")
_QUOTED_OR_POINT = re.compile(rf"\"[^\"]*\"|'[^']*'|(?<![\w.])({_POINT})(?![\w.])")
_GROUPED = re.compile(
    r"[-+]?(?!\d+\.\d\d[1-9]$)([1-9]\d{0,2}(?:([.,_ '\u2019\u00a0\u202f])\d{3})(?:\2\d{3})*)(?:[.,](\d{1,2}))?"
)
"""Digits in groups of three, such as 1,250.50; not 1.125, which is a number with three digits after its point."""


def looks_grouped(written: str) -> bool:
    """Whether a number, as it is written, is likely meant to be a thousand times as much."""
    return _PLAIN.fullmatch(written) is not None


def told(written: str) -> tuple[str, str, str]:
    """Code, message and help about such a number."""
    number = f"{float(written):g}"
    return ODD, f"{written} is read as {number}", f"write {written.replace('.', '')} if that is meant, else {number}"


def told_of_list(written: str) -> Iterator[tuple[str, str, str]]:
    """The same about numbers in a list that a comma cuts in two, as in [1,500]; a list is read with its brackets.

    [10,50,100] is written without spaces, and from 50 to 100 is a step of levels: neither is meant as one number.
    """
    for item in re.split(r",\s+", written.strip("[] \n")):
        found = _CUT.fullmatch(item)
        if found and int(found[2]) > _LARGEST_STEP * int(found[1]):
            help = f"write {found[1]}{found[2]} if that is meant, else {found[1]}, {found[2]}"
            yield ODD, f"{item} is read as {found[1]} and {found[2]}", help


def grouped_in(expression: str) -> Iterator[tuple[int, str]]:
    """Such numbers in an expression, and at which character each begins."""
    for found in _QUOTED_OR_POINT.finditer(expression):
        if found[1]:
            yield found.start(1), found[1]


def ungrouped(written: str) -> str:
    """A text with groups of three digits as a number is written; "" where it has none."""
    found = _GROUPED.fullmatch(written)
    if found is None:
        return ""
    return re.sub(r"\D", "", found[1]) + (f".{found[3]}" if found[3] else "")

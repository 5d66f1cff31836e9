"""The interval of a net score: the share of one kind of answer less that of another.

It is the score interval for the difference of two paired proportions (Tango 1998, Statistics in Medicine 17:891-908): a
net promoter score is the same difference of two shares of one sample. Unlike the usual interval it also says something
where every answer is the same, and it ends at -100 % and 100 %.
"""

from math import inf, sqrt
from typing import Final

_Z: Final = 1.959963984540054
"""Of the normal distribution, for 95 %."""
_STEPS: Final = 60
"""Halvings of the search: below the precision of a float."""


def net_score_interval(answers: int, up: int, down: int) -> tuple[float, float]:
    """The 95 % interval of (up - down) / answers, as shares from -1 to 1. `answers` > 0."""
    return -_upper(answers, down, up), _upper(answers, up, down)


def _upper(answers: int, up: int, down: int) -> float:
    """The largest difference that the answers do not contradict."""
    low, high = (up - down) / answers, 1.0
    if _deviation(answers, up, down, high) >= -_Z:
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _deviation(answers, up, down, middle) >= -_Z:
            low = middle
        else:
            high = middle
    return low


def _deviation(answers: int, up: int, down: int, difference: float) -> float:
    """How many standard errors the answers are above what `difference` lets expect."""
    share = _likely_down(answers, up, down, difference)
    variance = answers * max(0.0, 2 * share + difference * (1 - difference))
    above = up - down - answers * difference
    if not variance:
        return 0.0 if abs(above) < 1e-9 else (inf if above > 0 else -inf)
    return above / sqrt(variance)


def _likely_down(answers: int, up: int, down: int, difference: float) -> float:
    """The most likely share of `down`, given the difference of the shares."""
    b = (2 * answers - up + down) * difference - up - down
    c = -down * difference * (1 - difference)
    return max(0.0, (sqrt(max(0.0, b * b - 8 * answers * c)) - b) / (4 * answers))

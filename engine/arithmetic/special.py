"""Functions that the models' formulas need beside those of `math`."""

from math import exp, log, log1p
from typing import Final

TOLERANCE: Final = 1e-15
"""A series ends at the first step that changes the result by less than this, relatively."""
_MAX_STEPS: Final = 100_000
"""Steps of a series. Without it parameters far from any real shop would keep a fit from ending."""


def hyper(a: float, b: float, c: float, z: float) -> float:
    """2F1(a, b; c; z) for 0 <= z < 1 by its series; c is no whole number below 1."""
    term = total = 1.0
    for n in range(_MAX_STEPS):
        term *= (a + n) * (b + n) / ((c + n) * (n + 1)) * z
        total += term
        if abs(term) <= TOLERANCE * abs(total):
            break
    return total


def digamma(x: float) -> float:
    """The slope of ln gamma(x), for x > 0: the recurrence up to 8, then Stirling's series (Abramowitz, Stegun 6.3)."""
    below = 0.0
    while x < 8:
        below += 1 / x
        x += 1
    square = 1 / (x * x)
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    return log(x) - 0.5 / x - series - below


def log_add(left: float, right: float) -> float:
    """ln(e^left + e^right)"""
    high, low = (left, right) if left > right else (right, left)
    return high + log1p(exp(low - high))

"""Gauss's hypergeometric function in the two forms that the models need.

The models' likelihoods call it. It must stay accurate near z = 1, where the textbook series loses all digits.
"""

from math import exp, log, log1p
from typing import Final

TOLERANCE: Final = 1e-15
"""A series ends at the first step that changes the result by less than this, relatively."""
_TINY: Final = 1e-300
"""Replaces a zero that the next step would divide by (Thompson and Barnett 1986)."""
_MAX_STEPS: Final = 100_000
"""Steps of a series. Without it parameters far from any real shop would keep a fit from ending."""


def log_hyper_next(a: float, b: float, z: float) -> float:
    """ln 2F1(a, b; a + 1; z) for a > 0, 0 < b < a + 1 and 0 <= z < 1.

    By Euler's transformation it is (1 - z)^(1 - b) 2F1(1, a + 1 - b; a + 1; z), whose continued fraction (Gauss; as
    for the incomplete beta function, Lentz's method) takes some ten steps where the power series takes thousands.
    """
    if z == 0.0:
        return 0.0
    return (1 - b) * log1p(-z) + log(_gauss_fraction(a, 1 - b, z))


def _gauss_fraction(a: float, b: float, z: float) -> float:
    """2F1(a + b, 1; a + 1; z) by modified Lentz."""
    c, d = 1.0, 1 / (1 - (a + b) * z / (a + 1) or _TINY)
    total = d
    for m in range(1, _MAX_STEPS):
        even = a + 2 * m
        term = m * (b - m) * z / ((even - 1) * even)
        d = 1 / (1 + term * d or _TINY)
        c = 1 + term / c or _TINY
        total *= d * c
        term = -(a + m) * (a + b + m) * z / (even * (even + 1))
        d = 1 / (1 + term * d or _TINY)
        c = 1 + term / c or _TINY
        factor = d * c
        total *= factor
        if abs(factor - 1) < TOLERANCE:
            break
    return total


def hyper(a: float, b: float, c: float, z: float) -> float:
    """2F1(a, b; c; z) for 0 <= z < 1 by its series; c is no whole number below 1."""
    term = total = 1.0
    for n in range(_MAX_STEPS):
        term *= (a + n) * (b + n) / ((c + n) * (n + 1)) * z
        total += term
        if abs(term) <= TOLERANCE * abs(total):
            break
    return total


def log_add(left: float, right: float) -> float:
    """ln(e^left + e^right)"""
    high, low = (left, right) if left > right else (right, left)
    return high + log1p(exp(low - high))

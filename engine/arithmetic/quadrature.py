"""The integral in Pareto/NBD's likelihood, over the moment at which a customer left unseen.

The papers' closed form is a difference of two hypergeometric functions. It loses digits where they are nearly equal,
and takes hundreds of steps where one rate is far below the other. Gauss and Legendre's rule takes 6 to 32 points.
"""

from collections.abc import Sequence
from math import cos, exp, log, log1p, pi
from typing import Final

Points = Sequence[tuple[float, float]]
"""Places from 0 to 1, each with its weight."""
_ENOUGH: Final = 36.0
"""The integral ends where the integrand has fallen by e^36, the precision of a float."""


def log_integral(near: float, a: float, far: float, b: float, length: float) -> float:
    """ln of the integral of (near + t)^-a (far + t)^-b from t = 0 to `length`, all above 0; to 11 digits."""
    if near > far:
        near, a, far, b = far, b, near, a
    width, points = grid(near, a, far, b, length)
    share, slower = near / far, a - 1
    rest, total = 1 - share, 0.0
    for place, weight in points:
        grown = width * place
        total += weight * exp(-slower * grown - b * log(share * exp(grown) + rest))
    return log(width * total) - slower * log(near) - b * log(far)


def grid(near: float, a: float, far: float, b: float, length: float) -> tuple[float, Points]:
    """How far to integrate on the scale ln((near + t) / near), on which the integrand is smooth, and by which points.

    `near` is at most `far`.
    """
    width, slower = log1p(length / near), a - 1
    falls = slower + b * near / far
    width = min(width, _ENOUGH / falls) if falls > 0 else width
    bends = width * (slower + b * (near + length) / (far + length))
    if width < 1 and bends < 2:
        return width, _FEW
    return width, _SOME if width < 3 and bends < 6 else _MANY


def _gauss_legendre(count: int) -> Points:
    """The points by which polynomials up to the degree 2 `count` - 1 are integrated exactly."""
    found = []
    for number in range(count):
        x, step, slope = cos(pi * (number + 0.75) / (count + 0.5)), 1.0, 1.0
        while abs(step) > 1e-15:
            before, value = 1.0, x
            for n in range(2, count + 1):
                before, value = value, ((2 * n - 1) * x * value - (n - 1) * before) / n
            slope = count * (x * value - before) / (x * x - 1)
            step = value / slope
            x -= step
        found.append(((1 + x) / 2, 1 / ((1 - x * x) * slope * slope)))
    return found


_FEW: Final = _gauss_legendre(6)
"""For a customer whose silence is short beside their history."""
_SOME: Final = _gauss_legendre(12)
_MANY: Final = _gauss_legendre(32)
"""For an integrand that falls by e^36, or over many orders of magnitude."""

"""The highest point of a smooth function of a few positive numbers: BFGS on their logarithms.

Used by the fits only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp, inf, isfinite, log
from typing import NamedTuple

Vector = list[float]
MIN_GAIN = 1e-14
"""The search ends where a step is expected to raise the value by less than this, relatively. Rounding hides smaller
gains; parameters are then within a thousandth of what their standard errors leave open."""
BOUND = 5.0
"""Parameters stay within e^±5 (150 times) of where the search began: data without an optimum sends them to infinity."""
MAX_STEPS = 200
"""Steps of a search. Without it a function that is flat up to rounding errors would be searched for ever."""


class Height(NamedTuple):
    """A function's value at a point, and how fast it rises with each of the point's numbers."""

    value: float
    slope: Sequence[float]


Cost = Callable[[Vector], tuple[float, Vector]]


@dataclass(frozen=True, slots=True)
class Optimum:
    """The maximum: its point and value. `converged`: False if the search left the bounds or gave up.

    `curvature`: the inverse Hessian as the search has come to know it, from which a search nearby can go on.
    """

    at: tuple[float, ...]
    value: float
    converged: bool
    curvature: "list[Vector]" = field(default_factory=list)


def maximum(
    function: Callable[[Sequence[float]], Height], start: Sequence[float], near: Optimum | None = None
) -> Optimum:
    """The local maximum above `start`, all of whose numbers are positive.

    `near`: the maximum of a similar function from the same start, where the search goes on.
    """
    middle = [log(number) for number in start]

    def cost(point: Vector) -> tuple[float, Vector]:
        if any(abs(number - centre) > BOUND for number, centre in zip(point, middle, strict=True)):
            return inf, []
        numbers = [exp(number) for number in point]
        value, slope = function(numbers)
        falls = [-number * rises for number, rises in zip(numbers, slope, strict=True)]
        return -value if isfinite(value) else inf, falls

    if near is None:
        return _descend(cost, middle, _identity(len(middle)))
    return _descend(cost, [log(number) for number in near.at], near.curvature)


def _descend(cost: Cost, point: Vector, inverse: list[Vector]) -> Optimum:
    def optimum(*, converged: bool) -> Optimum:
        return Optimum(tuple(exp(number) for number in point), -value, converged, inverse)

    value, slope = cost(point)
    for _ in range(MAX_STEPS):
        direction = [-_dot(row, slope) for row in inverse]
        if _dot(direction, slope) >= 0:
            inverse, direction = _identity(len(point)), [-number for number in slope]
        gain = -_dot(direction, slope) / 2
        if gain <= MIN_GAIN * max(1.0, abs(value)):
            return optimum(converged=True)
        found = _line_search(cost, point, value, direction, -2 * gain)
        if found is None:
            return optimum(converged=False)
        moved, value, bent = found
        step = [new - old for new, old in zip(moved, point, strict=True)]
        change = [new - old for new, old in zip(bent, slope, strict=True)]
        inverse = _updated(inverse, step, change)
        point, slope = moved, bent
    return optimum(converged=False)


def _line_search(
    cost: Cost, point: Vector, value: float, direction: Vector, slope: float
) -> tuple[Vector, float, Vector] | None:
    """The first of ever shorter steps that lowers the cost enough (Armijo's rule); None if no step does."""
    longest = max(map(abs, direction))
    size = min(1.0, 2.0 / longest)  # at most a factor of e² at once
    while size * longest > 1e-12:
        moved = [at + size * go for at, go in zip(point, direction, strict=True)]
        lower, bent = cost(moved)
        if lower <= value + 1e-4 * size * slope:
            return moved, lower, bent
        size /= 2
    return None


def _updated(inverse: list[Vector], step: Vector, change: Vector) -> list[Vector]:
    """Broyden, Fletcher, Goldfarb and Shanno's update of the inverse Hessian (1970)."""
    curvature = _dot(step, change)
    if curvature <= 1e-14:
        return inverse
    seen = [_dot(row, change) for row in inverse]
    scale = 1 + _dot(change, seen) / curvature
    places = range(len(step))
    return [
        [
            inverse[i][j] + (scale * step[i] * step[j] - step[i] * seen[j] - seen[i] * step[j]) / curvature
            for j in places
        ]
        for i in places
    ]


def _identity(size: int) -> list[Vector]:
    return [[float(row == column) for column in range(size)] for row in range(size)]


def _dot(left: Vector, right: Vector) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))

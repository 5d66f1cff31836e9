"""The highest point of a smooth function of a few positive numbers: BFGS on their logarithms.

Used by the fits only. Gradients are central differences, so a function needs no derivatives of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp, inf, isfinite, log

Vector = list[float]
STEP = 1e-4
"""Relative step of a central difference: its error of 1e-8 is far below the 1e-4 that parameters need."""
MIN_GRADIENT = 1e-7
"""A gradient below this, relative to the function's value, counts as zero; differences cannot resolve less."""
BOUND = 8.0
"""Parameters stay within e^±8 (3,000 times) of where the search began: data without an optimum sends them to infinity,
at some seconds a step."""
MAX_STEPS = 200
"""Steps of a search. Without it a function that is flat up to rounding errors would be searched for ever."""


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
    function: Callable[[Sequence[float]], float], start: Sequence[float], curvature: Sequence[Vector] = ()
) -> Optimum:
    """The local maximum above `start`, all of whose numbers are positive. `curvature`: that of a similar function."""
    middle = [log(number) for number in start]

    def cost(point: Vector) -> float:
        if any(abs(number - centre) > BOUND for number, centre in zip(point, middle, strict=True)):
            return inf
        value = function([exp(number) for number in point])
        return -value if isfinite(value) else inf

    inverse = [list(row) for row in curvature] or _identity(len(middle))
    point, value, converged, inverse = _descend(cost, middle, inverse)
    return Optimum(tuple(exp(number) for number in point), -value, converged, inverse)


def _descend(
    cost: Callable[[Vector], float], point: Vector, inverse: list[Vector]
) -> tuple[Vector, float, bool, list[Vector]]:
    value, slope = cost(point), _gradient(cost, point)
    for _ in range(MAX_STEPS):
        if max(map(abs, slope)) <= MIN_GRADIENT * max(1.0, abs(value)):
            return point, value, True, inverse
        direction = [-_dot(row, slope) for row in inverse]
        if _dot(direction, slope) >= 0:
            inverse, direction = _identity(len(point)), [-number for number in slope]
        found = _line_search(cost, point, value, direction, _dot(direction, slope))
        if found is None:
            return point, value, max(map(abs, slope)) <= 100 * MIN_GRADIENT * max(1.0, abs(value)), inverse
        moved, value = found
        bent = _gradient(cost, moved)
        step = [new - old for new, old in zip(moved, point, strict=True)]
        change = [new - old for new, old in zip(bent, slope, strict=True)]
        inverse = _updated(inverse, step, change)
        point, slope = moved, bent
    return point, value, False, inverse


def _gradient(cost: Callable[[Vector], float], point: Vector) -> Vector:
    def along(place: int) -> float:
        ahead, behind = list(point), list(point)
        ahead[place] += STEP
        behind[place] -= STEP
        return (cost(ahead) - cost(behind)) / (2 * STEP)

    return [along(place) for place in range(len(point))]


def _line_search(
    cost: Callable[[Vector], float], point: Vector, value: float, direction: Vector, slope: float
) -> tuple[Vector, float] | None:
    """The first of ever shorter steps that lowers the cost enough (Armijo's rule); None if no step does."""
    longest = max(map(abs, direction))
    size = min(1.0, 2.0 / longest)  # at most a factor of e² at once
    while size * longest > 1e-12:
        moved = [at + size * go for at, go in zip(point, direction, strict=True)]
        lower = cost(moved)
        if lower <= value + 1e-4 * size * slope:
            return moved, lower
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

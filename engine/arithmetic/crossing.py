"""When silence alone brings a score below a threshold, to the second.

A score falls for as long as a customer is silent, by a formula that has no inverse. The moment becomes a timer, so it
is computed at each purchase: eleven evaluations instead of the thirty of a bisection.
"""

from collections.abc import Callable
from math import exp, log
from typing import Final

from engine.arithmetic.history import WEEK_MS

SECONDS_PER_WEEK: Final = WEEK_MS // 1000
_BEND: Final = 8.0 * SECONDS_PER_WEEK
"""On the scale ln(seconds + this) the log-odds of a score fall nearly straight; any value above 0 is correct."""
_MAX_STEPS: Final = 60
"""Steps of false position before bisection takes over, which needs at most 31 steps for 60 years."""

Excess = Callable[[int], float]


def seconds_until_below(score: Callable[[float], float], threshold: float, longest: int) -> int | None:
    """The first whole second of silence at which `score` (of weeks of silence, falling) is below the threshold.

    0: it is from the beginning. None: it is not below after `longest` seconds.
    """
    wanted = _log_odds(threshold)

    def excess(second: int) -> float:
        """A number above 0 if the score is below the threshold."""
        return wanted - _log_odds(score(second / SECONDS_PER_WEEK))

    at_zero, at_longest = excess(0), excess(longest)
    if at_zero > 0:
        return 0
    if not at_longest > 0:
        return None
    return _halved(excess, *_narrowed(excess, 0, at_zero, longest, at_longest))


def _narrowed(excess: Excess, low: int, at_low: float, high: int, at_high: float) -> tuple[int, int]:
    """Seconds around the crossing, nearly always next to each other: false position (Anderson and Björck 1973).

    The value at an end that stays where it is shrinks, or that end would never move.
    """
    side = 0
    for _ in range(_MAX_STEPS):
        if high - low <= 1:
            break
        left, right = log(low + _BEND), log(high + _BEND)
        guess = exp(left + (right - left) * at_low / (at_low - at_high)) - _BEND
        second = min(max(round(guess), low + 1), high - 1)
        value = excess(second)
        if value > 0:
            at_low *= _shrunk(value, at_high) if side > 0 else 1
            high, at_high, side = second, value, 1
        else:
            at_high *= _shrunk(value, at_low) if side < 0 else 1
            low, at_low, side = second, value, -1
    return low, high


def _shrunk(value: float, before: float) -> float:
    share = 1 - value / before if before else 0
    return share if share > 0 else 0.5


def _halved(excess: Excess, low: int, high: int) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)
    return high


def _log_odds(share: float) -> float:
    share = min(max(share, 1e-300), 1 - 1e-16)
    return log(share) - log(1 - share)

"""When silence alone brings a score below a threshold, to the second.

A score falls for as long as a customer is silent, by a formula that has no inverse. The moment becomes a timer, so it
is computed for each kind of customer: three evaluations from what is known of similar ones, eleven without, where a
bisection takes thirty.
"""

from bisect import bisect_left
from collections.abc import Callable
from math import exp, log
from typing import Final, NamedTuple

from engine.arithmetic.history import WEEK_MS

SECONDS_PER_WEEK: Final = WEEK_MS // 1000
_BEND: Final = 8.0 * SECONDS_PER_WEEK
"""On the scale ln(seconds + this) the log-odds of a score fall nearly straight; any value above 0 is correct."""
_MAX_STEPS: Final = 60
"""Steps of false position before bisection takes over, which needs at most 31 steps for 60 years."""

_MAX_STEPS_FROM_NEAR: Final = 8
"""Steps from a neighbour's moment before it counts as misleading; usually it takes three."""
_FAR: Final = 2
"""Seconds by which a guess must be wrong for its recency to become a neighbour of others: a quarter of all do. With 60
seconds a tenth would, and the others would take half a step more."""

Excess = Callable[[int], float]
Score = Callable[[float], float]


class Neighbour(NamedTuple):
    """The crossing of one recency. `slope`: how fast the log-odds fall there, on the scale of `_BEND`."""

    recency: float
    seconds: float
    slope: float


class Crossings:
    """The crossings of one threshold. They change little with the recency: each begins at what its neighbours say."""

    def __init__(self, threshold: float, longest: int) -> None:
        self._threshold = threshold
        self._longest = longest
        self._known: dict[int, list[Neighbour]] = {}
        """Number of purchases -> crossings by recency."""

    def seconds_until_below(self, score: Score, purchases: int, recency: float) -> int | None:
        """As the function of this name says, for the score of such a customer."""
        known = self._known.setdefault(purchases, [])
        place = bisect_left(known, recency, key=_recency)
        guess = _between(known, place, recency)
        excess = _excess(score, self._threshold)
        found = _approached(excess, guess, self._longest) if guess is not None else None
        if found is None:
            alone = seconds_until_below(score, self._threshold, self._longest)
            if not alone:
                return alone
            found = alone, _slope(excess, alone)
        seconds, slope = found
        if seconds > self._longest:
            return None
        if seconds and (guess is None or abs(guess.seconds - seconds) > _FAR):
            known.insert(place, Neighbour(recency, seconds, slope))
        return seconds


def _recency(one: Neighbour) -> float:
    return one.recency


def _between(known: list[Neighbour], place: int, recency: float) -> Neighbour | None:
    """What the neighbours at both sides say, in a straight line; what the only one says; None without any."""
    around = known[max(0, place - 1) : place + 1]
    if len(around) < 2:
        return around[0] if around else None
    low, high = around
    share = (recency - low.recency) / (high.recency - low.recency)
    seconds, slope = (a + share * (b - a) for a, b in zip(low[1:], high[1:], strict=True))
    return Neighbour(recency, seconds, slope)


def _approached(excess: Excess, guess: Neighbour, longest: int) -> tuple[int, float] | None:
    """The crossing, from 0 to `longest` + 1, and the slope there, by the secant method; None if the guess misleads."""
    low, high, slope, second = -1, longest + 1, guess.slope, round(guess.seconds)
    before, at_before = 0.0, 0.0
    for step in range(_MAX_STEPS_FROM_NEAR):
        value, here = excess(second), log(second + _BEND)
        low, high = (low, second) if value > 0 else (second, high)
        if high - low == 1:
            return high, slope
        if step and here != before:
            slope = (value - at_before) / (here - before)
        if slope <= 0:
            break
        before, at_before = here, value
        following = round(exp(min(here - value / slope, log(longest + _BEND))) - _BEND)
        if following == second:
            following += 1 if value <= 0 else -1
        second = min(max(following, low + 1), high - 1)
    return None


def _slope(excess: Excess, second: int) -> float:
    later = second + second // 1000 + 60
    return (excess(later) - excess(second)) / (log(later + _BEND) - log(second + _BEND))


def seconds_until_below(score: Score, threshold: float, longest: int) -> int | None:
    """The first whole second of silence at which `score` (of weeks of silence, falling) is below the threshold.

    0: it is from the beginning. None: it is not below after `longest` seconds.
    """
    excess = _excess(score, threshold)
    at_zero, at_longest = excess(0), excess(longest)
    if at_zero > 0:
        return 0
    if not at_longest > 0:
        return None
    return _halved(excess, *_narrowed(excess, 0, at_zero, longest, at_longest))


def _excess(score: Score, threshold: float) -> Excess:
    """Numbers above 0 where the score is below the threshold."""
    wanted = _log_odds(threshold)
    return lambda second: wanted - _log_odds(score(second / SECONDS_PER_WEEK))


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

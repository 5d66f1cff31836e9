"""Metrics whose denominator varies too, such as clicks per message: by customer, never per message.

A customer's messages are not independent of each other: taken as if they were, 28 % of experiments without a
difference find one. The delta method as in Deng, Knoblich and Lu (2018).
"""

from collections.abc import Iterable
from math import fsum
from typing import NamedTuple

from engine.insight.experiments.arms import Arm


class Ratio(NamedTuple):
    """The ratio of the sums, the variance of its estimate, and over how many customers."""

    value: float
    variance: float
    customers: int


def ratio_of(pairs: Iterable[tuple[float, float]]) -> Ratio | None:
    """The ratio of (numerator, denominator) pairs, one per customer; None if the denominators are all 0."""
    listed = list(pairs)
    count, below = len(listed), fsum(bottom for _, bottom in listed)
    if not below:
        return None
    value = fsum(top for top, _ in listed) / below
    squares = fsum((top - value * bottom) ** 2 for top, bottom in listed)
    return Ratio(value, squares / count / (below / count) ** 2 / count, count)


def as_arm(pairs: Iterable[tuple[float, float]]) -> Arm | None:
    """For `judge`: outcomes made linear around the arm's ratio, whose mean and error are those of the ratio."""
    listed = list(pairs)
    ratio = ratio_of(listed)
    if ratio is None:
        return None
    average = fsum(bottom for _, bottom in listed) / ratio.customers
    outcomes = [ratio.value + (top - ratio.value * bottom) / average for top, bottom in listed]
    return Arm.of(outcomes)._replace(positive=sum(top != 0 for top, _ in listed))

"""How many customers, and so how long, an experiment needs: for a test that is valid at every look.

The planned number is where the interval is narrowest. There it reaches 3.04 standard errors (alpha .05) where a test
with one look has 1.96; that costs about 1.9 times the customers, and most real effects are found before.
"""

from dataclasses import dataclass
from math import ceil, inf, sqrt
from statistics import NormalDist
from typing import Final

from engine.insight.experiments.decision import ALPHA, MIN_POSITIVE, multiplier, tuning

LARGEST_LIFT: Final = 100.0
"""Larger ones are not looked for: a metric that grows a hundredfold needs no experiment."""


@dataclass(frozen=True, slots=True)
class Metric:
    """The control's figures: mean and standard deviation of an outcome, and the share whose outcome is not 0.

    `most`: no mean is above it.
    """

    mean: float
    deviation: float
    positive: float
    most: float = inf

    @classmethod
    def conversion(cls, share: float) -> "Metric":
        return cls(share, sqrt(share * (1 - share)), share, 1.0)

    @property
    def largest_lift(self) -> float:
        """The lift at which everybody converts: .667 where 60 % do."""
        return self.most / self.mean - 1

    def lifted(self, lift: float) -> "Metric":
        """The metric with this lift (.2: 20 %), up to `most`. A conversion's spread follows, another grows as much."""
        mean = min(self.most, self.mean * (1 + lift))
        if self.most == 1.0:
            return Metric.conversion(mean)
        return Metric(mean, self.deviation * (1 + lift), self.positive)


@dataclass(frozen=True, slots=True)
class Split:
    """The shares of customers that the two arms get; together 1."""

    control: float
    treated: float

    @classmethod
    def of(cls, control: float, treated: float) -> "Split":
        """From shares in any unit."""
        return cls(control / (control + treated), treated / (control + treated))


def customers_needed(metric: Metric, lift: float, split: Split, *, power: float = 0.8) -> int:
    """In both arms together, to find this lift with this power, and for there to be a verdict at all."""
    effect = metric.mean * lift
    needed = (_reach(power) / effect) ** 2 * _spread(metric, lift, split)
    return ceil(max(needed, _fewest(metric, split)))


def lift_found(metric: Metric, customers: int, split: Split, *, power: float = 0.8) -> float | None:
    """The smallest lift that so many customers show with this power; None: they are too few for any."""

    def enough(lift: float) -> bool:
        return customers_needed(metric, lift, split, power=power) <= customers

    low, high = 0.0, min(metric.largest_lift, LARGEST_LIFT)
    if high <= 0 or not enough(high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _reach(power: float) -> float:
    """Standard errors that an effect must have."""
    return multiplier(tuning(1, ALPHA), ALPHA) + NormalDist().inv_cdf(power)


def _spread(metric: Metric, lift: float, split: Split) -> float:
    """Variance of the difference of means, times the number of customers; as `standard_error` has it."""
    treated = metric.lifted(lift)
    first, second = metric.deviation**2, treated.deviation**2
    unpooled = first / split.control + second / split.treated
    within = first * split.control + second * split.treated
    between = split.control * split.treated * (treated.mean - metric.mean) ** 2
    return max(unpooled, (within + between) * (1 / split.control + 1 / split.treated))


def _fewest(metric: Metric, split: Split) -> float:
    """Twice the outcomes that a verdict asks for: half of all experiments would have fewer than expected."""
    return 2 * MIN_POSITIVE / (metric.positive * min(split.control, split.treated))

"""Whether one arm is better, valid at every look: an experiment may be watched daily and stopped at any time.

The normal mixture's confidence sequence, as GrowthBook and Eppo use it (Howard, Ramdas, McAuliffe and Sekhon 2021;
Waudby-Smith and others 2021; Johari and others 2017 as mSPRT). A fixed-horizon test looked at daily is wrong 16 to 45 %
of the time where 5 % is promised.
"""

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final

from engine.insight.experiments.arms import Arm

ALPHA: Final = 0.05
PLANNED_CUSTOMERS: Final = 5_000
"""Customers in both arms together at which the interval is narrowest, unless planned otherwise."""
MIN_POSITIVE: Final = 25
"""Customers with an outcome in each arm below which there is no verdict. An early arm without a conversion has variance
0; without this rule a 5 % holdout is wrong in 16 to 24 % of experiments without a difference."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The difference of means (second less first) with its interval, and how strongly it speaks against none.

    `e_value`: 20 is as good as p .05, at every look. `better`: 1 or -1 where the difference is established, else 0.
    `ready`: both arms have enough outcomes to judge at all.
    """

    difference: float
    low: float
    high: float
    e_value: float
    ready: bool

    @property
    def p_value(self) -> float:
        return min(1.0, 1 / self.e_value)

    @property
    def better(self) -> int:
        return 0 if not self.ready else (self.low > 0) - (self.high < 0)


def judge(control: Arm, treated: Arm, *, planned: int = PLANNED_CUSTOMERS, alpha: float = ALPHA) -> Verdict:
    """Both arms have customers."""
    difference, error = treated.mean - control.mean, standard_error(control, treated)
    weight = (control.customers + treated.customers) * tuning(planned, alpha)
    width = error * multiplier(weight, alpha)
    ready = min(control.positive, treated.positive) >= MIN_POSITIVE
    score = difference / error if error else 0.0
    e_value = exp(min(700.0, weight * score**2 / (2 * (weight + 1)))) / sqrt(weight + 1)
    return Verdict(difference, difference - width, difference + width, e_value, ready)


def standard_error(control: Arm, treated: Arm) -> float:
    """The error of the difference: the larger of the pooled and the unpooled one; either can be too small alone."""
    unpooled = control.variance / control.customers + treated.variance / treated.customers
    pooled = control.with_(treated).variance * (1 / control.customers + 1 / treated.customers)
    return sqrt(max(unpooled, pooled))


def tuning(planned: int, alpha: float) -> float:
    """rho squared: makes the interval narrowest at the planned number of customers."""
    bits = -2 * log(alpha)
    return (bits + log(bits + 1)) / planned


def multiplier(weight: float, alpha: float) -> float:
    """How many standard errors the interval reaches to each side; `weight` is customers times rho squared."""
    return sqrt((1 + 1 / weight) * (log(weight + 1) - 2 * log(alpha)))

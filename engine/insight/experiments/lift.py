"""The relative lift, for people; the decision is made on the absolute difference.

Fieller (1954), "Some problems in interval estimation". The delta method's interval is wrong early, in up to 36 %.
"""

from dataclasses import dataclass
from math import sqrt

from engine.insight.experiments.arms import Arm
from engine.insight.experiments.decision import ALPHA, PLANNED_CUSTOMERS, multiplier, tuning


@dataclass(frozen=True, slots=True)
class Lift:
    """.2 is 20 % more than the control. Without bounds the data allow any lift: the control's mean may be 0."""

    estimate: float
    low: float | None = None
    high: float | None = None


def relative_lift(control: Arm, treated: Arm, *, planned: int = PLANNED_CUSTOMERS, alpha: float = ALPHA) -> Lift | None:
    """The lift with an interval that is valid at every look; None if the control has no outcome at all."""
    if control.mean <= 0:
        return None
    weight = (control.customers + treated.customers) * tuning(planned, alpha)
    reach, ratio = multiplier(weight, alpha), treated.mean / control.mean
    noise, other = control.variance / control.customers, treated.variance / treated.customers
    doubt = reach**2 * noise / control.mean**2
    if doubt >= 1:
        return Lift(ratio - 1)
    width = reach / control.mean * sqrt(other * (1 - doubt) + ratio**2 * noise)
    return Lift(ratio - 1, (ratio - width) / (1 - doubt) - 1, (ratio + width) / (1 - doubt) - 1)

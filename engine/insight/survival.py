"""Kaplan and Meier's estimate of how many still wait after some time, where not all have been watched to the end.

Kaplan and Meier (1958), "Nonparametric estimation from incomplete observations"; errors by Greenwood (1926). At one
moment events come before censorings.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby
from math import exp, inf, log, sqrt
from statistics import NormalDist
from typing import NamedTuple


class Step(NamedTuple):
    """At `time` so many `events` among `at_risk`; from then on the share `survival` still waits, plus or minus `error`.

    `low` and `high` bound it (95 %, on the log-minus-log scale: Kalbfleisch and Prentice 1980).
    """

    time: float
    at_risk: int
    events: int
    survival: float
    error: float
    low: float
    high: float


class Curve(NamedTuple):
    """Steps in order of time; before the first everybody waits. `watched`: how long the longest was waited for."""

    steps: Sequence[Step]
    customers: int
    watched: float = 0.0

    def at(self, time: float) -> Step:
        """The step that holds at this time."""
        place = bisect_right([step.time for step in self.steps], time)
        return self.steps[place - 1] if place else Step(0.0, self.customers, 0, 1.0, 0.0, 1.0, 1.0)

    def share_by(self, time: float) -> float | None:
        """The share that had the event by this time; None: nobody was watched for so long, and some still wait."""
        survival = self.at(time).survival
        return 1 - survival if time <= self.watched or not survival else None

    def quantile(self, share: float) -> float | None:
        """The first time by which at least this share had the event; None: not reached."""
        return next((step.time for step in self.steps if step.survival <= 1 - share), None)


class Count(NamedTuple):
    """At one time: how many had the event, and how many were last seen waiting."""

    time: float
    events: int
    censored: int


def kaplan_meier(counts: Iterable[Count]) -> Curve:
    """The survival curve of the durations, given in any order."""
    ordered = sorted(counts)
    times = [
        Count(time, sum(one.events for one in same), sum(one.censored for one in same))
        for time, group in groupby(ordered, key=lambda one: one.time)
        for same in [list(group)]
    ]
    customers = sum(one.events + one.censored for one in times)
    gone = accumulate((one.events + one.censored for one in times), initial=0)
    steps, survival, variance = [], 1.0, 0.0
    for one, before in zip(times, gone, strict=False):
        if not one.events:
            continue
        at_risk = customers - before
        survival *= 1 - one.events / at_risk
        left = at_risk - one.events
        variance += one.events / (at_risk * left) if left else inf
        steps.append(_step(one, at_risk, survival, variance))
    return Curve(steps, customers, times[-1].time if times else 0.0)


def _step(one: Count, at_risk: int, survival: float, variance: float) -> Step:
    if not 0 < survival < 1:
        return Step(one.time, at_risk, one.events, survival, 0.0, survival, survival)
    width = NormalDist().inv_cdf(0.975) * sqrt(variance) / abs(log(survival))
    low, high = survival ** exp(width), survival ** exp(-width)
    return Step(one.time, at_risk, one.events, survival, survival * sqrt(variance), low, high)

"""Experiments that are looked at every day: how often one without a difference finds a winner, and one with it does.

Customers are drawn from the record shop: nine of ten spend nothing within a month, some spend hundreds.
"""

import random
from collections.abc import Sequence
from functools import cache

import pytest

from engine.insight.experiments.arms import Arm
from engine.insight.experiments.decision import judge, standard_error
from engine.insight.experiments.planning import Metric, Split, customers_needed
from tests.support import shop_history as shop
from tests.support.examples import so_many

DAYS, EXPERIMENTS = 30, so_many(2_000)
TOLERATED = 0.05


@cache
def spent_in_a_month() -> list[float]:
    """What each customer of the shop spent in April 1997."""
    spent = {one.customer: 0.0 for one in shop.purchases()}
    for one in shop.purchases():
        if (one.at.year, one.at.month) == (1997, 4):
            spent[one.customer] += one.amount
    return list(spent.values())


def day(rng: random.Random, outcomes: Sequence[float], customers: int) -> tuple[Arm, Arm]:
    """The revenue and the conversions of so many customers more."""
    drawn = rng.choices(outcomes, k=customers)
    paid = [outcome for outcome in drawn if outcome]
    revenue = Arm(customers, sum(paid), sum(one * one for one in paid), len(paid))
    return revenue, Arm.of_conversions(len(paid), customers)


def winners(rng: random.Random, control: int, treated: int, planned: int) -> tuple[bool, bool, bool]:
    """Whether any daily look of one A/A experiment finds a better arm: by revenue, conversions, a usual z test."""
    nobody, found = Arm(0, 0, 0, 0), [False, False, False]
    arms = [[nobody, nobody], [nobody, nobody]]
    for _ in range(DAYS):
        for arm, customers in enumerate((control, treated)):
            for metric, more in enumerate(day(rng, spent_in_a_month(), customers)):
                arms[metric][arm] = arms[metric][arm].with_(more)
        verdicts = [judge(*both, planned=planned) for both in arms]
        found[0] |= verdicts[0].better != 0
        found[1] |= verdicts[1].better != 0
        found[2] |= abs(verdicts[1].difference) > 1.96 * standard_error(*arms[1])
    return found[0], found[1], found[2]


@pytest.mark.parametrize(("control", "treated"), [(40, 40), (12, 228)], ids=["half and half", "holdout of 5 %"])
def test_two_equal_arms_looked_at_daily_have_a_winner_in_no_more_than_5_percent(control: int, treated: int) -> None:
    rng = random.Random(20261)
    found = [winners(rng, control, treated, (control + treated) * DAYS) for _ in range(EXPERIMENTS)]
    by_revenue, by_conversions, by_a_usual_test = (sum(one) / EXPERIMENTS for one in zip(*found, strict=True))
    assert by_revenue <= TOLERATED
    assert by_conversions <= TOLERATED
    assert by_a_usual_test > 3 * TOLERATED


@pytest.mark.parametrize("power", [0.8, 0.9])
def test_a_lift_of_a_fifth_on_5_percent_is_found_as_often_as_planned(power: float) -> None:
    rng, share, looks = random.Random(4), 0.05, 10
    customers = customers_needed(Metric.conversion(share), 0.2, Split(0.5, 0.5), power=power)
    each = customers // 2 // looks
    found = sum(_finds(rng, share, looks, each, customers) for _ in range(300)) / 300
    assert found >= power - 0.03


def _finds(rng: random.Random, share: float, looks: int, each: int, planned: int) -> bool:
    converted = [0, 0]
    for look in range(1, looks + 1):
        for arm, rate in enumerate((share, share * 1.2)):
            converted[arm] += _binomial(rng, each, rate)
        arms = [Arm.of_conversions(count, look * each) for count in converted]
        if judge(arms[0], arms[1], planned=planned).better == 1:
            return True
    return False


def _binomial(rng: random.Random, customers: int, rate: float) -> int:
    """So many of so many: a normal draw, near enough at hundreds of conversions."""
    spread = (customers * rate * (1 - rate)) ** 0.5
    return max(0, round(rng.gauss(customers * rate, spread)))

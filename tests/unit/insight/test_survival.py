"""Kaplan and Meier on the record shop and on a case small enough to check by hand."""

from datetime import datetime
from itertools import pairwise
from math import exp, log

import pytest

from engine.insight.survival import Count, Curve, kaplan_meier
from tests.support import shop_history as shop

END = datetime.fromisoformat("1998-07-01T00:00:00Z")


def to_the_nth_purchase(number: int) -> Curve:
    """Days from the purchase day before to the nth, of customers who got that far; by plain Python."""
    days: dict[str, list[datetime]] = {}
    for one in shop.purchases():
        known = days.setdefault(one.customer, [])
        if not known or known[-1] != one.at:
            known.append(one.at)
    started = [known[number - 2 :] for known in days.values() if len(known) >= number - 1]
    return kaplan_meier(
        Count((known[1] - known[0]).days, 1, 0) if len(known) > 1 else Count((END - known[0]).days, 0, 1)
        for known in started
    )


def test_of_the_record_shops_customers_most_have_not_come_back_after_a_month() -> None:
    curve = to_the_nth_purchase(2)
    assert curve.customers == 2357
    assert curve.at(30).survival == pytest.approx(0.826050, abs=5e-7)
    assert curve.at(30).error == pytest.approx(0.007808, abs=5e-7)
    assert curve.at(90).survival == pytest.approx(0.708528, abs=5e-7)


def test_a_case_that_can_be_checked_by_hand() -> None:
    """Six customers: two come back on day 1 and 3, one leaves our sight on day 3, and so on."""
    curve = kaplan_meier([Count(1, 1, 0), Count(3, 1, 0), Count(3, 0, 1), Count(5, 2, 0), Count(8, 0, 1)])
    assert [(one.time, one.at_risk, one.events) for one in curve.steps] == [(1, 6, 1), (3, 5, 1), (5, 3, 2)]
    assert [one.survival for one in curve.steps] == pytest.approx([5 / 6, 4 / 6, 2 / 9])
    assert curve.steps[1].error == pytest.approx(4 / 6 * (1 / 30 + 1 / 20) ** 0.5)
    aside = 1.959964 * (1 / 30) ** 0.5 / log(6 / 5)  # of the logarithm of the logarithm, as Kalbfleisch and Prentice
    bounds = [exp(-exp(log(log(6 / 5)) + by)) for by in (aside, -aside)]
    assert [curve.steps[0].low, curve.steps[0].high] == pytest.approx(bounds)
    assert curve.at(0.5).survival == 1
    assert curve.at(100).survival == curve.steps[-1].survival
    assert (curve.quantile(0.5), curve.quantile(0.9)) == (5, None)


def test_a_share_is_told_for_as_long_as_somebody_was_watched() -> None:
    """A shop of ten days knows nothing about a month, unless everybody has come back."""
    curve = kaplan_meier([Count(2, 1, 0), Count(10, 0, 1)])
    assert (curve.share_by(1), curve.share_by(10), curve.share_by(11)) == (0, 0.5, None)
    assert kaplan_meier([Count(2, 1, 0)]).share_by(30) == 1
    assert kaplan_meier([]).share_by(30) is None


def test_when_everybody_has_come_back_nobody_waits() -> None:
    curve = kaplan_meier([Count(1, 1, 0), Count(2, 1, 0)])
    assert (curve.steps[-1].survival, curve.steps[-1].error) == (0, 0)
    assert kaplan_meier([]).at(10).survival == 1


def test_bounds_enclose_the_curve_and_widen_as_fewer_are_left() -> None:
    steps = to_the_nth_purchase(2).steps
    assert all(0 < one.low < one.survival < one.high < 1 for one in steps)
    assert all(before.survival > after.survival for before, after in pairwise(steps))
    assert steps[-1].error > steps[0].error

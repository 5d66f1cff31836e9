"""Fits of the models to a shop's purchases, and how well an earlier fit would have predicted the following weeks.

`engine metrics` and `engine fit` call it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from engine.arithmetic.history import PurchaseHistory
from engine.insight.figures.shop import Shop
from engine.insight.models.calibration import Calibration, calibration
from engine.insight.models.fitting import Fit, TooFew, fit_purchases, fit_spending
from engine.insight.models.gamma_gamma import GammaGamma, Spending

MAX_SAMPLE: Final = 20_000
"""Customers of a sample, chosen by their hash: a fit to so many and its check take three seconds, whatever the shop."""

WEEKS_PER_YEAR: Final = 365.25 / 7


class Seen(NamedTuple):
    """A customer's history until some day, and the number of purchase days in the weeks after it."""

    history: PurchaseHistory
    spending: Spending | None
    after: int


class Sample(NamedTuple):
    """Customers with a purchase before `until`, and what they bought in the `weeks` after it."""

    until: date
    weeks: int
    customers: Sequence[Seen]


@dataclass(frozen=True)
class Fitted:
    """A fit to the purchases before `until`. `spending` None: too few customers paid for a repeat purchase."""

    purchases: Fit[Any]
    spending: Fit[GammaGamma] | None
    until: date


@dataclass(frozen=True)
class Check:
    """The model fitted until an earlier day, compared with the weeks after it."""

    until: date
    weeks: int
    expected: float
    happened: int
    calibration: Calibration


def sample(shop: Shop, until: date, weeks: int = 0) -> Sample:
    query = """
        WITH found AS (
            SELECT c, day, before, amount, first_day FROM purchases JOIN customers USING (c)
            WHERE c % $every::UBIGINT = 0 AND day < $end
        )
        SELECT count(*) FILTER (before < day AND day < $until), max(day) FILTER (day < $until) - any_value(first_day),
            $until - any_value(first_day) - 1,
            coalesce(steady(fsum(amount) FILTER (day > first_day AND day < $until), 9), 0),
            count(DISTINCT day) FILTER (day >= $until)
        FROM found GROUP BY c HAVING any_value(first_day) < $until ORDER BY ALL
    """
    every = max(1, shop.row("SELECT count(*) FROM customers")[0] // MAX_SAMPLE)
    parameters = {"until": until, "every": every, "end": until + timedelta(weeks=weeks)}
    rows = shop.connection.execute(query, parameters).fetchall()
    return Sample(until, weeks, [_seen(*row) for row in rows])


def _seen(repeats: int, recency: int, age: int, spent: float, after: int) -> Seen:
    """The age until the last day before the end: that day is complete."""
    return Seen(PurchaseHistory.of_days(repeats, recency, age), Spending.of_repeats(repeats, spent), after)


def fit_sample(model: str, seen: Sample) -> Fitted:
    """Fit a model to what a sample bought until its day. Raises TooFew."""
    purchases = fit_purchases(model, (one.history for one in seen.customers))
    try:
        spending = fit_spending(one.spending for one in seen.customers if one.spending)
    except TooFew:
        spending = None
    return Fitted(purchases, spending, seen.until)


def sample_to_check(shop: Shop) -> Sample | None:
    """A sample with two fifths of the time after its day, at most 39 weeks; None if that is less than a week."""
    weeks = min(39, (shop.end - shop.first).days * 2 // 5 // 7)
    return sample(shop, shop.end - timedelta(weeks=weeks), weeks) if weeks else None


def check_fit(model: str, seen: Sample) -> Check:
    """Fit a model until the sample's day and compare what it expects with what came after. Raises TooFew."""
    fitted = fit_purchases(model, (one.history for one in seen.customers)).model
    predicted, expected = [], 0.0
    for history, _, _ in seen.customers:
        predicted.append(fitted.buys_within(history, seen.weeks))
        expected += fitted.expected(history, seen.weeks)
    happened = [one.after for one in seen.customers]
    came = calibration(predicted, [days > 0 for days in happened])
    return Check(seen.until, seen.weeks, expected, sum(happened), came)

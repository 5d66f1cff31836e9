"""Fits of the models to a shop's purchases, and how well an earlier fit would have predicted the following weeks.

`engine metrics` and `engine fit` call it. It samples customers: a fit to 20,000 customers takes minutes already.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from engine.arithmetic.history import History
from engine.insight.figures.shop import Shop
from engine.insight.models.calibration import Calibration, calibration
from engine.insight.models.fitting import Fit, PurchaseModel, TooFew, fit_purchases, fit_spending
from engine.insight.models.gamma_gamma import GammaGamma, Spending

MAX_SAMPLE: Final = 20_000
REPORT_SAMPLE: Final = 3_000
"""Sample sizes of a fit and of a report, chosen by the customer's hash: 20,000 take minutes, 3,000 take seconds."""


class Seen(NamedTuple):
    """A customer's history until some day, and the number of purchase days in the period after it."""

    history: History
    spending: Spending | None
    after: int


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


def seen(shop: Shop, until: date, days_after: int = 0, most: int = MAX_SAMPLE) -> list[Seen]:
    """A sample of the customers with a purchase before `until`."""
    query = """
        WITH known AS (
            SELECT c, count(*) FILTER (before < day) AS repeats, any_value(first_day) AS first, max(day) AS last,
                coalesce(sum(amount) FILTER (day > first_day), 0) AS spent_again
            FROM purchases JOIN customers USING (c) WHERE day < $until AND c % $every = 0 GROUP BY c
        ), later AS (
            SELECT c, count(DISTINCT day) AS after FROM purchases
            WHERE day >= $until AND day < $end AND c % $every = 0 GROUP BY c
        )
        SELECT repeats, last - first, $until - first - 1, spent_again, coalesce(after, 0)
        FROM known LEFT JOIN later USING (c)
    """
    every = max(1, shop.row("SELECT count(*) FROM customers")[0] // most)
    parameters = {"until": until, "every": every, "end": until + timedelta(days=days_after)}
    return [_seen(*row) for row in shop.connection.execute(query, parameters).fetchall()]


def _seen(repeats: int, recency: int, age: int, spent: float, after: int) -> Seen:
    """The age until the last day before the end: that day is complete."""
    spending = Spending(repeats, spent / repeats) if repeats and spent > 0 else None
    return Seen(History(repeats, recency / 7, age / 7), spending, after)


def fit_shop(shop: Shop, model: str, until: date, most: int = MAX_SAMPLE) -> Fitted:
    """Fit a model to a sample of the shop's customers. Raises TooFew."""
    customers = seen(shop, until, most=most)
    purchases = fit_purchases(model, (one.history for one in customers))
    try:
        spending = fit_spending(one.spending for one in customers if one.spending)
    except TooFew:
        spending = None
    return Fitted(purchases, spending, until)


def check_until(shop: Shop) -> tuple[date, int]:
    """The day until which a check fits, and the weeks left after it: two fifths of the time, at most 39 weeks."""
    weeks = min(39, (shop.end - shop.first).days * 2 // 5 // 7)
    return shop.end - timedelta(weeks=weeks), weeks


def check_fit(shop: Shop, model: PurchaseModel, until: date, weeks: int) -> Check:
    """Check a model that was fitted until this day."""
    customers = seen(shop, until, weeks * 7)
    predicted = [model.buys_within(one.history, weeks) for one in customers]
    expected = sum(model.expected(one.history, weeks) for one in customers)
    happened = sum(one.after for one in customers)
    return Check(until, weeks, expected, happened, calibration(predicted, [one.after > 0 for one in customers]))


def scored(shop: Shop, model: PurchaseModel) -> Iterator[tuple[Seen, float]]:
    """The sample's customers, each with the probability of being still active."""
    for one in seen(shop, shop.end, most=REPORT_SAMPLE):
        yield one, model.alive(one.history)

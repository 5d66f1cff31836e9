"""How often customers buy: repeat and returning rates, frequency, gaps, and the path to the nth purchase.

`report` calls it with an open `Shop`; each figure is one query.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from math import ceil, floor

from engine.insight.figures.shop import Shop
from engine.insight.survival import Count, Curve, kaplan_meier


@dataclass(frozen=True)
class Buying:
    """`tx` counts purchases, `days` purchase days. `revenue` is that of the `priced` purchases: the others name no
    amount, or one in another currency. None: no purchase names one.
    """

    customers: int
    purchases: int
    priced: int
    revenue: float | None
    repeat_tx: float
    repeat_days: float
    lifespan_days: float

    @property
    def frequency(self) -> float:
        return self.purchases / self.customers

    @property
    def historic_value(self) -> float | None:
        """Revenue per customer until now."""
        return None if self.revenue is None else self.revenue / self.customers


def buying(shop: Shop) -> Buying:
    """The totals of all time until the shop's end."""
    query = """
        SELECT count(*), sum(bought)::BIGINT, sum(priced)::BIGINT,
            CASE WHEN sum(priced) > 0 THEN steady(fsum(spent), 6) END,
            avg((bought >= 2)::INTEGER), avg((days >= 2)::INTEGER), avg(last_day - first_day)
        FROM customers
    """
    return Buying(*shop.row(query))


@dataclass(frozen=True)
class Returning:
    """A period's buyers: how many, how many had bought before or again, and how many bought twice within it."""

    buyers: int
    returning: float | None
    repeated: float | None


def returning(shop: Shop, start: date, end: date) -> Returning:
    """The period's buyers, each by the last purchase before its end: the row also has the one before."""
    query = """
        SELECT count(*), avg((before IS NOT NULL)::INTEGER), avg((before IS NOT NULL AND before >= $start)::INTEGER)
        FROM purchases WHERE day >= $start AND day < $end AND (after IS NULL OR after >= $end)
    """
    found = shop.connection.execute(query, {"start": start, "end": end}).fetchall()
    return Returning(*found[0])


@dataclass(frozen=True)
class Gaps:
    """Days between consecutive purchase days of a customer. `weeks`: how many gaps took so many whole weeks."""

    count: int
    mean: float | None
    median: float | None
    p90: float | None
    weeks: list[tuple[int, int]]


def gaps(shop: Shop) -> Gaps:
    lengths = shop.rows("SELECT day - before, count(*) FROM purchases WHERE before < day GROUP BY 1 ORDER BY 1")
    total = sum(count for _, count in lengths)
    mean = sum(days * count for days, count in lengths) / total if total else None
    weeks: Counter[int] = Counter()
    for days, count in lengths:
        weeks[days // 7] += count
    return Gaps(total, mean, _quantile(lengths, 0.5), _quantile(lengths, 0.9), sorted(weeks.items()))


def _quantile(counted: Sequence[tuple[int, int]], share: float) -> float | None:
    """The quantile of values that are given with their counts, in order; by linear interpolation. None: no values."""
    if not counted:
        return None
    upto = list(accumulate(count for _, count in counted))
    place = share * (upto[-1] - 1)
    low, high = (counted[bisect_right(upto, index)][0] for index in (floor(place), ceil(place)))
    return low + (high - low) * (place - floor(place))


def until_second(shop: Shop) -> Curve:
    """Waiting times from the first purchase day to the second; customers still waiting count as censored."""
    query = """
        SELECT coalesce(second_day, ?) - first_day AS waited, count(second_day), count_if(second_day IS NULL)
        FROM customers GROUP BY waited
    """
    return kaplan_meier(Count(*row) for row in shop.rows(query, shop.end))


def next_shares(shop: Shop, most: int = 8) -> list[tuple[int, float, int]]:
    """(n, the share of those with n purchase days who have another, how many have n) for n from 1."""
    query = """
        SELECT nth, avg((days > nth)::INTEGER), count(*)
        FROM customers, (SELECT unnest(range(1, ? + 1)) AS nth) WHERE days >= nth GROUP BY nth ORDER BY nth
    """
    return [(int(nth), float(share), int(customers)) for nth, share, customers in shop.rows(query, most)]

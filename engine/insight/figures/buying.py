"""How often customers buy: repeat and returning rates, frequency, gaps, and the path to the nth purchase.

`report` calls it with an open `Shop`; each figure is one query.
"""

from dataclasses import dataclass
from datetime import date

from engine.insight.figures.shop import Shop
from engine.insight.survival import Count, Curve, kaplan_meier


@dataclass(frozen=True)
class Buying:
    """`tx` counts purchases, `days` purchase days."""

    customers: int
    purchases: int
    revenue: float
    repeat_tx: float
    repeat_days: float
    lifespan_days: float

    @property
    def frequency(self) -> float:
        return self.purchases / self.customers

    @property
    def historic_value(self) -> float:
        """Revenue per customer until now."""
        return self.revenue / self.customers


def buying(shop: Shop) -> Buying:
    """The totals of all time until the shop's end."""
    query = """
        SELECT count(*), sum(bought)::BIGINT, sum(spent), avg((bought >= 2)::INTEGER), avg((days >= 2)::INTEGER),
            avg(last_day - first_day)
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
    query = """
        SELECT count(*), avg((bought >= 2)::INTEGER), avg((inside >= 2)::INTEGER)
        FROM (
            SELECT sum(purchases) AS bought, coalesce(sum(purchases) FILTER (day >= ?), 0) AS inside
            FROM days WHERE day < ? GROUP BY c
        )
        WHERE inside > 0
    """
    return Returning(*shop.row(query, start, end))


@dataclass(frozen=True)
class Gaps:
    """Days between consecutive purchase days of a customer. `weeks`: how many gaps took so many whole weeks."""

    count: int
    mean: float | None
    median: float | None
    p90: float | None
    weeks: list[tuple[int, int]]


def gaps(shop: Shop) -> Gaps:
    query = """
        SELECT count(*), avg(day - before), quantile_cont(day - before, .5), quantile_cont(day - before, .9)
        FROM days WHERE before IS NOT NULL
    """
    weeks = "SELECT (day - before) // 7, count(*) FROM days WHERE before IS NOT NULL GROUP BY 1 ORDER BY 1"
    count, mean, median, p90 = shop.row(query)
    return Gaps(count, mean, median, p90, [(int(week), int(number)) for week, number in shop.rows(weeks)])


def until_next(shop: Shop, nth: int) -> Curve:
    """Waiting times from the nth purchase day to the next; customers still waiting count as censored."""
    query = """
        SELECT coalesce(after, ?) - day AS waited, count_if(after IS NOT NULL), count_if(after IS NULL)
        FROM days WHERE nth = ? GROUP BY waited
    """
    return kaplan_meier(Count(*row) for row in shop.rows(query, shop.end, nth))


def next_shares(shop: Shop, most: int = 8) -> list[tuple[int, float, int]]:
    """(n, the share of those with n purchase days who have another, how many have n) for n from 1."""
    query = """
        SELECT nth, avg((after IS NOT NULL)::INTEGER), count(*) FROM days WHERE nth <= ? GROUP BY nth ORDER BY nth
    """
    return [(int(nth), float(share), int(customers)) for nth, share, customers in shop.rows(query, most)]

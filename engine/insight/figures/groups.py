"""Customers in groups: cohorts by the month of their first purchase, and RFM scores.

`report` calls it with an open `Shop`; each figure is one query.
"""

from dataclasses import dataclass
from datetime import date

from engine.insight.figures.shop import Shop


@dataclass(frozen=True)
class Cohort:
    """`month`: of the first purchase. `buyers`: how many bought in it and in each month after."""

    month: date
    buyers: list[int]


def cohorts(shop: Shop) -> list[Cohort]:
    """The cohorts, oldest first. A customer counts once per month."""
    query = """
        WITH told AS (
            SELECT c, 12 * year(day) + month(day) AS now, 12 * year(before) + month(before) AS earlier FROM purchases
        ), came AS (
            SELECT c, date_trunc('month', first_day)::DATE AS since, 12 * year(since) + month(since) AS number
            FROM customers
        )
        SELECT since, now - number, count(*) FROM told JOIN came USING (c)
        WHERE earlier IS NULL OR earlier < now GROUP BY ALL ORDER BY ALL
    """
    found: dict[date, dict[int, int]] = {}
    for month, later, buyers in shop.rows(query):
        found.setdefault(month, {})[later] = buyers
    last = shop.end.year * 12 + shop.end.month - (1 if shop.end.day == 1 else 0)
    return [
        Cohort(month, [later.get(number, 0) for number in range(last - (month.year * 12 + month.month) + 1)])
        for month, later in found.items()
    ]


@dataclass(frozen=True)
class Rfm:
    """How many customers have a score, and what they have spent. 5 is best: bought lately, often, much."""

    recency: int
    frequency: int
    monetary: int
    customers: int
    spent: float


def rfm(shop: Shop) -> list[Rfm]:
    """Scores by the values at the quintiles, so that equals score equally; SQL's NTILE would split them."""
    query = f"""
        WITH told AS (SELECT last_day - ?::DATE AS lately, bought, spent FROM customers), scored AS ({_SCORED})
        SELECT r, f, m, count(*), steady(fsum(spent), 6) FROM scored GROUP BY ALL ORDER BY ALL
    """
    return [Rfm(*row) for row in shop.rows(query, shop.end)]


_FIFTHS = "quantile_cont({0}, [.2, .4, .6, .8]) AS {0}_cuts"
_SCORE = "1 + len(list_filter({0}_cuts, lambda cut: {0} > cut))"
_SCORED = f"""
    SELECT spent, {_SCORE.format("lately")} AS r, {_SCORE.format("bought")} AS f, {_SCORE.format("spent")} AS m
    FROM told, (
        SELECT {_FIFTHS.format("lately")}, {_FIFTHS.format("bought")}, {_FIFTHS.format("spent")} FROM told
    )
"""

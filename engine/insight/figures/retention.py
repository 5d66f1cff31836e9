"""Retention of a period, by both common definitions.

`report` calls it with an open `Shop`. The textbook figure (E - N) / S can exceed the share of customers who stayed, so
both are given.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from engine.insight.figures.shop import Shop


@dataclass(frozen=True)
class Retention:
    """Retention of one period. `start`, `end`: active customers then. `new` bought for the first time in it, `stayed`
    were active at both; `resurrected` were active at the end and at neither the start nor new, `new_lapsed` were new
    and no longer active.
    """

    start: int
    end: int
    new: int
    stayed: int
    resurrected: int
    new_lapsed: int

    @property
    def textbook(self) -> float | None:
        """(E - N) / S; None if no customer was active at the start."""
        return (self.end - self.new) / self.start if self.start else None

    @property
    def strict(self) -> float | None:
        """The share of the customers active at the start who are active at the end."""
        return self.stayed / self.start if self.start else None


def retention(shop: Shop, start: date, end: date) -> Retention:
    """Active at a moment: the last purchase is less than the shop's number of days before it."""
    days = timedelta(days=shop.asked.active_days)
    query = """
        WITH marked AS (
            SELECT c,
                day < $start AND (after IS NULL OR after >= $start) AND last_at > $start_floor AS s,
                day < $end AND (after IS NULL OR after >= $end) AND last_at > $end_floor AS e,
                nth = 1 AND day >= $start AND day < $end AS n
            FROM days WHERE day < $end
        ), customers AS (
            SELECT bool_or(s) AS s, bool_or(e) AS e, bool_or(n) AS n FROM marked WHERE s OR e OR n GROUP BY c
        )
        SELECT count_if(s), count_if(e), count_if(n), count_if(s AND e), count_if(e AND NOT s AND NOT n),
            count_if(n AND NOT e)
        FROM customers
    """
    parameters = {
        "start": start,
        "end": end,
        "start_floor": shop.instant(start - days),
        "end_floor": shop.instant(end - days),
    }
    row = shop.connection.execute(query, parameters).fetchone()
    assert row
    return Retention(*row)

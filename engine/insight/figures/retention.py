"""Retention of a period, by both common definitions.

`report` calls it with an open `Shop`. The textbook figure (E - N) / S can exceed the share of customers who stayed, so
both are given.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from engine.insight.figures.shop import Shop

MAX_MOMENTS: Final = 62
"""Moments of one pass: each is a bit of an integer of 64 bits."""


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
    return retentions(shop, [(start, end)])[0]


def retentions(shop: Shop, periods: Sequence[tuple[date, date]]) -> list[Retention]:
    """The same for several periods in one pass over the purchases. At most `MAX_MOMENTS` starts and ends.

    Customers with equal bits (active at which of the moments) and the same place of their first purchase among the
    moments are counted together.
    """
    moments = sorted({moment for period in periods for moment in period})
    assert len(moments) <= MAX_MOMENTS
    days = timedelta(days=shop.asked.active_days)
    bits = " | ".join(
        f"CASE WHEN day < {_day(at)} AND at_ms > {shop.instant(at - days)} THEN {1 << place} ELSE 0 END"
        for place, at in enumerate(moments)
    )
    before_first = " + ".join(f"(first_day >= {_day(at)})::INTEGER" for at in moments)
    query = f"""
        WITH active AS (SELECT c, bit_or(bits) AS bits, min(day) AS first_day FROM (
            SELECT c, day, ({bits})::BIGINT AS bits FROM purchases
        ) GROUP BY c)
        SELECT bits, {before_first} AS before_first, count(*) FROM active GROUP BY ALL
    """
    kinds = [_Kind(*row) for row in shop.rows(query)]
    return [_between(kinds, moments.index(start), moments.index(end)) for start, end in periods]


class _Kind(NamedTuple):
    """Customers who were active at the same of some moments; the first `before_first` of these are before they came."""

    active: int
    before_first: int
    customers: int


def _between(kinds: Iterable[_Kind], start: int, end: int) -> Retention:
    counts = dict.fromkeys(("start", "end", "new", "stayed", "resurrected", "new_lapsed"), 0)
    for active, before_first, customers in kinds:
        s, e = bool(active >> start & 1), bool(active >> end & 1)
        n = start < before_first <= end
        found = {
            "start": s,
            "end": e,
            "new": n,
            "stayed": s and e,
            "resurrected": e and not s and not n,
            "new_lapsed": n and not e,
        }
        for name, counted in found.items():
            counts[name] += customers if counted else 0
    return Retention(**counts)


def _day(day: date) -> str:
    return f"DATE '{day}'"

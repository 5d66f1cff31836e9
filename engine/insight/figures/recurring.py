"""Recurring revenue: what customers pay a month, how it moved in a period, and churn of it by named definitions.

`report.goals` calls it, if the file of goals says which events carry MRR. A customer's MRR is the sum over their
subscriptions; one change of it is one movement, however many subscriptions changed at that instant.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from engine.insight.figures.shop import Shop
from engine.insight.sql import json_path, text_literal


@dataclass(frozen=True)
class Recurring:
    """`sets`: event type -> the property with the MRR from then on. `ends`: types after which it is 0. `per`: the
    property that tells subscriptions of a customer apart; "": there is one.
    """

    sets: Mapping[str, str]
    ends: tuple[str, ...] = ()
    per: str = ""


@dataclass(frozen=True)
class Movements:
    """MRR in a period. `start`, `end`: of all customers then. The next five are sums of single movements.

    `capped`: losses of each customer, at most what they paid at the start. The `stayed_…` compare each customer of the
    start at both ends of the period: left, pay less, pay more.
    """

    start: float
    end: float
    new: float
    reactivation: float
    expansion: float
    contraction: float
    churn: float
    capped: float
    stayed_churn: float
    stayed_contraction: float
    stayed_expansion: float


@dataclass(frozen=True)
class Definition:
    """Gross and net churn by one definition, as shares of the MRR at the start. `net` None: it has no such figure."""

    sentence: str
    gross: Callable[[Movements], float]
    net: Callable[[Movements], float] | None


DEFINITIONS: Final[Mapping[str, Definition]] = {
    "cohort": Definition(
        "of the customers of the start, what they pay less at the end, or no longer, divided by what they paid; net"
        " subtracts what those pay more who pay more",
        lambda found: found.stayed_churn + found.stayed_contraction,
        lambda found: found.stayed_churn + found.stayed_contraction - found.stayed_expansion,
    ),
    "chartmogul": Definition(
        "all churn and contraction of the period, of new customers too, divided by the MRR at its start; net subtracts"
        " expansion and reactivation (ChartMogul's standard formula)",
        lambda found: found.churn + found.contraction,
        lambda found: found.churn + found.contraction - found.expansion - found.reactivation,
    ),
    "baremetrics": Definition(
        "cancellations and downgrades of the period, of each customer at most what they paid at the start, divided by"
        " the MRR at the start; net subtracts expansion (Baremetrics)",
        lambda found: found.capped,
        lambda found: found.capped - found.expansion,
    ),
    "stripe": Definition(
        "what customers paid who went to nothing, when they did, without downgrades, divided by the MRR at the start"
        " (Stripe's churned revenue; it has no net figure)",
        lambda found: found.churn,
        None,
    ),
}


def movements(shop: Shop, recurring: Recurring, start: date, end: date) -> Movements:
    """How recurring revenue moved in the period. An event that came twice counts once."""
    instants = {"start": shop.instant(start), "end": shop.instant(end)}
    row = shop.connection.execute(_MOVEMENTS.format(changes=_changes(recurring)), instants).fetchone()
    assert row is not None  # sums have a row
    return Movements(*(float(number or 0) for number in row))


def _changes(recurring: Recurring) -> str:
    """A row for each event that says what a subscription costs from then on; of one that says none `mrr` is NULL."""
    amount = {
        type_: f"TRY_CAST(json_extract_string(properties, {json_path(name)}) AS DOUBLE)"
        for type_, name in recurring.sets.items()
    } | dict.fromkeys(recurring.ends, "0")
    cases = " ".join(f"WHEN {text_literal(type_)} THEN {told}" for type_, told in amount.items())
    per = f"coalesce(json_extract_string(properties, {json_path(recurring.per)}), '')" if recurring.per else "''"
    types = ", ".join(map(text_literal, amount))
    return f"""
        SELECT hash(customer) AS c, {per} AS subscription, epoch_ms(occurred_at) AS at_ms,
            CASE type {cases} END AS said, CASE WHEN isfinite(said) THEN greatest(said, 0) END AS mrr, id
        FROM (SELECT DISTINCT ON (id_source, id) * FROM events WHERE type IN ({types}) ORDER BY occurred_at)
    """


_MOVEMENTS: Final = """
    WITH changes AS ({changes}),
    steps AS (
        SELECT c, at_ms, mrr - lag(mrr, 1, 0) OVER (PARTITION BY c, subscription ORDER BY at_ms, id) AS step
        FROM changes WHERE mrr IS NOT NULL
    ), moments AS (
        SELECT c, at_ms, fsum(step) AS step FROM steps WHERE at_ms < $end GROUP BY c, at_ms
    ), levels AS (
        SELECT c, at_ms, steady(fsum(step) OVER (PARTITION BY c ORDER BY at_ms), 6) AS level FROM moments
    ), moves AS (
        SELECT c, at_ms, level, lag(level, 1, 0) OVER so_far AS before,
            coalesce(max(level) OVER until_then, 0) AS highest
        FROM levels WINDOW so_far AS (PARTITION BY c ORDER BY at_ms),
            until_then AS (PARTITION BY c ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), customers AS (
        SELECT c, coalesce(arg_max(level, at_ms) FILTER (at_ms < $start), 0) AS first, arg_max(level, at_ms) AS last,
            coalesce(fsum(level) FILTER (at_ms >= $start AND before = 0 AND highest = 0), 0) AS new,
            coalesce(fsum(level) FILTER (at_ms >= $start AND before = 0 AND highest > 0), 0) AS reactivation,
            coalesce(fsum(level - before) FILTER (at_ms >= $start AND before > 0 AND level > before), 0) AS expansion,
            coalesce(fsum(before - level) FILTER (at_ms >= $start AND level > 0 AND level < before), 0) AS contraction,
            coalesce(fsum(before) FILTER (at_ms >= $start AND level = 0), 0) AS churn
        FROM moves GROUP BY c
    )
    SELECT steady(fsum(first), 6), steady(fsum(last), 6), steady(fsum(new), 6), steady(fsum(reactivation), 6),
        steady(fsum(expansion), 6), steady(fsum(contraction), 6), steady(fsum(churn), 6),
        steady(fsum(least(contraction + churn, first)), 6),
        steady(fsum(first) FILTER (last = 0), 6), steady(fsum(first - last) FILTER (last > 0 AND last < first), 6),
        steady(fsum(last - first) FILTER (first > 0 AND last > first), 6)
    FROM customers
"""

"""A shop's purchases, arranged so that a figure is one pass: each with the purchase days around it.

They are sorted once, and not put together by day first: nearly every purchase has a day of its own, so that would cost
as much again and save nothing. A purchase begins its day if `before < day` or there is none before, and ends it if
`after > day` or there is none after; in which order purchases of one day stand is not told. Two events with the same id
are one. A 64-bit hash of the id stands for a customer: of a million customers two share one with a chance of 3 in 100
million.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from engine.arithmetic.local_time import from_millis
from engine.errors import EngineError
from engine.insight.archive.reading import open_tables
from engine.insight.figures.days import UTC, day_of, start_of
from engine.insight.sql import json_path, text_literal

if TYPE_CHECKING:
    import duckdb

SPENT: Final = "steady(fsum(amount), 9)"
"""A customer's amounts together. Totals of customers are rounded to 6 decimals."""
_PURCHASES: Final = """
    CREATE TEMP TABLE purchases AS
    WITH found AS (
        SELECT hash(customer) AS c, epoch_ms(occurred_at) AS at_ms, {day} AS day, {amount} AS amount FROM ({counted})
    )
    SELECT *, lag(day) OVER far AS before, lead(day) OVER far AS after
    FROM found WINDOW far AS (PARTITION BY c ORDER BY day)
"""
"""`before`, `after`: days of the customer's neighbouring purchases, which may be the same."""
_CUSTOMERS: Final = f"""
    CREATE TEMP TABLE customers AS
    SELECT c, min(day) AS first_day, min(after) FILTER (after > day) AS second_day, max(day) AS last_day,
        count_if(before IS NULL OR before < day) AS days, count(*) AS bought, count(amount) AS priced,
        coalesce({SPENT}, 0) AS spent
    FROM purchases GROUP BY c
"""
_AGAIN: Final = """
    SELECT count(*) FROM (
        SELECT row_number() OVER (PARTITION BY id) AS nth FROM (
            SELECT hash(id_source, id) AS id FROM events WHERE type = ?
        )
    ) WHERE nth > 1
"""
"""How many purchases came again. A window partitions by hash alone: half the time of count(DISTINCT)."""

CURRENCY: Final = """
    list_sort([{'n': -entry.value::BIGINT, 'name': entry.key} FOR entry IN map_entries(histogram(currency))])[1].name
"""
"""The most frequent currency, of equally frequent ones the first by name (`mode` takes any). NULL: none is named."""


class NoPurchases(EngineError):
    """Raised if the archives have no purchases."""


@dataclass(frozen=True)
class ShopOptions:
    """Which events count as purchases, and in which zone days and months begin. `end`: exclusive."""

    purchase: str = "purchase"
    amount: str = "amount"
    zone: ZoneInfo = UTC
    end: date | None = None
    active_days: int = 90


@dataclass(frozen=True)
class Shop:
    """The loaded purchases; `open_shop` makes one. `first` and `end` (exclusive) bound the purchase days."""

    connection: "duckdb.DuckDBPyConnection"
    asked: ShopOptions
    first: date
    end: date
    currency: str

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, list(parameters)).fetchall()

    def row(self, query: str, *parameters: Any) -> tuple[Any, ...]:
        return self.rows(query, *parameters)[0]

    def instant(self, day: date) -> int:
        """Epoch ms of the start of the day in the shop's zone."""
        return start_of(day, self.asked.zone)

    def close(self) -> None:
        self.connection.close()


def open_shop(folders: Sequence[Path], asked: ShopOptions) -> Shop:
    """Reads the archives into memory once. Raises ArchiveBroken and NoPurchases."""
    connection = open_tables(folders)
    earliest, latest = _extent(connection, asked)
    first, last = (from_millis(instant, asked.zone).date() for instant in (earliest, latest))
    end = asked.end or last + timedelta(days=1)
    if first >= end:
        message = f"the first {asked.purchase} is of {first}, and nothing from {end} on was asked for"
        raise NoPurchases(message)
    day = day_of("epoch_ms(occurred_at)", asked.zone, earliest, latest)
    counted = _counted(connection, asked, start_of(end, asked.zone))
    (currency,) = connection.execute(f"SELECT coalesce({CURRENCY}, '') FROM ({counted})").fetchall()[0]
    connection.execute(_PURCHASES.format(day=day, amount=_amount(asked, currency), counted=counted))
    connection.execute(_CUSTOMERS)
    return Shop(connection, asked, first, end, currency)


def _extent(connection: "duckdb.DuckDBPyConnection", asked: ShopOptions) -> tuple[int, int]:
    """First and last purchase (epoch ms). Raises NoPurchases."""
    query = "SELECT epoch_ms(min(occurred_at)), epoch_ms(max(occurred_at)) FROM events WHERE type = ?"
    row = connection.execute(query, [asked.purchase]).fetchone()
    if row is None or row[0] is None:
        message = f"there is no event of type {asked.purchase}; --purchase says what a purchase is called here"
        raise NoPurchases(message)
    return row[0], row[1]


def _counted(connection: "duckdb.DuckDBPyConnection", asked: ShopOptions, end: int) -> str:
    """The purchases before the end (epoch ms), of which each counts once."""
    (again,) = connection.execute(_AGAIN, [asked.purchase]).fetchall()[0]
    once = "QUALIFY row_number() OVER (PARTITION BY id_source, id ORDER BY occurred_at, customer) = 1"
    return f"""
        SELECT * FROM events
        WHERE type = {text_literal(asked.purchase)} AND occurred_at < make_timestamptz({end} * 1000)
        {once if again else ""}
    """


def _amount(asked: ShopOptions, currency: str) -> str:
    """The amount of a purchase; NULL where it is in another currency than most."""
    path = json_path(*asked.amount.split("."))
    of_property = f"TRY_CAST(json_extract_string(properties, {path}) AS DOUBLE)"
    amount = "amount" if asked.amount == "amount" else f"CASE WHEN isfinite({of_property}) THEN {of_property} END"
    if not currency:
        return amount
    return f"CASE WHEN currency IS NULL OR currency = {text_literal(currency)} THEN {amount} END"


def month_before(day: date, months: int = 1) -> date:
    """The first day of the month that is so many months before the day's month."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def whole_months(first: date, end: date, most: int) -> list[date]:
    """The first days of the last whole months, at most `most` of them, and the end of the last one."""
    last = month_before(end, 0)
    starts: Iterable[date] = (month_before(last, back) for back in range(most, -1, -1))
    return [start for start in starts if start >= month_before(first, 0)]

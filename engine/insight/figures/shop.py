"""A shop's purchases, arranged so that a figure is one pass: each with the purchase days around it.

They are sorted once, and not put together by day first: nearly every purchase has a day of its own, so that would cost
as much again and save nothing. A purchase begins its day if `before < day` or there is none before, and ends it if
`after > day` or there is none after; in which order purchases of one day stand is not told. Two events with the same id
are one. A 64-bit hash of the id stands for a customer: of a million customers two share one with a chance of 3 in 100
million.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from engine.arithmetic.local_time import from_millis
from engine.errors import EngineError
from engine.insight.archive import ArchiveBroken, Kind, files_of
from engine.insight.archive.writer import connected, text_literal
from engine.insight.figures.days import UTC, day_of, start_of

if TYPE_CHECKING:
    import duckdb

MEMORY: Final = "1500MB"
"""DuckDB's memory limit; with Python the process takes 2 GB. Larger data spills to the disk."""

SPENT: Final = "steady(fsum(amount), 9)"
"""A customer's amounts together. Totals of customers are rounded to 6 decimals."""
_STEADY: Final = """
    CREATE OR REPLACE TEMP MACRO steady(total, decimals) AS round(
        total, least(decimals, 13 - floor(log10(least(greatest(abs(total), 1), 1e300)))::INTEGER)
    )
"""
"""A total that is the same in whichever order DuckDB comes upon its parts, which differs from run to run, and with the
files of an archive: `fsum` alone is but for the last of its 16 digits, so that 14 are kept, and so many decimals."""
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
    connection = connected()
    bounded(connection)
    add_views(connection, folders)
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


def bounded(connection: "duckdb.DuckDBPyConnection") -> None:
    """Keep DuckDB within the memory of a report, and its totals the same from run to run (`steady`)."""
    connection.execute(_STEADY)
    connection.execute(f"SET memory_limit = '{MEMORY}'; SET preserve_insertion_order = false")


def add_views(connection: "duckdb.DuckDBPyConnection", folders: Sequence[Path]) -> None:
    """A view of each table over all archives. Raises ArchiveBroken."""
    import duckdb  # who has a connection has it already: see `connected`

    tables: tuple[Kind, ...] = ("events", "feedback", "outcomes")
    for table in tables:
        files = [path for folder in folders for path in files_of(folder, table)]
        listed = ", ".join(text_literal(path) for path in files)
        # By name, and beside a table without rows: older files lack the columns that were added later.
        read = (
            f"UNION ALL BY NAME SELECT * FROM read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"
        )
        try:
            connection.execute(f"CREATE VIEW {table} AS {_EMPTY[table]} {read if files else ''}")
        except duckdb.Error as error:  # the file's name is in it
            reason = f"a file of {table} is damaged: {str(error).splitlines()[0]}"
            raise ArchiveBroken(", ".join(map(str, folders)), reason) from error


_NO_EVENT: Final = """
    SELECT NULL::VARCHAR AS customer, NULL::VARCHAR AS id, NULL::INTEGER AS id_source, NULL::VARCHAR AS type,
        NULL::TIMESTAMPTZ AS occurred_at, NULL::DOUBLE AS amount, NULL::VARCHAR AS currency, NULL::VARCHAR AS properties
    WHERE false
"""
_NO_OUTCOME: Final = """
    SELECT NULL::VARCHAR AS customer, NULL::VARCHAR AS rule, NULL::VARCHAR AS outcome, NULL::VARCHAR AS outreach,
        NULL::TIMESTAMPTZ AS decided_at, NULL::VARCHAR AS reason, NULL::VARCHAR AS exposed,
        NULL::VARCHAR AS occurrence, NULL::VARCHAR AS step, NULL::VARCHAR AS coupons,
        NULL::BIGINT AS topic_offset
    WHERE false
"""
_EMPTY: Final = {"events": _NO_EVENT, "feedback": _NO_EVENT, "outcomes": _NO_OUTCOME}


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


def json_path(*keys: str) -> str:
    """The JSON path to a value, one key after the other, in SQL."""
    return text_literal("$." + ".".join(json.dumps(key, ensure_ascii=False) for key in keys))


def month_before(day: date, months: int = 1) -> date:
    """The first day of the month that is so many months before the day's month."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def whole_months(first: date, end: date, most: int) -> list[date]:
    """The first days of the last whole months, at most `most` of them, and the end of the last one."""
    last = month_before(end, 0)
    starts: Iterable[date] = (month_before(last, back) for back in range(most, -1, -1))
    return [start for start in starts if start >= month_before(first, 0)]

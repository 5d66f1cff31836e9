"""What customers who bought an item bought too: the cosine of co-occurrence over customers.

`engine recommend fit` calls it. Items a and b are as alike as n(a and b) / sqrt(n(a) n(b)), with n the customers who
bought them (Linden, Smith and York 2003, "Amazon.com recommendations: item-to-item collaborative filtering").
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.errors import EngineError
from engine.insight.archive.reading import open_tables
from engine.insight.sql import json_path, text_literal

MAX_ITEMS: Final = 100
"""Items of a customer, the newest. Pairs grow with the square: one reseller with 10,000 items would make 50 million."""


class NoItems(EngineError):
    """Raised if no purchase names an item."""


@dataclass(frozen=True)
class RecommendOptions:
    """`item`: the property that names what was bought, such as sku, or products.sku in a list of objects. `columns`:
    what rows say besides, from the newest purchase of the item. `common`: customers that a pair must have.
    """

    purchase: str = "purchase"
    item: str = "sku"
    columns: tuple[str, ...] = ()
    top: int = 5
    common: int = 3

    @property
    def name(self) -> str:
        """The column that has the item."""
        return self.item.rpartition(".")[2]


@dataclass(frozen=True)
class Recommendations:
    """`rows`: item -> the rows of the items to recommend with it, best first. `items`: how many were bought at all."""

    rows: dict[str, list[dict[str, Any]]]
    items: int
    customers: int


def recommendations(folders: Sequence[Path], wanted: RecommendOptions) -> Recommendations:
    """Raises ArchiveBroken and NoItems."""
    connection = open_tables(folders)
    connection.execute(_lines(wanted))
    connection.execute(_ITEMS)
    items, customers = connection.execute(
        "SELECT (SELECT count(*) FROM items), (SELECT count(DISTINCT c) FROM bought)"
    ).fetchone() or (0, 0)
    if not items:
        message = f"no event of type {wanted.purchase} has a property {wanted.item}; --item says what names the item"
        raise NoItems(message)
    pairs = connection.execute(_PAIRS, {"common": wanted.common, "top": wanted.top}).fetchall()
    shown = {code: _row(wanted, item, told) for code, item, told in connection.execute("FROM items").fetchall()}
    connection.close()
    rows: dict[str, list[dict[str, Any]]] = {}
    for item, other in pairs:
        rows.setdefault(shown[item][wanted.name], []).append(shown[other])
    return Recommendations(dict(sorted(rows.items())), items, customers)


def _row(wanted: RecommendOptions, item: str, told: list[str | None]) -> dict[str, Any]:
    values = [None if text is None else json.loads(text) for text in told]
    columns = {
        name: value for name, value in zip(wanted.columns, values, strict=True) if isinstance(value, str | int | float)
    }
    return {wanted.name: item} | columns


def _lines(wanted: RecommendOptions) -> str:
    """A row for each item of each purchase; a property that is a list has several."""
    head, _, tail = wanted.item.partition(".")
    at_head, at_tail = json_path(head), json_path(*tail.split(".")) if tail else "'$'"
    of_line = [f"json_extract(line, {json_path(column)})" if tail else "NULL" for column in wanted.columns]
    told = ", ".join(
        f"coalesce({mine}, json_extract(properties, {json_path(column)}))::VARCHAR"
        for mine, column in zip(of_line, wanted.columns, strict=True)
    )
    return f"""
        CREATE TEMP TABLE lines AS
        WITH each AS (
            SELECT hash(customer) AS c, occurred_at, properties, unnest(
                CASE WHEN json_type(properties, {at_head}) = 'ARRAY' THEN json_extract(properties, {at_head})::JSON[]
                ELSE [json_extract(properties, {at_head})] END) AS line
            FROM events WHERE type = {text_literal(wanted.purchase)}
        )
        SELECT c, occurred_at, json_extract_string(line, {at_tail}) AS item, [{told}]::VARCHAR[] AS told
        FROM each WHERE json_type(line, {at_tail}) IN ('VARCHAR', 'UBIGINT', 'BIGINT', 'DOUBLE')
    """


_ITEMS: Final = f"""
    CREATE TEMP TABLE items AS
        SELECT row_number() OVER (ORDER BY item)::INTEGER AS code, item, told FROM (
            SELECT item, arg_max(told, occurred_at) AS told FROM lines GROUP BY item
        );
    CREATE TEMP TABLE bought AS
        SELECT c, code FROM (
            SELECT c, code, max(occurred_at) AS at_ms FROM lines JOIN items USING (item) GROUP BY c, code
        ) QUALIFY row_number() OVER (PARTITION BY c ORDER BY at_ms DESC, code) <= {MAX_ITEMS};
    DROP TABLE lines
"""
_PAIRS: Final = """
    WITH buyers AS (SELECT code, count(*) AS n FROM bought GROUP BY code),
    pairs AS (
        SELECT one.code AS one, other.code AS other, count(*) AS n
        FROM bought AS one JOIN bought AS other ON one.c = other.c AND one.code < other.code
        GROUP BY ALL HAVING n >= $common
    ), likeness AS (
        SELECT one, other, pairs.n / sqrt(left_buyers.n * right_buyers.n) AS cosine, pairs.n AS n
        FROM pairs JOIN buyers AS left_buyers ON left_buyers.code = one
        JOIN buyers AS right_buyers ON right_buyers.code = other
    ), both_ways AS (
        SELECT one AS item, other, cosine, n FROM likeness
        UNION ALL SELECT other, one, cosine, n FROM likeness
    )
    SELECT item, other FROM both_ways
    QUALIFY row_number() OVER (PARTITION BY item ORDER BY cosine DESC, n DESC, other) <= $top
    ORDER BY item, cosine DESC, n DESC, other
"""

"""Sorts rows by customer in DuckDB, on the disk where memory is short, and writes the files of a prepared history.

`prepare` calls it. The rows come from `gather`, with the clock, or from an archive, whose clock is computed here as
`engine replay` would move it: within a partition by offset, among partitions by the highest arrival time so far.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from engine.backtest.history import Manifest, Piece, Prepared
from engine.insight.archive.writer import connected
from engine.wire.scopes import Scope

MEMORY: Final = "1GB"
"""What DuckDB may use; what is larger is sorted on the disk."""
ROWS_OF_A_PIECE: Final = 50_000
"""A piece is also a row group: fewer would read worse, more would leave processes idle at the end."""
COLUMNS: Final = {
    "customer": "VARCHAR",
    "seq": "BIGINT",
    "clock_before": "BIGINT",
    "clock": "BIGINT",
    "id": "VARCHAR",
    "id_source": "BIGINT",
    "scope": "VARCHAR",
    "type": "VARCHAR",
    "occurred_at": "BIGINT",
    "properties": "VARCHAR",
    "known": "VARCHAR",
}
_NULLS: Final = ", ".join(f"NULL::{type_} AS {name}" for name, type_ in COLUMNS.items())
_NOTHING: Final = f"SELECT {_NULLS} WHERE false"
_FORMAT: Final = f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_OF_A_PIECE})"
_ARCHIVED: Final = """
    WITH found AS (
        SELECT customer, id, id_source, type, properties, topic, topic_partition, topic_offset,
            epoch_ms(occurred_at) AS occurred_at,
            max(arrived_at) OVER (PARTITION BY topic, topic_partition ORDER BY topic_offset) AS place
        FROM read_parquet(?, hive_partitioning=false) WHERE list_contains(?, type)
    ), placed AS (
        SELECT *, row_number() OVER (ORDER BY place, topic, topic_partition, topic_offset) AS seq FROM found
    ), clocked AS (
        SELECT *, max(occurred_at) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) AS clock FROM placed
    )
    SELECT customer, seq, coalesce(lag(clock) OVER (ORDER BY seq), 0) AS clock_before, clock, id,
        id_source::BIGINT AS id_source, coalesce(list_extract(?, list_position(?, id_source)), '') AS scope, type,
        occurred_at, properties, NULL::VARCHAR AS known
    FROM clocked
"""


@contextmanager
def working(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB that spills into this folder."""
    with connected() as connection:
        connection.execute(f"SET temp_directory = {_quoted(folder / 'spill')}; SET memory_limit = '{MEMORY}'")
        yield connection


def sort_spooled(prepared: Prepared, chunks: Iterable[Iterator[bytes]], manifest: Manifest) -> None:
    """Sort rows of JSON. The manifest is complete when the chunks have been read."""
    columns = ", ".join(f"{name}: '{type_}'" for name, type_ in COLUMNS.items())
    read = f"read_json(?, format='newline_delimited', columns={{{columns}}}, maximum_object_size=67108864)"
    with working(prepared.folder) as connection:
        parts = []
        for number, chunk in enumerate(chunks):
            spool, part = prepared.folder / "spool", prepared.folder / f"part-{number:05}.parquet"
            with spool.open("wb") as file:
                file.writelines(chunk)
            connection.execute(f"COPY (SELECT * FROM {read}) TO {_quoted(part)} (FORMAT parquet)", [str(spool)])
            spool.unlink()
            parts.append(part)
        names = [str(part) for part in parts]
        _conclude(connection, prepared, manifest, "SELECT * FROM read_parquet(?)" if parts else _NOTHING, [names])
        for part in parts:
            part.unlink()


def sort_archive(
    prepared: Prepared, files: Sequence[str], types: Sequence[str], scopes: Sequence[Scope], manifest: Manifest
) -> None:
    """Sort the events of an archive, which has the numbers of `scopes`, and not their names."""
    with working(prepared.folder) as connection:
        select = _ARCHIVED if files else _NOTHING
        named = [scope.shown for scope in scopes], [scope.number for scope in scopes]
        _conclude(connection, prepared, manifest, select, [list(files), list(types), *named])


def _conclude(
    connection: duckdb.DuckDBPyConnection,
    prepared: Prepared,
    manifest: Manifest,
    select: str,
    parameters: list[object],
) -> None:
    """Write the sorted rows, the clock and the manifest."""
    ordered = f"SELECT * FROM ({select}) ORDER BY customer, seq"
    given = parameters if select != _NOTHING else []
    connection.execute(f"COPY ({ordered}) TO {_quoted(prepared.events)} {_FORMAT}", given)
    with prepared.clock_file.open("wb") as file:
        found = connection.execute(f"SELECT DISTINCT clock FROM {_rows(prepared)} ORDER BY clock")
        while values := found.fetchmany(100_000):
            array("q", [value for (value,) in values]).tofile(file)
    _describe(connection, prepared, manifest)
    prepared.complete(manifest)


def _describe(connection: duckdb.DuckDBPyConnection, prepared: Prepared, manifest: Manifest) -> None:
    query = f"""SELECT count(*) FILTER (known IS NULL), count(DISTINCT customer) FILTER (known IS NULL),
        coalesce(min(occurred_at), 0), coalesce(max(clock), 0) FROM {_rows(prepared)}"""
    row = connection.execute(query).fetchone()
    assert row is not None
    manifest.events, manifest.customers, manifest.first, manifest.clock = row
    manifest.records = manifest.records or manifest.events
    query = f"""SELECT customer, count(*) FROM {_rows(prepared)} GROUP BY customer ORDER BY customer"""
    manifest.pieces = list(_pieces(connection.execute(query)))


def _pieces(customers: duckdb.DuckDBPyConnection) -> Iterator[Piece]:
    """All customers there may be, also those that another catalogue finds in the same files."""
    first, rows = "", 0
    while found := customers.fetchmany(10_000):
        for customer, count in found:
            if rows >= ROWS_OF_A_PIECE:
                yield Piece(first, customer, rows)
                first, rows = customer, 0
            rows += count
    yield Piece(first, "", rows)


def _rows(prepared: Prepared) -> str:
    return f"read_parquet({_quoted(prepared.events)})"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"

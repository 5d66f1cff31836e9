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
from engine.backtest.inputs import EVENT
from engine.insight.archive.writer import connected
from engine.wire.scopes import Scope

MEMORY: Final = "1GB"
"""What DuckDB may use; what is larger is sorted on the disk."""
ROWS_OF_A_PIECE: Final = 50_000
"""Inputs that a process takes at a time: more would leave processes idle at the end."""
ROWS_TOGETHER: Final = 1_000
"""Inputs of one customer in one row. Without it a customer with millions would be one text of gigabytes."""
COLUMNS: Final = {
    "customer": "VARCHAR",
    "seq": "BIGINT",
    "clock": "BIGINT",
    "occurred_at": "BIGINT",
    "id": "VARCHAR",
    "input": "VARCHAR",
}
"""Of a row in between: `id` is null in an identification, `input` is of `inputs.encode_input`."""
_NULLS: Final = ", ".join(f"NULL::{type_} AS {name}" for name, type_ in COLUMNS.items())
_NOTHING: Final = f"SELECT {_NULLS} WHERE false"
_FORMAT: Final = "(FORMAT parquet, COMPRESSION zstd)"
_FIELDS: Final = " || ',' || ".join(name if name == "properties" else f"to_json({name})" for name in EVENT)
_ARCHIVED: Final = f"""
    WITH found AS (
        SELECT customer, id, id_source::BIGINT AS id_source, type, properties, topic, topic_partition, topic_offset,
            coalesce(list_extract(?, list_position(?, id_source)), '') AS scope, epoch_ms(occurred_at) AS occurred_at,
            max(arrived_at) OVER (PARTITION BY topic, topic_partition ORDER BY topic_offset) AS place
        FROM read_parquet(?, hive_partitioning=false) WHERE list_contains(?, type)
    ), placed AS (
        SELECT *, row_number() OVER (ORDER BY place, topic, topic_partition, topic_offset) AS seq FROM found
    ), clocked AS (
        SELECT *, max(occurred_at) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) AS clock FROM placed
    ), between AS (
        SELECT *, coalesce(lag(clock) OVER (ORDER BY seq), 0) AS clock_before FROM clocked
    )
    SELECT customer, seq, clock, occurred_at, id,
        '[["event",' || {_FIELDS} || '],' || clock_before || ',' || clock || ']' AS input
    FROM between
"""
_PIECE: Final = f"""
    WITH rows AS (
        SELECT *, (row_number() OVER (PARTITION BY customer ORDER BY seq) - 1) // {ROWS_TOGETHER} AS part
        FROM read_parquet(?) WHERE customer >= ? AND (? = '' OR customer < ?)
    ), customers AS (
        SELECT customer, count(id) > count(DISTINCT id) AS repeats, count(id) < count(*) AS guests
        FROM rows GROUP BY customer
    )
    SELECT customer, repeats, guests, '[' || string_agg(input, ',' ORDER BY seq) || ']' AS inputs
    FROM rows JOIN customers USING (customer) GROUP BY customer, repeats, guests, part ORDER BY customer, part
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
        _conclude(connection, prepared, manifest, select, [*named, list(files), list(types)])


def _conclude(
    connection: duckdb.DuckDBPyConnection,
    prepared: Prepared,
    manifest: Manifest,
    select: str,
    parameters: list[object],
) -> None:
    """Write the clock, the pieces and the manifest."""
    rows = prepared.folder / "rows.parquet"
    given = parameters if select != _NOTHING else []
    connection.execute(f"COPY ({select} ORDER BY customer, seq) TO {_quoted(rows)} {_FORMAT}", given)
    with prepared.clock_file.open("wb") as file:
        found = connection.execute("SELECT DISTINCT clock FROM read_parquet(?) ORDER BY clock", [str(rows)])
        while values := found.fetchmany(100_000):
            array("q", [value for (value,) in values]).tofile(file)
    _describe(connection, rows, manifest)
    for piece in manifest.pieces:
        target = _quoted(prepared.inputs_of(piece))
        given = [str(rows), piece.first, piece.end, piece.end]
        connection.execute(f"COPY ({_PIECE}) TO {target} {_FORMAT}", given)
    rows.unlink()
    prepared.complete(manifest)


def _describe(connection: duckdb.DuckDBPyConnection, rows: Path, manifest: Manifest) -> None:
    query = """SELECT count(id), count(DISTINCT customer) FILTER (id IS NOT NULL),
        coalesce(min(occurred_at), 0), coalesce(max(clock), 0) FROM read_parquet(?)"""
    row = connection.execute(query, [str(rows)]).fetchone()
    assert row is not None
    manifest.events, manifest.customers, manifest.first, manifest.clock = row
    manifest.records = manifest.records or manifest.events
    query = """SELECT customer, count(*) FROM read_parquet(?) GROUP BY customer ORDER BY customer"""
    manifest.pieces = list(_pieces(connection.execute(query, [str(rows)])))


def _pieces(customers: duckdb.DuckDBPyConnection) -> Iterator[Piece]:
    """All customers there may be, also those that another catalogue finds in the same files."""
    number, first, rows = 0, "", 0
    while found := customers.fetchmany(10_000):
        for customer, count in found:
            if rows >= ROWS_OF_A_PIECE:
                yield Piece(number, first, customer, rows)
                number, first, rows = number + 1, customer, 0
            rows += count
    yield Piece(number, first, "", rows)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"

"""Sorts rows by customer in DuckDB, on the disk where memory is short, and writes the files of a prepared history.

`prepare` calls it. The rows come from `gather`, with the clock, or from an archive, whose clock is computed here as
`engine replay` would move it: within a partition by offset, among partitions by the highest arrival time so far.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.backtest.history import Manifest, Piece, Prepared
from engine.backtest.inputs import EVENT, GUEST, Input, decode_inputs
from engine.core.catalog import Catalog
from engine.insight.archive import files_of, ledger_of
from engine.insight.sql import connected, text_literal
from engine.wire.scopes import Scopes
from engine.wire.segment import topics_naming_guests

if TYPE_CHECKING:
    import duckdb

MEMORY: Final = "1GB"
"""What DuckDB may use; what is larger is sorted on the disk."""
ROWS_OF_A_PIECE: Final = 50_000
"""Inputs that a process takes at a time: more would leave processes idle at the end."""
ROWS_TOGETHER: Final = 1_000
"""Inputs of one customer in one row. Without it a customer with millions would be one text of gigabytes."""
LARGE_DIGITS: Final = 14
FEW_INPUTS: Final = 50_000
"""Fewer than FEW_INPUTS numbers with fewer than LARGE_DIGITS digits add up to what 64 bits hold, so that a state with
their sum can be encoded. An instant has 13 digits."""
LONG_INPUT: Final = 1_000
"""Characters. A shorter input has no values nested so deeply that a state with them could not be encoded."""
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
_FORMAT_OF_PIECES: Final = "(FORMAT parquet, COMPRESSION lz4_raw)"
"""Read with each backtest: in two thirds of the time that zstd takes, and 1.7 times its bytes."""


def _fields(tag: str, columns: Sequence[str]) -> str:
    """An expression of the tag and these columns, as members of a JSON array."""
    members = (name if name == "properties" else f"to_json({name})" for name in columns)
    return " || ',' || ".join((f"'\"{tag}\"'", *members))


_EVENTS: Final = """
    SELECT customer, id, id_source::BIGINT AS id_source, type, properties, topic, topic_partition, topic_offset,
        arrived_at, coalesce(list_extract(?, list_position(?, id_source)), '') AS scope,
        epoch_ms(occurred_at) AS occurred_at, NULL::VARCHAR AS known
    FROM read_parquet(?, hive_partitioning=false) WHERE list_contains(?, type)
"""
_GUESTS: Final = """
    UNION ALL BY NAME
    SELECT customer, topic, topic_partition, topic_offset, arrived_at, epoch_ms(occurred_at) AS occurred_at, known
    FROM read_parquet(?, hive_partitioning=false)
"""
_ARCHIVED: Final = f"""
    WITH found AS ({{}}), arrived AS (
        SELECT *, max(arrived_at) OVER (PARTITION BY topic, topic_partition ORDER BY topic_offset) AS place FROM found
    ), placed AS (
        SELECT *, row_number() OVER (ORDER BY place, topic, topic_partition, topic_offset, id IS NULL) AS seq
        FROM arrived
    ), clocked AS (
        SELECT *, coalesce(
            max(occurred_at) FILTER (id IS NOT NULL) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING), 0
        ) AS clock FROM placed
    ), between AS (
        SELECT *, coalesce(lag(clock) OVER (ORDER BY seq), 0) AS clock_before FROM clocked
    )
    SELECT customer, seq, clock, occurred_at, id,
        '[[' || CASE WHEN id IS NULL THEN {_fields("guest", GUEST)} ELSE {_fields("event", EVENT)} END || '],'
        || clock_before || ',' || clock || ']' AS input
    FROM between
"""
"""A guest is named after the event of the same record, which moves the clock; the naming does not."""
_PIECE: Final = f"""
    WITH rows AS (
        SELECT *, (row_number() OVER (PARTITION BY customer ORDER BY seq) - 1) // {ROWS_TOGETHER} AS part
        FROM read_parquet(?) WHERE customer >= ? AND (? = '' OR customer < ?)
    ), customers AS (
        SELECT customer, count(id) > count(DISTINCT id) AS repeats, count(id) < count(*) AS guests,
            count(*) < {FEW_INPUTS} AND max(length(input)) < {LONG_INPUT}
            AND NOT bool_or(regexp_matches(input, '[0-9]{{{LARGE_DIGITS}}}')) AS small
        FROM rows GROUP BY customer
    )
    SELECT customer, repeats, guests, small, '[' || string_agg(input, ',' ORDER BY seq) || ']' AS inputs
    FROM rows JOIN customers USING (customer) GROUP BY customer, repeats, guests, small, part ORDER BY customer, part
"""


@contextmanager
def working(folder: Path) -> Iterator["duckdb.DuckDBPyConnection"]:
    """DuckDB that spills into this folder."""
    with connected() as connection:
        connection.execute(f"SET temp_directory = {text_literal(folder / 'spill')}; SET memory_limit = '{MEMORY}'")
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
            connection.execute(f"COPY (SELECT * FROM {read}) TO {text_literal(part)} (FORMAT parquet)", [str(spool)])
            spool.unlink()
            parts.append(part)
        names = [str(part) for part in parts]
        select = "SELECT * FROM read_parquet(?)" if parts else _NOTHING
        _conclude(connection, prepared, manifest, select, [names] if parts else [])
        for part in parts:
            part.unlink()


def sort_archives(prepared: Prepared, archives: Sequence[Path], catalog: Catalog, manifest: Manifest) -> None:
    """Sort what archives have of events and guests."""
    naming = topics_naming_guests(catalog)
    manifest.lacks = [gap for one in archives for gap in ledger_of(one).without_guests(naming)]
    with working(prepared.folder) as connection:
        _conclude(connection, prepared, manifest, *_archived(archives, catalog))


def in_order(prepared: Prepared, archives: Sequence[Path], catalog: Catalog) -> Iterator[Input]:
    """What `sort_archives` sorts by customer, in the order in which it arrived."""
    select, parameters = _archived(archives, catalog)
    with working(prepared.folder) as connection:
        found = connection.execute(f"SELECT input, id IS NULL FROM ({select}) ORDER BY seq", parameters)
        while rows := found.fetchmany(ROWS_TOGETHER):
            text = ",".join(row for row, _ in rows)
            yield from decode_inputs(f"[{text}]", any(guest for _, guest in rows), None)


def _archived(archives: Sequence[Path], catalog: Catalog) -> tuple[str, list[object]]:
    """The query of their rows, and its parameters. Archives have the numbers of scopes, and not their names."""
    events, guests = ([file for one in archives for file in files_of(one, kind)] for kind in ("events", "guests"))
    if not events:
        return _NOTHING, []
    scopes = [Scopes(source, catalog).own for source in catalog.sources]
    named = [scope.shown for scope in scopes], [scope.number for scope in scopes]
    found = _EVENTS + _GUESTS if guests else _EVENTS
    return _ARCHIVED.format(found), [*named, events, list(catalog.events), *([guests] if guests else ())]


def _conclude(
    connection: "duckdb.DuckDBPyConnection",
    prepared: Prepared,
    manifest: Manifest,
    select: str,
    parameters: list[object],
) -> None:
    """Write the clock, the pieces and the manifest."""
    rows = prepared.folder / "rows.parquet"
    connection.execute(f"COPY ({select} ORDER BY customer, seq) TO {text_literal(rows)} {_FORMAT}", parameters)
    with prepared.clock_file.open("wb") as file:
        found = connection.execute("SELECT DISTINCT clock FROM read_parquet(?) ORDER BY clock", [str(rows)])
        while values := found.fetchmany(100_000):
            array("q", [value for (value,) in values]).tofile(file)
    _describe(connection, rows, manifest)
    for piece in manifest.pieces:
        target = text_literal(prepared.inputs_of(piece))
        given = [str(rows), piece.first, piece.end, piece.end]
        connection.execute(f"COPY ({_PIECE}) TO {target} {_FORMAT_OF_PIECES}", given)
    rows.unlink()
    prepared.complete(manifest)


def _describe(connection: "duckdb.DuckDBPyConnection", rows: Path, manifest: Manifest) -> None:
    query = """SELECT count(id), count(DISTINCT customer) FILTER (id IS NOT NULL),
        coalesce(min(occurred_at), 0), coalesce(max(clock), 0) FROM read_parquet(?)"""
    row = connection.execute(query, [str(rows)]).fetchone()
    assert row is not None
    manifest.events, manifest.customers, manifest.first, manifest.clock = row
    manifest.records = manifest.records or manifest.events
    query = """SELECT customer, count(*) FROM read_parquet(?) GROUP BY customer ORDER BY customer"""
    manifest.pieces = list(_pieces(connection.execute(query, [str(rows)])))


def _pieces(customers: "duckdb.DuckDBPyConnection") -> Iterator[Piece]:
    """All customers there may be, also those that another catalogue finds in the same files."""
    number, first, rows = 0, "", 0
    while found := customers.fetchmany(10_000):
        for customer, count in found:
            if rows >= ROWS_OF_A_PIECE:
                yield Piece(number, first, customer, rows)
                number, first, rows = number + 1, customer, 0
            rows += count
    yield Piece(number, first, "", rows)

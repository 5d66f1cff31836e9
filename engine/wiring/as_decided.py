"""Reads an archive for `engine replay --as-decided`: each customer's events and what was decided about them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb
import msgspec

from engine.backtest.sorting import working
from engine.config import Settings
from engine.core.catalog import Catalog
from engine.core.zones import iso, to_millis
from engine.insight.archive import files_of
from engine.model import Event
from engine.replay.as_decided import Arrived, AsDecided, Comparison, Recorded, joined
from engine.testing import load_project
from engine.wire.records import OUTCOME_FIELDS, encode_published
from engine.wire.scopes import Scopes
from engine.wiring.backtest import Rules
from engine.wiring.coupons import secret_or_test
from engine.worker.change import Side

FETCHED: Final = 5_000
"""Rows in memory at a time, beside those of one customer."""
_EVENTS: Final = """
    SELECT customer, id, id_source, type, occurred_at, properties, arrived_at, topic, topic_partition, topic_offset
    FROM read_parquet(?) WHERE list_contains(?, type)
    ORDER BY customer, arrived_at, topic, topic_partition, topic_offset
"""
_PUBLISHED: Final = ("customer", *(name for name in OUTCOME_FIELDS if name != "customer"))
_MAY_LACK: Final = ("outreach", "until", "exposed", "coupons", "step")
_COLUMNS: Final = {"at": "decided_at", "until": "deferred_until"}
"""The fields of a published outcome whose columns in the archive have other names."""
_OUTCOMES: Final = f"""
    SELECT {", ".join(_COLUMNS.get(name, name) for name in _PUBLISHED)}
    FROM read_parquet(?, union_by_name = true)
    WHERE outcome IN ('fired', 'goal_reached') OR coalesce(outreach, '') = ''
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY topic_offset) = 1
    ORDER BY customer, decided_at, topic_offset
"""
"""Of workers: what else names an outreach is a sender's."""
_GAPS: Final = """
    SELECT topic || '/' || topic_partition, min(topic_offset), max(topic_offset) + 1 - count(*) FROM read_parquet(?)
    GROUP BY 1 HAVING max(topic_offset) + 1 > count(*) ORDER BY 1
"""
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def compare(settings: Settings, archive: Path, folders: Sequence[Rules]) -> tuple[Comparison, list[str]]:
    """Decide an archive again with these books, the first one where nothing says which. Also what the archive lacks.

    Raises ArchiveBroken and RulesBroken.
    """
    projects = [load_project(one.rules, one.templates).signing(secret_or_test(settings)) for one in folders]
    books = {one.book.revision: Side(one.book, one.renderer) for one in projects}
    catalog, usual = projects[0].book.catalog, projects[0].book.revision
    run = AsDecided(books, usual)
    with TemporaryDirectory() as name, working(Path(name)) as connection:
        lacks = _lacks(connection, archive)
        events = _events(connection.cursor(), archive, catalog)
        for customer, arrived, recorded in joined(events, _outcomes(connection.cursor(), archive)):
            run.add(customer, arrived, recorded)
    return run.found, lacks


def _lacks(connection: duckdb.DuckDBPyConnection, archive: Path) -> list[str]:
    """Events that are not there: decisions that rest on them cannot come out the same."""
    files = files_of(archive, "events")
    rows = connection.execute(_GAPS, [files]).fetchall() if files else []
    said = "{} begins at offset {}, and {:,} offsets up to its end are not there"
    return [said.format(*row) for row in rows]


def _events(
    connection: duckdb.DuckDBPyConnection, archive: Path, catalog: Catalog
) -> Iterator[tuple[str, list[Arrived]]]:
    files = files_of(archive, "events")
    if not files:
        return
    scopes = {one.number: one.shown for source in catalog.sources for one in [Scopes(source, catalog).own]}
    for customer, rows in _by_customer(connection.execute(_EVENTS, [files, list(catalog.events)])):
        yield customer, [_arrived(row, scopes) for row in rows]


def _outcomes(connection: duckdb.DuckDBPyConnection, archive: Path) -> Iterator[tuple[str, list[Recorded]]]:
    files = files_of(archive, "outcomes")
    if not files:
        return
    for customer, rows in _by_customer(connection.execute(_OUTCOMES, [files])):
        yield customer, [_recorded(row) for row in rows]


def _by_customer(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Iterator[Any]]]:
    yield from groupby(_rows(found), key=itemgetter(0))


def _rows(found: duckdb.DuckDBPyConnection) -> Iterator[Any]:
    while rows := found.fetchmany(FETCHED):
        yield from rows


def _arrived(row: Any, scopes: Mapping[int, str]) -> Arrived:
    customer, id_, source, type_, occurred, properties, arrived, topic, partition, offset = row
    event = Event(id_, type_, customer, to_millis(occurred), _decode(properties), source, scopes.get(source, ""))
    return Arrived(event, to_millis(arrived), f"{topic}/{partition}@{offset}")


def _recorded(row: Any) -> Recorded:
    fields = dict(zip(_PUBLISHED, row, strict=True))
    fields |= {name: iso(to_millis(fields[name])) for name in ("at", "until") if fields[name]}
    given = {name: value for name, value in fields.items() if name not in _MAY_LACK or value not in (None, "", "null")}
    given |= {name: _decode(given[name]) for name in ("exposed", "coupons") if name in given}
    at, step = to_millis(row[_PUBLISHED.index("at")]), given.get("step", "")
    return Recorded(at, given["rule"], given["occurrence"], step, given["revision"], encode_published(given))

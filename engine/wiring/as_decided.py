"""Reads an archive for `engine replay --as-decided`: each customer's events and what was decided about them."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.backtest.sorting import working
from engine.config import Settings
from engine.core.catalog import Catalog
from engine.core.zones import iso, to_millis
from engine.insight.archive import Kind, files_of, ledger_of
from engine.replay.as_decided import AsDecided
from engine.replay.comparison import Arrived, Comparison, Recorded, joined
from engine.replay.rolled_out import Courses
from engine.wire.records import OUTCOME_FIELDS, encode_published
from engine.wire.segment import topics_naming_guests
from engine.wiring.archived_inputs import INPUTS, ArchivedInputs
from engine.wiring.coupons import secret_or_test
from engine.wiring.rollouts import phases_of
from engine.wiring.rule_folders import RuleFolders
from engine.worker.context import Rules

if TYPE_CHECKING:
    import duckdb

FETCHED: Final = 5_000
"""Rows in memory at a time, beside those of one customer."""
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
    SELECT topic || '/' || topic_partition, min(topic_offset), max(topic_offset) + 1 - count(DISTINCT topic_offset)
    FROM ({}) WHERE topic IN (SELECT topic FROM ({}))
    GROUP BY 1 HAVING max(topic_offset) + 1 > count(DISTINCT topic_offset) ORDER BY 1
"""
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def compare(settings: Settings, archive: Path, folders: Sequence[RuleFolders]) -> tuple[Comparison, list[str]]:
    """Decide an archive again with these books, the first one where nothing says which. Also what the archive lacks.

    Raises ArchiveBroken and RulesBroken.
    """
    projects = [one.load().signing(secret_or_test(settings)) for one in folders]
    books = {one.book.revision: Rules(one.book, one.renderer) for one in projects}
    catalog, usual = projects[0].book.catalog, projects[0].book.revision
    one_topic = len(catalog.sources) == 1 and catalog.sources[0].keyed and not catalog.derives
    run = AsDecided(books, usual, Courses(phases_of(ledger_of(archive).rollouts)), one_topic=one_topic)
    naming = topics_naming_guests(catalog)
    with TemporaryDirectory() as name, working(Path(name)) as connection:
        lacks = [*_gaps(connection, archive), *ledger_of(archive).without_guests(naming)]
        events = _events(connection.cursor(), archive, catalog)
        for customer, arrived, recorded in joined(events, _outcomes(connection.cursor(), archive)):
            run.add(customer, arrived, recorded)
    return run.conclude(), lacks


def _gaps(connection: "duckdb.DuckDBPyConnection", archive: Path) -> Iterator[str]:
    """Events that are not there: decisions that rest on them cannot come out the same."""
    read, files = _places(archive, ("events", "feedback", "derived"))
    everything, others = _places(archive, ("events", "feedback", "derived", "unreadable"))
    if files:
        for row in connection.execute(_GAPS.format(everything, read), [*others, *files]).fetchall():
            yield "{} begins at offset {}, and {:,} offsets up to its end are not there".format(*row)


def _places(archive: Path, kinds: Sequence[Kind]) -> tuple[str, list[list[str]]]:
    files = [found for kind in kinds if (found := files_of(archive, kind))]
    one = "SELECT topic, topic_partition, topic_offset FROM read_parquet(?)"
    return " UNION ALL ".join([one] * len(files)), files


def _events(
    connection: "duckdb.DuckDBPyConnection", archive: Path, catalog: Catalog
) -> Iterator[tuple[str, list[Arrived]]]:
    found = [(select, files) for kind, select in INPUTS.items() if (files := files_of(archive, kind))]
    if not found:
        return
    query = " UNION ALL ".join(select for select, _ in found)
    rows = connection.execute(f"{query} ORDER BY ALL", [files for _, files in found])
    inputs = ArchivedInputs(catalog)
    for customer, own in _by_customer(rows):
        yield customer, [one for one in map(inputs.read, own) if one is not None]


def _outcomes(connection: "duckdb.DuckDBPyConnection", archive: Path) -> Iterator[tuple[str, list[Recorded]]]:
    files = files_of(archive, "outcomes")
    if not files:
        return
    for customer, rows in _by_customer(connection.execute(_OUTCOMES, [files])):
        yield customer, [_recorded(row) for row in rows]


def _by_customer(found: "duckdb.DuckDBPyConnection") -> Iterator[tuple[str, Iterator[Any]]]:
    yield from groupby(_rows(found), key=itemgetter(0))


def _rows(found: "duckdb.DuckDBPyConnection") -> Iterator[Any]:
    while rows := found.fetchmany(FETCHED):
        yield from rows


def _recorded(row: Any) -> Recorded:
    fields = dict(zip(_PUBLISHED, row, strict=True))
    fields |= {name: iso(to_millis(fields[name])) for name in ("at", "until") if fields[name]}
    given = {name: value for name, value in fields.items() if name not in _MAY_LACK or value not in (None, "", "null")}
    given |= {name: _decode(given[name]) for name in ("exposed", "coupons") if name in given}
    at, step = to_millis(row[_PUBLISHED.index("at")]), given.get("step", "")
    return Recorded(at, given["rule"], given["occurrence"], step, given["revision"], encode_published(given))

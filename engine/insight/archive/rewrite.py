"""Rewriting an archive: compaction into one sorted file per day, and erasing customers.

The commands that compact and erase call it. It replaces whole files in one commit; a kill in between must leave the old
ones.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from engine.insight.archive import ledger as ledgers
from engine.insight.archive.layout import Kind
from engine.insight.archive.ledger import Ledger
from engine.insight.archive.reading import ledger_of
from engine.insight.archive.writer import write_sorted
from engine.insight.sql import connected

MAX_BYTES_SORTED: Final = 256 * 1024 * 1024
"""Bytes of Parquet that are sorted together: about 10 million records and 2 GB of memory. Without it
the files of a large archive would not fit into memory."""
_READ: Final = "SELECT * FROM read_parquet(?, hive_partitioning=false, union_by_name=true)"
"""By name: older files lack the columns that were added later."""
_OWN: Final = "coalesce(list_contains(?, customer), false)"
_NAMED: Final[dict[Kind, str]] = {"guests": "known", "derived": "because_of"}
"""Columns that name another customer."""
Day = list[str]
"""The files of a table's day."""


def compact(folder: Path) -> int:
    """Merge each day's files into one, sorted by customer and arrival. Returns by how many files that is fewer.

    Raises ArchiveBroken and ArchiveBusy.
    """
    with _opened(folder) as before:
        ledger = before
        for kind, days in _days(before):
            scattered = [day for day in days if len(day) > 1]
            for files in _portions(folder, scattered):
                ledger = _replaced(folder, ledger, kind, files, _READ, [])
        return _count(before) - _count(ledger)


def erase(folder: Path, customers: Sequence[str]) -> int:
    """Rewrite the tables without the records of these customers; records that could not be read are not searched.

    Returns how many records that were. Raises ArchiveBroken and ArchiveBusy.
    """
    with _opened(folder) as ledger:
        gone = 0
        for kind, days in _days(ledger):
            theirs = _theirs(kind)
            found = _files_with(folder, days, theirs, customers) if kind != "unreadable" else {}
            for files in _portions(folder, [day for day in days if any(path in found for path in day)]):
                without, given = f"{_READ} WHERE NOT ({theirs})", [list(customers)] * theirs.count("?")
                ledger = _replaced(folder, ledger, kind, files, without, given)
            gone += sum(found.values())
        return gone


@contextmanager
def _opened(folder: Path) -> Iterator[Ledger]:
    """The ledger of an archive that is there, and is locked. What is misspelt must not be made, and found empty."""
    ledger_of(folder)
    with ledgers.opened(folder) as ledger:
        yield ledger


def _replaced(
    folder: Path, ledger: Ledger, kind: Kind, files: Sequence[str], select: str, parameters: list[Any]
) -> Ledger:
    """Put new files in place of old ones in one commit; then delete the old ones."""
    made = write_sorted(folder, kind, select, [_full(folder, files), *parameters], ledger.commits)
    kept = sorted({*ledger.files[kind], *made} - {*files})
    after = msgspec.structs.replace(ledger, commits=ledger.commits + 1, files={**ledger.files, kind: kept})
    ledgers.store(folder, after)
    for path in files:
        (folder / path).unlink(missing_ok=True)
    return after


def _days(ledger: Ledger) -> Iterator[tuple[Kind, list[Day]]]:
    for kind, paths in ledger.files.items():
        by_folder = groupby(sorted(paths), key=lambda path: path.rpartition("/")[0])
        yield cast(Kind, kind), [list(files) for _, files in by_folder]


def _portions(folder: Path, days: Sequence[Day]) -> Iterator[list[str]]:
    """Groups of files of whole days, each small enough to be sorted together."""
    portion, size = list[str](), 0
    for day in days:
        portion += day
        size += sum((folder / path).stat().st_size for path in day)
        if size >= MAX_BYTES_SORTED:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _theirs(kind: Kind) -> str:
    """The condition that a record is about one of some customers, or names one."""
    return f"{_OWN} OR {_OWN.replace('customer', _NAMED[kind])}" if kind in _NAMED else _OWN


def _files_with(folder: Path, days: Sequence[Day], theirs: str, customers: Sequence[str]) -> dict[str, int]:
    """The files that have records of these customers, with the number of such records."""
    files = [path for day in days for path in day]
    if not files:
        return {}
    query = f"""
        SELECT filename, count(*) FROM read_parquet(?, hive_partitioning=false, filename=true)
        WHERE {theirs} GROUP BY filename
    """
    given = [list(customers)] * theirs.count("?")
    with connected() as connection:
        rows = connection.execute(query, [_full(folder, files), *given]).fetchall()
    return {Path(name).relative_to(folder).as_posix(): count for name, count in rows}


def _full(folder: Path, files: Sequence[str]) -> list[str]:
    return [str(folder / path) for path in files]


def _count(ledger: Ledger) -> int:
    return sum(len(paths) for paths in ledger.files.values())

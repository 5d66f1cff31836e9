"""Reads archives: which files they have, and their tables in DuckDB, for figures and for looking things up."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.insight.archive import ledger as ledgers
from engine.insight.archive.layout import KINDS, Kind
from engine.insight.archive.ledger import ArchiveBroken, Ledger
from engine.insight.sql import connected, text_literal

if TYPE_CHECKING:
    import duckdb

MEMORY: Final = "1500MB"
"""DuckDB's memory limit; with Python the process takes 2 GB. Larger data spills to the disk."""
TABLES: Final[tuple[Kind, ...]] = ("events", "feedback", "outcomes")
_STEADY: Final = """
    CREATE OR REPLACE TEMP MACRO steady(total, decimals) AS round(
        total, least(decimals, 13 - floor(log10(least(greatest(abs(total), 1), 1e300)))::INTEGER)
    )
"""
"""A total that is the same in whichever order DuckDB comes upon its parts, which differs from run to run, and with the
files of an archive: `fsum` alone is but for the last of its 16 digits, so that 14 are kept, and so many decimals."""


def open_tables(folders: Sequence[Path]) -> "duckdb.DuckDBPyConnection":
    """A view of each of TABLES over all archives, and the macro `steady` for totals. Raises ArchiveBroken."""
    connection = connected()
    connection.execute(_STEADY)
    connection.execute(f"SET memory_limit = '{MEMORY}'; SET preserve_insertion_order = false")
    for table in TABLES:
        _add_view(connection, table, folders)
    return connection


def _add_view(connection: "duckdb.DuckDBPyConnection", table: Kind, folders: Sequence[Path]) -> None:
    """By name, and beside a table without rows: older files lack the columns that were added later."""
    import duckdb  # who has a connection has it already: see `connected`

    files = [path for folder in folders for path in files_of(folder, table)]
    listed = ", ".join(map(text_literal, files))
    read = f"UNION ALL BY NAME SELECT * FROM read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"
    columns = ", ".join(f"NULL::{column.type} AS {column.name}" for column in KINDS[table])
    try:
        connection.execute(f"CREATE VIEW {table} AS SELECT {columns} WHERE false {read if files else ''}")
    except duckdb.Error as error:  # the file's name is in it
        reason = f"a file of {table} is damaged: {str(error).splitlines()[0]}"
        raise ArchiveBroken(", ".join(map(str, folders)), reason) from error


def files_of(folder: Path, kind: Kind) -> list[str]:
    """The files of a table as of the last commit. Raises ArchiveBroken if there is no archive, or a file is gone."""
    files = [folder / path for path in ledger_of(folder).files.get(kind, ())]
    gone = next((path for path in files if not path.exists()), None)
    if gone:
        name = gone.relative_to(folder)
        reason = f"{name} is gone, which {ledgers.NAME} names; if the archive is just being rewritten, try again"
        raise ArchiveBroken(str(folder), reason)
    return [str(path) for path in files]


def ledger_of(folder: Path) -> Ledger:
    """What the archive says of itself. Raises ArchiveBroken if there is no archive."""
    ledger = ledgers.load(folder)
    if not (folder / ledgers.NAME).exists():
        raise ArchiveBroken(str(folder), f"is no archive (it has no {ledgers.NAME}); `engine archive` makes one")
    return ledger

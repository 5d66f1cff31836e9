"""Everything that happened, as Parquet: for figures here and for Spark, Trino or ClickHouse. Never read while deciding.

`layout` says which tables there are, `ledger` which files belong to them and how far each source was read, `writer`
appends, `rewrite` compacts and erases, `reading` opens the tables in DuckDB.
"""

from engine.insight.archive.layout import KINDS, Kind, Place
from engine.insight.archive.ledger import ArchiveBroken, ArchiveBusy
from engine.insight.archive.outcomes import Outcome, decode_feedback, decode_outcome
from engine.insight.archive.reading import files_of, ledger_of
from engine.insight.archive.rewrite import compact, erase
from engine.insight.archive.writer import COMMIT_AFTER, Archive

__all__ = [
    "COMMIT_AFTER",
    "KINDS",
    "Archive",
    "ArchiveBroken",
    "ArchiveBusy",
    "Kind",
    "Outcome",
    "Place",
    "compact",
    "decode_feedback",
    "decode_outcome",
    "erase",
    "files_of",
    "ledger_of",
]

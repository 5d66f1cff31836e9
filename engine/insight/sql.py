"""DuckDB in memory, and text and paths in SQL, for all that asks Parquet files: the archive, figures and backtests."""

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
elif find_spec("duckdb") is None:  # imported later (`connected`); that it is not installed is told at once
    raise ModuleNotFoundError(name="duckdb")


def connected() -> "duckdb.DuckDBPyConnection":
    """DuckDB in memory, in UTC, that must not download extensions.

    It is imported here, as a process that has imported it takes a tenth of a second to end: what starts others that
    ask DuckDB goes without.
    """
    import duckdb

    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection


def text_literal(text: object) -> str:
    """The text, or the path, in SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def json_path(*keys: str) -> str:
    """The JSON path to a value, one key after the other, in SQL."""
    return text_literal("$." + ".".join(json.dumps(key, ensure_ascii=False) for key in keys))

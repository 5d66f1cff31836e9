"""Which optional part of the package brings which library: a library that is missing becomes advice what to install.

Base is what rules, replays and workers need. pyproject.toml says what else each extra brings.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from engine.errors import EngineError

EXTRA_OF: Final[Mapping[str, str]] = {
    "aiosmtplib": "sending",
    "cryptography": "web",
    "duckdb": "insight",
    "faust": "faust",
    "h11": "web",
    "httpx": "sending",
    "kafka": "kafka-python",
    "mode": "faust",
    "starlette": "web",
    "uvicorn": "web",
}
"""Importable package -> extra. httpx comes with `web` too, which misses starlette first."""


class ExtraMissing(EngineError):
    """A library that is only installed on request, and was not."""

    library: str
    extra: str

    says = '{library} is not installed; this installs it: pip install "trigger-engine[{extra}]"'


class QueryFailed(EngineError):
    """DuckDB could not do what was asked: a disk is full, a file damaged, or memory short."""

    reason: str

    says = "DuckDB: {reason}"


@contextmanager
def explaining_duckdb() -> Iterator[None]:
    """Raises QueryFailed for DuckDB's own errors, which only exist where it is imported.

    They must not go to another process: it would import DuckDB, which then complains of all that the end leaves.
    """
    try:
        yield
    except Exception as error:
        duckdb = sys.modules.get("duckdb")
        if duckdb is None or not isinstance(error, duckdb.Error):
            raise
        raise QueryFailed(str(error).splitlines()[0]) from error  # the lines after it quote the query


@contextmanager
def naming_extras() -> Iterator[None]:
    """Raises ExtraMissing where an import fails inside for want of an extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in EXTRA_OF:
            raise
        raise ExtraMissing(library, EXTRA_OF[library]) from error

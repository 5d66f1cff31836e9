"""Turns any exception while reading foreign data into a BadRecord, so that no record can stop a worker.

Everything that decodes records of other programs uses it. Only MemoryError passes: no record is to blame for that.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import BadRecord, EngineError

MAX_REASON_LENGTH = 300
"""Characters of an error's text: some errors quote the whole value they fail on, which may be megabytes."""


@contextmanager
def reading(code: str) -> Iterator[None]:
    """Turns any exception but a MemoryError into a BadRecord with this code."""
    try:
        yield
    except Exception as error:
        raise bad_record(code, error) from error


def bad_record(code: str, error: Exception) -> BadRecord:
    """The error as a BadRecord, unless it is one already. Raises MemoryError."""
    return error if isinstance(error, BadRecord) else BadRecord(code, reason_of(error))


def reason_of(error: Exception) -> str:
    """The error's text, shortened. Raises a MemoryError again."""
    if isinstance(error, MemoryError):
        raise error
    text = str(error) if isinstance(error, EngineError) else f"{type(error).__name__}: {error}"
    return text if len(text) <= MAX_REASON_LENGTH else f"{text[:MAX_REASON_LENGTH]}…"

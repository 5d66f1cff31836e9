"""The one rule for what others have written: whatever it makes our code raise is a BadRecord, and ends nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import BadRecord, EngineError

LONGEST_REASON = 300
"""Characters of an error's text: some errors quote the whole value they choke on."""


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
    """What to tell of it. Raises MemoryError: no record is to blame for that."""
    if isinstance(error, MemoryError):
        raise error
    text = str(error) if isinstance(error, EngineError) else f"{type(error).__name__}: {error}"
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"

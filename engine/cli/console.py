"""Talking to a person: the two consoles, errors, and a few words. It imports nothing that takes long."""

import os
import sys
from time import time

from rich.console import Console

from engine.errors import EngineError

WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160
"""Columns; None: the terminal's. Into a pipe or a file lines are long, for grep."""
out = Console(width=WIDTH)
err = Console(stderr=True, width=WIDTH)


class UsageError(EngineError):
    """An option or argument that cannot be used as it is."""


def complain(message: str) -> None:
    """Print an error as it is, whatever brackets it has."""
    err.print(message, markup=False, highlight=False, soft_wrap=True)


def wall_clock() -> int:
    """Now, epoch ms."""
    return int(time() * 1000)


def count_of(number: int, what: str) -> str:
    """1 file, 2,000 files."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def is_terminal() -> bool:
    return sys.stderr.isatty()

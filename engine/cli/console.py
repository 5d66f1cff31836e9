"""The consoles for standard output and standard error, and how errors are printed. Its imports must stay fast."""

import os
import sys

import typer
from rich.console import Console

WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160
"""Columns; None: the terminal's. Into a pipe or a file lines are long, for grep."""
out = Console(width=WIDTH)
err = Console(stderr=True, width=WIDTH)


def complain(message: str) -> None:
    """Print an error without interpreting its brackets as markup."""
    err.print(message, markup=False, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line with markup, whole however long it is; numbers in it get no colour."""
    out.print(text, highlight=False, soft_wrap=True)


def print_as_json(value: object, console: Console = out) -> None:
    """Print a struct or a dataclass as JSON, for a program to read."""
    import msgspec  # --help does without

    typer.echo(msgspec.json.format(msgspec.json.encode(value)), file=console.file)


def is_terminal() -> bool:
    return sys.stderr.isatty()

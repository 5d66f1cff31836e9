"""What commands have in common: consoles, options, and opening a project or a store."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Annotated

import typer
from rich.console import Console

from engine.adapters.memory import MemoryStore
from engine.adapters.redis import connect
from engine.adapters.redis.embedded import EmbeddedServer
from engine.config import BadSetting, Settings, load_settings
from engine.errors import EngineError
from engine.ports import StateStore
from engine.testing import Project, RulesBroken, load_project


def _settings() -> Settings:
    """Before any command: its options take their defaults from here."""
    try:
        return load_settings()
    except BadSetting as error:
        raise SystemExit(str(error)) from error


SETTINGS = _settings()
WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160
"""Columns; None: the terminal's. Into a pipe or a file lines are long, for grep."""
out = Console(width=WIDTH)
err = Console(stderr=True, width=WIDTH)

RulesDir = Annotated[Path, typer.Option("--rules", help="Folder of the rule files.", show_default=True)]
TemplatesDir = Annotated[Path, typer.Option("--templates", help="Folder of the templates.", show_default=True)]
Store = Annotated[
    str,
    typer.Option(
        help="memory, embedded (a real Valkey in --data), or a Redis URL.",
        show_default="ENGINE_STORE, else embedded",  # whose URL may have a password
    ),
]
Data = Annotated[Path, typer.Option(help="Folder of the embedded store.")]
Namespace = Annotated[str, typer.Option(help="What separates this engine's keys from another's in the store.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]


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


def open_project(rules: Path, templates: Path) -> Project:
    """Load the project; its warnings are shown, its errors end the command."""
    try:
        project = load_project(rules, templates)
    except RulesBroken as error:
        complain(str(error))
        raise typer.Exit(1) from error
    for diagnostic in project.loaded.diagnostics:
        complain(diagnostic.human())
    return project


@contextmanager
def open_store(store: str, data: Path, namespace: str, settings: Settings = SETTINGS) -> Iterator[StateStore]:
    """The store that an option names; an embedded server runs for as long as it is open."""
    if store == "memory":
        yield MemoryStore()
    elif store == "embedded":
        with EmbeddedServer(data) as server:
            yield from _connected(server.url, namespace, settings)
    elif "://" in store:
        yield from _connected(store, namespace, settings, settings.store_password.get_secret_value())
    else:
        message = f"--store {store}: expected memory, embedded, or a URL such as redis://localhost:6379/0"
        raise UsageError(message)


def _connected(url: str, namespace: str, settings: Settings, password: str = "") -> Iterator[StateStore]:
    store = connect(url, namespace, password=password, erased_kept=timedelta(days=settings.erased_days))
    try:
        yield store
    finally:
        store.close()


def is_terminal() -> bool:
    return sys.stderr.isatty()

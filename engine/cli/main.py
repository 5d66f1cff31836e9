"""`engine`: the commands."""

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from typing import Any

import typer
import typer.core

from engine.cli.console import complain
from engine.errors import EngineError

MODULES = {
    "check": "check",
    "test": "rule_tests",
    "replay": "replay",
    "explain": "explain",
    "preview": "preview",
    "schema": "schema",
    "init": "init",
    "demo": "demo",
    "run": "worker",
    "send": "send",
    "web": "web",
    "doctor": "doctor",
    "topics": "topics",
    "send-event": "send_event",
    "dead-letters": "dead_letters",
    "customer": "customer",
    "reshard": "reshard",
}
"""Where each command is, in the order of --help."""


class OnDemand(Mapping[str, Any]):
    """The commands, each imported when it is asked for: `check` and `test` need no client of any server."""

    def __getitem__(self, name: str) -> Any:
        module = import_module(f"engine.cli.{MODULES[name]}")
        app = typer.Typer()
        module.register(app)
        return typer.main.get_group(app).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


class Commands(typer.core.TyperGroup):
    """What Typer asks for commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"commands": OnDemand()})


app = typer.Typer(
    name="engine",
    help="Retention rules as text files: check them, test them, replay history through them, explain what they did.",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def _root(show_version: bool = typer.Option(False, "--version", help="Show the version and stop.")) -> None:
    if show_version:
        typer.echo(f"trigger-engine {version('trigger-engine')}")
        raise typer.Exit


def run() -> None:
    """The entry point: errors a person can act on are one message and exit code 1, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows only ASCII
    try:
        app()
    except EngineError as error:
        complain(str(error))
        sys.exit(1)

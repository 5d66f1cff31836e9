"""`engine`: finds the command in the table and runs it. Its module is imported only then, so that --help is fast."""

import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from types import ModuleType
from typing import Any

import typer
import typer.core

from engine.cli.table import COMMANDS, Entry
from engine.errors import BadStoreUrl, CannotConnect, EngineError, UsageError
from engine.extras import explaining_duckdb, naming_extras
from engine.wiring.unwinding import unwound_by_signals


def _filling_lines(command: Any) -> Any:
    """The command, and those of a group: each paragraph of the help on one line, for typer to break where the terminal
    ends. It would keep the line breaks of the docstring besides.
    """
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(one.split()) for one in paragraphs)
    for one in getattr(command, "commands", {}).values():
        _filling_lines(one)
    return command


def _group(entry: Entry, module: ModuleType) -> typer.Typer:
    group = typer.Typer(help=entry.help, no_args_is_help=True)
    group.callback()(lambda: None)  # or Typer would make an only command the group itself
    for name, function in entry.group.items():
        group.command(name)(getattr(module, function))
    return group


class OnDemand(Mapping[str, Any]):
    """The commands, each imported when it is asked for. Raises ExtraMissing."""

    def __getitem__(self, name: str) -> Any:
        entry = COMMANDS[name]
        with naming_extras():
            module = import_module(f"engine.cli.{entry.module}")
        if not gc.isenabled():  # see engine.cli.start
            gc.freeze()
            gc.enable()
        app = typer.Typer()
        if entry.group:
            app.add_typer(_group(entry, module), name=name)
        else:
            app.command(name)(getattr(module, entry.function or entry.module))
        return _filling_lines(typer.main.get_group(app).commands[name])

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Commands(typer.core.TyperGroup):
    """The group of all commands: it lists them from the table, and imports the one that runs."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"commands": OnDemand()})

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in, for lists. `resolve_command` gives the command itself."""
        entry = COMMANDS.get(cmd_name)
        return typer.core.TyperCommand(cmd_name, help=entry.help) if entry else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Name, command and the arguments left for it."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and self.commands[str(name)], rest


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
        from importlib.metadata import version  # imports email, a tenth of a second

        typer.echo(f"trigger-engine {version('trigger-engine')}")
        raise typer.Exit


def _check_arguments(arguments: Sequence[str]) -> None:
    """Refuse arguments that are not UTF-8: neither Redis nor Kafka nor a terminal can encode them."""
    for place, argument in enumerate(arguments, 1):
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            shown = argument.encode(errors="replace").decode()
            message = f"argument {place} ({shown}) is not UTF-8"
            raise UsageError(message) from error


def run() -> None:
    """Runs a command. An EngineError is printed as a message without a traceback, and the exit code is 1. An error of
    the system or of DuckDB, such as a file that cannot be written, ends it likewise.

    The code of a UsageError or a BadStoreUrl is 2, as that of what typer refuses. SIGTERM, Ctrl-C and a closed terminal
    let the command remove its temporary files; the code is 128 and the signal.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows only ASCII
    try:
        _check_arguments(sys.argv[1:])
        with unwound_by_signals(), naming_extras(), explaining_duckdb():
            app()
    except (EngineError, OSError) as error:
        from engine.cli.console import complain  # rich takes 25 ms, which a command without colours does without

        for line in _complaints(error):
            complain(line)
        sys.exit(2 if isinstance(error, UsageError | BadStoreUrl) else 1)


def _complaints(error: EngineError | OSError) -> Iterator[str]:
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{error.filename}: "
        yield where + (error.strerror or str(error)).lower()
        return
    yield str(error)
    if isinstance(error, CannotConnect):
        yield error.advice

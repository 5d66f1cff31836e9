"""`engine`: the commands."""

import sys
from importlib.metadata import version
from io import TextIOWrapper

import typer

from engine.cli import (
    check,
    customer,
    dead_letters,
    demo,
    doctor,
    explain,
    init,
    preview,
    replay,
    reshard,
    rule_tests,
    schema,
    send,
    send_event,
    topics,
    web,
    worker,
)
from engine.cli.console import complain
from engine.errors import EngineError

app = typer.Typer(
    name="engine",
    help="Retention rules as text files: check them, test them, replay history through them, explain what they did.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
RULES = (check, rule_tests, replay, explain, preview, schema, init, demo)
OPERATION = (worker, send, web, doctor, topics, send_event, dead_letters, customer, reshard)
for module in (*RULES, *OPERATION):
    module.register(app)


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

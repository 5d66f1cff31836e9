"""`engine replay`: history through the rules."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from engine.adapters.file import JsonLinesSink
from engine.adapters.memory import MemorySink
from engine.cli.console import (
    SETTINGS,
    AsJson,
    Data,
    Namespace,
    RulesDir,
    Store,
    TemplatesDir,
    UsageError,
    err,
    is_terminal,
    open_project,
    open_store,
    out,
)
from engine.cli.runs import Sinks, replay_into
from engine.cli.summary import as_data, show
from engine.ports import OutreachSink

Events = Annotated[list[Path], typer.Argument(help="JSON lines, .gz, or - for standard input; merged by time.")]


def register(app: typer.Typer) -> None:
    app.command("replay")(replay)


def replay(
    events: Events,
    rules: RulesDir = SETTINGS.rules,
    templates: TemplatesDir = SETTINGS.templates,
    until: Annotated[str, typer.Option(help="Let the clock run to here, inclusive: ISO 8601, UTC.")] = "",
    output: Annotated[
        Path | None, typer.Option("--out", help="Outreach, one JSON object a line; - for stdout.")
    ] = None,
    outcomes: Annotated[Path | None, typer.Option(help="Every decision with its reason, JSON lines.")] = None,
    dead_letters: Annotated[Path | None, typer.Option(help="Records that could not be used, and why.")] = None,
    source: Annotated[
        str, typer.Option(help="The source of events.yaml; found by a look at the file if missing.")
    ] = "",
    store: Store = "memory",
    data: Data = SETTINGS.data,
    namespace: Namespace = SETTINGS.namespace,
    as_json: AsJson = False,
) -> None:
    """Run a history of events through the rules, on the events' own clock.

    With --store embedded (or a URL) the state stays: a second replay goes on where the first stopped.

    Example: engine replay events.jsonl.gz --until 2026-07-01 --out outreach.jsonl
    """
    project = open_project(rules, templates)
    moment = _moment(until)
    with ExitStack() as stack:
        sinks = Sinks(_sink(stack, output) or MemorySink(), _sink(stack, outcomes), _sink(stack, dead_letters))
        opened = stack.enter_context(open_store(store, data, namespace))
        advance = _progress(stack)
        summary = replay_into(opened, project, events, moment, source=source, sinks=sinks, progress=advance)
    console = err if str(output) == "-" else out
    if as_json:
        console.print_json(data=as_data(summary))
    else:
        show(summary, project.book, console, dead_letters)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--until {text}: expected ISO 8601, such as 2026-07-01 or 2026-07-01T12:00:00Z"
        raise UsageError(message) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _sink(stack: ExitStack, path: Path | None) -> OutreachSink | None:
    if path is None:
        return None
    sink = JsonLinesSink("-" if str(path) == "-" else path)
    stack.callback(sink.close)
    return sink


def _progress(stack: ExitStack):  # type: ignore[no-untyped-def]
    """A progress bar on long runs, on a terminal only."""
    if not is_terminal():
        return lambda records: None
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} records"), TimeElapsedColumn())
    progress = stack.enter_context(Progress(*columns, console=err, transient=True))
    task = progress.add_task("replay", total=None)
    return lambda records: progress.advance(task, records)

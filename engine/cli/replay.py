"""`engine replay`: runs a history of events through the rules."""

from collections.abc import Sequence
from contextlib import ExitStack
from os import devnull
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.adapters.file import JsonLinesSink, JsonLinesSource
from engine.cli.as_decided import as_decided
from engine.cli.console import complain
from engine.cli.opening import open_project
from engine.cli.options import (
    STORE_HELP,
    AsJson,
    ClockUntil,
    Data,
    Namespace,
    RulesDir,
    TemplatesDir,
    refuse_ignored,
    settings_of,
)
from engine.cli.progress import records
from engine.cli.summary import as_data, nothing_usable, show
from engine.cli.whole_files import STANDARD, console_beside
from engine.config import Settings
from engine.core.book import RuleBook
from engine.errors import UsageError
from engine.ports import OutreachSink
from engine.replay.summary import Summary
from engine.testing import Project
from engine.wiring.coupons import note_on_codes, secret_or_test
from engine.wiring.replay import HistoryFiles, Sinks, moment_of, replay_into
from engine.wiring.replay_processes import ReplayTask, replay_in_shares, usual_number
from engine.wiring.store import open_store

Events = Annotated[list[Path], typer.Argument(help="JSON lines, .gz, or - for standard input; merged by time.")]


def replay(
    events: Events,
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    until: ClockUntil = "",
    output: Annotated[
        Path | None, typer.Option("--out", help="Outreach, one JSON object a line; - for stdout.")
    ] = None,
    outcomes: Annotated[Path | None, typer.Option(help="Every decision with its reason, JSON lines.")] = None,
    dead_letters: Annotated[Path | None, typer.Option(help="Records that could not be used, and why.")] = None,
    source: Annotated[
        str, typer.Option(help="The source of events.yaml; found by a look at the file if missing.")
    ] = "",
    store: Annotated[str, typer.Option(help=STORE_HELP)] = "memory",
    data: Data = None,
    namespace: Namespace = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many share the work; only in memory. By default one; if long, one a processor, up to 8."
        ),
    ] = None,
    decided: Annotated[
        bool, typer.Option("--as-decided", help="EVENTS is an archive: decide it again and compare with its outcomes.")
    ] = False,
    book: Annotated[
        list[Path] | None, typer.Option(help="With --as-decided: other rules that decided some of it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a history of events through the rules, on the events' own clock.

    In memory, every run starts afresh, and so do the files it writes. With --store embedded (or a URL) the state
    stays: a second replay goes on where the first stopped, and its files with it. Lines of different customers at
    the same instant may change places with the number of processes.

    Example: engine replay events.jsonl.gz --until 2026-07-01 --out outreach.jsonl
    """
    settings = settings_of(rules=rules, templates=templates, store=store, data=data, namespace=namespace)
    if decided:
        files = {"--out": output, "--outcomes": outcomes, "--dead-letters": dead_letters}
        refuse_ignored("without --as-decided", files | {"--until": until, "--source": source, "--processes": processes})
        as_decided(settings, events, book or [], as_json=as_json)
        return
    refuse_ignored("with --as-decided", {"--book": book})
    history = HistoryFiles(events, moment_of(until), source)
    _replay(settings, history, processes, (output, outcomes, dead_letters), as_json=as_json)


def _replay(
    settings: Settings, history: HistoryFiles, processes: int | None, paths: Sequence[Path | None], *, as_json: bool
) -> None:
    """`paths`: of outreach, outcomes and dead letters."""
    events, store = history.paths, settings.store
    project = open_project(settings).signing(secret_or_test(settings))
    if note := note_on_codes(settings, project.book):
        complain(note)
    number = 1 if project.book.catalog.derives else _processes(processes, events, store)  # its customers meet
    outputs = [path for path in paths if path]
    _refuse_shared(events, outputs)
    JsonLinesSource.of_each(events)  # says what cannot be read before anything is written
    with ExitStack() as stack:
        sinks = Sinks(*(_sink(stack, path, anew=store == "memory") for path in paths))
        summary = _decide(settings, project, history, number, sinks, stack)
    _conclude(summary, project.book, console_beside(*paths), paths[2], as_json=as_json)


def _decide(
    settings: Settings, project: Project, history: HistoryFiles, number: int, sinks: Sinks, stack: ExitStack
) -> Summary:
    """Run the history through the rules, in so many processes."""
    if number > 1:
        task = ReplayTask(settings.rules, settings.templates, history, secret_or_test(settings))
        return replay_in_shares(number, task, sinks, lambda: records(stack))
    advance = records(stack)
    store = stack.enter_context(open_store(settings))
    return replay_into(store, project, history, sinks=sinks, progress=advance)


def _conclude(summary: Summary, book: RuleBook, console: Console, dead_letters: Path | None, *, as_json: bool) -> None:
    if as_json:
        console.print_json(data=as_data(summary))
    else:
        show(summary, book, console, dead_letters)
    if summary.broken:
        raise summary.broken
    if summary.dead_letters and not (summary.events or summary.duplicates or summary.undeclared):
        raise nothing_usable(summary.dead_letters, summary.first_dead_letter)


def _processes(asked: int | None, events: Sequence[Path], store: str) -> int:
    if store != "memory" and (asked or 1) > 1:
        message = f"--processes {asked}: a store has one writer; several processes share a replay in memory only"
        raise UsageError(message)
    if (asked or 1) > 1 and (pipe := next((path for path in events if not path.is_file()), None)):
        message = f"--processes {asked}: each has to read all of {_place(pipe, 'standard input')}, which is no file"
        raise UsageError(message)
    return asked or (usual_number(events) if store == "memory" else 1)


def _refuse_shared(events: Sequence[Path], outputs: Sequence[Path]) -> None:
    places = [_place(path, "standard input") for path in events] + [_place(path, "standard output") for path in outputs]
    for place in places:
        if places.count(place) > 1 and place != devnull:
            message = (
                f"{place} is given twice; events, outreach, outcomes and dead letters each have a file of their own"
            )
            raise UsageError(message)


def _place(path: Path, stream: str) -> str:
    return stream if path == STANDARD else str(path.resolve())


def _sink(stack: ExitStack, path: Path | None, *, anew: bool) -> OutreachSink | None:
    """The output files: a run in memory begins them anew, others continue them."""
    if path is None:
        return None
    sink = JsonLinesSink(path, anew=anew)
    stack.callback(sink.close)
    return sink

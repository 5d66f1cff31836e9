"""`engine backtest`: what rules would have sent over a history, and what two rule books do differently."""

from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from engine.backtest.history import Manifest
from engine.backtest.prepare import locate
from engine.backtest.report import Backtest, as_data, report
from engine.cli.backtest_summary import show
from engine.cli.console import complain
from engine.cli.figures import write_page
from engine.cli.opening import open_project
from engine.cli.options import AsJson, ClockUntil, FileSource, TemplatesDir, settings_of
from engine.cli.progress import stages
from engine.cli.summary import nothing_usable
from engine.cli.whole_files import console_beside, say_written
from engine.core.book import RuleBook
from engine.core.zones import to_millis
from engine.plan.classify import classify
from engine.wiring.backtest import BacktestTask, ResultFiles, backtest as run_backtest
from engine.wiring.coupons import note_on_codes, secret_or_test
from engine.wiring.replay import HistoryFiles, moment_of
from engine.wiring.rule_folders import rules_in


def backtest(
    rules: Annotated[Path, typer.Argument(help="Folder of the rule files, or of a project with rules and templates.")],
    events: Annotated[
        list[Path], typer.Option(help="An archive, or files of JSON lines (.gz), merged by time.", show_default=False)
    ],
    against: Annotated[Path | None, typer.Option(help="Rules to compare with: those of now.")] = None,
    templates: TemplatesDir = None,
    until: ClockUntil = "",
    source: FileSource = "",
    output: Annotated[
        Path | None, typer.Option("--out", help="Outreach, one JSON object a line; - for stdout.")
    ] = None,
    outcomes: Annotated[Path | None, typer.Option(help="Every decision with its reason, JSON lines.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the result as a page.")] = None,
    processes: Annotated[int, typer.Option(min=0, help="0: one per processor.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show what rules would have sent over a history of events, per rule and day, and what two rule books do
    differently.

    It decides as `engine replay` does, with the same ids, texts and outcomes, but customer by customer and on every
    processor. The first run sorts the history and keeps that beside it (NAME.backtest, may be deleted).

    Example: engine backtest rules --events events.jsonl.gz --against ../live/rules --html change.html
    """
    began, console = perf_counter(), console_beside(output, outcomes, html)
    new = rules_in(rules, templates)
    old = rules_in(against) if against else None
    settings = [settings_of(rules=one.rules, templates=one.templates) for one in (new, old) if one]
    books = [open_project(one).book for one in settings]
    if output and (note := note_on_codes(settings[0], books[0])):
        complain(note)
    if old:
        _offer_old_ids(books[0], books[1])
    moment = moment_of(until)
    until_ms = to_millis(moment) if moment else None
    task = BacktestTask(HistoryFiles(events, source=source), new, old, until_ms, processes, secret_or_test(settings[0]))
    with ExitStack() as stack:
        manifest, result = run_backtest(task, locate(events), ResultFiles(output, outcomes), stages(stack))
    backtest = Backtest(books[0], books[1] if old else None, manifest, result, perf_counter() - began)
    if html:
        write_page(report(backtest), html)
    if as_json:
        console.print_json(data=as_data(backtest))
    else:
        show(backtest, console)
    if html and not as_json:
        say_written(html)
    _refuse_nothing(manifest)


def _offer_old_ids(new: RuleBook, old: RuleBook) -> None:
    """Complain of rules that look renamed, without `was`."""
    for change in classify(old, new, {}, {}):
        if change.like:
            complain(
                f"note: if {change.rule} is {change.like} renamed, write was: [{change.like}]; else all it sends is new"
            )


def _refuse_nothing(manifest: Manifest) -> None:
    """Raises the trouble of a file that broke off, and CommandFailed where no record could be used."""
    if manifest.trouble:
        raise manifest.trouble
    if manifest.dead_letters and not (manifest.events or manifest.undeclared):
        raise nothing_usable(manifest.dead_letters, manifest.first_dead_letter)

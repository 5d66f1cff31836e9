"""`engine plan`: what a change of the rules will do to the customers of a store, before it is made."""

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from engine.backtest.prepare import locate
from engine.backtest.report import Backtest, as_data
from engine.cli.console import print_as_json
from engine.cli.figures import write_page
from engine.cli.folding import FoldingTable
from engine.cli.opening import open_project
from engine.cli.options import Data, Namespace, Store, TemplatesDir, settings_of
from engine.cli.progress import stages
from engine.cli.summary import bars_of
from engine.cli.whole_files import console_beside, write_document
from engine.core.book import RuleBook
from engine.plan.build import SAMPLE, Plan
from engine.plan.expectations import check_counted, parse
from engine.plan.report import days, heading, markdown, report, tables
from engine.wiring.backtest import BacktestTask, ResultFiles, backtest
from engine.wiring.plan import plan_for
from engine.wiring.processes import Begin
from engine.wiring.replay import HistoryFiles
from engine.wiring.rule_folders import RuleFolders, rules_in

UNMET = 4
"""The exit code where an expectation does not hold."""


class Format(StrEnum):
    """The formats of a plan."""

    TEXT = "text"
    GITHUB = "github"
    JSON = "json"


def plan(
    rules: Annotated[Path, typer.Argument(help="The new rules: their folder, or that of a project.")],
    against: Annotated[Path, typer.Option(help="The rules that workers run now.", show_default=False)],
    events: Annotated[list[Path] | None, typer.Option(help="A history to backtest the change over too.")] = None,
    templates: TemplatesDir = None,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    ahead: Annotated[int, typer.Option("--days", min=1, max=366, help="How far the forecast goes.")] = 30,
    sample: Annotated[int, typer.Option(min=100, help="Customers to look at.")] = SAMPLE,
    everybody: Annotated[bool, typer.Option("--all", help="Look at every customer.")] = False,
    expect: Annotated[
        list[str] | None, typer.Option(help="What must hold, such as 'outreach < 2x' or 'at_once <= 500'.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--out", help="Write the plan to a file, as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the plan as a page.")] = None,
    format: Annotated[
        Format, typer.Option(help="For a person, a pull request (Markdown), or a program.")
    ] = Format.TEXT,
) -> None:
    """Show what a change of the rules will do to the customers who are there: which timers it arms, moves and drops,
    what is due at once, and a forecast per day. Nothing is written; workers may be running.

    Exits 0 when done, 1 with errors, 4 when an expectation does not hold.

    Example: engine plan rules --against ../live/rules --store redis://redis:6379/0 --expect 'outreach < 2x'
    """
    console = console_beside(output, html)
    demands = [parse(text) for text in expect or ()]
    new, old = rules_in(rules, templates), rules_in(against)
    books = [open_project(settings_of(rules=one.rules, templates=one.templates)).book for one in (new, old)]
    for demand in demands:
        check_counted(demand, books[1], books[0])
    settings = settings_of(store=store, data=data, namespace=namespace)
    with ExitStack() as stack:
        begin = stages(stack)
        past = _past(events, new, old, books, begin) if events else None  # first: it starts processes
        made = plan_for(settings, old, new, ahead, None if everybody else sample, begin)
    made.past = past
    made.demands = {one.text: one.holds(made.sums, made.size) for one in demands}
    _write(made, output, html)
    _tell(made, format, console)
    if not all(made.demands.values()):
        raise typer.Exit(UNMET)


def _past(
    events: list[Path], new: RuleFolders, old: RuleFolders, books: list[RuleBook], begin: Begin
) -> dict[str, Any]:
    began = perf_counter()
    manifest, result = backtest(BacktestTask(HistoryFiles(events), new, old), locate(events), ResultFiles(), begin)
    return as_data(Backtest(books[0], books[1], manifest, result, perf_counter() - began))


def _write(made: Plan, output: Path | None, html: Path | None) -> None:
    if output:
        write_document(output, msgspec.json.format(msgspec.json.encode(made)).decode())
    if html:
        write_page(report(made), html)


def _tell(made: Plan, format: Format, console: Console) -> None:
    if format is Format.JSON:
        print_as_json(msgspec.structs.replace(made, files={}), console)
    elif format is Format.GITHUB:
        typer.echo(markdown(made), file=console.file)
    else:
        _show(made, console)


def _show(made: Plan, console: Console) -> None:
    console.print(f"[bold]{escape(heading(made))}[/]", highlight=False)
    for note in made.notes:
        console.print(f"[yellow]{escape(note)}[/]", highlight=False)
    for one in tables(made):
        console.print(f"\n[bold]{one.title}[/]\n[dim]{escape(one.definition)}[/]", highlight=False)
        table = FoldingTable(box=None, pad_edge=False, header_style="dim")
        for place, column in enumerate(one.columns):
            table.add_column(column, justify="left" if place == 0 or one.is_text else "right")
        for row in one.rows:
            table.add_row(*map(escape, row))
        console.print(table, highlight=False)
    _chart(made, console)


def _chart(made: Plan, console: Console) -> None:
    labels, old, new = days(made)
    top = max((*old, *new), default=0.0)
    for name, values in (("live rules", old), ("new rules", new)) if top else ():
        bars = bars_of(map(int, values), max(1, int(top)))
        console.print(f"{name:>10} {labels[0]} {bars} {labels[-1]}", highlight=False)

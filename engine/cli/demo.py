"""`engine demo`: replays a year and a half of real purchases through the example rules."""

import json
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from engine.adapters.file import JsonLinesSink
from engine.adapters.memory import MemoryStore
from engine.cli.console import out, say
from engine.cli.opening import open_project
from engine.cli.options import settings_of
from engine.cli.summary import show
from engine.demo.gallery import GalleryData, write_gallery
from engine.demo.generate import END, demo_history, write_demo_events
from engine.examples import rules_folder, templates_folder
from engine.extras import ExtraMissing, naming_extras
from engine.wiring.replay import HistoryFiles, Sinks, replay_into

FIGURES = "figures.html"
EXAMPLES = "the examples that come with the engine"


def demo(
    to: Annotated[Path, typer.Option(help="Folder for what comes out; an earlier demo there is replaced.")] = Path(
        "out"
    ),
    rules: Annotated[Path | None, typer.Option(help="Folder of the rule files.", show_default=EXAMPLES)] = None,
    templates: Annotated[Path | None, typer.Option(help="Folder of the templates.", show_default=EXAMPLES)] = None,
) -> None:
    """Replay real shop purchases of 1997 and 1998, with generated visits, carts and trials, through the rules.

    Example: engine demo --rules rules
    """
    project = open_project(settings_of(rules=rules or rules_folder(), templates=templates or templates_folder()))
    events = write_demo_events(to / "events")
    outreach, outcomes = to / "outreach.jsonl", to / "outcomes.jsonl"
    with closing(JsonLinesSink(outreach, anew=True)) as sink, closing(JsonLinesSink(outcomes, anew=True)) as log:
        summary = replay_into(MemoryStore(), project, HistoryFiles(events, END), sinks=Sinks(sink, log))
    customers = len({one["customer"] for one in _lines(outcomes)})
    write_gallery(
        GalleryData(
            events=summary.events,
            customers=customers,
            seconds=summary.seconds,
            rules=[{"id": rule.id, "why": rule.why} for rule in project.book.rules],
            outreach=_lines(outreach),
            outcomes=_lines(outcomes),
            history=lambda customer: demo_history(to / "events", customer),
            figures=FIGURES if find_spec("duckdb") else "",
        ),
        to / "index.html",
    )
    show(summary, project.book, out, None)
    say(f"\nThe messages: {_shown(outreach)}  As customers see them: {_shown(to / 'index.html')}")
    try:
        with naming_extras():
            from engine.cli.demo_figures import write_figures  # needs DuckDB
    except ExtraMissing as error:
        out.print(f"Without the figures of the shop: {error}", markup=False, highlight=False)
    else:
        write_figures(project, rules or rules_folder(), events, outcomes, to / FIGURES)
        say(f"The shop in figures: {_shown(to / FIGURES)}")


def _shown(path: Path) -> str:
    return f"[bold]{escape(str(path))}[/]"


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]

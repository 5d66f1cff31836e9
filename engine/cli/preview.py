"""`engine preview`: renders one template as a customer would see it."""

import json
import sys
import webbrowser
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any

import typer

from engine.cli.console import complain, out
from engine.cli.opening import open_project
from engine.cli.options import (
    DATA_DEFAULT,
    DATA_HELP,
    AsJson,
    Namespace,
    RulesDir,
    Store,
    TemplatesDir,
    refuse_ignored,
    settings_of,
)
from engine.cli.whole_files import STANDARD
from engine.errors import CommandFailed, RenderFailed, UsageError
from engine.lang.diagnostics import with_closest
from engine.model import Outreach
from engine.operate.customers import find
from engine.render import JinjaRenderer, preview as render_data, preview_state
from engine.render.files import SUBJECT_CHANNEL
from engine.render.samples import PARTS
from engine.wire.records import outreach_fields
from engine.wiring.store import open_store
from engine.wiring.wall_clock import wall_clock


def preview(
    template: Annotated[
        str, typer.Argument(help="The template as rules name it; cart_left.push for another channel than email.")
    ],
    customer: Annotated[str, typer.Option(help="Render it for this customer of the store.")] = "",
    data: Annotated[Path | None, typer.Option(help="Render it from this JSON file; - for stdin.")] = None,
    html: Annotated[bool, typer.Option("--html", help="Open the HTML part in a browser.")] = False,
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    store: Store = None,
    store_folder: Annotated[Path | None, typer.Option(help=DATA_HELP, show_default=DATA_DEFAULT)] = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Render one template, from sample data or for a customer of the store, on a journey as their run sends it.

    The JSON file may have profile, event, events, segments, points, experiments and steps:
    {"profile": {"first_name": "Ada"}, "event": {"type": "purchase", "properties": {"amount": 20}},
    "events": {"purchase": {"count": 3, "last": {"amount": 20}}}, "segments": {"tier": "gold", "active": true},
    "points": {"stars": {"balance": 120, "pending": 30}}, "experiments": {"rhythm": "weekly"}, "steps": ["hello"]}.

    Example: engine preview welcome --data ada.json --html
    """
    refuse_ignored("without --data", {"--customer": customer and data})
    settings = settings_of(rules=rules, templates=templates, store=store, data=store_folder, namespace=namespace)
    project = open_project(settings)
    name, channel = _file_of(project.renderer, template)
    if data is not None:
        outreach = render_data(project.renderer, project.book, name, channel, _read(data), wall_clock())
    elif customer:
        with open_store(settings) as opened:
            found = find(opened, customer)
        outreach = preview_state(project.renderer, project.book, name, channel, customer, found.state, found.clock)
    else:
        message = "say whom to render it for: --customer ID (of a store) or --data FILE"
        raise UsageError(message)
    _show(outreach, html=html, as_json=as_json)


def _file_of(renderer: JinjaRenderer, asked: str) -> tuple[str, str]:
    """Template and channel: the one that is named, else email, else the only one that there is."""
    name, _, channel = asked.partition(".")
    there = renderer.channels()
    channels = there.get(name, [])
    chosen = channel or (channels[0] if len(channels) == 1 else SUBJECT_CHANNEL)
    try:
        renderer.require(name, chosen)
    except RenderFailed as error:
        if chosen in channels:
            raise
        others = f"{error}; there is {' and '.join(f'{name}.{other}' for other in channels)}"
        raise CommandFailed(others if channels else with_closest(str(error), name, there)) from error
    return name, chosen


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(sys.stdin.read() if path == STANDARD else path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise CommandFailed(message) from error
    except ValueError as error:
        message = f"{path} is not JSON: {error}"
        raise CommandFailed(message) from error
    parts = found if isinstance(found, dict) else {}
    unknown = [name for name in parts if name not in PARTS]
    if parts is not found or unknown or not all(_fits(*part) for part in parts.items()):
        message = f"{path}: expected an object with nothing but {', '.join(PARTS)}; steps is a list, the others objects"
        raise CommandFailed(
            with_closest(f"{message}; it has '{unknown[0]}'", unknown[0], PARTS) if unknown else message
        )
    return found


def _fits(name: str, part: object) -> bool:
    return isinstance(part, list if name == "steps" else dict)


def _show(outreach: Outreach, *, html: bool, as_json: bool) -> None:
    if as_json:
        out.print_json(data=outreach_fields(outreach))
        return
    if outreach.subject:
        out.print(f"Subject: {outreach.subject}\n", markup=False, highlight=False, soft_wrap=True)
    out.print(outreach.text, markup=False, highlight=False, soft_wrap=True)
    if html and not outreach.html:
        complain("the template has no html block")
    elif html:
        with NamedTemporaryFile("w", suffix=".html", delete=False, encoding="utf-8") as file:
            file.write(outreach.html)
        out.print(f"\nHTML: {file.name}", markup=False, highlight=False)
        webbrowser.open(Path(file.name).as_uri())

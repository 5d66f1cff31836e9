"""`engine recommend fit`: writes what customers bought with each item to a reference table beside the rules."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from engine.cli.console import out
from engine.cli.opening import open_project
from engine.cli.options import AsJson, FileSource, RulesDir, TemplatesDir, settings_of
from engine.cli.purchases import Purchase, Sources, archives_of
from engine.cli.whole_files import whole_file
from engine.core.tables import Table
from engine.errors import UsageError
from engine.insight.recommending import Recommendations, RecommendOptions, recommendations
from engine.lang.fields import NAME
from engine.lang.tables import ENDING, MAX_ROWS, VERSION

SHOWN = 10
"""Items of which the terminal shows what was found."""


def fit(
    sources: Sources,
    item: Annotated[
        str, typer.Option(help="The property that names the item: sku, or products.sku in a list of objects.")
    ] = "sku",
    show: Annotated[str, typer.Option(help="Properties that rows shall have too, such as name,url.")] = "",
    top: Annotated[int, typer.Option(min=1, max=MAX_ROWS, help="Items to recommend with an item, at most.")] = 5,
    common: Annotated[int, typer.Option(min=1, help="Customers who must have bought both.")] = 3,
    table: Annotated[str, typer.Option(help="The name by which templates read the table.")] = "recommend",
    purchase: Purchase = "purchase",
    source: FileSource = "",
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find what customers who bought an item bought too, and write it to <table>.table.json in the rules' folder.

    Templates read it (docs/templates.md). Alike are items that the same customers bought, by the cosine of
    co-occurrence (docs/insight.md).

    Example: engine recommend fit archive --item sku --show name,url
    """
    settings = settings_of(rules=rules, templates=templates)
    shown = [name.strip() for name in show.split(",") if name.strip()]
    _check_names("--show", *shown)
    _check_names("--table", table)
    if not all(item.split(".")):
        message = f"--item {item!r}: expected a property, such as sku, or products.sku in a list of objects"
        raise UsageError(message)
    wanted = RecommendOptions(purchase, item, tuple(shown), top, common)
    with TemporaryDirectory(prefix="engine-") as folder:
        folders = sources
        if not all(path.is_dir() for path in sources):
            catalog = open_project(settings, fitting=True, tables={table: Table()}).book.catalog
            folders = archives_of(sources, catalog, Path(folder), source)
        found = recommendations(folders, wanted)
    path = None if dry_run else settings.rules / f"{table}{ENDING}"
    if path:
        with whole_file(path) as file:
            file.write(_text(wanted, found))
    if as_json:
        out.print_json(data=_told(wanted, found))
    else:
        _show(wanted, found, path)


def _check_names(option: str, *names: str) -> None:
    for name in names:
        if not re.fullmatch(NAME, name):
            message = f"{option}: {name!r} is not a name; a name is a letter, then letters, digits and _"
            raise UsageError(message)


def _told(wanted: RecommendOptions, found: Recommendations) -> dict[str, Any]:
    return {
        "version": VERSION,
        "made": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "fit": {
            "purchase": wanted.purchase,
            "item": wanted.item,
            "common": wanted.common,
            "items": found.items,
            "customers": found.customers,
        },
        "rows": found.rows,
    }


def _text(wanted: RecommendOptions, found: Recommendations) -> str:
    """The table with a line for each key, so that version control shows what a new fit changed."""
    head = json.dumps(_told(wanted, Recommendations({}, found.items, found.customers)), indent=2).removesuffix("{}\n}")
    lines = ",\n".join(
        f"    {json.dumps(key, ensure_ascii=False)}: {json.dumps(rows, ensure_ascii=False)}"
        for key, rows in found.rows.items()
    )
    return f"{head}{{\n{lines}\n  }}\n}}\n"


def _show(wanted: RecommendOptions, found: Recommendations, path: Path | None) -> None:
    out.print(
        f"{found.customers:,} customers, {found.items:,} items; {len(found.rows):,} have others to go with them",
        highlight=False,
    )
    for key, rows in list(found.rows.items())[:SHOWN]:
        others = ", ".join(str(row[wanted.name]) for row in rows)
        out.print(f"  {key}: {others}", markup=False, highlight=False)
    if path:
        out.print(f"wrote {path}", markup=False, highlight=False)

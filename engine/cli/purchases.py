"""What `metrics`, `fit` and `recommend fit` read: archives or files of events, and the purchases in them."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from engine.cli.console import complain
from engine.cli.opening import open_project
from engine.config import Settings
from engine.core.catalog import Catalog
from engine.core.zones import zone_or_none
from engine.errors import UsageError
from engine.insight.archive import Archive
from engine.insight.figures.shop import Shop, ShopOptions, open_shop
from engine.wiring.archiving import archive_files
from engine.wiring.replay import HistoryFiles

Sources = Annotated[list[Path], typer.Argument(help="Archives, or files of JSON lines (.gz).")]
Purchase = Annotated[str, typer.Option(help="The type of event that is a purchase.")]
Amount = Annotated[str, typer.Option(help="Its property that says what it cost.")]
Zone = Annotated[str, typer.Option(help="Where days begin; the zone of policy.yaml if missing.")]
Until = Annotated[str, typer.Option(help="The day from which nothing counts; the day after the last purchase.")]


def open_sources(
    sources: list[Path],
    asked: ShopOptions,
    zone: str,
    settings: Settings,
    folder: Path,
    source: str,
    *,
    fitting: bool = False,
) -> Shop:
    """The shop of archives and files. `zone`: where days begin; the policy's if empty."""
    given = _zone_named(zone) if zone else None
    files = [path for path in sources if not path.is_dir()]
    if not files and given:
        return open_shop(sources, replace(asked, zone=given))
    book = open_project(settings, fitting=fitting).book
    asked = replace(asked, zone=given or book.policy.zones.default)
    return open_shop(archives_of(sources, book.catalog, folder, source), asked)


def _zone_named(name: str) -> ZoneInfo:
    found = zone_or_none(name)
    if found is None:
        message = f"--zone {name}: expected the name of a time zone, such as Europe/Berlin"
        raise UsageError(message)
    return found


def archives_of(sources: list[Path], catalog: Catalog, folder: Path, source: str) -> list[Path]:
    """The archives among the sources, and one in `folder` of the files, decoded as workers decode them."""
    archives, files = [path for path in sources if path.is_dir()], [path for path in sources if not path.is_dir()]
    if files:
        archives.append(folder / "archive")
        with Archive.opened(archives[-1], by_day=False) as archive:
            added = archive_files(archive, "events", HistoryFiles(files, source=source), catalog)
        if added.unreadable:
            complain(added.complaint())
    return archives

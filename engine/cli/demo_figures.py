"""The demo's second page: the figures of the shop whose purchases it replays, from an archive of what came in and out.

`engine demo` calls it after the replay. It needs the extra `insight`; without it the demo ends with the messages.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

from engine.cli.figures import write_page
from engine.cli.metrics import predicted
from engine.insight.archive import Archive, compact
from engine.insight.figures.shop import ShopOptions, open_shop
from engine.insight.report.build import build_report, default_period
from engine.testing import Project
from engine.wiring.archiving import archive_files
from engine.wiring.replay import HistoryFiles

LEAD = (
    "Real purchases of customers of a CD shop who first bought in early 1997, and what the demo's rules have sent them"
    " in the replay. Every figure says how it is defined."
)


def write_figures(project: Project, rules: Path, events: Sequence[Path], outcomes: Path, target: Path) -> None:
    """Write the page, and the archive beside it, replacing those of an earlier demo."""
    folder = target.with_name("archive")
    rmtree(folder, ignore_errors=True)
    catalog, zone = project.book.catalog, project.book.policy.zones.default
    with Archive.opened(folder) as archive:
        archive_files(archive, "events", HistoryFiles(list(events)), catalog)
        archive_files(archive, "outcomes", HistoryFiles([outcomes]), catalog)
    compact(folder)
    shop = open_shop([folder], ShopOptions(zone=zone))
    report = build_report(shop, *default_period(shop), predicted(shop, rules))
    shop.close()
    write_page(replace(report, lead=LEAD, made_by="engine demo"), target)

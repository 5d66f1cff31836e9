"""`engine topics create`: makes the topics that the engine needs."""

from collections.abc import Mapping
from typing import Annotated

import typer

from engine.cli.console import out
from engine.cli.folding import FoldingTable
from engine.cli.opening import open_project
from engine.cli.options import AsJson, RulesDir, TemplatesDir, settings_of
from engine.operate.topics import partitions_for, topics_of, topics_wanted
from engine.operate.words import count_of
from engine.wiring.brokers import KafkaBrokers


def create(
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Of events and outreach. Default: as those have that are there, else 8.")
    ] = None,
    replicas: Annotated[int | None, typer.Option(min=1, help="Default: as the cluster has it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be made.")] = False,
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    as_json: AsJson = False,
) -> None:
    """Make the topics of events.yaml that are missing, and those for outreach, outcomes, dead letters and feedback.

    Topics that are there stay as they are. New ones carry the broker's time (LogAppendTime).

    Example: engine topics create --partitions 12 --replicas 3
    """
    settings = settings_of(rules=rules, templates=templates)
    catalog = open_project(settings).book.catalog
    with KafkaBrokers(settings).admin() as admin:
        counts = admin.partition_counts(topics_of(settings, catalog))
        count = partitions_for(settings, catalog, counts, partitions)
        missing = [topic for topic in topics_wanted(settings, catalog, count, replicas) if topic.name not in counts]
        made = [topic.name for topic in missing] if dry_run else admin.create_topics(missing)
    rows = [(one.name, one.partitions, one.config) for one in missing if one.name in made]
    if as_json:
        listed = [{"topic": name, "partitions": number, "config": dict(config)} for name, number, config in rows]
        out.print_json(data={"dry_run": dry_run, "made": listed, "there": counts})
    else:
        _show(rows, counts, dry_run)


def _show(rows: list[tuple[str, int, Mapping[str, str]]], counts: Mapping[str, int], dry_run: bool) -> None:
    table = FoldingTable(show_header=False, box=None, pad_edge=False)
    for _ in range(4):
        table.add_column()
    for name, number, config in rows:
        settings = ", ".join(f"{key}={value}" for key, value in config.items())
        table.add_row("would make" if dry_run else "[green]made[/]", name, count_of(number, "partition"), settings)
    for name, number in counts.items():
        table.add_row("[dim]there[/]", name, count_of(number, "partition"), "")
    out.print(table)

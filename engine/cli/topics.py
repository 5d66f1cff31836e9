"""`engine topics create`: the topics that the engine needs."""

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.table import Table

from engine.adapters.kafka.admin import MAX_MESSAGE, Admin, NewTopic
from engine.adapters.kafka.writer import BESIDE_VALUE, KAFKA_DEFAULT
from engine.cli.console import out
from engine.cli.opening import open_project
from engine.cli.options import AsJson, RulesDir, TemplatesDir, settings_of
from engine.config import Settings
from engine.core.catalog import Catalog
from engine.core.durations import milliseconds
from engine.errors import UsageError
from engine.operate.checks import topics_of
from engine.operate.words import count_of
from engine.wiring.kafka import kafka_settings, source_topics

DEFAULT_PARTITIONS = 8
ARRIVAL = {"message.timestamp.type": "LogAppendTime"}
"""The broker's own time: no producer's wrong clock and no replay's old timestamps can have records deleted."""
LARGEST_OUTREACH = 4 * 1024 * 1024
"""Bytes: a text and a html of 262,144 characters each, of three bytes each, and what goes with them."""
LARGEST_LETTER = 8 * 1024 * 1024
"""Bytes: a dead letter carries the rejected record, which makes it a third larger."""


def register(app: typer.Typer) -> None:
    topics = typer.Typer(help="The topics that the engine reads and writes.", no_args_is_help=True)
    topics.command("create")(create)
    topics.callback()(_topics)
    app.add_typer(topics, name="topics")


def _topics() -> None:
    """So that `create` stays a command of its own."""


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
    with Admin(kafka_settings(settings)) as admin:
        counts = admin.partition_counts(topics_of(settings, catalog))
        count = _partitions(settings, catalog, counts, partitions)
        missing = [topic for topic in _wanted(settings, catalog, count, replicas) if topic.name not in counts]
        made = [topic.name for topic in missing] if dry_run else admin.create_topics(missing)
    rows = [(one.name, one.partitions, one.config) for one in missing if one.name in made]
    if as_json:
        listed = [{"topic": name, "partitions": number, "config": dict(config)} for name, number, config in rows]
        out.print_json(data={"dry_run": dry_run, "made": listed, "there": counts})
    else:
        _show(rows, counts, dry_run)


def _partitions(settings: Settings, catalog: Catalog, counts: Mapping[str, int], asked: int | None) -> int:
    """Workers need the same number everywhere. Raises UsageError where that cannot come true."""
    paired = (*source_topics(settings, catalog), settings.outreach_topic)
    there = {topic: counts[topic] for topic in paired if topic in counts}
    numbers = set(there.values()) | ({asked} if asked else set())
    if len(numbers) > 1:
        listed = ", ".join(f"{topic} has {count}" for topic, count in there.items())
        message = f"events and outreach need the same number of partitions: {listed}; asked for {asked or 'the same'}"
        raise UsageError(message)
    return numbers.pop() if numbers else DEFAULT_PARTITIONS


def _wanted(settings: Settings, catalog: Catalog, count: int, replicas: int | None) -> list[NewTopic]:
    events = [NewTopic(name, count, replicas, ARRIVAL) for name in topics_of(settings, catalog)]
    kept = {
        settings.events_topic: _kept("7d") | _takes(max(KAFKA_DEFAULT, catalog.accept.max_bytes + BESIDE_VALUE)),
        settings.outreach_topic: _kept("7d") | _takes(LARGEST_OUTREACH),
        settings.outcomes_topic: _kept("90d"),
        settings.feedback_topic: _kept("365d"),
        settings.dead_letters_topic: _kept("90d") | _takes(max(LARGEST_LETTER, 2 * catalog.accept.max_bytes)),
    }
    return [NewTopic(one.name, count, replicas, {**one.config, **kept.get(one.name, {})}) for one in events]


def _kept(span: str) -> dict[str, str]:
    return {"retention.ms": str(milliseconds(span))}


def _takes(size: int) -> dict[str, str]:
    return {MAX_MESSAGE: str(size)}


def _show(rows: list[tuple[str, int, Mapping[str, str]]], counts: Mapping[str, int], dry_run: bool) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, number, config in rows:
        settings = ", ".join(f"{key}={value}" for key, value in config.items())
        table.add_row("would make" if dry_run else "[green]made[/]", name, count_of(number, "partition"), settings)
    for name, number in counts.items():
        table.add_row("[dim]there[/]", name, count_of(number, "partition"), "")
    out.print(table)

"""`engine archive`: appends events, outcomes and feedback to Parquet files, for figures and other programs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from engine.cli.console import complain, out
from engine.cli.opening import open_project
from engine.cli.options import AsJson, RulesDir, TemplatesDir, refuse_ignored, settings_of
from engine.config import Settings
from engine.core.catalog import Catalog
from engine.errors import EngineError, SourceUnavailable, UsageError
from engine.insight.archive import COMMIT_AFTER, Archive, compact, erase
from engine.operate.words import count_of
from engine.ports import Place
from engine.wire.decode import Decoder
from engine.wire.derived import ArchivedDecoder
from engine.wiring.archiving import (
    Add,
    Added,
    FileKind,
    add_feedback,
    add_outcome,
    add_records,
    archive_files,
    derived_adder,
    event_adder,
)
from engine.wiring.brokers import KafkaBrokers
from engine.wiring.replay import HistoryFiles
from engine.wiring.rollouts import rollout_phases
from engine.wiring.wall_clock import wall_clock

Files = Annotated[list[Path] | None, typer.Argument(help="JSON lines, .gz, or - for standard input; none: the topics.")]


def archive(
    files: Files = None,
    to: Annotated[Path, typer.Option(help="Folder of the archive.")] = Path("archive"),
    kind: Annotated[str, typer.Option(help=f"What the files have: {', '.join(get_args(FileKind))}.")] = "events",
    source: Annotated[str, typer.Option(help="The source of events.yaml; found by a look at a file if missing.")] = "",
    compacting: Annotated[bool, typer.Option("--compact", help="Then one sorted file a day; reads faster.")] = False,
    erased: Annotated[
        list[str] | None, typer.Option("--erase", help="Only remove all records of this customer.")
    ] = None,
    commit_every: Annotated[
        int, typer.Option(min=1, help="Records per commit; what a kill makes it read again, at most.")
    ] = COMMIT_AFTER,
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    as_json: AsJson = False,
) -> None:
    """Append events, outcomes and feedback to an archive of Parquet files, each record once: from topics or files.

    It reads to the end that the topics (or files) have now, and stops; the next run goes on from there. Run it as
    often as figures shall be fresh, and within the time that topics keep records. It can be killed at any time.

    Example: engine archive events.jsonl.gz --to archive --compact
    """
    if not files:
        refuse_ignored("with files", {"--kind": kind != "events", "--source": source})
    if erased:
        refuse_ignored("without --erase", {"files": files})
        _tell({"erased": erase(to, erased)}, as_json)
        return
    if kind not in get_args(FileKind):
        message = f"--kind {kind}: there are {', '.join(get_args(FileKind))}"
        raise UsageError(message)
    settings = settings_of(rules=rules, templates=templates)
    catalog = open_project(settings).book.catalog
    with Archive.opened(to, commit_every) as archive:
        if files:
            history = HistoryFiles(files, source=source)
            added = archive_files(archive, kind, history, catalog)  # type: ignore[arg-type]
        else:
            added = _archive_topics(archive, settings, catalog)
    if added.unreadable:
        complain(added.complaint())
    told = {"records": added.records, "unreadable": added.unreadable}
    _tell(told | ({"fewer_files": compact(to)} if compacting else {}), as_json)


def _archive_topics(archive: Archive, settings: Settings, catalog: Catalog) -> Added:
    feeds = _feeds(settings, catalog)
    brokers = KafkaBrokers(settings)
    with brokers.admin() as admin:
        counts = admin.partition_counts(feeds)
        archive.know_topics(admin.topic_ids(counts))
    if not counts:
        raise SourceUnavailable(", ".join(feeds), "none of these topics exists, or we may not see them")
    added = Added()
    with brokers.reader() as reader:
        bounds = reader.bounds((topic, number) for topic, count in counts.items() for number in range(count))
        for place, (low, end) in bounds.items():
            start = _start(archive, place, low, end)
            records = reader.read({place: (start, end)})
            added = added.and_(add_records(archive, records, feeds[place[0]], by_arrival=True))
            archive.pass_to(*place, max(start, end))
    archive.commit()
    try:
        archive.note_rollouts(rollout_phases(settings))
    except EngineError as error:
        complain(f"whether rules are rolled out is not known: {error}")
    return added


def _start(archive: Archive, place: Place, low: int, end: int) -> int:
    """The offset to read on from. Warns of records that Kafka has deleted meanwhile: they are lost to the archive.

    Raises ArchiveBroken for a topic that ends before what was archived of it.
    """
    known = archive.next_offset(*place)
    if known is not None and known > end:
        raise archive.made_again([place[0]])
    if known is not None and known < low:
        complain(f"{place[0]}:{place[1]}: {count_of(low - known, 'record')} were deleted before they were archived")
    return max(low, known or 0)


def _feeds(settings: Settings, catalog: Catalog) -> Mapping[str, Add]:
    """Topic -> function that adds its records. The ingest's internal topic is left out: it repeats its sources."""
    wall = wall_clock()
    events = {source.topic: event_adder(Decoder(source, catalog), wall) for source in catalog.sources}
    ours: dict[str, Add] = {settings.outcomes_topic: add_outcome, settings.feedback_topic: add_feedback}
    if catalog.derives:
        ours[settings.derived_topic] = derived_adder(ArchivedDecoder(settings.derived_topic, catalog), wall)
    return {**events, **{topic: add for topic, add in ours.items() if topic}}


def _tell(told: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        out.print_json(data=dict(told))
        return
    out.print(", ".join(f"{name.replace('_', ' ')}: {number:,}" for name, number in told.items()), highlight=False)

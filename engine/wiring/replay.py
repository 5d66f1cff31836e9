"""Builds replays of files from settings, for `engine replay`, `explain` and `demo`."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import perf_counter

from engine.adapters.file import STANDARD, JsonLinesSource
from engine.core.catalog import Catalog, Source
from engine.core.zones import to_millis
from engine.errors import BadInputFile, BadRecord, RolloutRefused, UsageError
from engine.ports import OutreachSink, StateStore
from engine.replay.replay import Input, Replay, Share
from engine.replay.summary import Summary
from engine.testing import Project
from engine.wire.decode import Decoder
from engine.wiring.garbage import collect_rarely
from engine.wiring.wall_clock import wall_clock
from engine.worker.partition import Partition
from engine.worker.rollout_rules import goes_on

LOOKED_AT = 100
"""Records of a file that are decoded by each declared source to find the file's source."""


@dataclass
class Sinks:
    """The outputs of a run; None: not written."""

    outreach: OutreachSink | None = None
    outcomes: OutreachSink | None = None
    dead_letters: OutreachSink | None = None


@dataclass(frozen=True)
class HistoryFiles:
    """Files of events. `source` of events.yaml; "": found by a look at each. `now`: no event comes from after it.

    `sizes`: how many bytes of each file count; empty: all of them.
    """

    paths: Sequence[Path]
    until: datetime | None = None
    source: str = ""
    now: int = field(default_factory=wall_clock)
    sizes: Sequence[int] = ()


def replay_into(
    store: StateStore,
    project: Project,
    history: HistoryFiles,
    *,
    sinks: Sinks | None = None,
    share: Share | None = None,
    progress: Callable[[int], None] = lambda records: None,
) -> Summary:
    """Replay a history through the project's rules on this store, for some customers or all. Raises EngineError."""
    started = perf_counter()
    collect_rarely()
    sinks = sinks or Sinks()
    files = inputs(history, project.book.catalog)
    partition = Partition(0, project.book, store, project.renderer, cache_size=1_000_000)
    if goes_on(partition.meta):
        reason = "customers of this store are decided by two rule books: end the roll-out first (`engine apply`)"
        raise RolloutRefused(reason)
    run = Replay(
        partition,
        sinks.outreach,
        outcomes=sinks.outcomes,
        dead_letters=sinks.dead_letters,
        share=share,
        progress=progress,
    )
    until = to_millis(history.until) if history.until else None
    summary = run.run(files, wall=history.now, until=until)
    summary.seconds = perf_counter() - started
    return summary


def moment_of(text: str) -> datetime | None:
    """The moment of --until, in UTC unless it says otherwise; None if it was not given. Raises UsageError."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--until {text}: expected ISO 8601, such as 2026-07-01 or 2026-07-01T12:00:00Z"
        raise UsageError(message) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def inputs(history: HistoryFiles, catalog: Catalog) -> list[Input]:
    """A reader for each file, and the decoder of the declared source that it belongs to. Raises BadInputFile."""
    readers = JsonLinesSource.of_each(history.paths, history.sizes)
    return [
        Input(reader, Decoder(_source(path, catalog, history.source), catalog))
        for path, reader in zip(history.paths, readers, strict=True)
    ]


def _source(path: Path, catalog: Catalog, name: str) -> Source:
    """The declared source of a file: the one named, the only one, or the one that it fits. Raises UsageError."""
    names = ", ".join(source.name for source in catalog.sources)
    if name:
        named = next((source for source in catalog.sources if name in (source.name, source.topic)), None)
        if named is None:
            message = f"events.yaml declares no source {name}; it has {names}"
            raise UsageError(message)
        return named
    if len(catalog.sources) == 1:
        return catalog.sources[0]
    if str(path) == STANDARD:
        message = f"events.yaml declares several sources ({names}); say with --source which one the standard input is"
        raise UsageError(message)
    return _fitting(path, catalog)


def _fitting(path: Path, catalog: Catalog) -> Source:
    """The source that decodes most of a file's first records.

    Where several decode as many, it is the one that the file is called by: orders.jsonl.gz is of the topic orders. One
    that does not look at a record's type (`event`) decodes those of others too, so that a guess would be none.
    """
    called = path.name.removesuffix(".gz").removesuffix(".jsonl")
    fits = [(_fit(path, one, catalog), one) for one in catalog.sources]
    most = max(fit for fit, _ in fits)
    fitting = [one for fit, one in fits if fit == most]
    named = next((one for one in fitting if called in (one.topic, one.name)), None)
    if named is None and most and len(fitting) > 1 and any(one.event for one in fitting):
        could = ", ".join(one.name for one in fitting)
        advice = f"say with --source which one, or name it {fitting[0].topic}.jsonl"
        message = f"{path} could be of several sources ({could}): {advice}"
        raise UsageError(message)
    return named or fitting[0]


def _fit(path: Path, source: Source, catalog: Catalog) -> int:
    """How many of a file's first records this source can decode."""
    decoder, fits = Decoder(source, catalog), 0
    with suppress(BadInputFile):  # the replay will come to it
        for record in islice(JsonLinesSource([path]).read({}), LOOKED_AT):
            with suppress(BadRecord):
                fits += decoder.decode(record, wall_clock()) is not None
    return fits

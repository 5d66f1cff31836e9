"""What all partitions of a worker share: the rules that decide, and the ports and settings around them.

`engine.wiring` builds a `WorkerContext`; the loop and each `PartitionOwner` read it. Plain data: nothing here acts.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from engine.core.book import RuleBook
from engine.errors import BookMissing
from engine.ports import UNLIMITED, Hooks, IngestProgress, OutreachSink, RecordWriter, Renderer, StateStore
from engine.wire.decode import Decoder
from engine.wire.origin import IngestedDecoder
from engine.worker.executors import InlineExecutor


@dataclass(frozen=True, slots=True)
class Rules:
    """A rule book with the renderer of its templates and the decoders of its sources, by topic."""

    book: RuleBook
    renderer: Renderer
    decoders: Mapping[str, Decoder | IngestedDecoder] = field(default_factory=dict)


def _no_book(revision: str) -> Rules:
    raise BookMissing(revision)


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """The ports and settings that all partitions of a worker share. `wall` returns the time now, epoch ms.

    `partitions`: how many the topics have. `event_clock`: the clock is event time, for replays and benchmarks.
    `cache_size`: customers cached over all partitions, at least the last so many and at most twice as many. `page`:
    wake-ups of one commit, at most. `ingest`: the ingest's progress, when one of the topics is its internal topic.
    """

    store: StateStore
    outreach: OutreachSink
    outcomes: RecordWriter
    dead_letters: RecordWriter
    wall: Callable[[], int]
    hooks: Hooks = field(default_factory=Hooks)
    sinks: Mapping[str, OutreachSink] = field(default_factory=dict)
    """Where other entries of the outbox than outreach go, by destination."""
    partitions: int = 1
    event_clock: bool = False
    cache_size: int = 500_000
    page: int = 5_000
    ingest: IngestProgress | None = None
    executor: Executor = field(default_factory=InlineExecutor)
    """Runs the calls of the store while another partition computes."""
    doubt: Callable[[], str] = lambda: ""
    """Why wall time must not move a live clock now (the machine's clock may be wrong); "" when it may."""
    latest: Callable[[], int] | None = None
    """The time that it is at most, epoch ms, by any clock that may be right; None: `wall` is right."""
    partition_of: Callable[[bytes, int], int] | None = None
    """The partition of a key, given the number of partitions; None: not checked."""
    check_grown: Callable[[], None] = lambda: None
    """Raises PartitionsChanged where a topic has more partitions now. Asked when a customer comes whose partition is
    another one. Raises BrokersAway."""
    books: Callable[[str], Rules] = _no_book
    """The rules of a revision that is rolled out. Raises BookMissing."""
    largest_letter: int = UNLIMITED
    """Bytes of a dead letter, at most: what its topic takes."""

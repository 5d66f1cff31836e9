"""Topics outside a consumer group: asking the cluster about them, making them, reading and writing them.

Commands and checks use these, whichever client library is configured; `engine.wiring` opens them from settings.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

from engine.errors import SinkUnavailable
from engine.ports.events import Record

Done = Callable[[SinkUnavailable | None], None]
"""Called when a write has ended: with None when it is durable, otherwise with the reason why it cannot become so."""

Headers = Sequence[tuple[str, bytes]]

Place = tuple[str, int]
"""Topic and partition."""

MAX_MESSAGE: Final = "max.message.bytes"
"""A topic's setting: bytes of a batch of records, at most."""

BATCH_BYTES: Final = 131_072
"""Bytes of a batch that our writers send. A topic's `max.message.bytes` bounds the batch, so it must be larger: see
MIN_TOPIC_BYTES."""
MAX_RECORD_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a record, at most, whatever a topic takes: bounds the memory of records in flight."""
RECORD_OVERHEAD: Final = 8_192
"""Bytes of a batch of one record that are not its value, at most: some 100 of batch and record, a key of 512
characters (2,048 bytes) and a bit, and headers that may repeat it."""
MIN_TOPIC_BYTES: Final = BATCH_BYTES + RECORD_OVERHEAD
"""The least `max.message.bytes` of a topic that we write to. With less it refuses full batches of small records."""
KAFKA_DEFAULT: Final = 1_048_588
"""The default `max.message.bytes` of brokers: assumed if we are not allowed to ask (DescribeConfigs)."""
WRITE_SECONDS: Final = 10.0
"""Seconds that a write waits for room: longer than busy brokers need, and well below the minute without a turn of the
loop after which /healthz reports it stuck."""
AWAY_SECONDS: Final = 5.0
"""Seconds for which writes fail at once after one has waited in vain. Without it a sender with 200 results to report
stands still for 200 waits, and neither notices SIGTERM nor that the brokers are back."""
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""Bytes of records that may wait for the brokers: a worker's memory grows by this while they are unavailable."""


def largest_value(max_message_bytes: int) -> int:
    """Bytes of a value that fit into a record of ours on a topic with this `max.message.bytes`."""
    return min(max_message_bytes, MAX_RECORD_BYTES) - RECORD_OVERHEAD


REFUSES_BATCHES: Final = f"with a {MAX_MESSAGE} of less than {MIN_TOPIC_BYTES:,} it refuses what we send together"


def too_small(limit: int) -> str:
    """What to say of a topic below MIN_TOPIC_BYTES."""
    return f"{MAX_MESSAGE} is {limit:,}: with less than {MIN_TOPIC_BYTES:,} it refuses what we send together"


class TopicWriter(Protocol):
    """An idempotent producer: what it takes becomes durable once, in order within a partition, however long it takes.

    Memory is bounded: where too much waits, `write` waits, and raises BrokersAway after WRITE_SECONDS; from then on it
    raises at once, for AWAY_SECONDS.
    Raises SinkUnavailable where it cannot, TooLarge where the record is to blame; a write with `done` tells that
    instead. What one topic refuses of one record concerns no other record.
    """

    def write(
        self,
        topic: str,
        partition: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        done: Done | None = None,
    ) -> None:
        """Hand over one record, with the present as its timestamp. Without a partition the key decides, as in Java."""

    def serve(self) -> None:
        """Call what waits to hear of writes that have ended; does not wait. Raises SinkUnavailable for those that have
        failed and have nobody who waits."""

    def flush(self, timeout: float = 30) -> None:
        """Wait until everything is durable. Raises BrokersAway after `timeout` seconds; it is still tried then."""

    def close(self, timeout: float = 30) -> None:
        """Flush and give up. What does not become durable in time is lost here: whoever needs it keeps it elsewhere."""

    def tail(self, topic: str, partition: int, limit: int) -> Iterable[Headers]:
        """The headers of the last records of a partition: of at least `limit`, if there are as many.

        Raises BrokersAway where they do not answer, SinkUnavailable where waiting does not help.
        """


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to make. `replicas` None: as the cluster has it by default."""

    name: str
    partitions: int
    replicas: int | None = None
    config: Mapping[str, str] = field(default_factory=dict)


class TopicAdmin(Protocol):
    """Questions to the cluster, and new topics. Raises SourceUnavailable where it does not answer, or says no."""

    def partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        """Without those that do not exist."""

    def size_limits(self, topics: Iterable[str]) -> dict[str, int]:
        """`max.message.bytes` of each; Kafka's default where it is missing or we may not ask (DescribeConfigs)."""

    def configured(self, topics: Iterable[str], setting: str) -> dict[str, str]:
        """What each topic has for a setting; without those that are missing, or of which we may not ask."""

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """The id of each topic, which no other ever has; without those that are missing, or whose broker gives none."""

    def create_topics(self, topics: Iterable[NewTopic]) -> list[str]:
        """The names of those that were made; those that are there already stay as they are."""

    def clock(self) -> int | None:
        """The cluster's time in epoch ms; None where it does not tell, or the library cannot ask."""

    def members(self, group: str) -> int:
        """How many a consumer group has; 0 where there is no such group."""


class TopicReader(Protocol):
    """Reads topics outside any group and sees what workers see (read_committed). Raises SourceUnavailable."""

    def bounds(self, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
        """Offset of the first record and of the one that comes next, by place."""

    def since(self, places: Iterable[Place], moment: int) -> dict[Place, int]:
        """Offset of the first record that arrived at this moment (epoch ms) or later; without places that have none."""

    def read(self, spans: Mapping[Place, tuple[int, int]]) -> Iterator[Record]:
        """The records of each place from one offset to before another, in order of offset within a place."""

    def close(self) -> None:
        """Give up the connections."""


class GroupOffsets(Protocol):
    """What the group of these settings has committed of their topics."""

    def committed(self, partition: int) -> dict[str, int]:
        """Topic -> next offset, without those of which nothing is committed, and those made again since.

        Raises BrokersAway when they do not answer now, SourceUnavailable when waiting does not help.
        """

    def close(self) -> None:
        """Give up the connections."""


class Brokers(Protocol):
    """The cluster of the settings. Each method opens something, and its context closes it."""

    def admin(self) -> AbstractContextManager[TopicAdmin]:
        """To ask and to make topics."""

    def reader(self) -> AbstractContextManager[TopicReader]:
        """To read topics outside any group."""

    def offsets(self, topics: tuple[str, ...], group: str) -> AbstractContextManager[GroupOffsets]:
        """What this group has committed of these topics."""

    def writer(self) -> AbstractContextManager[TopicWriter]:
        """To write records. At its end everything is durable."""

    def unreadable(self, topics: Sequence[str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """`compression.type` by topic, and the packages to install by compression that cannot be read here.

        Empty where the configured library reads every compression.
        """

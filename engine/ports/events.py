"""Records of the event topics, and the protocols to read them: consumer group members, files, the ingest's transfer.

Workers, senders and the ingest call these; the adapters for Kafka, files and memory implement them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec


class Record(msgspec.Struct, gc=False):
    """One record of a source. `timestamp` is the broker's time; `next_offset` is where reading goes on after it.

    `position`: the name by which its offset is kept, where that is not the source: see `position_of`.
    """

    source: str
    partition: int
    next_offset: int
    value: bytes | None
    key: bytes | None = None
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()
    position: str = ""


def position_of(topic: str, partition: int) -> str:
    """The name by which a partition's meta keeps how far it has read another partition of a topic, in `offsets`.

    Only a reshard reads so, from when it begins to read what is left until the customers have moved.
    """
    return f"{topic}/{partition}"  # no topic has such a name


def topic_of(position: str) -> str:
    """The topic of an offset in a partition's meta."""
    return position.partition("/")[0]


class Source(Protocol):
    """The source of a replay: records in order, from given offsets."""

    def read(self, offsets: Mapping[str, int]) -> Iterator[Record]:
        """Records from `offsets` (source -> next offset; 0 where absent) to the end. The caller may change them."""


class Ownership(Protocol):
    """Callbacks about the partitions of this group member, called from within `EventSource.poll` and `close`."""

    def assigned(self, partition: int) -> dict[str, int]:
        """The partition is assigned. Returns source -> offset to read from; without one, from the beginning."""

    def revoked(self, partition: int) -> None:
        """The partition goes to another member once this returns: the last moment to commit."""

    def lost(self, partition: int) -> None:
        """The partition has gone to another member already."""


class EventSource(Protocol):
    """A member of a consumer group over one or several co-partitioned topics (`Record.source` is the topic).

    Partition p means partition p of every topic: they have one owner. Raises SourceUnavailable where the broker
    cannot be asked.
    """

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """Up to `limit` records, in offset order per topic and partition; waits `timeout` seconds for the first."""

    def seek(self, partition: int, offsets: Mapping[str, int]) -> None:
        """Read on from these offsets; records fetched ahead are dropped."""

    def pause(self, partitions: Sequence[int]) -> None:
        """Return no records of these partitions until `resume`; the membership stays."""

    def resume(self, partitions: Sequence[int]) -> None:
        """Return records of these partitions again."""

    def caught_up(self, partition: int, handled: Mapping[str, int]) -> set[str]:
        """The topics of which the owner has handled all that the broker has at the time of this call. Asks the broker.

        `handled` maps topic -> offset after the last record handled. Records that `poll` has returned and that still
        wait to be handled count as unread: a wall time taken before this call is then proved for these topics.
        """

    def position(self, partition: int, topic: str, handled: int) -> int:
        """The offset before which an owner that has handled all before `handled` has nothing left to handle.

        It is beyond `handled` where only markers of transactions or compacted records follow; -1 where not known yet.
        Does not ask the broker.
        """

    def lag(self) -> dict[int, int]:
        """Records not yet returned, by partition, as far as the last fetches tell."""

    def topic_ids(self) -> Mapping[str, str]:
        """The id of each topic, as it was a few seconds ago: a topic that was deleted and made again has another.

        Without those whose id is not known. Does not ask the broker.
        """

    def partitions(self) -> Mapping[str, int]:
        """How many partitions each topic had a few seconds ago: topics may grow. Without those whose number is not
        known. Does not ask the broker."""

    def answers(self) -> bool:
        """Whether the brokers answered when they were last asked, a few seconds ago. Does not ask them."""

    def joined(self) -> bool:
        """Whether this member has joined the group, perhaps without a partition."""

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Tell the broker (topic, partition) -> next offset, and of which topic that is: the id that `topic_ids` told
        last. Does not wait. Workers do it for lag dashboards only.
        """

    def close(self) -> None:
        """Leave the group at once."""


class Rekeyed(msgspec.Struct, gc=False):
    """A record of an un-keyed topic, ready for the internal one; `headers` say where it comes from."""

    customer: str
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    origin: Record


class Transfer(Protocol):
    """Copies records from the un-keyed topics to the internal one, each exactly once, dead letters included.

    Raises SourceUnavailable and SinkUnavailable when waiting does not help.
    """

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """The next records; waits `timeout` seconds for the first."""

    def commit(self, events: Sequence[Rekeyed], letters: Sequence[tuple[str, bytes]]) -> bool:
        """Write the results of all records of the last poll in one transaction. `letters` are (id, dead letter).

        Returns False when nothing was written; then the records come again.
        """

    def refuses(self, record: Record) -> bool:
        """Whether an earlier `commit` has shown that the internal topic cannot take this record."""

    def lag(self) -> dict[tuple[str, int], int]:
        """Records not yet returned, by topic and partition, as far as the last fetches tell."""

    def close(self) -> None:
        """Leave at once; uncommitted records are left to the next member."""


class IngestMark(NamedTuple):
    """A partition of the internal topic, read up to `offset`, has all records that reached the ingest before `time`.

    `time` is in epoch ms.
    """

    offset: int
    time: int


class IngestProgress(Protocol):
    """How far the ingest has read its own topics, by partition of the internal topic."""

    topic: str
    """The internal topic."""

    def mark(self, partition: int) -> IngestMark | None:
        """The newest mark known; None if none is known yet. Does not wait."""

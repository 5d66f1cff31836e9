"""Publishes a partition's outreach from the outbox to the sink, after each commit and again when a partition opens.

`PartitionOwner` calls it. It must publish each outreach once: after a crash, only what the sink does not have yet. It
never writes to the store; it names commits to trim, and the partition's next commit removes them.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from engine.ports import OutreachSink
from engine.worker.partition import Partition

MAX_IN_FLIGHT = 5_000
"""Outreach of a partition that may wait for the brokers; beyond it the worker stops deciding. With the outreach of two
more batches it must stay below the tail that a sink reads back (20,000), or an owner that opens the partition after an
outage of the brokers would publish some outreach twice."""


class Relay:
    """Publishes one partition's outreach. Once all outreach of a commit is durable, the next commit trims it.

    `already_published`: ids that an earlier owner has published, or this one before the store was restored to an older
    state; an outreach that is decided again is not published again. `refused` is called with (id, encoded outreach,
    reason) for outreach that is too large for the sink, before it is trimmed.
    """

    def __init__(
        self,
        partition: Partition,
        sink: OutreachSink,
        refused: Callable[[str, bytes, str], None] = lambda identity, outreach, reason: None,
    ) -> None:
        self.partition = partition
        self.sink = sink
        self.refused = refused
        self.already_published: set[str] = set()
        self._new = 0
        self._in_flight: dict[str, int] = {}
        """Id of an outreach that is not durable yet -> seq of the commit that decided it."""
        self._unfinished: Counter[int] = Counter()
        """Seq of a commit -> how many of its outreach are not durable yet."""

    def is_full(self) -> bool:
        """Whether the worker must decide no more until the sink has accepted some outreach."""
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            self.collect()
        return len(self._in_flight) >= MAX_IN_FLIGHT

    def recover(self) -> int:
        """Publish the outbox, except what the sink has already. Returns how many outreach were published."""
        number = self.partition.number
        self.sink.flush()  # else our own outreach still in flight would be missing from the tail read below
        self.already_published = self.sink.published(number)
        self._new = -len(self.already_published)
        return sum(self._publish(seq, entries) for seq, entries in self.partition.store.outbox(number).items())

    def publish(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Hand the outreach of the last commit, (id, encoded) each, over to the sink."""
        if entries:
            self._publish(self.partition.meta.seq, entries)
            if self._new > 0:  # more new ids than old ones have passed: no old one can come any more
                self.already_published = set()
        self.collect()

    def _publish(self, seq: int, entries: Sequence[tuple[str, bytes]]) -> int:
        if self.already_published:
            entries = [entry for entry in entries if entry[0] not in self.already_published]
            self._new += len(entries)
        if not entries:
            self.partition.trim.append(seq)
            return 0
        fresh = []
        self._unfinished[seq] += len(entries)
        for entry in entries:
            identity = entry[0]
            if identity in self._in_flight:
                self._is_durable(identity)  # for the earlier commit: from now on this commit accounts for it
            else:
                fresh.append(entry)
            self._in_flight[identity] = seq
        self.sink.publish(self.partition.number, fresh)
        return len(fresh)

    def collect(self) -> None:
        """Ask the sink what has become durable or was refused; the next commit trims both."""
        for identity, outreach, reason in self.sink.refused(self.partition.number):
            self.refused(identity, outreach, reason)
        for identity in self.sink.delivered(self.partition.number):
            self._is_durable(identity)

    def _is_durable(self, identity: str) -> None:
        seq = self._in_flight.pop(identity, None)
        if seq is None:
            return
        self._unfinished[seq] -= 1
        if not self._unfinished[seq]:
            del self._unfinished[seq]
            self.partition.trim.append(seq)

    def finish(self) -> None:
        """Wait until all outreach in flight is durable. Raises BrokersAway."""
        self.sink.flush()
        self.collect()

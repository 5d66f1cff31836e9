"""From the outbox to the sink: publishes what a commit has decided, and after a crash only what is not there yet."""

from collections import Counter
from collections.abc import Callable, Sequence

from engine.ports import OutreachSink
from engine.worker.partition import Partition

MOST_UNDER_WAY = 5_000
"""Outreach of a partition that may wait for the brokers; beyond it the worker stops deciding. Together with that of the
two batches that are under way then it must be less than the tail that a sink reads back (20,000), or an owner that
opens the partition when the brokers are back would publish some of it twice."""


class Relay:
    """Publishes one partition's outreach. What a commit has decided leaves the outbox, once all of it is durable, with
    the next one.

    `there` are ids that an earlier owner, or we before the store went back in time, have published already: whatever
    is decided again is not published again. `refused` is told, before it leaves the outbox, of encoded outreach that is
    too large for the sink, and why: it was decided while the sink took more.
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
        self.there: set[str] = set()
        self._new = 0
        self._under_way: dict[str, int] = {}
        """id -> seq of the commit that decided it."""
        self._left: Counter[int] = Counter()
        """seq -> how many of its ids are not durable yet."""

    def is_full(self) -> bool:
        """Whether no more must be decided before the sink has taken some of what was handed over."""
        if len(self._under_way) >= MOST_UNDER_WAY:
            self.collect()
        return len(self._under_way) >= MOST_UNDER_WAY

    def recover(self) -> int:
        """Publish what an earlier run has left, except what is in the sink already. Returns how many were published."""
        number = self.partition.number
        self.sink.flush()  # ours from before the store went back would come after the tail is read
        self.there = self.sink.published(number)
        self._new = -len(self.there)
        return sum(self._publish(seq, entries) for seq, entries in self.partition.store.outbox(number).items())

    def publish(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Hand over what was just committed."""
        if entries:
            self._publish(self.partition.meta.seq, entries)
            if self._new > 0:  # more new ones than there were old ones: nothing old comes any more
                self.there = set()
        self.collect()

    def _publish(self, seq: int, entries: Sequence[tuple[str, bytes]]) -> int:
        if self.there:
            entries = [entry for entry in entries if entry[0] not in self.there]
            self._new += len(entries)
        if not entries:
            self.partition.trim.append(seq)
            return 0
        fresh = []
        self._left[seq] += len(entries)
        for entry in entries:
            identity = entry[0]
            if identity in self._under_way:
                self._is_durable(identity)  # as far as the earlier commit is concerned: this one has it too
            else:
                fresh.append(entry)
            self._under_way[identity] = seq
        self.sink.publish(self.partition.number, fresh)
        return len(fresh)

    def collect(self) -> None:
        """Let the next commit trim what has become durable, and what never will."""
        for identity, outreach, reason in self.sink.refused(self.partition.number):
            self.refused(identity, outreach, reason)
        for identity in self.sink.delivered(self.partition.number):
            self._is_durable(identity)

    def _is_durable(self, identity: str) -> None:
        seq = self._under_way.pop(identity, None)
        if seq is None:
            return
        self._left[seq] -= 1
        if not self._left[seq]:
            del self._left[seq]
            self.partition.trim.append(seq)

    def finish(self) -> None:
        """Wait until everything handed over is durable. Raises BrokersAway."""
        self.sink.flush()
        self.collect()

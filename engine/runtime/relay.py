"""From the outbox to the sink: publishes what a commit has decided, and after a crash only what is not there yet."""

from collections.abc import Sequence

from engine.ports import OutreachSink
from engine.runtime.partition import Partition


class Relay:
    """Publishes one partition's outreach. Ids leave the outbox, once durable, with the partition's next commit.

    `there` are ids that an earlier owner, or we before the store went back in time, have published already: whatever
    is decided again is not published again.
    """

    def __init__(self, partition: Partition, sink: OutreachSink) -> None:
        self.partition = partition
        self.sink = sink
        self.there: set[str] = set()
        self._new = 0

    def recover(self) -> int:
        """Publish what an earlier run has left, except what is in the sink already. Returns how many were published."""
        number = self.partition.number
        self.sink.flush()  # ours from before the store went back would come after the tail is read
        self.there = self.sink.published(number)
        self._new = -len(self.there)
        left = self.partition.store.outbox(number, limit=1_000_000)
        return self._publish(left)

    def publish(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Hand over what was just committed."""
        if entries:
            self._publish(entries)
        self.collect()

    def _publish(self, entries: Sequence[tuple[str, bytes]]) -> int:
        if self.there:
            self.partition.trim.extend(identity for identity, _ in entries if identity in self.there)
            entries = [entry for entry in entries if entry[0] not in self.there]
            self._new += len(entries)
            if self._new > 0:  # more new ones than there were old ones: nothing old comes any more
                self.there = set()
        self.sink.publish(self.partition.number, entries)
        return len(entries)

    def collect(self) -> None:
        """Let the next commit trim what has become durable."""
        self.partition.trim.extend(self.sink.delivered(self.partition.number))

    def finish(self) -> None:
        """Wait until everything handed over is durable."""
        self.sink.flush()
        self.collect()

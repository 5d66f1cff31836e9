"""From the outbox to the sink: publishes what a commit has decided, and after a crash only what is not there yet."""

from collections.abc import Sequence

from engine.ports import OutreachSink
from engine.runtime.partition import Partition


class Relay:
    """Publishes one partition's outreach. Ids leave the outbox, once durable, with the partition's next commit."""

    def __init__(self, partition: Partition, sink: OutreachSink) -> None:
        self.partition = partition
        self.sink = sink

    def recover(self) -> int:
        """Publish what an earlier run has left, except what is in the sink already. Returns how many were published."""
        number = self.partition.number
        left = self.partition.store.outbox(number, limit=1_000_000)
        if not left:
            return 0
        there = self.sink.published(number)
        missing = [entry for entry in left if entry[0] not in there]
        self.sink.publish(number, missing)
        self.partition.trim.extend(identity for identity, _ in left if identity in there)
        return len(missing)

    def publish(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Hand over what was just committed."""
        if entries:
            self.sink.publish(self.partition.number, entries)
        self.collect()

    def collect(self) -> None:
        """Let the next commit trim what has become durable."""
        self.partition.trim.extend(self.sink.delivered(self.partition.number))

    def finish(self) -> None:
        """Wait until everything handed over is durable."""
        self.sink.flush()
        self.collect()

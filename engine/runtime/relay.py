"""From the outbox to the sink: publishes what a commit has decided, and after a crash only what is not there yet."""

from collections.abc import Sequence

from engine.ports import OutreachSink
from engine.runtime.partition import Partition


class Relay:
    """Publishes one partition's outreach. Published ids leave the outbox with the partition's next commit."""

    def __init__(self, partition: Partition, sink: OutreachSink) -> None:
        self.partition = partition
        self.sink = sink

    def recover(self) -> int:
        """Publish what an earlier run has left, except what is in the sink already. Returns how many were published."""
        left = self.partition.store.outbox(self.partition.number, limit=1_000_000)
        if not left:
            return 0
        there = self.sink.published(self.partition.number)
        missing = [entry for entry in left if entry[0] not in there]
        self.sink.publish(self.partition.number, missing)
        self.partition.trim.extend(identity for identity, _ in left)
        return len(missing)

    def publish(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Publish what was just committed."""
        if entries:
            self.sink.publish(self.partition.number, entries)
            self.partition.trim.extend(identity for identity, _ in entries)

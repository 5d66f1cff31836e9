"""Publishes a partition's entries from the outbox to the sinks, after each commit and again when a partition opens.

`PartitionOwner` calls it. It must publish each entry once: after a crash, only what its sink does not have yet. It
never writes to the store; it tells the outbox which commits to trim, and the partition's next commit removes them.
"""

from collections.abc import Callable, Mapping, Sequence

from engine.errors import NoSuchDestination
from engine.ports import Entry, OutreachSink, StateStore
from engine.worker.outbox import Outbox

MAX_IN_FLIGHT = 5_000
"""Outreach of a partition that may wait for the brokers; beyond it the worker stops deciding. With the outreach of two
more batches it must stay below the tail that a sink reads back (20,000), or an owner that opens the partition after an
outage of the brokers would publish some outreach twice."""


class Relay:
    """Publishes one partition's entries, each to the sink of its destination, and tells the outbox what is durable.

    `already_published`: (destination, id) that an earlier owner has published, or this one before the store was
    restored to an older state; what is decided again is not published again. `refused` is called with (entry, reason)
    for an entry that is too large for its sink, before it is trimmed.
    """

    def __init__(
        self,
        number: int,
        store: StateStore,
        outbox: Outbox,
        sinks: Mapping[str, OutreachSink],
        refused: Callable[[Entry, str], None] = lambda entry, reason: None,
    ) -> None:
        self.number = number
        self.store = store
        self.outbox = outbox
        self.sinks = sinks
        self.refused = refused
        self.already_published: set[tuple[str, str]] = set()
        self._new = 0

    def is_full(self) -> bool:
        """Whether the worker must decide no more until the sinks have accepted some entries."""
        if len(self.outbox) >= MAX_IN_FLIGHT:
            self.collect()
        return len(self.outbox) >= MAX_IN_FLIGHT

    def recover(self) -> int:
        """Publish the outbox, except what the sinks have already. Returns how many entries were published.

        Raises NoSuchDestination, having published nothing.
        """
        for sink in self.sinks.values():
            sink.flush()  # else our own entries still in flight would be missing from the tail read below
        self.already_published = {
            (name, one) for name, sink in self.sinks.items() for one in sink.published(self.number)
        }
        self._new = -len(self.already_published)
        left = self.store.outbox(self.number)
        for entries in left.values():
            self._check(entries)
        return sum(self._publish(seq, entries) for seq, entries in left.items())

    def publish(self, seq: int, entries: Sequence[Entry]) -> None:
        """Hand the entries of the commit `seq` over to their sinks."""
        if entries:
            self._publish(seq, entries)
            if self._new > 0:  # more new ids than old ones have passed: no old one can come any more
                self.already_published = set()
        self.collect()

    def _check(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.destination not in self.sinks:
                raise NoSuchDestination(entry.destination, self.number)

    def _publish(self, seq: int, entries: Sequence[Entry]) -> int:
        if self.already_published:
            entries = [entry for entry in entries if (entry.destination, entry.id) not in self.already_published]
            self._new += len(entries)
        fresh = self.outbox.put(seq, entries)
        for name, sink in self.sinks.items():
            if chosen := fresh if len(self.sinks) == 1 else [entry for entry in fresh if entry.destination == name]:
                sink.publish(self.number, chosen)
        return len(fresh)

    def collect(self) -> None:
        """Ask the sinks what has become durable or was refused; the next commit trims both."""
        for name, sink in self.sinks.items():
            for entry, reason in sink.refused(self.number):
                self.refused(entry, reason)
            for identity in sink.delivered(self.number):
                self.outbox.is_durable(name, identity)

    def finish(self) -> None:
        """Wait until all entries in flight are durable. Raises BrokersAway."""
        for sink in self.sinks.values():
            sink.flush()
        self.collect()

"""A state store, a sink and a transfer in memory, for tests, replays and runs whose state need not survive."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from threading import RLock

import msgspec

from engine.errors import Fenced
from engine.ports import HISTORY_LENGTH, UNLIMITED, Commit, Entry, Meta, Record, Rekeyed


@dataclass
class _Partition:
    """One partition. `wakes` is authoritative; `soonest` (sorted) and `unsorted` (latest) may have stale entries."""

    meta: bytes = msgspec.msgpack.encode(Meta())
    states: dict[str, bytes] = field(default_factory=dict)
    wakes: dict[str, int] = field(default_factory=dict)
    soonest: list[tuple[int, str]] = field(default_factory=list)
    unsorted: list[tuple[int, str]] = field(default_factory=list)
    outbox: dict[int, list[Entry]] = field(default_factory=dict)
    history: dict[str, list[bytes]] = field(default_factory=dict)
    erased: dict[str, int] = field(default_factory=dict)

    def apply(self, commit: Commit) -> None:
        self.meta = msgspec.msgpack.encode(commit.meta)
        for customer, state in commit.states.items():
            if state is not None:
                self.states[customer] = state
        for customer, wake in commit.wakes.items():
            self._wake(customer, wake)
        for customer, state in commit.states.items():
            if state is None:
                self._forget(customer)
        waiting = self.outbox | commit.rewritten | {commit.meta.seq: list(commit.outbox)}
        self.outbox = {seq: entries for seq, entries in waiting.items() if entries and seq not in commit.trim}
        for customer, records in commit.outcomes.items():
            self.history[customer] = [*reversed(records), *self.history.get(customer, ())][:HISTORY_LENGTH]
        self.erased |= commit.erased

    def due(self, until: int, limit: int) -> list[tuple[str, int]]:
        if self.unsorted:
            self.soonest += self.unsorted
            self.soonest.sort()
            self.unsorted = []
        found: list[tuple[int, str]] = []
        looked_at = 0
        for one in self.soonest:
            if one[0] > until or len(found) == limit:
                break
            looked_at += 1
            if self.wakes.get(one[1]) == one[0] and one not in found[-1:]:
                found.append(one)
        self.soonest[:looked_at] = found
        return [(customer, wake) for wake, customer in found]

    def _wake(self, customer: str, wake: int) -> None:
        if not wake:
            self.wakes.pop(customer, None)
            return
        self.wakes[customer] = wake
        self.unsorted.append((wake, customer))
        if len(self.soonest) + len(self.unsorted) > 2 * len(self.wakes) + 1000:
            self.soonest, self.unsorted = [], [(wake, customer) for customer, wake in self.wakes.items()]

    def _forget(self, customer: str) -> None:
        self.states.pop(customer, None)
        self.wakes.pop(customer, None)
        self.history.pop(customer, None)


class MemoryStore:
    """A StateStore that keeps bytes and refuses the same commits as the one on Redis."""

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}
        self._lock = RLock()

    def meta(self, partition: int) -> Meta:
        """What the partition remembers; a fresh `Meta` where nothing is stored."""
        return msgspec.msgpack.decode(self._of(partition).meta, type=Meta)

    def load(self, partition: int, customers: Sequence[str]) -> list[bytes | None]:
        """The encoded states in the order asked, None where there is none."""
        states = self._of(partition).states
        return [states.get(customer) for customer in customers]

    def due(self, partition: int, until: int, limit: int) -> list[tuple[str, int]]:
        """(customer, wake-up moment) of the soonest wake-ups at or before `until`, soonest first."""
        with self._lock:
            return self._of(partition).due(until, limit)

    def commit(self, partition: int, commit: Commit) -> None:
        """Raises Fenced, having written nothing, where `seq` or offsets are not as the commit expects."""
        expected = commit.expected
        with self._lock:
            found = self.meta(partition)
            if (found.seq, found.offsets) != (expected.seq, expected.offsets):
                raise Fenced(partition, *(f"commit {meta.seq} at offsets {meta.offsets}" for meta in (expected, found)))
            self._of(partition).apply(commit)

    def outbox(self, partition: int) -> dict[int, list[Entry]]:
        """What has not been trimmed, oldest first, by the seq of the commit that decided it."""
        with self._lock:
            return {seq: list(entries) for seq, entries in self._of(partition).outbox.items()}

    def history(self, partition: int, customer: str) -> list[bytes]:
        """The last 20 outcome records, newest first."""
        return list(self._of(partition).history.get(customer, ()))

    def erased(self, partition: int) -> dict[str, int]:
        """The partition's tombstones; they stay as long as this object."""
        return dict(self._of(partition).erased)

    def customers(self, partition: int, after: str, limit: int) -> tuple[list[str], str]:
        """A page of the partition's customers and the cursor for the next one ("" at the start, and at the end)."""
        with self._lock:
            page = nsmallest(limit, (customer for customer in self._of(partition).states if customer > after))
        return page, page[-1] if len(page) == limit else ""

    def close(self) -> None:
        """Nothing to give up; what is stored stays as long as this object."""

    def _of(self, partition: int) -> _Partition:
        return self._partitions.setdefault(partition, _Partition())


class MemorySink:
    """An OutreachSink in memory: `entries` maps partition -> its entries in order."""

    def __init__(self, largest: int = UNLIMITED) -> None:
        self.largest = largest
        self.entries: dict[int, list[Entry]] = {}
        self._refused: dict[int, list[tuple[Entry, str]]] = {}
        self._ended: dict[int, list[str]] = {}
        self._told: dict[int, int] = {}

    def published(self, partition: int) -> set[str]:
        """Every id ever published to the partition."""
        return {entry.id for entry in self.entries.get(partition, ())}

    def publish(self, partition: int, entries: Sequence[Entry]) -> None:
        """Append what is not too large."""
        fits = [entry for entry in entries if len(entry.value) <= self.largest]
        self.entries.setdefault(partition, []).extend(fits)
        if len(fits) < len(entries):
            large = [entry for entry in entries if len(entry.value) > self.largest]
            self._refused.setdefault(partition, []).extend((entry, "too large") for entry in large)
            self._ended.setdefault(partition, []).extend(entry.id for entry in large)

    def delivered(self, partition: int) -> list[str]:
        """Ids published since the last call."""
        entries = self.entries.get(partition, [])
        fresh = entries[self._told.get(partition, 0) :]
        self._told[partition] = len(entries)
        return [entry.id for entry in fresh] + self._ended.pop(partition, [])

    def refused(self, partition: int) -> list[tuple[Entry, str]]:
        """Outreach larger than `largest` since the last call: (entry, reason)."""
        return self._refused.pop(partition, [])

    def take(self, partition: int) -> list[Entry]:
        """Remove and return the entries of a partition."""
        self._told.pop(partition, None)
        return self.entries.pop(partition, [])

    def flush(self) -> None:
        """Nothing to wait for."""

    def close(self) -> None:
        """Nothing to give up."""


class MemoryRecords:
    """A RecordWriter in memory: (key, identity, value) in order."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str, bytes]] = []

    def write(self, key: str, identity: str, value: bytes) -> None:
        """Append."""
        self.records.append((key, identity, value))

    def flush(self) -> None:
        """Nothing is under way."""


class MemoryTransfer:
    """A Transfer of given records. `events` and `letters` hold everything committed.

    `undone`: so many of the next commits come to nothing, as when somebody else has taken over. `largest`: bytes of a
    value that the internal topic takes.
    """

    def __init__(self, records: Sequence[Record] = (), undone: int = 0, largest: int = 1_000_000) -> None:
        self.events: list[Rekeyed] = []
        self.letters: list[tuple[str, bytes]] = []
        self.undone = undone
        self.largest = largest
        self.closed = False
        self._records = list(records)
        self._polled = 0
        self._refused: set[tuple[str, int, int]] = set()

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """The next records; does not wait for any."""
        polled = self._records[self._polled : self._polled + limit]
        self._polled += len(polled)
        return polled

    def commit(self, events: Sequence[Rekeyed], letters: Sequence[tuple[str, bytes]]) -> bool:
        """Returns False when nothing was written; then the records come again."""
        large = [event.origin for event in events if len(event.value or b"") > self.largest]
        self._refused.update(_place(record) for record in large)
        polled, self._polled = self._polled, 0
        if large or self.undone:
            self.undone -= not large
            return False
        self.events += events
        self.letters += letters
        del self._records[:polled]
        return True

    def refuses(self, record: Record) -> bool:
        """Whether an earlier `commit` has shown that the internal topic cannot take this record."""
        return _place(record) in self._refused

    def lag(self) -> dict[tuple[str, int], int]:
        """Records not yet returned, by topic and partition."""
        lag: dict[tuple[str, int], int] = {}
        for record in self._records[self._polled :]:
            lag[record.source, record.partition] = lag.get((record.source, record.partition), 0) + 1
        return lag

    def close(self) -> None:
        """Nothing to leave."""
        self.closed = True


def _place(record: Record) -> tuple[str, int, int]:
    return record.source, record.partition, record.next_offset

"""A state store, a sink and a transfer in memory, for tests, replays and runs whose state need not survive."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from heapq import nsmallest
from os import urandom
from threading import RLock

from engine.adapters.memory.script import Keys, refusal, write
from engine.ports import UNLIMITED, Commit, Entry, Meta, Opened, Record, Rekeyed, fenced, read_meta, sealed


class MemoryStore:
    """A StateStore that keeps bytes and refuses the same commits as the one on Redis. `draw` returns 64 random bits."""

    def __init__(self, draw: Callable[[], int] = lambda: int.from_bytes(urandom(8))) -> None:
        self.partitions: defaultdict[int, Keys] = defaultdict(dict)
        self._books: dict[str, bytes] = {}
        self._draw = draw
        self._lock = RLock()

    def open(self, partition: int) -> Opened:
        """What an owner begins with, of one moment; an empty seal and a fresh `Meta` where nothing is stored."""
        with self._lock:
            keys = self.partitions[partition]
            seal = keys.get("m", b"")
            return Opened(seal, read_meta(seal, "memory"), set(keys.get("days", ())), dict(keys.get("erased", {})))

    def meta(self, partition: int) -> Meta:
        """What the partition remembers; a fresh `Meta` where nothing is stored."""
        return read_meta(self.partitions[partition].get("m", b""), "memory")

    def load(self, partition: int, customers: Sequence[str], seal: bytes | None = None) -> list[bytes | None]:
        """The encoded values in the order asked, None where there is none. Raises Fenced, also without customers."""
        with self._lock:
            values = self._read(partition, seal).get("values", {})
            return [values.get(customer) for customer in customers]

    def looks(self, partition: int, days: Mapping[int, int], seal: bytes | None = None) -> dict[int, list[bytes]]:
        """The lists of looks of these days, in the order written; `days`: day -> the place in its list to begin at."""
        with self._lock:
            keys = self._read(partition, seal)
            return {day: keys.get(f"t:{day}", [])[start:] for day, start in days.items()}

    def commit(self, partition: int, commit: Commit) -> bytes:
        """Returns the new seal. Raises Fenced, having written nothing, where the seal is not the expected one."""
        seal = sealed(commit.meta, self._draw())
        with self._lock:
            keys = self.partitions[partition]
            found = refusal(keys, commit)
            if found is not None:
                raise fenced(partition, commit.expected, found)
            write(keys, commit, seal)
        return seal

    def days(self, partition: int) -> list[int]:
        """The days that have looks, in order."""
        return sorted(self.partitions[partition].get("days", ()))

    def outbox(self, partition: int) -> dict[int, list[Entry]]:
        """What has not been trimmed, oldest first, by the seq of the commit that decided it."""
        with self._lock:
            return {seq: list(entries) for seq, entries in sorted(self.partitions[partition].get("outbox", {}).items())}

    def customers(self, partition: int, after: str, limit: int) -> tuple[list[str], str]:
        """A page of those with a value, and the cursor for the next one ("" at the start, and at the end)."""
        with self._lock:
            values = self.partitions[partition].get("values", {})
            page = nsmallest(limit, (customer for customer in values if customer > after))
        return page, page[-1] if len(page) == limit else ""

    def book(self, revision: str) -> bytes | None:
        """The files of a rule book, packed; None where they are not kept."""
        return self._books.get(revision)

    def keep_book(self, revision: str, packed: bytes | None) -> None:
        """Keep the files of a rule book; None deletes them."""
        if packed is None:
            self._books.pop(revision, None)
        else:
            self._books[revision] = packed

    def close(self) -> None:
        """Nothing to give up; what is stored stays as long as this object."""

    def _read(self, partition: int, seal: bytes | None) -> Keys:
        keys = self.partitions[partition]
        found = keys.get("m", b"")
        if seal is not None and found != seal:
            raise fenced(partition, seal, found)
        return keys


class MemorySink:
    """An OutreachSink in memory: `entries` maps partition -> its entries in order."""

    def __init__(self, largest: int = UNLIMITED) -> None:
        self.largest = largest
        self.entries: dict[int, list[Entry]] = {}
        self._refused: dict[int, list[tuple[Entry, str]]] = {}
        self._ended: dict[int, list[str]] = {}
        self._delivered: dict[int, int] = {}

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
        fresh = entries[self._delivered.get(partition, 0) :]
        self._delivered[partition] = len(entries)
        return [entry.id for entry in fresh] + self._ended.pop(partition, [])

    def refused(self, partition: int) -> list[tuple[Entry, str]]:
        """Outreach larger than `largest` since the last call: (entry, reason)."""
        return self._refused.pop(partition, [])

    def take(self, partition: int) -> list[Entry]:
        """Remove and return the entries of a partition."""
        self._delivered.pop(partition, None)
        return self.entries.pop(partition, [])

    def flush(self) -> None:
        """Nothing to wait for."""

    def close(self) -> None:
        """Nothing to give up."""


class NoSink(MemorySink):
    """An OutreachSink that keeps nothing but the ids that `delivered` will tell."""

    def delivered(self, partition: int) -> list[str]:
        """Ids published since the last call."""
        told = super().delivered(partition)
        self.take(partition)
        return told


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

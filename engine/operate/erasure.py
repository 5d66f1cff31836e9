"""Erases one customer for good. A tombstone stays: a digest of the id and the moment of the erasure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import msgspec

from engine.errors import Fenced
from engine.operate.outside_commit import commit_outside, on_top
from engine.ports import Commit, Entry, Opened, StateStore
from engine.wire.digests import customer_digest
from engine.worker.values import encode_looks, read_looks


def erase(store: StateStore, partition: int, customer: str, at: int, partitions: int) -> None:
    """Delete a customer's data in the partition with one commit, and leave a tombstone of this moment.

    Nothing that names the customer is left in a key; an append-only file has the old commits until it is rewritten.
    A running worker is fenced: it drops what it holds in memory and reads the tombstone. Raises Fenced.
    """
    days = NamingLooks(store, partition, customer)
    days.read(store.days(partition))  # before there is a seal: of a busy partition, little is left to read under it

    def change(before: Opened) -> Commit:
        days.read(before.days, before.seal)
        commit = on_top(before, partitions=before.meta.partitions if before.seal else partitions)
        commit.values = {customer: None}
        commit.rewritten = _without(customer, store.outbox(partition))
        commit.rewritten_looks = days.rewritten()
        commit.erased = {customer_digest(customer): at}
        return commit

    commit_outside(store, partition, change, days.refused)


def looks_name(store: StateStore, partition: int, customer: str) -> bool:
    """Whether a look of the partition names the customer, who may not be there any more."""
    looks = NamingLooks(store, partition, customer)
    looks.read(store.days(partition))
    return bool(looks.rewritten())


class NamingLooks:
    """The lists of looks that name a customer. Those of a day only grow, all go, or lose an erased customer."""

    def __init__(self, store: StateStore, partition: int, customer: str) -> None:
        self._store = store
        self._partition = partition
        self._customer = customer
        self._known: dict[int, tuple[int, bytes]] = {}
        """Day -> how many of its lists have been read, and the last one."""
        self._naming: dict[tuple[int, int], bytes] = {}

    def read(self, days: Iterable[int], seal: bytes | None = None) -> None:
        """Read what has been appended since the last time. Raises Fenced and StoreDamaged."""
        days = set(days)
        for day in self._known.keys() - days:
            self._forget(day)
        starts = {day: self._known.get(day, (1, b""))[0] - 1 for day in days}
        for day, found in self._store.looks(self._partition, starts, seal).items():
            if day in self._known and found[:1] != [self._known[day][1]]:  # it has gone, and begun anew
                self._forget(day)
                found = self._store.looks(self._partition, {day: 0}, seal)[day]
            self._learn(day, starts[day] if day in self._known else 0, found)

    def _learn(self, day: int, start: int, found: Sequence[bytes]) -> None:
        if found:
            self._known[day] = start + len(found), found[-1]
        for place, looks in enumerate(found, start):
            if any(customer == self._customer for _, customer in self._read(day, looks)):
                self._naming[day, place] = looks

    def _forget(self, day: int) -> None:
        del self._known[day]
        self._naming = {place: looks for place, looks in self._naming.items() if place[0] != day}

    def rewritten(self) -> dict[tuple[int, int], tuple[bytes, bytes]]:
        """(day, place) -> (looks that name the customer, the same without them)."""
        return {
            (day, place): (looks, encode_looks(one for one in self._read(day, looks) if one[1] != self._customer))
            for (day, place), looks in self._naming.items()
        }

    def _read(self, day: int, looks: bytes) -> list[tuple[int, str]]:
        return read_looks(self._partition, {day: [looks]})[day]

    def refused(self, error: Fenced) -> None:
        """Read everything again if another erasure has rewritten what was read: the seal was the expected one."""
        if error.expected == error.found:
            self._known, self._naming = {}, {}


def pending(store: StateStore, partition: int, customer: str) -> list[Entry]:
    """The entries of the outbox for the customer, or because of them."""
    return [entry for entry in chain.from_iterable(store.outbox(partition).values()) if _is_of(customer, entry)]


def _without(customer: str, outbox: Mapping[int, list[Entry]]) -> dict[int, list[Entry]]:
    """The rewritten outbox entries of the commits that decided outreach for the customer."""
    kept = {seq: [entry for entry in entries if not _is_of(customer, entry)] for seq, entries in outbox.items()}
    return {seq: entries for seq, entries in kept.items() if len(entries) < len(outbox[seq])}


def _is_of(customer: str, entry: Entry) -> bool:
    about = _ABOUT.decode(entry.value)
    return customer in (entry.key, about.customer, about.because_of)


class _About(msgspec.Struct):
    customer: str = ""
    because_of: str = ""


_ABOUT = msgspec.json.Decoder(_About)

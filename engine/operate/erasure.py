"""Erases one customer for good. A tombstone stays: a digest of the id and the moment of the erasure."""

from collections.abc import Mapping
from itertools import chain

import msgspec

from engine.operate.outside_commit import commit_outside, on_top
from engine.ports import Commit, Entry, Meta, StateStore
from engine.wire.digests import customer_digest


def erase(store: StateStore, partition: int, customer: str, at: int, partitions: int) -> None:
    """Delete a customer's data in the partition with one commit, and leave a tombstone of this moment.

    A running worker is fenced: it drops what it holds in memory and reads the tombstone. Raises Fenced.
    """

    def change(before: Meta) -> Commit:
        commit = on_top(before, partitions=before.partitions if before.seq else partitions)
        commit.states = {customer: None}
        commit.rewritten = _without(customer, store.outbox(partition))
        commit.erased = {customer_digest(customer): at}
        return commit

    commit_outside(store, partition, change)


def pending(store: StateStore, partition: int, customer: str) -> list[Entry]:
    """The entries of the outbox for the customer, or because of them."""
    return [entry for entry in chain.from_iterable(store.outbox(partition).values()) if _is_of(customer, entry)]


def _without(customer: str, outbox: Mapping[int, list[Entry]]) -> dict[int, list[Entry]]:
    """The rewritten outbox entries of the commits that decided outreach for the customer."""
    kept = {seq: [entry for entry in entries if not _is_of(customer, entry)] for seq, entries in outbox.items()}
    return {seq: entries for seq, entries in kept.items() if len(entries) < len(outbox[seq])}


def _is_of(customer: str, entry: Entry) -> bool:
    return customer in (entry.key, _ABOUT.decode(entry.value).customer)


class _About(msgspec.Struct):
    customer: str = ""


_ABOUT = msgspec.json.Decoder(_About)

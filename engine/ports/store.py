"""The store of customer states: what a partition remembers, one atomic commit, and the store itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import msgspec

OUTREACH: Final = "outreach"
"""The destination of outreach; other destinations are named beside what encodes for them, in `engine/wire`."""
HISTORY_LENGTH = 20
"""Outcome records that a store keeps of a customer."""


STORE_FORMAT = 2
"""Of what stores keep, and where. 1, never released, had a key for each customer."""


class Kept(msgspec.Struct, array_like=True, frozen=True):
    """History that a partition keeps: of an event type `last`, `count` or `sum <property>`, and how far back (0: ever).

    `since`: of customers whose events of the type are older, it is not known before; 0: from the beginning. `until`:
    no rule asks for it any more, and it goes after this moment; 0: some rule asks.
    """

    type: str
    what: str
    span: int = 0
    since: int = 0
    until: int = 0


class Meta(msgspec.Struct):
    """What a partition remembers. `seq` counts commits: the fence. `offsets` maps source -> next offset to read."""

    seq: int = 0
    offsets: dict[str, int] = {}
    clock: int = 0
    mark: int = 0
    sweep: str = ""
    format: int = STORE_FORMAT
    partitions: int = 1
    moving_to: int = 0
    """The partition count that a reshard has begun and not finished; 0: none."""
    topics: dict[str, str] = {}
    """Source -> id of the topic that its offset is of; a source is not in it where no id was known."""
    generations: dict[str, int] = {}
    """Source -> how many times its topic was made again since this partition was first read; without those never."""
    states: tuple[int, int] = (1, 0)
    """Version and minor version of the newest state in the partition. Who knows only earlier ones must not touch it."""
    engine: str = ""
    """The version of the engine that wrote such a state first."""
    keeps: list[Kept] = []
    zones: str = ""
    """The release of the time zone data that the partition's owner uses; empty where it did not say."""


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Something decided that waits in the outbox: encoded, for a destination, with an id that is the same for ever.

    The oldest form has only id and value. It is outreach, and so is what is written without a destination.
    """

    id: str
    value: bytes
    destination: str = OUTREACH
    key: str = ""
    """Whom the destination keeps it in order for; "" where the value says it itself."""


class Commit(msgspec.Struct):
    """All that one batch changes in one partition, written in one atomic step or not at all.

    `expected` is the meta the batch started from and `meta` what replaces it (its `seq` one higher).
    States are encoded; None deletes. `wakes` sets a customer's wake-up moment, 0 removes it. `outbox` adds
    entries in order, under `meta.seq`; `trim` names earlier commits, by their seq, all of whose
    entries have been published: they leave the outbox. `rewritten` is what the entries of others become when some of
    them must not be published. `outcomes` maps a customer to encoded outcome records to put in front of its history,
    oldest first. `erased` maps the digest of a customer to the moment of the erasure: a tombstone, which the store
    drops after some time.
    """

    expected: Meta
    meta: Meta
    states: dict[str, bytes | None] = {}
    wakes: dict[str, int] = {}
    outbox: list[Entry] = []
    trim: list[int] = []
    rewritten: dict[int, list[Entry]] = {}
    outcomes: dict[str, list[bytes]] = {}
    erased: dict[str, int] = {}


class StateStore(Protocol):
    """Customer states of the partitions of one namespace. Every method speaks of one partition."""

    def meta(self, partition: int) -> Meta:
        """What the partition remembers; a fresh `Meta` where nothing is stored."""

    def load(self, partition: int, customers: Sequence[str]) -> list[bytes | None]:
        """The encoded states in the order asked, None where there is none."""

    def due(self, partition: int, until: int, limit: int) -> list[tuple[str, int]]:
        """(customer, wake-up moment) of the soonest wake-ups at or before `until`, soonest first."""

    def commit(self, partition: int, commit: Commit) -> None:
        """Raises Fenced, having written nothing, where `seq` or offsets are not as the commit expects."""

    def outbox(self, partition: int) -> dict[int, list[Entry]]:
        """What has not been trimmed, oldest first, by the seq of the commit that decided it."""

    def history(self, partition: int, customer: str) -> list[bytes]:
        """The last 20 outcome records, newest first."""

    def erased(self, partition: int) -> dict[str, int]:
        """The partition's tombstones: digest of a customer -> moment of the erasure."""

    def customers(self, partition: int, after: str, limit: int) -> tuple[list[str], str]:
        """A page of the partition's customers and the cursor for the next one ("" at the start, and at the end).

        Every customer that is there all the while is returned at least once.
        """

    def close(self) -> None:
        """Give up connections; stored data stays."""


@dataclass(frozen=True, slots=True)
class StoreServer:
    """One server that holds data. `clock` is its time in epoch ms; `limit` 0: no maxmemory. Sizes are bytes.

    Without a version our user may not run INFO, and of the rest only the clock is known.
    """

    name: str
    clock: int
    version: str = ""
    policy: str = ""
    aof: bool = False
    used: int = 0
    limit: int = 0


@runtime_checkable
class HasServers(Protocol):
    """A store that lives in servers, which can be asked about themselves."""

    def servers(self) -> list[StoreServer]:
        """What each server that holds data says of itself."""

    def time(self) -> int:
        """The time of one of them, epoch ms."""

"""The seams. The runtime works with these; adapters implement them; one contract suite per port runs over them all."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

import msgspec

from engine.core.state.model import State
from engine.model import Outcome, Outreach

UNLIMITED = 2**63 - 1
"""Bytes of a value: where a sink takes any."""
HISTORY_LENGTH = 20
"""Outcome records that a store keeps of a customer."""
STORE_FORMAT = 2
"""Of what stores keep, and where. 1, never released, had a key for each customer."""


class Record(msgspec.Struct, gc=False):
    """One record of a source. `timestamp` is the broker's time; `next_offset` is where reading goes on after it."""

    source: str
    partition: int
    next_offset: int
    value: bytes | None
    key: bytes | None = None
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


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


class Commit(msgspec.Struct):
    """All that one batch changes in one partition, written in one atomic step or not at all.

    `expected` is the meta the batch started from and `meta` what replaces it (its `seq` one higher).
    States are encoded; None deletes. `wakes` sets a customer's wake-up moment, 0 removes it. `outbox` adds
    (outreach id, encoded outreach) in order, under `meta.seq`; `trim` names earlier commits, by their seq, all of whose
    outreach has been published: it leaves the outbox. `rewritten` is what the outreach of others becomes when some of
    it must not be published. `outcomes` maps a customer to encoded outcome records to put in front of its history,
    oldest first. `erased` maps the digest of a customer to the moment of the erasure: a tombstone, which the store
    drops after some time.
    """

    expected: Meta
    meta: Meta
    states: dict[str, bytes | None] = {}
    wakes: dict[str, int] = {}
    outbox: list[tuple[str, bytes]] = []
    trim: list[int] = []
    rewritten: dict[int, list[tuple[str, bytes]]] = {}
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

    def outbox(self, partition: int) -> dict[int, list[tuple[str, bytes]]]:
        """The outreach not yet trimmed, oldest first: seq of the commit that decided it -> id and encoded outreach."""

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


class Source(Protocol):
    """An embedded run's source: records in order, from given offsets."""

    def read(self, offsets: Mapping[str, int]) -> Iterator[Record]:
        """Records from `offsets` (source -> next offset; 0 where absent) to the end."""


class Ownership(Protocol):
    """Hears which partitions this member of the consumer group owns, from within `EventSource.poll` and `close`."""

    def assigned(self, partition: int) -> dict[str, int]:
        """The partition is ours. Returns source -> offset to read from; one left out is read from its beginning."""

    def revoked(self, partition: int) -> None:
        """The partition goes to somebody else once this returns: the last moment to commit."""

    def lost(self, partition: int) -> None:
        """The partition has gone to somebody else already."""


class EventSource(Protocol):
    """A member of a consumer group over one or several co-partitioned topics (`Record.source` is the topic).

    Partition p means partition p of every topic: they have one owner. Raises SourceUnavailable where the broker
    cannot be asked.
    """

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """Up to `limit` records, in offset order per topic and partition; waits `timeout` seconds for the first."""

    def seek(self, partition: int, offsets: Mapping[str, int]) -> None:
        """Read on from there; what was fetched ahead is dropped."""

    def pause(self, partitions: Sequence[int]) -> None:
        """Deliver nothing of these until `resume`, and stay in the group."""

    def resume(self, partitions: Sequence[int]) -> None:
        """Deliver them again."""

    def caught_up(self, partition: int, handled: Mapping[str, int]) -> set[str]:
        """The topics of which the owner has handled all that the broker has at the time of this call. Asks the broker.

        `handled` maps topic -> offset after the last record handled. Records that `poll` has returned and that still
        wait to be handled count as unread: a wall time taken before this call is then proved for these topics.
        """

    def position(self, partition: int, topic: str, handled: int) -> int:
        """The offset before which an owner that has handled all before `handled` has nothing left to handle.

        It is beyond `handled` where only markers of transactions or compacted records follow; -1 where not known yet.
        Does not ask the broker.
        """

    def lag(self) -> dict[int, int]:
        """Records not yet returned, by partition, as far as the last fetches tell."""

    def topic_ids(self) -> Mapping[str, str]:
        """The id of each topic, as it was a few seconds ago: a topic that was deleted and made again has another.

        Without those whose id is not known. Does not ask the broker.
        """

    def joined(self) -> bool:
        """Whether the group counts us in, if only as one that stands by."""

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Tell the broker (topic, partition) -> next offset, for lag dashboards only; does not wait."""

    def close(self) -> None:
        """Leave the group at once."""


class Rekeyed(msgspec.Struct, gc=False):
    """A record of an un-keyed topic, ready for the internal one; `headers` say where it comes from."""

    customer: str
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    origin: Record


class Transfer(Protocol):
    """Moves records from the un-keyed topics to the internal one, each exactly once, with whatever is dead-lettered.

    Raises SourceUnavailable and SinkUnavailable where waiting does not help.
    """

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """The next records; waits `timeout` seconds for the first."""

    def commit(self, events: Sequence[Rekeyed], letters: Sequence[tuple[str, bytes]]) -> bool:
        """Write what became of all the last poll's records in one transaction. `letters` are (id, dead letter).

        False: nothing of it has happened, and the records come again.
        """

    def refuses(self, record: Record) -> bool:
        """Whether an earlier `commit` has shown that the internal topic cannot take this record."""

    def lag(self) -> dict[tuple[str, int], int]:
        """Records not yet returned, by topic and partition, as far as the last fetches tell."""

    def close(self) -> None:
        """Leave at once; what is not committed is left to the next."""


class Mark(NamedTuple):
    """Whoever has read a partition to `offset` has all that arrived in front of the ingest until `time` (epoch ms)."""

    offset: int
    time: int


class Progress(Protocol):
    """How far the ingest has come, told by the internal topic's partitions."""

    topic: str
    """The internal topic."""

    def mark(self, partition: int) -> Mark | None:
        """The newest known; None where nothing is known yet. Does not wait."""


class OutreachSink(Protocol):
    """Where decided outreach goes: a topic, a file."""

    @property
    def largest(self) -> int:
        """Bytes of an encoded outreach that it takes: what is larger must not be decided."""

    def published(self, partition: int) -> set[str]:
        """Ids near the end of what is there already: at least all that an unfinished run may have published.

        Raises BrokersAway where they do not answer now.
        """

    def publish(self, partition: int, entries: Sequence[tuple[str, bytes]]) -> None:
        """Hand over encoded outreach, in order; `delivered` says when it is durable.

        Raises BrokersAway, having handed over some of it or none, where too much waits to be taken.
        """

    def delivered(self, partition: int) -> list[str]:
        """Ids that are done with since this was last asked: durable, or told by `refused`. Raises SinkUnavailable."""

    def refused(self, partition: int) -> list[tuple[str, bytes, str]]:
        """What was too large for it since this was last asked: id, encoded outreach, why. Ask before `delivered`."""

    def flush(self) -> None:
        """Wait until everything handed over is durable. Raises BrokersAway where that takes too long."""

    def close(self) -> None:
        """Flush and give up."""


class RecordWriter(Protocol):
    """Appends records to one topic, for readers of whom nothing depends: outcomes, dead letters."""

    def write(self, key: str, identity: str, value: bytes) -> None:
        """Hand over one record; the key decides its partition, readers tell repeats by the identity."""

    def flush(self) -> None:
        """Wait until everything handed over is durable. Raises SinkUnavailable, BrokersAway where it takes too long."""


class Renderer(Protocol):
    """Fills in an outreach's subject, text and html."""

    def render(self, outreach: Outreach, state: State) -> None:
        """Raises RenderFailed with the reason; the outreach is then not to be sent."""


class Channel(Protocol):
    """Hands outreach to whoever delivers it. Several at a time."""

    async def deliver(self, outreach: Outreach) -> None:
        """Returns when the other side has taken it. Raises TemporaryFailure and PermanentFailure.

        The other side can tell a repeat: it carries the outreach id.
        """

    async def close(self) -> None:
        """Give up connections."""


class ClaimState(Enum):
    """What a claim found."""

    CLAIMED = "claimed"
    IN_DOUBT = "in_doubt"
    """It is ours, but somebody has begun to hand it over before, and nobody knows how that ended."""
    DONE = "done"


class Claim(NamedTuple):
    """The answer to a claim. `outcome`, `at` (epoch ms) and `reason` say how a done one ended."""

    state: ClaimState
    outcome: Outcome | None = None
    at: int = 0
    reason: str = ""


class Ending(NamedTuple):
    """How an outreach ended, and when (epoch ms). `reason` has no personal data."""

    id: str
    purpose: str
    outcome: Outcome
    at: int
    reason: str


class Doubt(NamedTuple):
    """An outreach of which it was or is not known whether it was handed over. `at`: when that was found, epoch ms."""

    id: str
    purpose: str
    at: int


class ClaimStore(Protocol):
    """Who hands which outreach over, so that nobody else does: claim, begin, then record or release.

    Methods take many at once, may be repeated when their answer was lost, and raise StoreUnavailable.
    What is kept of an outreach is dropped after some time.
    """

    def claim(self, wanted: Sequence[tuple[str, str]], at: int) -> list[Claim]:
        """By (id, purpose). On the disk when this returns, where the server can say so. `at`: now, epoch ms."""

    def begin(self, ids: Sequence[str]) -> list[bool]:
        """The hand-over begins: from here on only `record` and `release` leave no doubt. False: claimed by another."""

    def release(self, ids: Sequence[str]) -> None:
        """It has certainly not been handed over; anybody may claim it."""

    def record(self, endings: Sequence[Ending]) -> None:
        """How they ended. What was sent stays sent, whatever another says later."""

    def endings(self, ids: Sequence[str]) -> list[Claim | None]:
        """How they ended, for whoever only wants to know; None for what has not, or is not known any more."""

    def in_doubt(self, limit: int = 1_000) -> list[Doubt]:
        """The newest first."""

    def close(self) -> None:
        """Give up connections."""


class AtTheDoor(NamedTuple):
    """What a suppression list must know of an outreach. `at`: when it was decided, epoch ms.

    `former`: the first digest as it was made before, "" for none; it counts but for what the first says since.
    """

    purpose: str
    at: int
    digests: Sequence[str]
    former: str = ""


class Suppression(NamedTuple):
    """Nothing of this purpose goes there any more, nothing at all for "*", for this reason; without one it may again.

    With `before` (epoch ms) only what was decided earlier must not go. `at`: when it was said, epoch ms; 0: not known.
    `firm`: an operator's word, which nothing undoes that was said before it. Such a one without a reason may have the
    purpose "": whatever there is.
    """

    digest: str
    purpose: str
    reason: str = ""
    before: int = 0
    at: int = 0
    firm: bool = False


class SuppressionList(Protocol):
    """Who must not be written to, by digests, which do not tell whose they are. Methods raise StoreUnavailable."""

    def reasons(self, asked: Sequence[AtTheDoor]) -> list[str]:
        """Why each must not go there; "" where it may."""

    def allowed(self, digest: str, purpose: str) -> int:
        """When somebody last said that it may go there again, epoch ms; 0: never, or not known."""

    def listed(self, digests: Sequence[str] | None = None) -> Iterator[Suppression]:
        """All there are, or those of these digests, in no order."""

    def change(self, changes: Sequence[Suppression]) -> None:
        """In this order. On the disk when this returns, where the server can say so. May be repeated."""

    def suppress(self, digest: str, reason: str, purpose: str = "*", before: int = 0) -> None:
        """From now on, nothing of this purpose; of any for "*". With `before` (epoch ms) what was decided earlier."""

    def allow(self, digest: str, purpose: str = "*") -> None:
        """Undo the suppression of this purpose; one of "*" is undone by "*" only."""

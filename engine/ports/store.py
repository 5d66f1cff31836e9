"""The store of customer states: what a partition remembers, one atomic commit, and the store itself."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, runtime_checkable

import msgspec

from engine.errors import Fenced, OtherFormat
from engine.model import UNREADABLE

OUTREACH: Final = "outreach"
"""The destination of outreach; other destinations are named beside what encodes for them, in `engine/wire`."""
HISTORY_LENGTH = 20
"""Outcomes that a store keeps of a customer."""
STORE_FORMAT = 3
"""Of what stores keep, and where. 1, never released, had a key for each customer; 2 a field for each state, each
wake-up and each history (`engine run --upgrade-store` moves it)."""


class KeptHistory(msgspec.Struct, array_like=True, frozen=True):
    """History that a partition keeps: of an event type `last`, `count` or `sum <property>`, and how far back (0: ever).

    `since`: of customers whose events of the type are older, it is not known before; 0: from the beginning. `until`:
    no rule asks for it any more, and it goes after this moment; 0: some rule asks.
    """

    type: str
    what: str
    span: int = 0
    since: int = 0
    until: int = 0


class Rollout(msgspec.Struct, omit_defaults=True, frozen=True):
    """A change of the rules that some of the partition's customers meet before the others.

    `engine apply` writes it into every partition's meta. It stands there, and nowhere else, who is decided by which
    book: each owner of the partition reads it under its seal, and a commit that changes it fences the one before.
    `base` and `revision` are the two books, whose files the store has (`book`). `share`: customers of 10,000 who have
    the new book first. `began`: the partition's clock when the phase began. `spread`: ms over which customers go over.
    """

    base: str
    revision: str
    share: int
    at: int = 0
    """When `engine apply` wrote it, epoch ms: two with the same are parts of one roll-out."""
    since: int = 0
    """The partition's clock then."""
    phase: str = "canary"
    """"canary": the share has the new book. "finished": everybody has, or will have. "back": nobody has."""
    began: int = 0
    spread: int = 0
    reached: int = 0
    """The share that had the new book, all of it, when the share was raised: the spread is that of the others."""
    reason: str = ""
    """Why it went back."""
    past: tuple[str, ...] = ()
    """Revisions of roll-outs before this one. Folders may have them still, and they are no newly deployed rules."""
    limits: "Limits | None" = None
    counts: "Counts | None" = None

    def overrules(self, folder: str) -> bool:
        """Whether the roll-out counts, and not the revision that a worker's folders have."""
        return folder in (self.base, self.revision, *self.past)


class Limits(msgspec.Struct, omit_defaults=True, frozen=True):
    """What a roll-out's brakes compare with. `expected`: rule -> outreach of all customers, (at once, per day)."""

    expected: dict[str, tuple[float, float]] = {}
    factor: float = 3.0
    """Times the forecast that a rule may send."""
    most: int = 0
    """Outreach in all, over all partitions; 0: no such limit."""


class Counts(msgspec.Struct, omit_defaults=True, frozen=True):
    """What the partition's customers with the new book got, and what the old one would have done with the same."""

    customers: int = 0
    sent: dict[str, int] = {}
    """Rule -> outreach."""
    without: dict[str, int] = {}
    """Rule, by its name in the new book -> outreach that the old one would have sent them."""
    failed: int = 0
    """Outreach that could not be rendered or decided."""
    failed_without: int = 0
    complaints: int = 0


class Meta(msgspec.Struct):
    """What a partition remembers. `seq` counts commits. `offsets` maps source -> next offset to read."""

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
    """Version and minor version of the newest state in the partition. Engines that know only earlier
    ones must not touch it."""
    engine: str = ""
    """The version of the engine that wrote such a state first."""
    keeps: list[KeptHistory] = []
    zones: str = ""
    """The release of the time zone data that the partition's owner uses; empty where it did not say."""
    names: list[str] = []
    """Names of rules, revisions and reasons; histories have their places in this list instead. It only grows."""
    moving_from: int = 0
    """The older format that this partition is being moved from: not all of its customers are here yet; 0: none."""
    revision: str = ""
    """The revision of the book that decided the last commit: during a roll-out, for all but those who have the new."""
    rollout: Rollout | None = None
    """The last change that was rolled out with `engine apply`."""


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Something decided that waits in the outbox: encoded, for a destination, with an id that is the same for ever.

    The oldest form has only id and value. It is outreach, and so is what is written without a destination. Stores keep
    no `at`, and no `key` of outreach: the value says both.
    """

    id: str
    value: bytes
    destination: str = OUTREACH
    key: str = ""
    """Whom the destination keeps it in order for; "" where only the value says it."""
    at: str = ""
    """When it was decided, as the value says it; "" where only the value says it."""


class Commit(msgspec.Struct):
    """All that one batch changes in one partition, written in one atomic step or not at all.

    `expected` is the seal that the batch started from; `meta` replaces what the partition remembers. `values` are
    encoded; None deletes. `looks` adds one encoded list of looks to each of these days of UTC; all looks of `days_gone`
    are dropped. `outbox` adds entries in order, under `meta.seq`; `trim` names earlier commits, by their seq, all of
    whose entries have been published: they leave the outbox. `rewritten` is what the entries of others become when some
    of them must not be published. `erased` maps the digest of a customer to the moment of the erasure: a tombstone,
    which the store drops after some time. `rewritten_looks` maps (day, place in its list) to (what is there, what
    replaces it): the commit is refused where something else is there.
    """

    expected: bytes
    meta: Meta
    values: dict[str, bytes | None] = {}
    looks: dict[int, bytes] = {}
    days_gone: list[int] = []
    outbox: list[Entry] = []
    trim: list[int] = []
    rewritten: dict[int, list[Entry]] = {}
    erased: dict[str, int] = {}
    rewritten_looks: dict[tuple[int, int], tuple[bytes, bytes]] = {}
    format_2: tuple[int, dict[str, int]] = (0, {})
    """The seq and offsets that format 2 left, where nothing of format 3 is expected. The first commit of a partition is
    refused if others are there, and makes an engine that knows only format 2 refuse the partition from then on."""


class Opened(NamedTuple):
    """A partition at one moment. `days`: those that have looks. `erased`: digest of a customer -> their erasure."""

    seal: bytes
    meta: Meta
    days: set[int]
    erased: dict[str, int]


class StateStore(Protocol):
    """Customers of the partitions of one namespace. Every method speaks of one partition.

    A commit replaces what the partition remembers, and with it the seal: the bytes of that meta, with 64 random bits
    drawn for this commit. Who knows the present seal is the owner. Nothing else identifies one: an owner at commit 9
    and a store that went back to 8, where somebody else wrote another 9, have the same numbers. Reads that decisions
    rest on say the seal too, and raise Fenced where it is not the present one. Without a seal they are not fenced.
    """

    def open(self, partition: int) -> Opened:
        """What an owner begins with, of one moment; an empty seal and a fresh `Meta` where nothing is stored.

        Raises OtherFormat where another version of the engine has laid it out.
        """

    def meta(self, partition: int) -> Meta:
        """What the partition remembers; a fresh `Meta` where nothing is stored."""

    def load(self, partition: int, customers: Sequence[str], seal: bytes | None = None) -> list[bytes | None]:
        """The encoded values in the order asked, None where there is none. Raises Fenced, also without customers."""

    def looks(self, partition: int, days: Mapping[int, int], seal: bytes | None = None) -> dict[int, list[bytes]]:
        """The lists of looks of these days, in the order written; `days`: day -> the place in its list to begin at."""

    def commit(self, partition: int, commit: Commit) -> bytes:
        """Returns the new seal. Raises Fenced, having written nothing, where the seal is not the expected one.

        Raises StoreUnavailable where it is not known whether it was written: then what is in memory must be dropped,
        and the partition opened again.
        """

    def days(self, partition: int) -> list[int]:
        """The days that have looks, in order."""

    def outbox(self, partition: int) -> dict[int, list[Entry]]:
        """What has not been trimmed, oldest first, by the seq of the commit that decided it."""

    def customers(self, partition: int, after: str, limit: int) -> tuple[list[str], str]:
        """A page of those with a value, and the cursor for the next one ("" at the start, and at the end).

        Everybody who is there all the while is returned at least once.
        """

    def book(self, revision: str) -> bytes | None:
        """The files of a rule book that a roll-out is about, packed; None where they are not kept."""

    def keep_book(self, revision: str, packed: bytes | None) -> None:
        """Keep the files of a rule book; None deletes them. Every partition's workers find them."""

    def close(self) -> None:
        """Give up connections; stored data stays."""


def sealed(meta: Meta, draw: int) -> bytes:
    """What a store keeps of a meta: 64 random bits in hex, and JSON."""
    return b"%016x " % draw + _encode(meta)


def read_meta(seal: bytes, name: str) -> Meta:
    """The meta of a seal. Raises msgspec.MsgspecError or ValueError where it is none, and OtherFormat with its age."""
    if not seal:
        return Meta()
    _, _, text = seal.partition(b" ")
    found = _FORMAT.decode(text).format
    if found != STORE_FORMAT:
        raise OtherFormat(name, found, STORE_FORMAT)
    return _META.decode(text)


def fenced(partition: int, expected: bytes, found: bytes) -> Fenced:
    """The error for the owner who expected another seal."""
    return Fenced(partition, _told(expected), _told(found))


def _told(seal: bytes) -> str:
    draw, _, text = seal.partition(b" ")
    if not seal:
        return "nothing"
    with suppress(*UNREADABLE):
        meta = _META.decode(text)
        return f"commit {meta.seq} ({draw.decode()[:8]}) at offsets {meta.offsets}"
    return "something that the engine did not write"


class _Format(msgspec.Struct):
    format: int


_encode = msgspec.json.Encoder().encode
_META = msgspec.json.Decoder(Meta)
_FORMAT = msgspec.json.Decoder(_Format)


@dataclass(frozen=True, slots=True)
class StoreServer:
    """One server that holds data. `clock` is its time in epoch ms; `limit` 0: no maxmemory. Sizes are bytes.

    `primary`: it takes writes, as a replica does not.

    Without a version our user may not run INFO, and of the rest only the clock is known.
    """

    name: str
    clock: int
    version: str = ""
    policy: str = ""
    aof: bool = False
    used: int = 0
    limit: int = 0
    primary: bool = True


@runtime_checkable
class HasClock(Protocol):
    """A store that lives in servers, which have a clock."""

    def time(self) -> int:
        """The time of one of them, epoch ms."""


@runtime_checkable
class HasServers(HasClock, Protocol):
    """A store that lives in servers, which can be asked about themselves."""

    def servers(self) -> list[StoreServer]:
        """What each server that holds data says of itself."""

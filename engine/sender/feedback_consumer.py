"""What customers and providers say is obeyed: the suppression list follows the feedback topic.

A record is committed once the list has it on its disk. To read one again changes nothing in the end, as all that is
said of a customer comes in order. While the store is away partitions rest, and the group stays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Annotated, Any, NamedTuple

import msgspec

from engine.core.zones import to_millis
from engine.errors import BadRecord, StoreUnavailable
from engine.ports import EventSource, Ownership, Record, SenderHooks, Suppression, SuppressionList
from engine.wire.digests import ALL
from engine.wire.feedback import FeedbackKind
from engine.wire.reading import reading

BATCH = 1_000
PATIENCE = 0.5
"""Seconds to wait for the first record."""
LONGEST_WAIT = 5.0
"""Seconds between tries to reach a store that is away."""
LOOK = 5.0
"""Seconds between looks at the lag."""

_REASONS = {FeedbackKind.BOUNCED: "bounced", FeedbackKind.COMPLAINED: "complained"}
_WISHES = (FeedbackKind.UNSUBSCRIBED, FeedbackKind.PREFERENCES)


class _Event(msgspec.Struct):
    type: str
    properties: dict[str, Any] = {}
    time: Any = None


_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _About(msgspec.Struct):
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Order(NamedTuple):
    """What a record of the feedback topic wants changed; nothing, if its type does not concern the list."""

    kind: str
    changes: Sequence[Suppression]


_EVENT = msgspec.json.Decoder(_Event)


def read_order(value: bytes | None, timestamp: int = 0) -> Order:
    """`timestamp`: the broker's, for an event that does not say when. Raises BadRecord for what is no feedback."""
    with reading("not-feedback"):
        event = _EVENT.decode(value or b"")
        at = _moment(event, timestamp)
        return Order(event.type, [change._replace(at=at) for change in _changes(event)])


def _changes(event: _Event) -> list[Suppression]:
    if event.type not in (*_REASONS, *_WISHES):
        return []
    address = msgspec.convert(event.properties, _About).address
    if event.type in _WISHES:
        wants = {name: said for name, said in event.properties.items() if isinstance(said, bool) and name[:1].isalnum()}
        return [Suppression(address, purpose, "" if said else "unsubscribed") for purpose, said in wants.items()]
    return [Suppression(address, ALL, _REASONS[FeedbackKind(event.type)])]


def _moment(event: _Event, timestamp: int) -> int:
    try:
        return max(0, to_millis(msgspec.convert(event.time, _Moment)))
    except msgspec.ValidationError:
        return max(0, timestamp)


@dataclass
class Obedience:
    """The `Ownership` of the source that `join` makes. `committed` says where a partition's last owner came to."""

    join: Callable[[Ownership], EventSource]
    committed: Callable[[int], dict[str, int]]
    suppressions: SuppressionList
    hooks: SenderHooks = field(default_factory=SenderHooks)
    stopping: bool = field(default=False, init=False)
    joined: bool = field(default=False, init=False)
    stepped: float = field(default_factory=monotonic, init=False)
    """When the loop last turned, by the monotonic clock."""
    source: EventSource = field(init=False)
    _owned: set[int] = field(default_factory=set, init=False)
    _open: list[Record] = field(default_factory=list, init=False)
    """Read and not obeyed yet."""
    _away_since: float = field(default=0.0, init=False)
    _attempt: int = field(default=0, init=False)
    """How often the store has not answered, one after another."""
    _wait: float = field(default=PATIENCE, init=False)
    _next_look: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.source = self.join(self)

    def run(self) -> None:
        """Work until `stop`. Raises SourceUnavailable where going on makes no sense."""
        try:
            while not self.stopping:
                self.step()
        finally:
            self.source.close()

    def stop(self) -> None:
        """Leave after this turn. Safe to call from another thread."""
        self.stopping = True

    def step(self) -> None:
        """One turn of the loop."""
        self.stepped = monotonic()
        records = self.source.poll(BATCH, self._wait)
        self._open += records
        self.joined = self.source.joined()
        try:
            self._obey()
        except StoreUnavailable as error:
            self._rest(error)
        else:
            self._wake()
        if monotonic() >= self._next_look:
            self._next_look = monotonic() + LOOK
            self.hooks.feedback_lag(sum(self.source.lag().values()))

    def _obey(self) -> None:
        orders, codes = _sorted(self._open)
        changes = [change for order in orders for change in order.changes]
        if changes:
            self.suppressions.change(changes)
        if self._open:
            self.source.commit({(record.source, record.partition): record.next_offset for record in self._open})
        self._open = []
        for order in orders:
            if order.changes:
                self.hooks.obeyed(order.kind)
        for code in codes:
            self.hooks.unreadable(code)

    def _rest(self, error: StoreUnavailable) -> None:
        self._away_since = self._away_since or monotonic()
        self._attempt += 1
        self._wait = min(LONGEST_WAIT, 2 * self._wait)
        self.hooks.store_away(error, self._attempt)
        self.source.pause(list(self._owned))

    def _wake(self) -> None:
        if self._attempt:
            self.source.resume(list(self._owned))
            self.hooks.store_back(monotonic() - self._away_since)
            self._attempt, self._away_since, self._wait = 0, 0.0, PATIENCE

    # --- ownership: called by the source from within poll and close

    def assigned(self, partition: int) -> dict[str, int]:
        """Read on where its last owner came to."""
        self._owned.add(partition)
        return self.committed(partition)

    def revoked(self, partition: int) -> None:
        """What was not obeyed is left to the next owner."""
        self._owned.discard(partition)
        self._open = [record for record in self._open if record.partition != partition]

    lost = revoked


def _sorted(records: Sequence[Record]) -> tuple[list[Order], list[str]]:
    """What to do, and why some can't be read."""
    orders, codes = [], []
    for record in records:
        try:
            orders.append(read_order(record.value, record.timestamp))
        except BadRecord as error:
            codes.append(error.code)
    return orders, codes

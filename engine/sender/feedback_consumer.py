"""Applies feedback (unsubscribes, complaints, bounces, preferences) to the suppression list. `engine send` runs it.

It is a member of a consumer group over the feedback topic. A record's offset is committed once the list has the change
on disk. Reading a record twice is harmless, since a customer's records come in order. While the store or the brokers
are unavailable, the partitions are paused and the consumer stays in the group. It must not skip feedback it could not
store.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from engine.core.zones import to_millis
from engine.errors import BadRecord, BrokersAway, StoreUnavailable
from engine.loop import NO_ANSWER, Loop, Outage
from engine.ports import EventSource, Ownership, Record, SenderHooks, Suppression, SuppressionList
from engine.sender.starting_offsets import StartingOffsets
from engine.wire.digests import ALL
from engine.wire.feedback import FeedbackKind
from engine.wire.reading import reading

BATCH = 1_000
PATIENCE = 0.5
"""Seconds that a poll waits for the first record."""
STATUS_INTERVAL = 5.0
"""Seconds between reports of the lag."""

_REASONS = {FeedbackKind.BOUNCED: "bounced", FeedbackKind.COMPLAINED: "complained"}
_WISHES = (FeedbackKind.UNSUBSCRIBED, FeedbackKind.PREFERENCES)


class _Event(msgspec.Struct):
    type: str
    properties: dict[str, Any] = {}
    time: Any = None


_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _About(msgspec.Struct):
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class SuppressionChange(NamedTuple):
    """The changes that one feedback record makes to the list; none for types that do not concern it."""

    kind: str
    changes: Sequence[Suppression]


_EVENT = msgspec.json.Decoder(_Event)


def read_change(value: bytes | None, timestamp: int = 0) -> SuppressionChange:
    """Decode a feedback record. `timestamp`: the broker's, epoch ms, 0: unknown. Raises BadRecord.

    Nothing is said after its record was written: a word of the future would hold against all that come after it.
    """
    with reading("not-feedback"):
        event = _EVENT.decode(value or b"")
        at = _moment(event, timestamp)
        return SuppressionChange(event.type, [change._replace(at=at) for change in _changes(event)])


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
        said = max(0, to_millis(msgspec.convert(event.time, _Moment)))
    except msgspec.ValidationError:
        return max(0, timestamp)
    return min(said, timestamp) if timestamp > 0 else said


@dataclass
class FeedbackConsumer(Loop):
    """The consumer's loop. `join` makes the source, which calls back `assigned`, `revoked` and `lost`.

    `committed(partition)` returns topic -> next offset, as the last owner committed it.
    """

    join: Callable[[Ownership], EventSource]
    committed: Callable[[int], dict[str, int]]
    suppressions: SuppressionList
    hooks: SenderHooks = field(default_factory=SenderHooks)
    store_outage: Outage = field(init=False)
    brokers_outage: Outage = field(init=False)
    source: EventSource = field(init=False)
    _starting_offsets: StartingOffsets = field(init=False)
    _owned: set[int] = field(default_factory=set, init=False)
    _open: list[Record] = field(default_factory=list, init=False)
    """Records that were read and are not applied yet."""
    _wait: float = field(default=PATIENCE, init=False)
    _next_status: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.store_outage = Outage(self.hooks.store_away, self.hooks.store_back)
        self.brokers_outage = Outage(self.hooks.brokers_away, self.hooks.brokers_back)
        self._starting_offsets = StartingOffsets(self.committed)
        self.source = self.join(self)

    def run(self) -> None:
        """Work until `stop`. Raises SourceUnavailable when waiting does not help."""
        try:
            while not self.stopping:
                self.step()
        finally:
            self.source.close()

    def step(self) -> None:
        """One turn of the loop: poll, apply, commit."""
        self.turned()
        for topic in self._starting_offsets.made_again(self.source, self._owned):
            self._open = [replace(one, next_offset=0) if one.source == topic else one for one in self._open]
            self.hooks.topic_made_again(topic)
        records = self.source.poll(BATCH, self._wait)
        self._open += (record for record in records if not self._starting_offsets.waits(record.partition))
        self.joined = self.source.joined()
        try:
            self._starting_offsets.begin_late(self.source)
            self._apply()
        except StoreUnavailable as error:
            self._rest(self.store_outage.failed(error))
        except BrokersAway as error:
            self._rest(self.brokers_outage.failed(error))
        else:
            self._wake()
        if monotonic() >= self._next_status:
            self._next_status = monotonic() + STATUS_INTERVAL
            self.hooks.feedback_lag(sum(self.source.lag().values()))

    def _apply(self) -> None:
        changes_read, codes = _sorted(self._open)
        changes = [change for one in changes_read for change in one.changes]
        if changes:
            self.suppressions.change(changes)
        if self._open:
            self.source.commit({(record.source, record.partition): record.next_offset for record in self._open})
        self._open = []
        for one in changes_read:
            if one.changes:
                self.hooks.feedback_applied(one.kind)
        for code in codes:
            self.hooks.unreadable(code)

    def _rest(self, seconds: float) -> None:
        self._wait = max(PATIENCE, seconds)
        self.source.pause(list(self._owned))

    def _wake(self) -> None:
        """End the outages: all that was tried has succeeded. For the brokers, the source must have answered too."""
        if self.store_outage.ongoing or self.brokers_outage.ongoing:
            self.source.resume(list(self._owned))
            self._wait = PATIENCE
        self.store_outage.over()
        if self.source.answers():
            self.brokers_outage.over()
        elif not self.brokers_outage.ongoing or monotonic() >= self._next_status:
            self.brokers_outage.failed(NO_ANSWER)

    # --- ownership: called by the source from within poll and close

    def assigned(self, partition: int) -> dict[str, int]:
        """Read on from the last owner's committed offset; later, if the brokers do not answer now."""
        self._owned.add(partition)
        try:
            return self._starting_offsets.assigned(partition)
        except BrokersAway as error:
            self.brokers_outage.failed(error)
            return {}

    def revoked(self, partition: int) -> None:
        """Drop records that are not applied: the next owner reads them again."""
        self._owned.discard(partition)
        self._starting_offsets.gone(partition)
        self._open = [record for record in self._open if record.partition != partition]

    lost = revoked


def _sorted(records: Sequence[Record]) -> tuple[list[SuppressionChange], list[str]]:
    """The changes of the readable records, and the error codes of the others."""
    changes_read, codes = [], []
    for record in records:
        try:
            changes_read.append(read_change(record.value, record.timestamp))
        except BadRecord as error:
            codes.append(error.code)
    return changes_read, codes

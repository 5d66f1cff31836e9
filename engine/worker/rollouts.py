"""What an owner of a partition does about a roll-out: which rules it needs, how records are read, when to go back.

`PartitionOwner` and the worker's loop call it. `change` says who is decided by which book.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Protocol

from engine.errors import BadRecord
from engine.model import Event, Identified
from engine.ports import Counts, Limits, Meta, Record, Rollout

FEW: Final = 20
"""Outreach of a rule that is no reason to go back, whatever was forecast: of so few, three times as many is chance."""
FAILED: Final = 5
"""Outreach that fails only with the new book and is a reason to go back."""
COMPLAINTS: Final = 3
"""Complaints that are a reason to go back, if they are more than COMPLAINED of what was sent."""
COMPLAINED: Final = 0.003
"""Mailbox providers send to spam who is above 0.3 %."""
DAY: Final = 86_400_000
SURE: Final = 3.0
"""Standard deviations of chance that are added to what a rule may send: where 12 may come, 22 may by chance."""


class RecordDecoder(Protocol):
    """What decodes a topic's records for a partition: a source's own decoder, or one of several."""

    def decode(self, record: Record, wall: int) -> Event | Identified | None:
        """Raises BadRecord."""


@dataclass(frozen=True, slots=True)
class TwoDecoders:
    """Reads a record as the old rules declare it, or as the new ones if it is of a customer who has them."""

    old: RecordDecoder
    new: RecordDecoder
    has_new: Callable[[str], bool]

    def decode(self, record: Record, wall: int) -> Event | Identified | None:
        """What the record says; None: nothing that is declared. Raises BadRecord."""
        refused: BadRecord | None = None
        said: Event | Identified | None = None
        try:
            said = self.old.decode(record, wall)
        except BadRecord as error:
            refused = error
        if said is not None and not self.has_new(said.customer):
            return said
        newly = self._decode_newly(record, wall, refused)
        if newly is not None and self.has_new(newly.customer):
            return newly
        if refused is not None:
            raise refused
        return None

    def _decode_newly(self, record: Record, wall: int, refused: BadRecord | None) -> Event | Identified | None:
        try:
            return self.new.decode(record, wall)
        except BadRecord as error:
            raise refused or error from error


def reason_to_go_back(metas: Sequence[Meta], ours: Rollout) -> str:
    """Why this roll-out must go back, by what all partitions have counted; "": it need not."""
    parts = [(meta.rollout, meta.clock) for meta in metas if meta.rollout is not None and meta.rollout.at == ours.at]
    gone = next((part.reason for part, _ in parts if part.phase == "back"), "")
    total = counted([part for part, _ in parts])
    days = max((clock - part.since for part, clock in parts), default=0) / DAY
    return gone or next(_reasons(total, ours.limits or Limits(), ours.share / 10_000, days), "")


def counted(parts: Sequence[Rollout]) -> Counts:
    """The counts of all partitions together."""
    counts = [part.counts or Counts() for part in parts]
    return Counts(
        sum(one.customers for one in counts),
        _added(one.sent for one in counts),
        _added(one.without for one in counts),
        sum(one.failed for one in counts),
        sum(one.failed_without for one in counts),
        sum(one.complaints for one in counts),
    )


def forecast(counts: Counts, limits: Limits, rule: str, share: float, days: float) -> float:
    """How much outreach of a rule is expected of the canary: what the plan says, or what the old rules would have sent
    to the same customers, whichever is more. A plan without a history knows only what comes of time."""
    at_once, per_day = limits.expected.get(rule, (0.0, 0.0))
    return max(share * (at_once + per_day * days), counts.without.get(rule, 0))


def _reasons(counts: Counts, limits: Limits, share: float, days: float) -> Iterator[str]:
    for rule, sent in sorted(counts.sent.items()):
        expected = forecast(counts, limits, rule, share, days)
        limit = limits.factor * expected
        if sent > max(FEW, limit + SURE * sqrt(limit)):
            yield f"{rule} has sent {sent:,} messages, and {expected:,.0f} were expected by now"
    sent = sum(counts.sent.values())
    if 0 < limits.most < sent:
        yield f"{sent:,} messages were sent, and {limits.most:,} are allowed"
    if counts.failed - counts.failed_without >= FAILED:
        yield f"{counts.failed:,} messages could not be made, and {counts.failed_without:,} with the old rules"
    if counts.complaints >= max(COMPLAINTS, COMPLAINED * sent):
        yield f"{counts.complaints:,} customers complained of {sent:,} messages"


def _added(tallies: Iterator[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for tally in tallies:
        for name, count in tally.items():
            total[name] = total.get(name, 0) + count
    return total

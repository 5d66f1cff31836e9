"""How records are read while a change of the rules is rolled out, and the brakes: when it must be taken back.

`PartitionOwner` reads by `TwoDecoders`, the loop asks `reason_to_go_back`. `change` says who is decided by which book.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Protocol

from engine.core.zones import DAY
from engine.errors import BadRecord
from engine.model import Event, Identified
from engine.ports import Counts, Limits, Meta, Record, Rollout

MIN_OUTREACH_JUDGED: Final = 20
"""Outreach of a rule that is no reason to go back, whatever was forecast: of so few, three times as many is chance."""
MAX_NEW_FAILURES: Final = 5
"""Outreach that fails only with the new book: so many are a reason to go back."""
MIN_COMPLAINTS: Final = 3
"""Complaints that are a reason to go back, if they are more than MAX_COMPLAINT_RATE of what was sent. Without it one
customer could end a roll-out that has only begun."""
MAX_COMPLAINT_RATE: Final = 0.003
"""Mailbox providers put the mail of a sender with more than 0.3 % into spam folders."""
DEVIATIONS_OF_CHANCE: Final = 3.0
"""Standard deviations that are added to what a rule may send: where 12 are allowed, 22 may still be chance."""


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
        if sent > max(MIN_OUTREACH_JUDGED, limit + DEVIATIONS_OF_CHANCE * sqrt(limit)):
            yield f"{rule} has sent {sent:,} messages, and {expected:,.0f} were expected by now"
    sent = sum(counts.sent.values())
    if 0 < limits.most < sent:
        yield f"{sent:,} messages were sent, and {limits.most:,} are allowed"
    if counts.failed - counts.failed_without >= MAX_NEW_FAILURES:
        yield f"{counts.failed:,} messages could not be made, and {counts.failed_without:,} with the old rules"
    if counts.complaints >= max(MIN_COMPLAINTS, MAX_COMPLAINT_RATE * sent):
        yield f"{counts.complaints:,} customers complained of {sent:,} messages"


def _added(tallies: Iterator[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for tally in tallies:
        for name, count in tally.items():
            total[name] = total.get(name, 0) + count
    return total

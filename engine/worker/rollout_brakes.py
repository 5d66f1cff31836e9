"""The brakes of a roll-out: by what all partitions have counted, whether new rules must be taken back, and why.

The worker's loop asks `reason_to_go_back` once a second; `engine apply` shows the same figures.
"""

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Final

from engine.core.zones import DAY
from engine.ports import Counts, Limits, Meta, Rollout

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


def reason_to_go_back(metas: Sequence[Meta], ours: Rollout) -> str:
    """Why this roll-out must go back, by what all partitions have counted; "": it need not."""
    parts = [(meta.rollout, meta.clock) for meta in metas if meta.rollout is not None and meta.rollout.at == ours.at]
    gone = next((part.reason for part, _ in parts if part.phase == "back"), "")
    total = counted([part for part, _ in parts])
    days = time_watched(parts) / DAY
    return gone or next(_reasons(total, ours.limits or Limits(), ours.share / 10_000, days), "")


def time_watched(parts: Sequence[tuple[Rollout, int]]) -> int:
    """How long a roll-out has gone on, ms, by its partitions and their clocks.

    A stored clock stands still while nothing happens in its partition: what it then catches up with was not watched.
    Clocks that follow the events may be far behind the moment `at` of the roll-out; those of live workers are not.
    """
    now = max((clock for _, clock in parts), default=0)
    began = max((part.since for part, _ in parts), default=0)
    written = max((part.at for part, _ in parts), default=0)
    return now - (max(began, written) if now >= written else began)


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

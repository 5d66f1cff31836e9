"""Decoding of the engine's own records, outcomes and feedback, as docs/outreach.md and docs/sending.md describe them.

The archiving command calls it for each record. A record that cannot be read raises BadRecord and must not stop the run.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from engine.errors import BadRecord
from engine.model import UNREADABLE, Event

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Outcome(msgspec.Struct):
    """One decision of a rule or a sender about one firing."""

    id: str
    at: datetime
    customer: str
    rule: str
    occurrence: str
    outcome: str
    reason: str = ""
    revision: str = ""
    outreach: str | None = None
    until: datetime | None = None
    step: str = ""
    exposed: dict[str, str] | None = None
    """Experiment -> variant, if this decision was the first to expose the customer to it."""

    coupons: dict[str, dict[str, str]] | None = None
    """Coupon -> `code` and `valid_until` (ISO 8601) of what this decision has issued."""

    @property
    def time(self) -> int:
        """The moment of the decision, epoch ms."""
        return _millis(self.at)

    def row(self) -> dict[str, Any]:
        """The record as a row of the archive's table."""
        fields = msgspec.structs.asdict(self)
        del fields["at"], fields["until"]
        return fields | {"decided_at": self.time, "deferred_until": _millis(self.until) if self.until else None}


class _Feedback(msgspec.Struct):
    id: str
    type: str
    customer: str
    time: datetime
    properties: dict[str, Any] = {}


_OUTCOME = msgspec.json.Decoder(Outcome)
_FEEDBACK = msgspec.json.Decoder(_Feedback)


def decode_outcome(value: bytes | None) -> Outcome:
    """Raises BadRecord."""
    try:
        return _OUTCOME.decode(value or b"")
    except UNREADABLE as error:
        raise BadRecord("not-outcome", str(error)) from error


def decode_feedback(value: bytes | None) -> Event:
    """Decode an event of any type, declared or not. Raises BadRecord."""
    try:
        found = _FEEDBACK.decode(value or b"")
    except UNREADABLE as error:
        raise BadRecord("not-feedback", str(error)) from error
    return Event(found.id, found.type, found.customer, _millis(found.time), found.properties)


def _millis(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(milliseconds=1)

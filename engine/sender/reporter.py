"""Publishes how outreach ended: outcomes, feedback events for the rules, and dead letters for operators.

`Delivery` and the sender's loop call it; the loop flushes it before it commits offsets.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from engine.errors import BadRecord
from engine.model import Outcome, OutcomeRecord, Outreach
from engine.ports import UNLIMITED, Record, RecordWriter
from engine.wire.dead_letters import encode_letter, of_record
from engine.wire.digests import link_token
from engine.wire.feedback import event_about
from engine.wire.records import encode_outcome

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Reporter:
    """Writes to the topics. Without `feedback`, rules see no feedback. A repeated record has the same id."""

    outcomes: RecordWriter
    dead_letters: RecordWriter
    feedback: RecordWriter | None = None
    largest_letter: int = UNLIMITED
    """Bytes of a dead letter that its topic takes."""

    def ended(self, outreach: Outreach, outcome: Outcome, at: int, reason: str) -> None:
        """Publish an outcome. `at`: epoch ms."""
        told = OutcomeRecord(
            at=at,
            customer=outreach.customer,
            rule=outreach.rule,
            occurrence=outreach.occurrence,
            outcome=outcome,
            reason=reason,
            revision=outreach.revision,
            outreach=outreach.id,
            step=outreach.step,
        )
        self.outcomes.write(outreach.customer, *encode_outcome(told))
        if self.feedback:
            event = feedback_event(outreach, outcome, at)
            self.feedback.write(outreach.customer, event["id"], _encode(event))

    def write_dead_letter(self, record: Record, code: str, reason: str) -> None:
        """Write a record that cannot be sent to the dead letters, unchanged."""
        letter = of_record(record, BadRecord(code, reason))
        self.dead_letters.write(letter.id, letter.id, encode_letter(letter, self.largest_letter))

    def flush(self) -> None:
        """Wait until all is durable. Raises SinkUnavailable."""
        for writer in (self.outcomes, self.dead_letters, self.feedback):
            if writer:
                writer.flush()


def feedback_event(outreach: Outreach, outcome: Outcome, at: int) -> dict[str, Any]:
    """An event of type outreach_sent, outreach_bounced and so on, for rules. Its `address` is a digest."""
    return event_about(link_token(outreach, at), f"outreach_{outcome.value}", at)

"""The values that everything else passes around. Instants are UTC epoch milliseconds, durations milliseconds.

What a store keeps of a customer is in `core/state/model.py`.
"""

from enum import StrEnum
from typing import Any, Final

import msgspec

Number = int | float
"""A number as it came. In a compiled module a parameter that says `float` turns 10 into 10.0."""
TRANSACTIONAL: Final = "transactional"
"""The purpose of what a customer must get, whatever they have said."""
UNSUBSCRIBE_LINK: Final = "engine_unsubscribe_link"
PREFERENCES_LINK: Final = "engine_preferences_link"
"""What stands in a rendered message where a link belongs that only the sender can sign.

Of letters that neither HTML, URLs nor mail write in another way, and that no line is broken between.
"""


class Event(msgspec.Struct, gc=False):
    """A fact about a customer. `time` is when it happened, not when it arrived."""

    id: str
    type: str
    customer: str
    time: int
    properties: dict[str, Any] = {}
    source: int = 0
    """The number of what its id is unique within, such as a topic; 0: not known, counts as any."""
    scope: str = ""
    """The name of the same, where occurrences must have it: "" for ids that are told as they are."""

    @property
    def occurrence(self) -> str:
        """What makes the event unique among all events of its customer."""
        return f"{self.scope} {self.id}" if self.scope else self.id


class Identified(msgspec.Struct, gc=False):
    """The input that says: this guest has been the known customer `known` since `time`. It is no activity."""

    customer: str
    known: str
    time: int


class WakeUp(msgspec.Struct, gc=False):
    """The input that says: the clock has moved, see what is due for this customer."""

    customer: str


class KeptEvent(msgspec.Struct, array_like=True, gc=False):
    """What a state keeps of an event that an expression or a template may still ask for."""

    id: str
    type: str
    time: int
    properties: dict[str, Any]


class Outcome(StrEnum):
    """How a decision ended. `sent`, `bounced` and `in_doubt` are the sender's."""

    # Stores keep the place in this list: new ones only come at its end.
    FIRED = "fired"
    DEFERRED = "deferred"
    SUPPRESSED = "suppressed"
    CAPPED = "capped"
    HELD_OUT = "held_out"
    EXPIRED = "expired"
    FAILED = "failed"
    SENT = "sent"
    BOUNCED = "bounced"
    IN_DOUBT = "in_doubt"
    EMITTED = "emitted"


class OutcomeRecord(msgspec.Struct, omit_defaults=True):
    """One decision about one firing: what became of it, and why. `until` is set when it was deferred."""

    at: int
    customer: str
    rule: str
    occurrence: str
    outcome: Outcome
    reason: str
    revision: str
    outreach: str = ""
    until: int = 0


class Outreach(msgspec.Struct):
    """One intended message. `id` is the same for the same rule, customer and occurrence, for ever.

    `moment` is when the rule's condition came true, `at` when it was decided; a firing that was
    deferred, or that lag held up, has `at` after `moment`. The renderer fills subject, text and html.
    """

    id: str
    rule: str
    occurrence: str
    customer: str
    at: int
    moment: int
    expires_at: int
    channel: str
    purpose: str
    template: str
    revision: str
    reason: str
    to: str = ""
    event: KeptEvent | None = None
    subject: str = ""
    text: str = ""
    html: str = ""

    @property
    def unsubscribe_link(self) -> str:
        """What templates print for it: a placeholder; "" where the purpose cannot be unsubscribed from."""
        return "" if self.purpose == TRANSACTIONAL else UNSUBSCRIBE_LINK

    @property
    def preferences_link(self) -> str:
        """The same for the page where customers choose what they get."""
        return "" if self.purpose == TRANSACTIONAL else PREFERENCES_LINK


class DerivedEvent(msgspec.Struct):
    """An event that a rule has made at `at` because of `customer`; `event.customer` may be somebody else."""

    rule: str
    occurrence: str
    customer: str
    at: int
    event: Event

    @property
    def id(self) -> str:
        """The event's."""
        return self.event.id

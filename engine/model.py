"""The values that all parts of the engine exchange: events, outreach, outcomes. Instants are UTC epoch milliseconds.

Durations are milliseconds. Everything may import this module; it must import nothing of the engine. What a store keeps
of a customer is in `core/state/model.py`.
"""

from enum import StrEnum
from typing import Any, Final, NamedTuple, final

import msgspec

Number = int | float
"""An integer or a float, kept as it arrived. A parameter annotated `float` in a compiled module turns 10 into 10.0."""
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not what was asked for. Text that is no UTF-8 and deep nesting are no errors
of its own: where only those are caught, one damaged record or value ends a worker."""
BECAME: Final = "became "
"""The beginning of a reason that goes on with a customer's id: that of whom a guest became."""
TRANSACTIONAL: Final = "transactional"
"""The purpose of messages, such as receipts, that a customer gets even after unsubscribing."""
UNSUBSCRIBE_LINK: Final = "engine_unsubscribe_link"
PREFERENCES_LINK: Final = "engine_preferences_link"
SHARE_LINK: Final = "engine_share_link"
"""Placeholders in a rendered message for links that only the sender can sign.

They consist of letters that HTML, URLs and mail leave unchanged, and that no line break can split.
"""
SURVEY_LINK: Final = "engine_survey_link"
"""The beginning of the placeholder for a link that answers a survey; see `Answer`."""
MAX_SCORE: Final = 100
MAX_ANSWERS: Final = 21
"""Answers of a scale, at most: each is a link of some 200 characters in the mail, and a button on the page."""


class Survey(NamedTuple):
    """A question and its scale: whole numbers from `low` to `high`."""

    id: str
    low: int
    high: int

    @property
    def sound(self) -> bool:
        """Whether it is a scale that can be asked for: 2 to MAX_ANSWERS answers from 0 to MAX_SCORE."""
        return 0 <= self.low < self.high <= MAX_SCORE and self.high - self.low < MAX_ANSWERS


class Answer(NamedTuple):
    """One answer of a survey's scale, in templates."""

    survey: Survey
    score: int

    @property
    def link(self) -> str:
        """The placeholder of its link. An underscore of the id is doubled in it, so that its end can be found."""
        id_, low, high = self.survey
        return f"{SURVEY_LINK}_{low}_{high}_{self.score}_{id_.replace('_', '__')}_end"


class Event(msgspec.Struct, gc=False):
    """A fact about a customer. `time` is when it happened, not when it arrived."""

    id: str
    type: str
    customer: str
    time: int
    properties: dict[str, Any] = {}
    source: int = 0
    """The number of the scope within which the id is unique, such as a topic; 0: not known, matches every scope."""
    scope: str = ""
    """The name of that scope if occurrences must include it; "": occurrences use the bare id."""

    @property
    def occurrence(self) -> str:
        """A text that is unique among all events of the customer."""
        return f"{self.scope} {self.id}" if self.scope else self.id


@final
class Identified(msgspec.Struct, gc=False):
    """The input that identifies a guest: since `time` they are the customer `known`. It does not count as activity."""

    customer: str
    known: str
    time: int


@final
class WakeUp(msgspec.Struct, gc=False):
    """The input for a timer: the clock has moved, so fire what is due for this customer."""

    customer: str


class KeptEvent(msgspec.Struct, array_like=True, gc=False):
    """The part of an event that a state keeps because an expression or a template may read it later."""

    id: str
    type: str
    time: int
    properties: dict[str, Any]


class IssuedCoupon(msgspec.Struct, array_like=True, gc=False):
    """A coupon as the customer has it: its code, and the moment until which it is valid."""

    code: str
    valid_until: int


class Outcome(StrEnum):
    """How a decision ended. Only the sender writes `sent`, `bounced` and `in_doubt`."""

    # Stores keep the position in this list, so new members go at its end.
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
    ENTERED = "entered"
    COMPLETED = "completed"
    EXITED = "exited"
    GOAL_REACHED = "goal_reached"


class OutcomeRecord(msgspec.Struct, omit_defaults=True, gc=False):
    """One decision about one firing: its outcome and the reason. `until` is set if the firing was deferred."""

    at: int
    customer: str
    rule: str
    occurrence: str
    outcome: Outcome
    reason: str
    revision: str
    outreach: str = ""
    until: int = 0
    step: str = ""
    """The step of a journey; "": the rule is none, or the outcome concerns the whole run."""
    exposed: dict[str, str] = {}
    """Experiment -> variant, if this decision was the first to expose the customer to it."""
    coupons: dict[str, IssuedCoupon] = {}
    """Coupon -> what the outreach has issued of it."""


class Outreach(msgspec.Struct, gc=False):
    """One intended message. `id` is the same for the same rule (and step), customer and occurrence, for ever.

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
    step: str = ""
    """The step of the journey that made it; "": the rule is none."""
    event: KeptEvent | None = None
    subject: str = ""
    text: str = ""
    html: str = ""
    sent: tuple[str, ...] = ()
    """The steps of the journey that had made something before it in this run."""
    coupons: dict[str, IssuedCoupon] = {}
    """Coupons that the run has issued; of a journey's step this is the run's own dict, which later steps read too."""
    issued: dict[str, IssuedCoupon] = {}
    """Coupons that this message shows as the first of its run. The renderer fills it."""

    @property
    def unsubscribe_link(self) -> str:
        """The placeholder that templates print for the link; "" for purposes without unsubscribing."""
        return "" if self.purpose == TRANSACTIONAL else UNSUBSCRIBE_LINK

    @property
    def share_link(self) -> str:
        """The placeholder for the link by which the customer brings friends."""
        return SHARE_LINK

    @property
    def preferences_link(self) -> str:
        """The placeholder for the link to the page where customers choose what they get; "" as above."""
        return "" if self.purpose == TRANSACTIONAL else PREFERENCES_LINK


class DerivedEvent(msgspec.Struct):
    """An event that a rule made at `at` for `customer`; `event.customer` may be another customer."""

    rule: str
    occurrence: str
    customer: str
    at: int
    event: Event
    step: str = ""

    @property
    def id(self) -> str:
        """The id of the event."""
        return self.event.id

    @property
    def is_copy(self) -> bool:
        """Whether it is of the customer's own: it has happened within the decision, and is only published."""
        return self.event.customer == self.customer

"""What customers tell the pages besides feedback about outreach, as events for the feedback topic.

`engine web` writes them. The id is made of what may be said once, never of what is said: whatever comes later is the
same event told again, so the first counts.
"""

from typing import Any

import msgspec

from engine.core.zones import iso
from engine.wire.digests import customer_digest
from engine.wire.feedback import FeedbackKind
from engine.wire.link_tokens import SurveyToken


class SurveyAnswer(msgspec.Struct, frozen=True):
    """An answer to the survey of `about`. `at`: when it was given, epoch ms. `comment`: "" for none."""

    about: SurveyToken
    at: int
    score: int
    comment: str = ""

    @property
    def id(self) -> str:
        """The id of every answer to this survey in this outreach."""
        return f"{self.about.outreach}:{self.kind.value}:{self.about.survey}"

    @property
    def kind(self) -> FeedbackKind:
        return FeedbackKind.SURVEY_ANSWERED

    @property
    def customer(self) -> str:
        """Whose event it is."""
        return self.about.customer

    def event(self) -> dict[str, Any]:
        """The event, in the engine's own JSON format."""
        about = self.about
        return {
            "id": self.id,
            "type": self.kind.value,
            "customer": about.customer,
            "time": iso(self.at),
            "properties": {
                "survey": about.survey,
                "score": self.score,
                "low": about.low,
                "high": about.high,
                **({"comment": self.comment} if self.comment else {}),
                "rule": about.rule,
                "outreach": about.outreach,
                "channel": about.channel,
            },
        }


class ReferralClaim(msgspec.Struct, frozen=True):
    """The claim that `customer` was brought by the customer `by`. `at`: when it was made, epoch ms."""

    customer: str
    by: str
    at: int

    @property
    def id(self) -> str:
        """The id of every claim about this customer, whoever has brought them."""
        return f"{self.kind.value}:{customer_digest(self.customer)}"

    @property
    def kind(self) -> FeedbackKind:
        return FeedbackKind.REFERRAL_CLAIMED

    def event(self) -> dict[str, Any]:
        """The event, in the engine's own JSON format."""
        return {
            "id": self.id,
            "type": self.kind.value,
            "customer": self.customer,
            "time": iso(self.at),
            "properties": {"by": self.by},
        }

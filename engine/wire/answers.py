"""What customers tell the pages besides feedback about outreach, as events for the feedback topic.

`engine web` writes them. The id is made of what the link is about, never of what the customer says: whatever is said
later by the same link is the same event told again, so the first counts.
"""

from typing import Any

import msgspec

from engine.core.zones import iso
from engine.wire.feedback import FeedbackKind
from engine.wire.link_tokens import SurveyToken


class SurveyAnswer(msgspec.Struct, frozen=True):
    """An answer to the survey of `about`. `at`: when it was given, epoch ms. `comment`: "" for none."""

    about: SurveyToken
    at: int
    score: int
    comment: str = ""

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
            "id": answer_id(about),
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


def answer_id(about: SurveyToken) -> str:
    """The id of every answer to this survey in this outreach."""
    return f"{about.outreach}:{FeedbackKind.SURVEY_ANSWERED.value}:{about.survey}"

"""Encodes feedback (bounces, complaints, unsubscribes, opens, clicks, preferences) as events for the feedback topic.

`engine web` and senders write them; workers read them as events for rules and caps, senders apply them to the
suppression list. The type is `outreach_` and the kind, or `preferences_changed`; properties name the outreach. An event
with the customer's wishes has a boolean property per purpose, so that events.yaml can put it into the profile:
`profile: { wants_marketing: marketing }`.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from engine.core.zones import iso
from engine.wire.link_tokens import LinkToken


class FeedbackKind(StrEnum):
    """The kinds of feedback. Only hard bounces count: the address does not work."""

    BOUNCED = "outreach_bounced"
    COMPLAINED = "outreach_complained"
    UNSUBSCRIBED = "outreach_unsubscribed"
    OPENED = "outreach_opened"
    CLICKED = "outreach_clicked"
    PREFERENCES = "preferences_changed"
    SURVEY_ANSWERED = "survey_answered"
    REFERRAL_CLAIMED = "referral_claimed"


class Feedback(msgspec.Struct, frozen=True):
    """Feedback about the outreach of `about`. `at`: when it happened, epoch ms.

    `report`: the provider's id of the report; two with the same are one, reported twice. `wants`: purpose -> whether
    the customer wants it, for `UNSUBSCRIBED` and `PREFERENCES`.
    """

    kind: FeedbackKind
    about: LinkToken
    at: int
    report: str = ""
    wants: Mapping[str, bool] = {}

    @property
    def customer(self) -> str:
        """Whose event it is."""
        return self.about.customer

    def event(self) -> dict[str, Any]:
        """The event, in the engine's own JSON format."""
        return event_about(self.about, self.kind.value, self.at, self.report, self.wants)


def event_about(
    about: LinkToken, type_: str, at: int, report: str = "", wants: Mapping[str, bool] = MappingProxyType({})
) -> dict[str, Any]:
    """An event about an outreach, with the fields that all feedback and the sender's own events share."""
    parts = (about.outreach, type_.removeprefix("outreach_"), report)
    return {
        "id": ":".join(filter(None, parts)),
        "type": type_,
        "customer": about.customer,
        "time": iso(at),
        "properties": {
            **wants,
            "rule": about.rule,
            "outreach": about.outreach,
            "channel": about.channel,
            "purpose": about.purpose,
            "address": about.address,
        },
    }

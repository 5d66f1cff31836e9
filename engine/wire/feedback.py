"""What became of outreach after it was handed over, as events on the bus: rules and caps see it, senders obey it.

The type of such an event is `outreach_` and the kind, or `preferences_changed`. Its properties say which outreach it is
about. Of one that says what its customer wants, a property of each purpose's name says whether they do, so that
events.yaml can feed the profile with it: `profile: { wants_marketing: marketing }`.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from engine.core.zones import iso
from engine.wire.link_tokens import LinkToken


class FeedbackKind(StrEnum):
    """What customers and providers tell us. Bounces are hard ones: the address does not work."""

    BOUNCED = "outreach_bounced"
    COMPLAINED = "outreach_complained"
    UNSUBSCRIBED = "outreach_unsubscribed"
    OPENED = "outreach_opened"
    CLICKED = "outreach_clicked"
    PREFERENCES = "preferences_changed"


class Feedback(msgspec.Struct, frozen=True):
    """`about` tells whose it is, `at` when it happened (epoch ms). Two with one `report` are the same, told twice.

    `wants`: purpose -> whether the customer wants it; of `UNSUBSCRIBED` and `PREFERENCES`.
    """

    kind: FeedbackKind
    about: LinkToken
    at: int
    report: str = ""
    wants: Mapping[str, bool] = {}


def feedback_event(feedback: Feedback) -> dict[str, Any]:
    """In our own JSON format, ready for the feedback topic."""
    return event_about(feedback.about, feedback.kind.value, feedback.at, feedback.report, feedback.wants)


def event_about(
    about: LinkToken, type_: str, at: int, report: str = "", wants: Mapping[str, bool] = MappingProxyType({})
) -> dict[str, Any]:
    """What all these events have in common, the sender's own among them."""
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

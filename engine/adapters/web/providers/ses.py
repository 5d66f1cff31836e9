"""Amazon SES, which reports to an Amazon SNS topic.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html and, of an identity's
notifications, …/notification-contents.html.
"""

from collections.abc import Callable, Mapping

import msgspec

from engine.adapters.web.providers.base import Moment, PassedOver, Said, decode, millis, read_entry, said
from engine.adapters.web.providers.sns import Envelope, Fetch, SnsTopic, fetch
from engine.feedback import FeedbackKind


class _Preferences(msgspec.Struct, rename="camel"):
    unsubscribe_all: bool = False


class _Detail(msgspec.Struct, rename="camel"):
    timestamp: Moment
    bounce_type: str = ""
    complaint_feedback_type: str | None = None
    new_topic_preferences: _Preferences | None = None


class _Header(msgspec.Struct):
    name: str
    value: str


class _Mail(msgspec.Struct):
    headers: list[_Header] = []


class _Event(msgspec.Struct, rename="camel"):
    mail: _Mail
    event_type: str = ""
    notification_type: str = ""
    bounce: _Detail | None = None
    complaint: _Detail | None = None
    open: _Detail | None = None
    click: _Detail | None = None
    subscription: _Detail | None = None


class AmazonSes:
    """A Provider. Raises ValueError for what is not the ARN of a topic."""

    def __init__(self, topic: str, wall: Callable[[], int], fetch: Fetch = fetch) -> None:
        self._topic = SnsTopic(topic, wall, fetch)

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Signature and time are in the body."""
        self._topic.verify(body)

    def read(self, body: bytes) -> list[Said]:
        """One event; or the question whether we want any, which is answered."""
        envelope = decode(body, Envelope)
        if envelope.type == "Notification":
            return [read_entry(envelope.message.encode(), _Event, _tell)]
        if envelope.type == "SubscriptionConfirmation":
            self._topic.confirm(envelope)
        return [PassedOver("subscription")]


def _tell(event: _Event) -> Said:
    kind, detail = _kind(event)
    token = next((header.value for header in event.mail.headers if header.name.casefold() == "x-engine-token"), "")
    return said(kind, token, millis(detail.timestamp) if detail else 0)


def _kind(event: _Event) -> tuple[FeedbackKind | None, _Detail | None]:
    match event.event_type or event.notification_type:
        case "Bounce" if event.bounce and event.bounce.bounce_type == "Permanent":
            return FeedbackKind.BOUNCED, event.bounce
        case "Complaint" if event.complaint and event.complaint.complaint_feedback_type != "not-spam":
            return FeedbackKind.COMPLAINED, event.complaint
        case "Open" if event.open:
            return FeedbackKind.OPENED, event.open
        case "Click" if event.click:
            return FeedbackKind.CLICKED, event.click
        case "Subscription" if event.subscription and _wants_nothing(event.subscription):
            return FeedbackKind.UNSUBSCRIBED, event.subscription
    return None, None


def _wants_nothing(detail: _Detail) -> bool:
    return bool(detail.new_topic_preferences and detail.new_topic_preferences.unsubscribe_all)

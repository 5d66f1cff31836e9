"""Amazon SES, which reports to an Amazon SNS topic.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html and, of an identity's
notifications, …/notification-contents.html.
"""

from collections.abc import Callable, Mapping

from engine.adapters.web.providers.base import Entry, PassedOver, Said, decode, read_entry, said
from engine.adapters.web.providers.sns import Envelope, Fetch, SnsTopic, fetch
from engine.wire.feedback import FeedbackKind


class AmazonSes:
    """A Provider. Raises ValueError for a text that is not the ARN of a topic."""

    def __init__(self, topic: str, wall: Callable[[], int], fetch: Fetch = fetch) -> None:
        self._topic = SnsTopic(topic, wall, fetch)

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Check signature and time, which are in the body."""
        self._topic.verify(body)

    def read(self, body: bytes) -> list[Said]:
        """The report of one event; a subscription request is confirmed."""
        envelope = decode(body, Envelope)
        if envelope.type == "Notification":
            return [read_entry(envelope.message.encode(), _tell)]
        if envelope.type == "SubscriptionConfirmation":
            self._topic.confirm(envelope)
        return [PassedOver("subscription")]


def _tell(event: Entry) -> Said:
    kind, detail = _kind(event)
    headers = event.entry("mail").entries("headers")
    token = next((one.text("value") for one in headers if one.text("name").casefold() == "x-engine-token"), "")
    return said(kind, token, detail.moment("timestamp"))


def _kind(event: Entry) -> tuple[FeedbackKind | None, Entry]:
    """What it is, and the part that says more of it."""
    name = event.needed("eventType", "notificationType")
    detail = event.entry(name.lower())
    match name:
        case "Bounce" if detail.text("bounceType") == "Permanent":
            return FeedbackKind.BOUNCED, detail
        case "Complaint" if detail.text("complaintFeedbackType") != "not-spam":
            return FeedbackKind.COMPLAINED, detail
        case "Open":
            return FeedbackKind.OPENED, detail
        case "Click":
            return FeedbackKind.CLICKED, detail
        case "Subscription" if detail.entry("newTopicPreferences").says("unsubscribeAll"):
            return FeedbackKind.UNSUBSCRIBED, detail
    return None, detail

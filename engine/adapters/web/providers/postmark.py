"""Postmark's webhooks, which are not signed: they log in with the user and password that stand in the webhook's URL.

https://postmarkapp.com/developer/webhooks/webhooks-overview, …/bounce-webhook, …/spam-complaint-webhook,
…/open-tracking-webhook, …/click-webhook and …/subscription-change-webhook. A value of a mail's metadata has at most 80
characters, so that the token comes in pieces.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

import msgspec

from engine.adapters.web.providers.base import (
    BadFeedback,
    Entry,
    Said,
    decode,
    read_entry,
    said,
)
from engine.wire.feedback import FeedbackKind

_BOUNCES: Final = {
    "HardBounce": FeedbackKind.BOUNCED,
    "BadEmailAddress": FeedbackKind.BOUNCED,
    "SpamComplaint": FeedbackKind.COMPLAINED,
    "Unsubscribe": FeedbackKind.UNSUBSCRIBED,
}
_SUPPRESSIONS: Final = {
    "HardBounce": FeedbackKind.BOUNCED,
    "SpamComplaint": FeedbackKind.COMPLAINED,
    "ManualSuppression": FeedbackKind.UNSUBSCRIBED,
}
_KINDS: Final = {
    "SpamComplaint": FeedbackKind.COMPLAINED,
    "Open": FeedbackKind.OPENED,
    "Click": FeedbackKind.CLICKED,
}


class Postmark:
    """A Provider. `login`: user:password. Raises ValueError for one that could be guessed."""

    def __init__(self, login: str) -> None:
        user, _, password = login.partition(":")
        if not user or len(password) < 16:
            raise ValueError("too-short")
        self._login = b"Basic " + b64encode(login.encode())

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Check the login alone; TLS keeps it secret. After a 403 Postmark would not try again, so that what it told
        while the setting was wrong would be lost."""
        if not hmac.compare_digest(self._login, headers.get("authorization", "").encode()):
            raise BadFeedback("wrong-login", 401)

    def read(self, body: bytes) -> list[Said]:
        """The report of the one event in the body."""
        decode(body, dict[str, msgspec.Raw])
        return [read_entry(body, _tell)]


def _tell(event: Entry) -> Said:
    at = event.moment("BouncedAt", "ChangedAt", "ReceivedAt")
    return said(_kind(event), _token(event.entry("Metadata")), at)


def _kind(event: Entry) -> FeedbackKind | None:
    kind = event.needed("RecordType")
    if kind == "Bounce":
        return _BOUNCES.get(event.text("Type"))
    if kind == "SubscriptionChange":  # by others than the recipient it says nothing of the recipient
        lifted = event.says("SuppressSending") is False
        by_recipient = event.text("Origin") in ("Recipient", "")
        return _SUPPRESSIONS.get(event.text("SuppressionReason")) if by_recipient and not lifted else None
    return _KINDS.get(kind)


def _token(metadata: Entry) -> str:
    pieces = {name.casefold(): value for name, value in metadata.texts().items()}
    return "".join(pieces[name] for name in sorted(pieces) if name.startswith("engine-token-"))

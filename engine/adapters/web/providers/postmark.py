"""Postmark's webhooks, which are not signed: they log in with the user and password that stand in the webhook's URL.

https://postmarkapp.com/developer/webhooks/webhooks-overview, …/bounce-webhook, …/spam-complaint-webhook,
…/open-tracking-webhook, …/click-webhook and …/subscription-change-webhook. A value of a mail's metadata has at most 80
characters, so that the token comes in pieces.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.adapters.web.providers.base import (
    BadFeedback,
    Moment,
    Said,
    decode,
    millis,
    read_entry,
    said,
)
from engine.feedback import FeedbackKind

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


class _Event(msgspec.Struct, rename="pascal"):
    record_type: str
    type: str = ""
    origin: str = ""
    suppress_sending: bool = False
    suppression_reason: str | None = None
    bounced_at: Moment | None = None
    changed_at: Moment | None = None
    received_at: Moment | None = None
    metadata: dict[str, Any] | None = None


class Postmark:
    """A Provider. `login`: user:password. Raises ValueError for one that could be guessed."""

    def __init__(self, login: str) -> None:
        user, _, password = login.partition(":")
        if not user or len(password) < 16:
            raise ValueError("too-short")
        self._login = b"Basic " + b64encode(login.encode())

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """By the login alone; that nobody else hears it is what TLS is for."""
        if not hmac.compare_digest(self._login, headers.get("authorization", "").encode()):
            raise BadFeedback("wrong-login")

    def read(self, body: bytes) -> list[Said]:
        """One event."""
        decode(body, dict[str, msgspec.Raw])
        return [read_entry(body, _Event, _tell)]


def _tell(event: _Event) -> Said:
    at = event.bounced_at or event.changed_at or event.received_at
    kind = _kind(event) if at else None
    return said(kind, _token(event.metadata or {}), millis(at) if at else 0)


def _kind(event: _Event) -> FeedbackKind | None:
    if event.record_type == "Bounce":
        return _BOUNCES.get(event.type)
    if event.record_type == "SubscriptionChange":  # by others than the recipient it says nothing of the recipient
        asked = event.suppress_sending and event.origin == "Recipient"
        return _SUPPRESSIONS.get(event.suppression_reason or "") if asked else None
    return _KINDS.get(event.record_type)


def _token(metadata: Mapping[str, Any]) -> str:
    pieces = {name.casefold(): str(value) for name, value in metadata.items()}
    return "".join(pieces[name] for name in sorted(pieces) if name.startswith("engine-token-"))

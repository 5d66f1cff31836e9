"""Mailgun's webhooks.

https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads and …/webhooks/securing-webhooks.
The signature is over a time and a random word, not over the event: what an event says is believed only of a mail whose
token it has. A retry repeats the signature, and goes on for eight hours.
"""

import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec

from engine.adapters.web.providers.base import (
    HOUR,
    BadFeedback,
    Said,
    Seconds,
    check_fresh,
    decode,
    read_entry,
    said,
)
from engine.feedback import FeedbackKind

_OLDEST: Final = 9 * HOUR

_KINDS: Final = {
    "complained": FeedbackKind.COMPLAINED,
    "unsubscribed": FeedbackKind.UNSUBSCRIBED,
    "opened": FeedbackKind.OPENED,
    "clicked": FeedbackKind.CLICKED,
}
_FAILED: Final = {
    "bounce": FeedbackKind.BOUNCED,
    "delayed-bounce": FeedbackKind.BOUNCED,
    "suppress-bounce": FeedbackKind.BOUNCED,
    "suppress-complaint": FeedbackKind.COMPLAINED,
    "suppress-unsubscribe": FeedbackKind.UNSUBSCRIBED,
}
"""Other permanent failures, such as a provider that blocks us, or too many retries, say nothing against the address."""


class _Signature(msgspec.Struct):
    timestamp: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,11}$")] | Annotated[int, msgspec.Meta(ge=0, lt=10**11)]
    token: str
    signature: str


class _Body(msgspec.Struct):
    signature: _Signature
    event: msgspec.Raw = msgspec.field(name="event-data")


class _Event(msgspec.Struct):
    event: str
    timestamp: Seconds
    severity: str = ""
    reason: str = ""
    variables: Any = msgspec.field(name="user-variables", default=None)


class Mailgun:
    """A Provider. `key`: the HTTP webhook signing key. Raises ValueError for one that could be guessed."""

    def __init__(self, key: str, wall: Callable[[], int]) -> None:
        if len(key) < 16:
            raise ValueError("too-short")
        self._key = key.encode()
        self._wall = wall

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """The signature is in the body."""
        signature = decode(body, _Body).signature
        check_fresh(int(signature.timestamp) * 1000, self._wall(), _OLDEST)
        expected = hmac.new(self._key, f"{signature.timestamp}{signature.token}".encode(), sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.signature.encode()):
            raise BadFeedback("forged")

    def read(self, body: bytes) -> list[Said]:
        """One event."""
        return [read_entry(decode(body, _Body).event, _Event, _tell)]


def _tell(event: _Event) -> Said:
    variables = event.variables if isinstance(event.variables, dict) else {}  # an empty list where there are none
    return said(_kind(event), str(variables.get("engine_token", "")), int(event.timestamp * 1000))


def _kind(event: _Event) -> FeedbackKind | None:
    if event.event == "failed":
        return _FAILED.get(event.reason) if event.severity == "permanent" else None
    return _KINDS.get(event.event)

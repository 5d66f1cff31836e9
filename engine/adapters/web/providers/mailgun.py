"""Mailgun's webhooks.

https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads and …/webhooks/securing-webhooks.
The signature is over a time and a random word, not over the event: what an event says is believed only of a mail whose
token it has. A retry repeats the signature, and goes on for eight hours.
"""

import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from engine.adapters.web.providers.base import (
    HOUR,
    BadFeedback,
    Entry,
    Said,
    check_fresh,
    decode,
    read_entry,
    said,
)
from engine.wire.feedback import FeedbackKind

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
"""Reason of a permanent failure -> feedback. Other reasons (we are blocked, too many retries) do not concern the
address."""


class _Signature(msgspec.Struct):
    timestamp: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,11}$")] | Annotated[int, msgspec.Meta(ge=0, lt=10**11)]
    token: str
    signature: str


class _Body(msgspec.Struct):
    signature: _Signature
    event: msgspec.Raw = msgspec.field(name="event-data")


class Mailgun:
    """A Provider. `key`: the HTTP webhook signing key. Raises ValueError for a key that is too short."""

    def __init__(self, key: str, wall: Callable[[], int]) -> None:
        if len(key) < 16:
            raise ValueError("too-short")
        self._key = key.encode()
        self._wall = wall

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Check the signature, which is in the body."""
        signature = decode(body, _Body).signature
        check_fresh(int(signature.timestamp) * 1000, self._wall(), _OLDEST)
        expected = hmac.new(self._key, f"{signature.timestamp}{signature.token}".encode(), sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.signature.encode()):
            raise BadFeedback("forged")

    def read(self, body: bytes) -> list[Said]:
        """The report of the one event in the body."""
        return [read_entry(decode(body, _Body).event, _tell)]


def _tell(event: Entry) -> Said:
    token = event.entry("user-variables").text("engine_token")
    return said(_kind(event), token, event.seconds("timestamp"))


def _kind(event: Entry) -> FeedbackKind | None:
    name = event.needed("event")
    if name == "failed":
        return _FAILED.get(event.text("reason")) if event.text("severity") == "permanent" else None
    if name in ("opened", "clicked") and _by_machine(event.entry("client-info")):
        return None
    return _KINDS.get(name)


def _by_machine(client: Entry) -> bool:
    """Whether a privacy proxy or a virus scanner opened or clicked, not the customer."""
    return bool(client.text("bot")) or client.text("client-type") == "robot"

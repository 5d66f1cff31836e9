"""Twilio SendGrid's Event Webhook, with the Signed Event Webhook turned on.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event and, of the signature,
…/tracking-events/getting-started-event-webhook-security-features. Unique arguments of a mail stand beside an event's
own fields. A retry may have another `sg_event_id`, so that nothing here depends on it.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from engine.adapters.web.providers.base import (
    MINUTE,
    BadFeedback,
    Entry,
    Said,
    check_fresh,
    decode,
    decode_base64,
    read_entry,
    said,
)
from engine.wire.feedback import FeedbackKind

_OLDEST: Final = 5 * MINUTE
_SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
_TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"

_KINDS: Final = {
    "spamreport": FeedbackKind.COMPLAINED,
    "unsubscribe": FeedbackKind.UNSUBSCRIBED,
    "group_unsubscribe": FeedbackKind.UNSUBSCRIBED,
    "open": FeedbackKind.OPENED,
    "click": FeedbackKind.CLICKED,
}
_DROPPED: Final = {
    "Bounced Address": FeedbackKind.BOUNCED,
    "Invalid": FeedbackKind.BOUNCED,
    "Spam Reporting Address": FeedbackKind.COMPLAINED,
    "Unsubscribed Address": FeedbackKind.UNSUBSCRIBED,
}
"""SendGrid does not send to these at all, for what it was told of an earlier mail."""


class SendGrid:
    """A Provider. `key`: the verification key as SendGrid's page shows it. Raises ValueError for a bad one."""

    def __init__(self, key: str, wall: Callable[[], int]) -> None:
        loaded = load_der_public_key(b64decode(key, validate=True))
        if not isinstance(loaded, EllipticCurvePublicKey):
            raise ValueError("not-an-ecdsa-key")
        self._key = loaded
        self._wall = wall

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Check the signature, which includes its time."""
        timestamp = headers.get(_TIMESTAMP, "")
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 12):
            raise BadFeedback("unsigned")
        check_fresh(int(timestamp) * 1000, self._wall(), _OLDEST)
        signature = decode_base64(headers.get(_SIGNATURE, ""))
        try:
            self._key.verify(signature, timestamp.encode() + body, ECDSA(SHA256()))
        except InvalidSignature as error:
            raise BadFeedback("forged") from error

    def read(self, body: bytes) -> list[Said]:
        """The reports of a batch of events."""
        return [read_entry(entry, _tell) for entry in decode(body, list[msgspec.Raw])]


def _tell(event: Entry) -> Said:
    return said(_kind(event), event.text("engine_token"), event.seconds("timestamp"))


def _kind(event: Entry) -> FeedbackKind | None:
    name = event.needed("event")
    if name == "bounce":  # of type "blocked" it is one that may pass
        return FeedbackKind.BOUNCED if event.text("type") == "bounce" else None
    if name == "dropped":
        return _DROPPED.get(event.text("reason"))
    if event.says("sg_machine_open"):  # by Apple's privacy proxy, whether or not a customer looks
        return None
    return _KINDS.get(name)

"""Verifies messages of an Amazon SNS topic and confirms the subscription to it.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html, …/http-notification-json.html and
…/http-subscription-confirmation-json.html. What was not taken is
repeated for an hour at most, with the first time in it.
"""

import re
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Final, Literal

import httpx
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate

from engine.adapters.web.providers.base import HOUR, BadFeedback, Moment, check_fresh, decode, decode_base64, millis

Fetch = Callable[[str], bytes]
"""Fetches an https URL. Raises BadFeedback."""

_OLDEST: Final = 2 * HOUR
_TOPIC: Final = re.compile(r"arn:(aws[a-z-]*):sns:([a-z]+(?:-[a-z0-9]+)+):[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_KEYS: Final = 4
_NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def fetch(url: str) -> bytes:
    """Fetch without following redirects. Raises BadFeedback, so that the provider retries."""
    try:
        return httpx.get(url, timeout=5, follow_redirects=False).raise_for_status().content
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise BadFeedback("unreachable", 503) from error


class Envelope(msgspec.Struct, rename="pascal"):
    """An SNS message; `message` of a notification is the published text."""

    type: Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]
    topic_arn: str
    message: str
    message_id: str
    timestamp: str
    signature: str
    signature_version: Literal["1", "2"]
    signing_cert_url: str = msgspec.field(name="SigningCertURL")
    subject: str | None = None
    token: str | None = None
    subscribe_url: str | None = msgspec.field(name="SubscribeURL", default=None)

    def moment(self) -> datetime:
        """The time of publishing. Raises BadFeedback."""
        try:
            return msgspec.convert(self.timestamp, Moment)
        except msgspec.ValidationError as error:
            raise BadFeedback("unreadable", 400) from error

    def signed(self) -> bytes:
        """The text that is signed."""
        names = _NOTIFICATION if self.type == "Notification" else _CONFIRMATION
        values = msgspec.to_builtins(self)
        return "".join(f"{name}\n{values[name]}\n" for name in names if values[name] is not None).encode()


class SnsTopic:
    """Calls no host but that of the topic's region, which is not taken from what was sent.

    Raises ValueError for what is not the ARN of a topic.
    """

    def __init__(self, arn: str, wall: Callable[[], int], fetch: Fetch) -> None:
        parts = _TOPIC.fullmatch(arn)
        if not parts:
            raise ValueError("not-a-topic-arn")
        partition, region = parts.groups()
        suffix = ".cn" if partition == "aws-cn" else ""
        self._arn = arn
        self._base = f"https://sns.{region}.amazonaws.com{suffix}/"
        self._wall = wall
        self._fetch = fetch
        self._keys: dict[str, RSAPublicKey] = {}
        self._fetching = Lock()

    def verify(self, body: bytes) -> None:
        """Raises BadFeedback unless the topic has sent the message recently."""
        envelope = decode(body, Envelope)
        if envelope.topic_arn != self._arn:
            raise BadFeedback("other-topic")
        check_fresh(millis(envelope.moment()), self._wall(), _OLDEST)
        digest = SHA256() if envelope.signature_version == "2" else SHA1()
        key = self._key(envelope.signing_cert_url)
        try:
            key.verify(decode_base64(envelope.signature), envelope.signed(), PKCS1v15(), digest)
        except InvalidSignature as error:
            raise BadFeedback("forged") from error

    def confirm(self, envelope: Envelope) -> None:
        """Confirm the subscription to the topic. Raises BadFeedback."""
        url = envelope.subscribe_url or ""
        if not url.startswith(f"{self._base}?"):
            raise BadFeedback("foreign-host")
        self._fetch(url)

    def _key(self, url: str) -> RSAPublicKey:
        if not re.fullmatch(re.escape(self._base) + r"SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem", url):
            raise BadFeedback("foreign-host")
        return self._keys.get(url) or self._fetch_key(url)

    def _fetch_key(self, url: str) -> RSAPublicKey:
        """The certificate, fetched one at a time: invented names must not keep all threads waiting."""
        if not self._fetching.acquire(blocking=False):
            raise BadFeedback("busy", 503)
        try:
            key = _public_key(self._fetch(url))
            if len(self._keys) == _KEYS:
                self._keys.clear()
            self._keys[url] = key
            return key
        finally:
            self._fetching.release()


def _public_key(pem: bytes) -> RSAPublicKey:
    try:
        key = load_pem_x509_certificate(pem).public_key()
    except ValueError as error:
        raise BadFeedback("bad-certificate", 503) from error
    if not isinstance(key, RSAPublicKey):
        raise BadFeedback("bad-certificate", 503)
    return key

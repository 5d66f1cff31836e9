"""Providers of mail as their documentation shows them, with keys of their own, before the real web app."""

import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Protocol

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from engine.adapters.memory import MemoryRecords, MemorySuppressions
from engine.adapters.web.feedback import feedback_routes
from engine.adapters.web.providers.base import BadFeedback, Provider
from engine.adapters.web.providers.mailgun import Mailgun
from engine.adapters.web.providers.postmark import Postmark
from engine.adapters.web.providers.sendgrid import SendGrid
from engine.adapters.web.providers.ses import AmazonSes
from engine.adapters.web.publish import Publisher
from engine.core.zones import from_millis, iso
from engine.ports import RecordWriter, SuppressionList
from tests.support.website import NOW, SECRETS, Browser, Website

TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail-reports"
SNS = "https://sns.eu-west-1.amazonaws.com/"
CERTIFICATE = f"{SNS}SimpleNotificationService-0123456789abcdef.pem"
CONFIRM = f"{SNS}?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37f"

Request = tuple[bytes, dict[str, str]]


class Office(Protocol):
    """A provider's own side of its webhook."""

    name: str

    @property
    def provider(self) -> Provider:
        """Ours, with this one's key."""

    def signed(self, body: bytes) -> Request:
        """Whatever it is, as if the provider had sent it."""

    def report(self, event: Any, at: int = NOW) -> Request:
        """One event, signed at that time."""

    def complaint(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """Of a mail with these headers, as documented."""


class SendGridOffice:
    name = "sendgrid"

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.public = b64encode(public).decode()
        self.provider = SendGrid(self.public, lambda: NOW)

    def signed(self, body: bytes, at: int = NOW) -> Request:
        timestamp = str(at // 1000)
        signature = b64encode(self._key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))).decode()
        names = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"
        return body, dict(zip(names, (signature, timestamp), strict=True))

    def report(self, event: Any, at: int = NOW) -> Request:
        return self.signed(msgspec.json.encode([event]), at)

    def complaint(self, headers: Mapping[str, str]) -> dict[str, Any]:
        arguments = msgspec.json.decode(headers.get("X-SMTPAPI", '{"unique_args": {}}'))["unique_args"]
        return {
            "email": "example@test.com",
            "timestamp": NOW // 1000 - 60,
            "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
            "event": "spamreport",
            "category": ["cat facts"],
            "sg_event_id": "37nvH5QBz858KGVYCM4uOA==",
            "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
            **arguments,
        }


class MailgunOffice:
    name = "mailgun"
    key = "key-3ax6xnjp29jd6fds4gc373sgvjxteol0"
    provider = Mailgun(key, lambda: NOW)

    def signed(self, body: bytes) -> Request:
        return body, {}

    def report(self, event: Any, at: int = NOW) -> Request:
        timestamp, word = str(at // 1000), "e0b5477167110d68991efc6b9f89f0a11066af27834600e123"
        signature = hmac.new(self.key.encode(), f"{timestamp}{word}".encode(), sha256).hexdigest()
        signed = {"token": word, "timestamp": timestamp, "signature": signature}
        return msgspec.json.encode({"signature": signed, "event-data": event}), {}

    def complaint(self, headers: Mapping[str, str]) -> dict[str, Any]:
        return {
            "id": "-Agny091SquKnsrW2NEKUA",
            "timestamp": NOW / 1000 - 60,
            "log-level": "warn",
            "event": "complained",
            "envelope": {"sending-ip": "173.193.210.33"},
            "flags": {"is-test-mode": False},
            "message": {
                "headers": {"to": "Alice <alice@example.com>", "message-id": "20110215055645.25246.63817@s.com"}
            },
            "recipient": "alice@example.com",
            "campaigns": [],
            "tags": [],
            "user-variables": msgspec.json.decode(headers.get("X-Mailgun-Variables", "[]")),
        }


class PostmarkOffice:
    name = "postmark"
    login = "postmark:correct-horse-battery"
    provider = Postmark(login)

    def signed(self, body: bytes) -> Request:
        return body, {"Authorization": f"Basic {b64encode(self.login.encode()).decode()}"}

    def report(self, event: Any, at: int = NOW) -> Request:
        return self.signed(msgspec.json.encode(event))

    def complaint(self, headers: Mapping[str, str]) -> dict[str, Any]:
        prefix = "X-PM-Metadata-"
        metadata = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
        assert all(len(name) <= 20 and len(value) <= 80 for name, value in metadata.items())
        return {
            "RecordType": "SpamComplaint",
            "MessageStream": "outbound",
            "ID": 42,
            "Type": "SpamComplaint",
            "TypeCode": 512,
            "Name": "Spam complaint",
            "Tag": "Test",
            "MessageID": "00000000-0000-0000-0000-000000000000",
            "Metadata": dict(reversed(metadata.items())),
            "ServerID": 1234,
            "Details": "Test spam complaint details",
            "Email": "john@example.com",
            "BouncedAt": "2026-09-21T10:12:20.0000000-04:00",
            "Inactive": True,
            "Subject": "Test subject",
        }


class SesOffice:
    name = "ses"

    def __init__(self, topic: str = TOPIC) -> None:
        self.fetched: list[str] = []
        self.away = False
        self.certificate = _certificate()
        self.provider = AmazonSes(topic, lambda: NOW, self._fetch)

    def _fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if self.away:
            raise BadFeedback("unreachable", 503)
        return self.certificate

    def signed(self, body: bytes) -> Request:
        return body, {}

    def report(self, event: Any, at: int = NOW) -> Request:
        return self.envelope(Message=msgspec.json.encode(event).decode() + "\n", Timestamp=_iso(at))

    def envelope(self, kind: str = "Notification", version: str = "2", **changes: str) -> Request:
        """Signed after the changes. `version` 1 is by SHA-1."""
        envelope = {
            "Type": kind,
            "MessageId": "19ba9823-d7f2-53c1-860e-cb10e0d13dfc",
            "TopicArn": TOPIC,
            "Subject": "Amazon SES Email Event Notification",
            "Message": "{}",
            "Timestamp": _iso(NOW),
            "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE,
        }
        if kind != "Notification":
            del envelope["Subject"]
            envelope |= {"Token": "2336412f37f", "SubscribeURL": CONFIRM}
        envelope |= changes
        envelope["Signature"] = sign(envelope)
        return msgspec.json.encode(envelope), {"x-amz-sns-message-type": kind}

    def complaint(self, headers: Mapping[str, str]) -> dict[str, Any]:
        return {
            "eventType": "Complaint",
            "complaint": {
                "complainedRecipients": [{"emailAddress": "recipient@example.com"}],
                "timestamp": _iso(NOW - 60_000),
                "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
                "userAgent": "Amazon SES Mailbox Simulator",
                "complaintFeedbackType": "abuse",
            },
            "mail": {
                "timestamp": _iso(NOW - 120_000),
                "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
                "destination": ["recipient@example.com"],
                "headersTruncated": False,
                "headers": [{"name": name, "value": value} for name, value in headers.items()],
                "tags": {"ses:configuration-set": ["ConfigSet"]},
            },
        }


def sign(envelope: Mapping[str, str]) -> str:
    """As documented for SNS: names and values on lines of their own, in the order of the alphabet."""
    unsigned = ("SignatureVersion", "SigningCertURL", "UnsubscribeURL")
    text = "".join(f"{name}\n{value}\n" for name, value in sorted(envelope.items()) if name not in unsigned)
    digest = SHA1() if envelope["SignatureVersion"] == "1" else SHA256()
    return b64encode(_rsa_key().sign(text.encode(), PKCS1v15(), digest)).decode()


@cache
def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


@cache
def _certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = from_millis(NOW)
    builder = x509.CertificateBuilder(name, name, _rsa_key().public_key(), x509.random_serial_number())
    valid = builder.not_valid_before(now).not_valid_after(now + timedelta(days=365))
    return valid.sign(_rsa_key(), SHA256()).public_bytes(Encoding.PEM)


def _iso(at: int) -> str:
    return iso(at).removesuffix("Z").partition(".")[0] + f".{at % 1000:03}Z"


@dataclass
class Desk:
    """Where reports come in."""

    office: Office
    website: Website
    browser: Browser

    def post(self, request: Request) -> int:
        """The status of the answer."""
        body, headers = request
        return self.browser.post(f"/feedback/{self.office.name}", content=body, headers=headers).status_code

    def published(self) -> list[dict[str, Any]]:
        return self.website.published()

    def passed_over(self, code: str) -> float:
        return self.website.counted("passed_over_total", provider=self.office.name, code=code)

    def refused(self, code: str) -> float:
        return self.website.counted("refused_total", page="feedback", code=f"{self.office.name}-{code}")


@contextmanager
def desk(
    office: Office, writer: RecordWriter | None = None, suppressions: SuppressionList | None = None
) -> Iterator[Desk]:
    website = Website(writer=writer or MemoryRecords(), suppressions=suppressions or MemorySuppressions())
    publish = Publisher(website.writer, website.watch).publish
    website.feedback = feedback_routes(
        {office.name: office.provider}, SECRETS, publish, lambda: website.now, website.watch, website.choices
    )
    with website.open() as browser:
        yield Desk(office, website, browser)


def published_of(office: Office, request: Request) -> list[dict[str, Any]]:
    """The events that come of a report, which is taken."""
    with desk(office) as reports:
        assert reports.post(request) == 200
        return reports.published()


def check_passed_over(office: Office, request: Request, code: str) -> None:
    """The report is taken, nothing comes of it, and that is counted."""
    with desk(office) as reports:
        assert (reports.post(request), reports.published(), reports.passed_over(code)) == (200, [], 1)


def check_refused(office: Office, request: Request, code: str) -> None:
    """The report is forbidden, nothing comes of it, and that is counted."""
    with desk(office) as reports:
        assert (reports.post(request), reports.published(), reports.refused(code)) == (403, [], 1)

"""Amazon SES through Amazon SNS, with envelopes and events as their documentation shows them."""

from typing import Any

import msgspec
import pytest

from engine.adapters.web.providers.base import BadFeedback
from engine.adapters.web.providers.ses import AmazonSes
from engine.adapters.web.providers.sns import fetch
from tests.services.hooks import hook_server
from tests.support.mail_providers import (
    CERTIFICATE,
    CONFIRM,
    SNS,
    TOPIC,
    SesOffice,
    check_passed_over,
    check_refused,
    desk,
    published_of,
    sign,
)
from tests.support.provider_events import SES_AT as AT, ses_event as event
from tests.support.website import NOW

BOUNCE = event("Bounce", bounceType="Permanent", bounceSubType="General", reportingMTA="dsn; mta.example.com")


@pytest.mark.parametrize(
    ("said", "type_"),
    [
        (BOUNCE, "outreach_bounced"),
        (event("Bounce", "notificationType", bounceType="Permanent"), "outreach_bounced"),
        (event("Complaint", complaintFeedbackType="abuse"), "outreach_complained"),
        (event("Complaint", "notificationType"), "outreach_complained"),
        (event("Open", ipAddress="192.0.2.1"), "outreach_opened"),
        (event("Click", link="http://docs.aws.amazon.com", linkTags={"samplekey0": ["v"]}), "outreach_clicked"),
        (event("Subscription", newTopicPreferences={"unsubscribeAll": True}), "outreach_unsubscribed"),
    ],
)
@pytest.mark.parametrize("version", ["1", "2"])
def test_what_matters_to_rules_becomes_an_event(said: dict[str, Any], type_: str, version: str) -> None:
    office = SesOffice()
    (published,) = published_of(office, office.envelope(version=version, Message=msgspec.json.encode(said).decode()))
    assert (published["type"], published["time"]) == (type_, AT)


@pytest.mark.parametrize(
    "said",
    [
        event("Bounce", bounceType="Transient", bounceSubType="MailboxFull"),
        event("Bounce", bounceType="Undetermined"),
        event("Complaint", complaintFeedbackType="not-spam"),
        event("Subscription", newTopicPreferences={"unsubscribeAll": False}),
        event("Delivery"),
        event("Send"),
        event("DeliveryDelay"),
        {"eventType": "Bounce", "mail": {}},
    ],
)
def test_what_may_pass_is_passed_over(said: dict[str, Any]) -> None:
    office = SesOffice()
    check_passed_over(office, office.report(said), "other-kind")


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        "", "[]", "[" * 100_000, '{"mail": 7}', '{"mail": {"headers": "x"}}',
        '{"eventType": "Open", "mail": {}, "open": {"timestamp": "soon"}}',
    ],
    ids=lambda message: message[:12],
)  # fmt: skip
def test_a_message_that_is_no_event_is_passed_over(message: str) -> None:
    office = SesOffice()
    check_passed_over(office, office.envelope(Message=message), "unreadable-entry")


def test_the_certificate_is_fetched_once() -> None:
    office = SesOffice()
    with desk(office) as reports:
        assert [reports.post(office.report(BOUNCE)) for _ in range(3)] == [200] * 3
    assert office.fetched == [CERTIFICATE]


def test_a_new_certificate_is_fetched_when_amazon_changes_it() -> None:
    office = SesOffice()
    names = [f"{SNS}SimpleNotificationService-{number}.pem" for number in range(6)]
    with desk(office) as reports:
        assert [reports.post(office.envelope(SigningCertURL=name)) for name in names] == [200] * 6
    assert office.fetched == names


def test_a_subscription_of_our_topic_is_confirmed() -> None:
    office = SesOffice()
    with desk(office) as reports:
        assert reports.post(office.envelope("SubscriptionConfirmation")) == 200
        assert reports.post(office.envelope("UnsubscribeConfirmation")) == 200
        assert reports.passed_over("subscription") == 2
    assert office.fetched == [CERTIFICATE, CONFIRM]


def test_while_amazon_cannot_be_asked_it_is_asked_to_come_again() -> None:
    office = SesOffice()
    office.away = True
    with desk(office) as reports:
        assert reports.post(office.report(BOUNCE)) == 503
        office.away = False
        assert reports.post(office.report(BOUNCE)) == 200


@pytest.mark.parametrize(
    "certificate", [b"", b"<html>", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_certificate_that_is_none_is_not_kept(certificate: bytes) -> None:
    office = SesOffice()
    right, office.certificate = office.certificate, certificate
    with desk(office) as reports:
        assert reports.post(office.report(BOUNCE)) == 503
        office.certificate = right
        assert reports.post(office.report(BOUNCE)) == 200


FOREIGN = [
    "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
    "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem",
    "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0.pem",
    "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0.pem",
    "https://sns.eu-west-1xamazonaws.com/SimpleNotificationService-0.pem",
    "https://evil.example/https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
    "https://evil.s3.amazonaws.com/SimpleNotificationService-0.pem",
    "https://169.254.169.254/latest/meta-data/",
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem\n",
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem?x=.pem",
    "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-0.pem",
    "file:///etc/passwd",
    "",
]


@pytest.mark.parametrize("url", FOREIGN)
def test_a_certificate_from_anywhere_else_is_not_fetched(url: str) -> None:
    office = SesOffice()
    with desk(office) as reports:
        assert reports.post(office.envelope(SigningCertURL=url)) == 403
        assert reports.refused("foreign-host") == 1
    assert office.fetched == []


@pytest.mark.parametrize("url", FOREIGN)
def test_a_confirmation_that_leads_anywhere_else_is_not_followed(url: str) -> None:
    office = SesOffice()
    with desk(office) as reports:
        assert reports.post(office.envelope("SubscriptionConfirmation", SubscribeURL=url)) == 403
    assert office.fetched == [CERTIFICATE]


@pytest.mark.parametrize("kind", ["Notification", "SubscriptionConfirmation"])
def test_a_topic_of_somebody_else_is_neither_heard_nor_confirmed(kind: str) -> None:
    office = SesOffice()
    with desk(office) as reports:
        assert reports.post(office.envelope(kind, TopicArn="arn:aws:sns:eu-west-1:666666666666:mail-reports")) == 403
        assert reports.refused("other-topic") == 1
    assert office.fetched == []


@pytest.mark.parametrize(
    ("kind", "field", "other"),
    [
        ("Notification", "Message", "other"),
        ("Notification", "MessageId", "other"),
        ("Notification", "Subject", "other"),
        ("Notification", "Timestamp", "2026-09-21T14:13:21.000Z"),
        ("Notification", "Type", "UnsubscribeConfirmation"),
        ("SubscriptionConfirmation", "Token", "other"),
        ("SubscriptionConfirmation", "SubscribeURL", f"{SNS}?Action=DeleteTopic"),
        ("SubscriptionConfirmation", "Type", "Notification"),
    ],
)
def test_nothing_that_is_signed_can_be_changed(kind: str, field: str, other: str) -> None:
    office = SesOffice()
    envelope = msgspec.json.decode(office.envelope(kind)[0]) | {field: other}
    check_refused(office, (msgspec.json.encode(envelope), {}), "forged")
    assert office.fetched == [CERTIFICATE]


def test_a_notification_cannot_be_made_into_a_confirmation() -> None:
    office = SesOffice()
    envelope = msgspec.json.decode(office.envelope()[0]) | {"Token": "x", "SubscribeURL": CONFIRM}
    with desk(office) as reports:
        assert reports.post((msgspec.json.encode(envelope | {"Type": "SubscriptionConfirmation"}), {})) == 403


@pytest.mark.parametrize("signature", ["", "AAAA", "%%%", "é"])
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    office = SesOffice()
    envelope = msgspec.json.decode(office.envelope()[0]) | {"Signature": signature}
    with desk(office) as reports:
        assert reports.post((msgspec.json.encode(envelope), {})) == 403
        assert reports.refused("forged") == 1


@pytest.mark.parametrize(
    "changes", [{"SignatureVersion": "3"}, {"Type": "Other"}, {"Timestamp": "soon"}, {"Subject": 7}]
)
def test_an_envelope_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    office = SesOffice()
    envelope = msgspec.json.decode(office.envelope()[0]) | changes
    with desk(office) as reports:
        assert reports.post((msgspec.json.encode(envelope), {})) == 400
    assert office.fetched == []


@pytest.mark.parametrize("minutes", [-6, 121, 60 * 24 * 365])
def test_what_was_published_long_ago_or_tomorrow_is_refused(minutes: int) -> None:
    office = SesOffice()
    check_refused(office, office.report(BOUNCE, at=NOW - minutes * 60_000), "stale")
    assert office.fetched == []


def test_a_retry_after_an_hour_is_still_taken() -> None:
    office = SesOffice()
    assert len(published_of(office, office.report(BOUNCE, at=NOW - 3_600_000))) == 1


def test_a_subject_is_optional() -> None:
    office = SesOffice()
    envelope = msgspec.json.decode(office.report(BOUNCE)[0])
    del envelope["Subject"], envelope["Signature"]
    assert len(published_of(office, (msgspec.json.encode(envelope | {"Signature": sign(envelope)}), {}))) == 1


def test_in_china_amazon_has_another_domain() -> None:
    topic = TOPIC.replace("arn:aws:", "arn:aws-cn:").replace("eu-west-1", "cn-north-1")
    office = SesOffice(topic)
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0.pem"
    message = msgspec.json.encode(BOUNCE).decode()
    assert len(published_of(office, office.envelope(TopicArn=topic, SigningCertURL=url, Message=message))) == 1


def test_whoever_invents_certificates_keeps_one_thread_waiting_at_most() -> None:
    office = SesOffice()
    refusals: list[tuple[str, int]] = []

    def fetch(url: str) -> bytes:
        with pytest.raises(BadFeedback) as refused:
            provider.verify({}, office.envelope(SigningCertURL=f"{SNS}SimpleNotificationService-1.pem")[0])
        refusals.append((refused.value.code, refused.value.status))
        return office.certificate

    provider = AmazonSes(TOPIC, lambda: NOW, fetch)
    provider.verify({}, office.envelope()[0])
    assert refusals == [("busy", 503)]


def test_amazon_is_believed_only_at_the_address_that_was_asked() -> None:
    with hook_server() as hooks:
        hooks.status, hooks.headers = 302, {"Location": hooks.url}
        with pytest.raises(BadFeedback) as refused:
            fetch(hooks.url)
        assert (refused.value.status, len(hooks.received)) == (503, 1)
        hooks.status = 200
        assert fetch(hooks.url) == b""
    with pytest.raises(BadFeedback):
        fetch(hooks.url)
    with pytest.raises(BadFeedback):
        fetch(f"{SNS}\n")

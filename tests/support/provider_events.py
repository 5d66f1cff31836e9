"""What providers of mail report, as their documentation shows it."""

from typing import Any

from engine.adapters.mail.reference import reference_headers
from tests.support.website import token

SES_AT = "2017-08-05T00:41:02.669Z"


def ses_event(kind: str, name: str = "eventType", **detail: Any) -> dict[str, Any]:
    return {
        name: kind,
        kind.lower(): {"timestamp": SES_AT} | detail,
        "mail": {
            "timestamp": "2017-08-05T00:40:02.012Z",
            "source": "Sender Name <sender@example.com>",
            "sendingAccountId": "123456789012",
            "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
            "destination": ["recipient@example.com"],
            "headersTruncated": False,
            "headers": [
                {"name": "From", "value": "Sender Name <sender@example.com>"},
                {"name": "To", "value": "recipient@example.com"},
                {"name": "X-Engine-Token", "value": token()},
            ],
            "commonHeaders": {"subject": "Message sent from Amazon SES"},
            "tags": {"ses:configuration-set": ["ConfigSet"], "ses:from-domain": ["example.com"]},
        },
    }


def sendgrid_event(kind: str, **changes: Any) -> dict[str, Any]:
    fields = {
        "email": "example@test.com",
        "timestamp": 1_513_299_569,
        "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
        "event": kind,
        "category": "cat facts",
        "sg_event_id": "sg_event_id",
        "sg_message_id": "sg_message_id",
        "engine_token": token(),
    }
    return fields | changes


def mailgun_event(kind: str, **changes: Any) -> dict[str, Any]:
    fields = {
        "event": kind,
        "id": "G9Bn5sl1TC6nu79C8C0bwg",
        "timestamp": 1521233195.375624,
        "recipient": "alice@example.com",
        "recipient-domain": "example.com",
        "message": {"headers": {"subject": "Test permanent_fail webhook"}, "size": 111},
        "tags": ["my_tag_1"],
        "user-variables": {"my_var_1": "Mailgun Variable #1", "engine_token": token()},
    }
    return fields | changes


def mailgun_failed(severity: str, reason: str, code: int) -> dict[str, Any]:
    status = {
        "attempt-no": 1,
        "message": "",
        "code": code,
        "description": "Not delivering to previously bounced address",
    }
    return mailgun_event("failed", severity=severity, reason=reason, **{"delivery-status": status})


POSTMARK_METADATA = {
    name.removeprefix("X-PM-Metadata-"): value for name, value in reference_headers("postmark", token())
}


def postmark_event(kind: str, **changes: Any) -> dict[str, Any]:
    fields = {
        "RecordType": kind,
        "MessageStream": "outbound",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "ServerID": 23,
        "Tag": "Test",
        "Metadata": {"a_key": "a_value", **POSTMARK_METADATA},
    }
    return fields | changes


def postmark_bounce(type_: str) -> dict[str, Any]:
    return postmark_event("Bounce", ID=692560173, Type=type_, BouncedAt="2019-11-05T16:33:54.9070259Z", Inactive=True)


def postmark_change(reason: str | None, origin: str = "Recipient", suppress: bool = True) -> dict[str, Any]:
    fields = {"SuppressionReason": reason, "Origin": origin, "SuppressSending": suppress}
    return postmark_event("SubscriptionChange", ChangedAt="2019-11-05T16:33:54.907025Z", **fields)


POSTMARK_COMPLAINT = postmark_event(
    "SpamComplaint", Type="SpamComplaint", BouncedAt="2019-11-05T11:33:54.9070259-05:00"
)

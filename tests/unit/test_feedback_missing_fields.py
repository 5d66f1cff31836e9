"""Providers send nulls that no documentation has: a report counts as far as it can be read."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import msgspec
import pytest

from engine.core.zones import iso
from tests.support.mail_providers import (
    MailgunOffice,
    Office,
    PostmarkOffice,
    SendGridOffice,
    SesOffice,
    desk,
    published_of,
)
from tests.support.provider_events import (
    POSTMARK_COMPLAINT,
    POSTMARK_METADATA,
    mailgun_event,
    mailgun_failed,
    postmark_bounce,
    postmark_change,
    postmark_event,
    sendgrid_event,
    ses_event,
)
from tests.support.website import NOW

Change = Callable[[dict[str, Any]], None]


class Case(NamedTuple):
    """`essential`: the fields without which nobody could tell what happened, or to which mail."""

    office: Callable[[], Office]
    event: dict[str, Any]
    type: str
    essential: frozenset[str]


def ses(event: dict[str, Any], type_: str, *essential: str) -> Case:
    known = {"eventType", "mail", "headers", "name", "value", *essential}
    return Case(SesOffice, event, type_, frozenset(known))


def sendgrid(event: dict[str, Any], type_: str, *essential: str) -> Case:
    return Case(SendGridOffice, event, type_, frozenset({"event", "engine_token", *essential}))


def mailgun(event: dict[str, Any], type_: str, *essential: str) -> Case:
    return Case(MailgunOffice, event, type_, frozenset({"event", "user-variables", "engine_token", *essential}))


def postmark(event: dict[str, Any], type_: str, *essential: str) -> Case:
    tokens = {name for name in event["Metadata"] if name.startswith("engine-token-")}
    return Case(PostmarkOffice, event, type_, frozenset({"RecordType", "Metadata", *tokens, *essential}))


CASES = [
    ses(
        ses_event("Bounce", bounceType="Permanent", bounceSubType="General"), "outreach_bounced", "bounce", "bounceType"
    ),
    ses(ses_event("Complaint", complaintFeedbackType="abuse", userAgent="x"), "outreach_complained"),
    ses(ses_event("Click", link="https://x.example"), "outreach_clicked", "click", "timestamp"),
    ses(
        ses_event("Subscription", newTopicPreferences={"unsubscribeAll": True}),
        "outreach_unsubscribed",
        *("subscription", "newTopicPreferences", "unsubscribeAll"),
    ),
    sendgrid(sendgrid_event("bounce", type="bounce", reason="500 unknown", status="5.0.0"), "outreach_bounced", "type"),
    sendgrid(sendgrid_event("dropped", reason="Bounced Address", type="x"), "outreach_bounced", "reason"),
    sendgrid(sendgrid_event("spamreport"), "outreach_complained"),
    sendgrid(sendgrid_event("unsubscribe"), "outreach_unsubscribed"),
    sendgrid(sendgrid_event("open", sg_machine_open=False), "outreach_opened", "timestamp"),
    mailgun(mailgun_failed("permanent", "bounce", 550), "outreach_bounced", "severity", "reason"),
    mailgun(mailgun_event("complained", severity="permanent", reason="x"), "outreach_complained"),
    mailgun(mailgun_event("unsubscribed", geolocation={"country": "US"}), "outreach_unsubscribed"),
    mailgun(
        mailgun_event("opened", **{"client-info": {"bot": "", "client-type": "x"}}), "outreach_opened", "timestamp"
    ),
    postmark(postmark_bounce("HardBounce"), "outreach_bounced", "Type"),
    postmark(postmark_bounce("Unsubscribe"), "outreach_unsubscribed", "Type"),
    postmark(POSTMARK_COMPLAINT, "outreach_complained"),
    postmark(postmark_change("SpamComplaint"), "outreach_complained", "SuppressionReason"),
    postmark(postmark_change("ManualSuppression"), "outreach_unsubscribed", "SuppressionReason"),
    postmark(
        postmark_event("Click", ReceivedAt="2019-11-05T16:33:54Z", Platform="x"), "outreach_clicked", "ReceivedAt"
    ),
]

WRONG: list[tuple[str, Any]] = [("null", None), ("number", 7), ("list", [None]), ("object", {"a": None}), ("text", "x")]


def changes(event: Any, essential: frozenset[str], path: tuple[Any, ...] = ()) -> Iterator[tuple[str, Change]]:
    """Every field that is not essential, at any depth: gone, null, and of other types."""
    for key, value in event.items() if isinstance(event, dict) else enumerate(event):
        here = (*path, key)
        if isinstance(value, dict | list):
            yield from changes(value, essential, here)
        if isinstance(key, int) or key in essential:
            continue
        name = ".".join(map(str, here))
        yield f"{name} gone", partial(_remove, here)
        for kind, wrong in WRONG:
            if not (kind == "text" and isinstance(value, str)):
                yield f"{name} {kind}", partial(_set, here, wrong)


def _inner(event: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        event = event[key]
    return event


def _remove(path: tuple[Any, ...], event: dict[str, Any]) -> None:
    del _inner(event, path[:-1])[path[-1]]


def _set(path: tuple[Any, ...], wrong: Any, event: dict[str, Any]) -> None:
    _inner(event, path[:-1])[path[-1]] = wrong


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.office.name}-{case.type}")
def test_a_field_that_is_missing_null_or_of_another_type_loses_no_report(case: Case) -> None:
    office = case.office()
    with desk(office) as reports:
        lost = []
        for name, change in changes(case.event, case.essential):
            event = deepcopy(case.event)
            change(event)
            before = len(reports.published())
            assert reports.post(office.report(event)) == 200
            if [one["type"] for one in reports.published()[before:]] != [case.type]:
                lost.append(name)
        assert lost == []


@pytest.mark.parametrize(
    "event",
    [
        {"RecordType": "Bounce", "Type": "Unsubscribe", "TypeCode": 16, "MessageStream": "outbound"},
        {"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "ManualSuppression"},
    ],
)
def test_an_unsubscribe_without_a_moment_has_happened_now(event: dict[str, Any]) -> None:
    office = PostmarkOffice()
    (published,) = published_of(office, office.report(event | {"Metadata": POSTMARK_METADATA}))
    assert (published["type"], published["time"]) == ("outreach_unsubscribed", iso(NOW))


def test_a_customer_whose_suppression_has_no_origin_has_complained_all_the_same() -> None:
    office = PostmarkOffice()
    said = postmark_change("SpamComplaint") | {"Origin": None}
    assert [one["type"] for one in published_of(office, office.report(said))] == ["outreach_complained"]


def test_a_header_without_a_value_beside_ours_spoils_nothing() -> None:
    office = SesOffice()
    event = ses_event("Bounce", bounceType="Permanent", reportingMTA="dsn; mta.example.com")
    event["mail"]["headers"] = [{"name": "Reply-To", "value": None}, None, 7, *event["mail"]["headers"]]
    (published,) = published_of(office, office.envelope(Message=msgspec.json.encode(event).decode()))
    assert published["type"] == "outreach_bounced"

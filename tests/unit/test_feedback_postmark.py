"""Postmark's webhooks, with events as its documentation shows them."""

from typing import Any

import pytest

from engine.adapters.mail.reference import reference_headers
from tests.unit.mail_providers import PostmarkOffice, desk
from tests.unit.website import token

OFFICE = PostmarkOffice()
METADATA = {name.removeprefix("X-PM-Metadata-"): value for name, value in reference_headers("postmark", token())}


def event(kind: str, **changes: Any) -> dict[str, Any]:
    fields = {
        "RecordType": kind,
        "MessageStream": "outbound",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "ServerID": 23,
        "Tag": "Test",
        "Metadata": {"a_key": "a_value", **METADATA},
    }
    return fields | changes


def bounce(type_: str) -> dict[str, Any]:
    return event("Bounce", ID=692560173, Type=type_, BouncedAt="2019-11-05T16:33:54.9070259Z", Inactive=True)


def change(reason: str | None, origin: str = "Recipient", suppress: bool = True) -> dict[str, Any]:
    fields = {"SuppressionReason": reason, "Origin": origin, "SuppressSending": suppress}
    return event("SubscriptionChange", ChangedAt="2019-11-05T16:33:54.907025Z", **fields)


COMPLAINT = event("SpamComplaint", Type="SpamComplaint", BouncedAt="2019-11-05T11:33:54.9070259-05:00")
OPEN = event("Open", FirstOpen=True, ReceivedAt="2019-11-05T16:33:54.9070259Z", Client={"Name": "Chrome"})
CLICK = event(
    "Click", ClickLocation="HTML", ReceivedAt="2019-11-05T16:33:54.9070259Z", OriginalLink="https://example.com"
)


@pytest.mark.parametrize(
    ("said", "type_"),
    [
        (bounce("HardBounce"), "outreach_bounced"),
        (bounce("BadEmailAddress"), "outreach_bounced"),
        (bounce("SpamComplaint"), "outreach_complained"),
        (bounce("Unsubscribe"), "outreach_unsubscribed"),
        (COMPLAINT, "outreach_complained"),
        (change("HardBounce"), "outreach_bounced"),
        (change("SpamComplaint"), "outreach_complained"),
        (change("ManualSuppression"), "outreach_unsubscribed"),
        (OPEN, "outreach_opened"),
        (CLICK, "outreach_clicked"),
    ],
)
def test_what_matters_to_rules_becomes_an_event(said: dict[str, Any], type_: str) -> None:
    with desk(OFFICE) as reports:
        assert reports.post(OFFICE.report(said)) == 200
        (published,) = reports.published()
    assert (published["type"], published["time"]) == (type_, "2019-11-05T16:33:54.907Z")


@pytest.mark.parametrize(
    "said",
    [
        *map(bounce, ("Transient", "SoftBounce", "DnsError", "Blocked", "AutoResponder", "SpamNotification")),
        change(None, suppress=False),
        change("ManualSuppression", origin="Admin"),
        event("Delivery", DeliveredAt="2019-11-05T16:33:54.9070259Z"),
    ],
)
def test_what_may_pass_or_is_not_the_customers_doing_is_passed_over(said: dict[str, Any]) -> None:
    with desk(OFFICE) as reports:
        assert reports.post(OFFICE.report(said)) == 200
        assert (reports.published(), reports.passed_over("other-kind")) == ([], 1)


def test_a_bounce_told_by_two_webhooks_is_one_event() -> None:
    with desk(OFFICE) as reports:
        reports.post(OFFICE.report(bounce("HardBounce")))
        reports.post(OFFICE.report(change("HardBounce")))
        assert {published["id"] for published in reports.published()} == {"o-1:bounced"}


@pytest.mark.parametrize(
    "said",
    [
        {},
        event("Open"),
        event("Open", ReceivedAt="yesterday"),
        event("Open", ReceivedAt="2019-11-05T16:33:54"),
        event("Open", ReceivedAt="0001-01-01T00:00:00Z"),
    ],
)
def test_an_event_that_cannot_be_read_is_passed_over(said: dict[str, Any]) -> None:
    with desk(OFFICE) as reports:
        assert reports.post(OFFICE.report(said)) == 200
        assert (reports.published(), reports.passed_over("unreadable-entry")) == ([], 1)


def test_a_token_with_a_piece_missing_is_passed_over() -> None:
    metadata = dict(list(METADATA.items())[1:])
    with desk(OFFICE) as reports:
        assert reports.post(OFFICE.report({**COMPLAINT, "Metadata": metadata})) == 200
        assert (reports.published(), reports.passed_over("bad-token")) == ([], 1)


@pytest.mark.parametrize("header", ["", "Basic", "Basic é", "Bearer x", "Basic cG9zdG1hcms6d3Jvbmc="])
def test_a_login_that_is_not_the_one_in_the_settings_is_refused(header: str) -> None:
    body, _ = OFFICE.report(COMPLAINT)
    with desk(OFFICE) as reports:
        answer = reports.browser.post("/feedback/postmark", content=body, headers={b"Authorization": header.encode()})
        assert (answer.status_code, reports.refused("wrong-login"), reports.published()) == (403, 1, [])

"""Postmark's webhooks, with events as its documentation shows them."""

from typing import Any

import pytest

from tests.support.mail_providers import PostmarkOffice, check_passed_over, desk, published_of
from tests.support.provider_events import (
    POSTMARK_COMPLAINT as COMPLAINT,
    POSTMARK_METADATA,
    postmark_bounce as bounce,
    postmark_change as change,
    postmark_event as event,
)

OFFICE = PostmarkOffice()


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
    (published,) = published_of(OFFICE, OFFICE.report(said))
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
    check_passed_over(OFFICE, OFFICE.report(said), "other-kind")


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
    check_passed_over(OFFICE, OFFICE.report(said), "unreadable-entry")


def test_a_token_with_a_piece_missing_is_passed_over() -> None:
    metadata = dict(list(POSTMARK_METADATA.items())[1:])
    check_passed_over(OFFICE, OFFICE.report({**COMPLAINT, "Metadata": metadata}), "bad-token")


@pytest.mark.parametrize("header", ["", "Basic", "Basic é", "Bearer x", "Basic cG9zdG1hcms6d3Jvbmc="])
def test_a_login_that_is_not_the_one_in_the_settings_is_refused_and_may_be_tried_again(header: str) -> None:
    body, _ = OFFICE.report(COMPLAINT)
    with desk(OFFICE) as reports:
        answer = reports.browser.post("/feedback/postmark", content=body, headers={b"Authorization": header.encode()})
        assert (answer.status_code, reports.refused("wrong-login"), reports.published()) == (401, 1, [])

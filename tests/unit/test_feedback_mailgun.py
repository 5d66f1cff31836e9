"""Mailgun's webhooks, with events as its documentation shows them."""

from typing import Any

import msgspec
import pytest

from tests.support.mail_providers import MailgunOffice, check_passed_over, check_refused, desk, published_of
from tests.support.provider_events import mailgun_event as event, mailgun_failed as failed
from tests.support.website import NOW

OFFICE = MailgunOffice()


@pytest.mark.parametrize(
    ("said", "type_"),
    [
        (failed("permanent", "bounce", 550), "outreach_bounced"),
        (failed("permanent", "suppress-bounce", 605), "outreach_bounced"),
        (failed("permanent", "suppress-complaint", 607), "outreach_complained"),
        (failed("permanent", "suppress-unsubscribe", 606), "outreach_unsubscribed"),
        (event("complained"), "outreach_complained"),
        (event("unsubscribed", geolocation={"country": "US"}), "outreach_unsubscribed"),
        (event("opened", ip="50.56.129.169"), "outreach_opened"),
        (event("clicked", url="http://mailgun.net"), "outreach_clicked"),
        (event("clicked", **{"client-info": {"bot": "", "client-type": "browser"}}), "outreach_clicked"),
    ],
)
def test_what_matters_to_rules_becomes_an_event(said: dict[str, Any], type_: str) -> None:
    (published,) = published_of(OFFICE, OFFICE.report(said))
    assert (published["type"], published["time"]) == (type_, "2018-03-16T20:46:35.375Z")


@pytest.mark.parametrize(
    "said",
    [
        failed("temporary", "generic", 498),
        failed("temporary", "bounce", 550),
        failed("permanent", "old", 602),
        failed("permanent", "espblock", 550),
        event("accepted"),
        event("delivered"),
        event("rejected"),
        event("opened", **{"client-info": {"bot": "apple"}}),
        event("clicked", **{"client-info": {"bot": "generic"}}),
        event("clicked", **{"client-info": {"bot": "", "client-type": "robot"}}),
    ],
)
def test_what_may_pass_or_was_a_machines_doing_is_passed_over(said: dict[str, Any]) -> None:
    check_passed_over(OFFICE, OFFICE.report(said), "other-kind")


@pytest.mark.parametrize("said", [7, None, [], "text", {}, event("opened", timestamp="soon"), event("opened", event=7)])
def test_an_event_that_cannot_be_read_is_passed_over(said: Any) -> None:
    check_passed_over(OFFICE, OFFICE.report(said), "unreadable-entry")


@pytest.mark.parametrize("variables", [[], {}, None, "text", {"engine_token": ["x"]}, {"engine_token": ""}])
def test_variables_of_somebody_else_harm_nobody(variables: Any) -> None:
    assert published_of(OFFICE, OFFICE.report(event("opened", **{"user-variables": variables}))) == []


def test_a_retry_after_hours_is_still_taken() -> None:
    assert len(published_of(OFFICE, OFFICE.report(event("complained"), at=NOW - 8 * 3_600_000))) == 1


@pytest.mark.parametrize("hours", [-1, 10, 24 * 365])
def test_what_was_signed_long_ago_or_tomorrow_is_refused(hours: int) -> None:
    check_refused(OFFICE, OFFICE.report(event("complained"), at=NOW - hours * 3_600_000), "stale")


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": str(NOW // 1000 + 1)},
        {"token": "another-word"},
        {"signature": ""},
        {"signature": "é" * 64},
        {"timestamp": NOW // 1000 - 7},
    ],
)
def test_a_signature_of_something_else_is_refused(changes: dict[str, Any]) -> None:
    body = msgspec.json.decode(OFFICE.report(event("complained"))[0])
    body["signature"] |= changes
    check_refused(OFFICE, (msgspec.json.encode(body), {}), "forged")


@pytest.mark.parametrize("timestamp", ["", "soon", -1, 1.5, None, "9" * 5_000, 10**18, "٣"])
def test_a_time_of_signing_that_is_none_is_refused(timestamp: Any) -> None:
    body = msgspec.json.decode(OFFICE.report(event("complained"))[0])
    body["signature"]["timestamp"] = timestamp
    with desk(OFFICE) as reports:
        assert reports.post((msgspec.json.encode(body), {})) == 400
        assert reports.published() == []

"""SendGrid's event webhook, with events as its reference shows them."""

import threading
from typing import Any

import msgspec
import pytest

from engine.adapters.memory import MemorySuppressions
from tests.support.mail_providers import SendGridOffice, check_passed_over, check_refused, desk, published_of
from tests.support.provider_events import sendgrid_event as event
from tests.support.website import NOW, token

OFFICE = SendGridOffice()


@pytest.mark.parametrize(
    ("said", "type_", "report"),
    [
        (event("bounce", reason="500 unknown recipient", status="5.0.0", type="bounce"), "outreach_bounced", ""),
        (event("dropped", reason="Bounced Address", status="5.0.0"), "outreach_bounced", ""),
        (event("dropped", reason="Spam Reporting Address"), "outreach_complained", ""),
        (event("dropped", reason="Unsubscribed Address"), "outreach_unsubscribed", ""),
        (event("spamreport"), "outreach_complained", ""),
        (event("unsubscribe"), "outreach_unsubscribed", ""),
        (event("group_unsubscribe", asm_group_id=10), "outreach_unsubscribed", ""),
        (event("open", useragent="Mozilla/4.0", sg_machine_open=False), "outreach_opened", ":1513299569000"),
        (event("click", url="http://www.sendgrid.com/"), "outreach_clicked", ":1513299569000"),
    ],
)
def test_what_matters_to_rules_becomes_an_event(said: dict[str, Any], type_: str, report: str) -> None:
    (published,) = published_of(OFFICE, OFFICE.report(said))
    assert (published["type"], published["time"]) == (type_, "2017-12-15T00:59:29Z")
    assert published["id"] == f"o-1:{type_.removeprefix('outreach_')}{report}"


@pytest.mark.parametrize(
    "said",
    [
        event("bounce", reason="550 blocked", type="blocked"),
        event("bounce"),
        event("dropped", reason="Spam Content"),
        event("deferred", response="400 try again later", attempt="5"),
        event("processed"),
        event("delivered", response="250 OK"),
        event("open", sg_machine_open=True),
        event("group_resubscribe", asm_group_id=10),
        event("account_status_change", type="compliance_suspend"),
    ],
)
def test_what_may_pass_or_is_not_the_customers_doing_is_passed_over(said: dict[str, Any]) -> None:
    check_passed_over(OFFICE, OFFICE.report(said), "other-kind")


def test_one_bad_entry_of_a_batch_spoils_no_other() -> None:
    bad: list[Any] = [
        7,
        None,
        {},
        [],
        "text",
        event("open", timestamp="soon"),
        event("open", timestamp=-1),
        event("open", event=1),
    ]
    batch = [event("spamreport"), *bad, event("click", timestamp=1e10), event("delivered"), event("open")]
    with desk(OFFICE) as reports:
        assert reports.post(OFFICE.signed(msgspec.json.encode(batch))) == 200
        types = [published["type"] for published in reports.published()]
        assert reports.passed_over("unreadable-entry") == len(bad)
    assert types == ["outreach_complained", "outreach_clicked", "outreach_opened"]


def test_a_batch_of_many_who_unsubscribe_asks_the_store_for_all_of_them_at_once() -> None:
    """One after the other, a batch of a hundred would take longer than SendGrid waits, and come again for ever."""
    together = threading.Barrier(4)

    class Slow(MemorySuppressions):
        def allowed(self, digest: str, purpose: str) -> int:
            together.wait(30)
            return super().allowed(digest, purpose)

    batch = [event("unsubscribe", engine_token=token(outreach=f"o-{number}")) for number in range(4)]
    with desk(OFFICE, suppressions=Slow()) as reports:
        assert reports.post(OFFICE.signed(msgspec.json.encode(batch))) == 200
        ids = [published["id"] for published in reports.published()]
    assert ids == [f"o-{number}:unsubscribed" for number in range(4)]


def test_a_click_that_has_not_happened_yet_happened_now() -> None:
    with desk(OFFICE) as reports:
        reports.post(OFFICE.report(event("click", timestamp=99_999_999_999)))
        (published,) = reports.published()
    assert published["time"] == "2026-09-21T14:13:20Z"


def test_a_customer_who_unsubscribes_at_sendgrid_wants_no_more_of_this_purpose() -> None:
    with desk(OFFICE) as reports:
        reports.post(OFFICE.report(event("unsubscribe")))
        (published,) = reports.published()
    assert published["properties"]["marketing"] is False


def test_nobody_unsubscribes_from_receipts() -> None:
    with desk(OFFICE) as reports:
        said = event("unsubscribe", engine_token=token(purpose="transactional"))
        assert reports.post(OFFICE.report(said)) == 200
        assert (reports.published(), reports.passed_over("transactional")) == ([], 1)


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24 * 365])
def test_what_was_signed_long_ago_or_tomorrow_is_refused(minutes: int) -> None:
    check_refused(OFFICE, OFFICE.report(event("click"), at=NOW - minutes * 60_000), "stale")


def test_the_time_of_signing_cannot_be_changed() -> None:
    body, headers = OFFICE.report(event("click"), at=NOW - 3_600_000)
    with desk(OFFICE) as reports:
        assert reports.post((body, headers | {"X-Twilio-Email-Event-Webhook-Timestamp": str(NOW // 1000)})) == 403
        assert reports.refused("forged") == 1


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", "٣", "9" * 5_000, " 1790000000"])
def test_a_time_of_signing_that_is_none_is_refused(timestamp: str) -> None:
    body, headers = OFFICE.report(event("click"))
    changed = {name.encode(): value.encode() for name, value in headers.items()}
    changed[b"X-Twilio-Email-Event-Webhook-Timestamp"] = timestamp.encode()
    with desk(OFFICE) as reports:
        answer = reports.browser.post("/feedback/sendgrid", content=body, headers=changed)
        assert (answer.status_code, reports.published()) == (403, [])


@pytest.mark.parametrize("signature", ["", "AAAA", "%%%", "MEUCIQ", "A" * 10_000])
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    body, headers = OFFICE.report(event("click"))
    with desk(OFFICE) as reports:
        assert reports.post((body, headers | {"X-Twilio-Email-Event-Webhook-Signature": signature})) == 403
        assert reports.refused("forged") == 1


def test_a_body_changed_by_one_space_is_refused() -> None:
    body, headers = OFFICE.report(event("click"))
    with desk(OFFICE) as reports:
        assert reports.post((body + b" ", headers)) == 403


def test_a_report_that_somebody_else_has_signed_is_refused() -> None:
    check_refused(OFFICE, SendGridOffice().report(event("click")), "forged")

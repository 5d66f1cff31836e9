"""What providers report of mail becomes events about customers; what anybody else reports becomes nothing."""

from collections.abc import Iterator
from email import message_from_bytes

import msgspec
import pytest
import structlog

from engine.adapters.mail.message import Letterhead, mail_of
from engine.adapters.mail.reference import reference_headers
from engine.adapters.memory import MemorySuppressions
from engine.config import BadSetting, load_settings
from engine.errors import PermanentFailure, StoreUnavailable
from engine.wire.digests import address_digest
from engine.wiring.feedback_providers import feedback_providers
from engine.wiring.sender import letterhead
from tests.support.mail_providers import (
    TOPIC,
    Desk,
    MailgunOffice,
    Office,
    PostmarkOffice,
    SendGridOffice,
    SesOffice,
    desk,
)
from tests.support.outreach import outreach
from tests.support.provider_events import mailgun_event
from tests.support.website import ADDRESS, NOW, Away, token

OFFICES = (SesOffice, SendGridOffice, MailgunOffice, PostmarkOffice)
NAMES = [office.name for office in OFFICES]


@pytest.fixture(params=OFFICES, ids=NAMES)
def office(request: pytest.FixtureRequest) -> Office:
    made: Office = request.param()
    return made


@pytest.fixture
def reports(office: Office) -> Iterator[Desk]:
    with desk(office) as opened:
        yield opened


def complaint(office: Office, text: str = "", at: int = NOW) -> tuple[bytes, dict[str, str]]:
    return office.report(office.complaint(dict(reference_headers(office.name, text or token()))), at)


# --- reports


def test_a_complaint_is_an_event_about_the_customer_and_the_outreach(office: Office, reports: Desk) -> None:
    assert reports.post(complaint(office)) == 200
    assert reports.published() == [
        {
            "id": "o-1:complained",
            "type": "outreach_complained",
            "customer": "c-1042",
            "time": "2026-09-21T14:12:20Z",
            "properties": {
                "rule": "win-back", "outreach": "o-1", "channel": "email", "purpose": "marketing", "address": ADDRESS,
            },
        }
    ]  # fmt: skip


def test_a_complaint_told_again_is_the_same_event(office: Office, reports: Desk) -> None:
    assert [reports.post(complaint(office)), reports.post(complaint(office, at=NOW - 60_000))] == [200, 200]
    first, again = reports.published()
    assert first == again


def test_what_a_mail_carries_comes_back_with_the_report(office: Office, reports: Desk) -> None:
    settings = load_settings(
        mail_provider=office.name, mail_from="news@shop.example", token_secret="the-secret-of-today"
    )
    mail = mail_of(outreach(to="ada@shop.example", purpose="transactional"), letterhead(settings), NOW)
    headers = {name: str(value) for name, value in message_from_bytes(mail.content).items()}
    assert reports.post(office.report(office.complaint(headers))) == 200
    (event,) = reports.published()
    sent = outreach()
    assert (event["customer"], event["properties"]["outreach"]) == (sent.customer, sent.id)
    assert event["properties"]["address"] == address_digest("email", "ada@shop.example")


def test_a_report_about_mail_that_is_not_ours_is_counted_and_not_asked_for_again(office: Office, reports: Desk) -> None:
    assert reports.post(office.report(office.complaint({}))) == 200
    assert (reports.published(), reports.passed_over("no-token")) == ([], 1)


@pytest.mark.parametrize("text", ["forged", "a.b", "é.é", token() + "A", token()[:-2], "x" * 790, "."])
def test_a_report_with_a_token_that_we_have_not_made_is_passed_over(office: Office, reports: Desk, text: str) -> None:
    assert reports.post(complaint(office, text)) == 200
    assert (reports.published(), reports.passed_over("bad-token")) == ([], 1)


def test_while_the_broker_is_away_providers_are_asked_to_come_again(office: Office) -> None:
    with desk(office, writer=Away()) as reports:
        assert reports.post(complaint(office)) == 503


def test_an_unsubscribe_told_again_while_the_store_is_away_is_the_same_event() -> None:
    class Unreachable(MemorySuppressions):
        def allowed(self, digest: str, purpose: str) -> int:
            raise StoreUnavailable("redis://10.0.0.7", "it cannot be reached")

    office = MailgunOffice()
    report = office.report(mailgun_event("unsubscribed"))
    with desk(office, suppressions=Unreachable()) as reports:
        assert reports.post(report) == 200
        reports.website.now += 600_000
        assert reports.post(report) == 200
        first, again = reports.published()
    assert first == again


# --- what is refused


@pytest.mark.parametrize(
    "body",
    [
        b"", b"hello", b"\xff\xfe", b"null", b"7", b'"text"', b"[" * 100_000, b'{"a":' * 100_000, b"[" * 900_000,
        b'[{"a":' * 90_000, b"{", b"a=b&c=d", b'{"Type": 7}', b'{"signature": []}',
    ],
    ids=lambda body: body[:8].decode(errors="replace"),
)  # fmt: skip
def test_a_body_that_says_nothing_harms_nobody(office: Office, reports: Desk, body: bytes) -> None:
    assert reports.post(office.signed(body)) in (200, 400)
    assert reports.published() == []


def test_a_body_of_more_than_a_megabyte_is_not_read_to_its_end(office: Office, reports: Desk) -> None:
    body, headers = complaint(office)
    assert reports.post((body + b" " * 1_000_000, headers)) == 413
    assert reports.published() == []


def test_a_report_that_nobody_has_signed_is_refused(office: Office, reports: Desk) -> None:
    body, _ = complaint(office)
    fields = msgspec.json.decode(body)
    if isinstance(fields, dict):
        fields.pop("Signature", None)
        fields.pop("signature", None)
    assert reports.post((msgspec.json.encode(fields), {})) in (400, 401, 403)
    assert reports.published() == []


def test_what_is_said_of_refused_reports_names_nobody(office: Office, reports: Desk) -> None:
    with structlog.testing.capture_logs() as logs:
        reports.post((complaint(office)[0] + b"}", {"Authorization": "Basic x"}))
        reports.post(complaint(office, "forged"))
    told = f"{logs} {reports.website.watch.page().decode()}"
    assert not any(word in told for word in ("c-1042", "o-1", ADDRESS, "example.com", token()))
    assert "refused" in told


def test_only_a_provider_that_is_set_up_is_listened_to(reports: Desk) -> None:
    others = set(NAMES) - {reports.office.name}
    answers = [reports.browser.post(f"/feedback/{name}", content=b"{}").status_code for name in others]
    assert answers == [404, 404, 404]
    assert reports.browser.get(f"/feedback/{reports.office.name}").status_code == 405


# --- settings and headers


def test_providers_that_have_a_setting_are_set_up() -> None:
    settings = load_settings(
        feedback_ses_topic=TOPIC,
        feedback_sendgrid_key=SendGridOffice().public,
        feedback_mailgun_key=MailgunOffice.key,
        feedback_postmark_login=PostmarkOffice.login,
    )
    assert list(feedback_providers(settings, lambda: NOW)) == NAMES
    assert feedback_providers(load_settings(), lambda: NOW) == {}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("feedback_ses_topic", "mail-reports"),
        ("feedback_ses_topic", "arn:aws:sns:evil.example/x:123456789012:mail"),
        ("feedback_sendgrid_key", "not base64"),
        ("feedback_sendgrid_key", "c2VjcmV0LXRoaW5n"),
        ("feedback_mailgun_key", "secret-thing"),
        ("feedback_postmark_login", "secret-thing-without-a-user"),
        ("feedback_postmark_login", "user:secret-thing"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_not_quoted(setting: str, value: str) -> None:
    with pytest.raises(BadSetting) as refused:
        feedback_providers(load_settings(**{setting: value}), lambda: NOW)
    assert refused.value.name == f"ENGINE_{setting.upper()}"
    assert "secret-thing" not in str(refused.value)


def test_without_a_provider_mail_carries_nothing_to_repeat() -> None:
    mail = mail_of(outreach(to="ada@shop.example"), letterhead(load_settings(mail_from="news@shop.example")), NOW)
    assert not any(name.startswith("X-") for name in message_from_bytes(mail.content))


@pytest.mark.parametrize("value", ["a\r\nBcc: all@shop.example", "a\nb", "", "é", "x" * 951])
def test_a_reference_that_would_break_a_header_is_refused(value: str) -> None:
    head = Letterhead("news@shop.example", reference=lambda _: [("X-Engine-Token", value)])
    with pytest.raises(PermanentFailure):
        mail_of(outreach(to="ada@shop.example"), head, NOW)


def test_a_token_too_long_for_postmark_is_not_cut() -> None:
    with pytest.raises(PermanentFailure):
        reference_headers("postmark", "x" * 801)

"""The unsubscribe link: looking at it changes nothing, pressing the button does, and only for whose link it is."""

import threading
from collections.abc import Sequence

import msgspec
import pytest

from engine.adapters.memory import MemoryRecords, MemorySuppressions
from engine.core.zones import DAY, iso
from engine.errors import StoreUnavailable
from engine.ports import SuppressionQuery
from engine.sender.feedback_consumer import read_change
from engine.wire.link_tokens import LinkToken, make_token
from tests.support.website import ADDRESS, NOW, SECRETS, Away, Browser, Website, token

LINK = f"/unsubscribe/{token()}"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_scanner_unsubscribes_nobody(site: Website, browser: Browser, method: str) -> None:
    for _ in range(3):
        assert browser.request(method, LINK).status_code == 200
    assert site.published() == []


def test_a_customer_who_follows_the_link_sees_a_button_and_what_it_is_about(browser: Browser) -> None:
    page = browser.get(LINK).text
    assert '<form method="post"><button>Unsubscribe</button></form>' in page
    assert "<strong>Tips</strong>" in page
    assert f'href="/preferences/{token()}"' in page


def test_pressing_the_button_is_an_event_of_that_customer(site: Website, browser: Browser) -> None:
    answer = browser.post(LINK)
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    (event,) = site.published()
    assert event == {
        "id": "o-1:unsubscribed",
        "type": "outreach_unsubscribed",
        "customer": "c-1042",
        "time": iso(NOW),
        "properties": {
            "marketing": False, "rule": "win-back", "outreach": "o-1", "channel": "email", "purpose": "marketing",
            "address": ADDRESS,
        },
    }  # fmt: skip
    assert isinstance(site.writer, MemoryRecords)
    assert [(key, identity) for key, identity, _ in site.writer.records] == [("c-1042", "o-1:unsubscribed")]
    assert site.counted("feedback_total", type="outreach_unsubscribed") == 1


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
         b"One-Click\r\n--x--\r\n"),
        ("text/plain", b""),
        ("application/json", b"\xff not JSON"),
    ],
)  # fmt: skip
def test_a_mail_program_unsubscribes_with_one_click(
    site: Website, browser: Browser, content_type: str, body: bytes
) -> None:
    answer = browser.post(LINK, content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 200, "no redirect: RFC 8058 forbids it"
    assert [event["type"] for event in site.published()] == ["outreach_unsubscribed"]


def test_pressing_twice_is_one_event_told_twice(site: Website, browser: Browser) -> None:
    browser.post(LINK)
    site.now += 5_000
    browser.post(LINK)
    assert [event["id"] for event in site.published()] == ["o-1:unsubscribed"] * 2


def unsubscribe_choose_unsubscribe(site: Website, browser: Browser, step: int) -> list[str]:
    """The ids of the three events, all from links of the same mail."""
    browser.post(LINK)
    site.now += step
    browser.post(f"/preferences/{token()}", data={"form": "preferences", "wants": ["marketing"]})
    site.now += step
    browser.post(LINK)
    return [event["id"] for event in site.published()]


@pytest.mark.parametrize("step", [0, 1, 3_600_000])
def test_who_unsubscribes_again_after_ticking_the_box_is_heard_again(
    site: Website, browser: Browser, step: int
) -> None:
    ids = unsubscribe_choose_unsubscribe(site, browser, step)
    assert len(set(ids)) == 3
    browser.post(LINK)
    assert site.published()[-1]["id"] == ids[-1], "and told twice it is the same again"


def test_another_process_knows_it_once_a_sender_has_heard_of_the_choice(site: Website, browser: Browser) -> None:
    first, *_ = unsubscribe_choose_unsubscribe(site, browser, 1_000)
    other = Website(suppressions=site.suppressions)
    for event in site.published()[:2]:
        site.suppressions.change(read_change(msgspec.json.encode(event)).changes)
    with other.open() as elsewhere:
        elsewhere.post(LINK)
    assert [event["id"] for event in other.published()] == [site.published()[-1]["id"]]
    assert other.published()[0]["id"] != first


def test_while_the_store_is_away_everybody_can_unsubscribe_all_the_same() -> None:
    class Unreachable(MemorySuppressions):
        def allowed(self, digest: str, purpose: str) -> int:
            raise StoreUnavailable("redis://10.0.0.7", "it cannot be reached")

    site = Website(suppressions=Unreachable())
    with site.open() as browser:
        assert browser.post(LINK).status_code == 200
    assert [event["properties"]["marketing"] for event in site.published()] == [False]


def test_a_store_that_hangs_keeps_nobody_from_unsubscribing() -> None:
    """Each request that asks it holds a thread for a minute: those that write to Kafka must be others."""
    over = threading.Event()

    class Hangs(MemorySuppressions):
        def allowed(self, digest: str, purpose: str) -> int:
            over.wait(60)
            return 0

        def reasons(self, asked: Sequence[SuppressionQuery]) -> list[str]:
            over.wait(60)
            return [""] * len(asked)

    site = Website(suppressions=Hangs())
    with site.open() as browser:
        links = [f"/unsubscribe/{token(outreach=f'o-{number}')}" for number in range(50)]
        answers = browser.at_once([("POST", link) for link in links] + [("GET", f"/preferences/{token()}")] * 50)
        over.set()
    assert [answer.status_code for answer in answers] == [200] * 50 + [503] * 50
    assert len(site.published()) == 50


def test_a_link_signed_before_the_secret_was_changed_still_works(site: Website, browser: Browser) -> None:
    about = LinkToken("c-2", "email", ADDRESS, "marketing", "o-2", NOW)
    assert browser.post(f"/unsubscribe/{make_token(SECRETS[1:], about)}").status_code == 200
    assert site.published()[0]["customer"] == "c-2"


FORGED = make_token(["somebody-else"], LinkToken("c-1042", "email", ADDRESS, "marketing", "o-1", NOW))
CHANGED = token()[:-3] + ("AAA" if token()[-3:] != "AAA" else "BBB")


@pytest.mark.parametrize("page", ["unsubscribe", "preferences"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        (FORGED, 403, "forged-token"),
        (CHANGED, 403, "forged-token"),
        ("a.b", 403, "not-a-token"),
        ("c-1042", 403, "forged-token"),
        ("%C3%BC.%C3%BC", 403, "not-a-token"),
        ("A" * 2_001, 403, "token-too-long"),
        (token(customer="c" * 2_000), 403, "token-too-long"),
        (token(purpose="transactional"), 403, "transactional-token"),
        (token(at=NOW - 401 * DAY), 410, "expired-token"),
    ],
)
def test_a_link_that_is_not_ours_or_too_old_does_nothing_and_says_nothing(
    site: Website, browser: Browser, page: str, method: str, text: str, status: int, code: str
) -> None:
    answer = browser.request(method, f"/{page}/{text}")
    assert answer.status_code == status
    assert site.published() == []
    for secret in ("c-1042", "marketing", "win-back", "o-1", code, "Traceback"):
        assert secret not in answer.text
    assert site.counted("refused_total", page=page, code=code) == 1


def test_nobody_is_told_it_worked_before_it_is_durable() -> None:
    site = Website(writer=Away())
    with site.open() as browser:
        answer = browser.post(LINK, content=b"List-Unsubscribe=One-Click")
    assert answer.status_code == 503
    assert "Please try again" in answer.text
    assert "unsubscribed" not in answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert site.counted("failed_total", page="unsubscribe") == 1
    assert site.counted("feedback_total") == 0


def test_the_page_is_there_while_the_broker_is_away() -> None:
    with Website(writer=Away()).open() as browser:
        assert browser.get(LINK).status_code == 200


def test_a_body_that_is_too_large_is_refused(site: Website, browser: Browser) -> None:
    assert browser.post(LINK, content=b"x" * 70_000).status_code == 413
    assert site.published() == []


def test_pages_are_found_below_the_path_of_the_public_url(site: Website) -> None:
    site.path = "/mail/v1"
    with site.open() as browser:
        assert browser.get(LINK).status_code == 404
        assert f'href="/mail/v1/preferences/{token()}"' in browser.get(f"/mail/v1{LINK}").text
        assert browser.post(f"/mail/v1{LINK}").status_code == 200
    assert site.counted("answers_total", page="unsubscribe", status="200") == 2


def test_a_purpose_without_a_title_is_not_named() -> None:
    site = Website(preferences={})
    with site.open() as browser:
        page = browser.get(LINK).text
        assert "messages like this one" in page
        assert "preferences" not in page
        assert browser.get(f"/preferences/{token()}").status_code == 404
        assert browser.post(LINK).status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("PUT", LINK, 405), ("GET", "/", 404), ("GET", "/admin", 404)])
def test_anything_else_is_refused(browser: Browser, method: str, path: str, status: int) -> None:
    assert browser.request(method, path).status_code == status

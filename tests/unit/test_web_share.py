"""Share links: a friend finds the way to the shop, and the shop's own key is needed to say who has come by it."""

import pytest

from engine.adapters.memory import MemoryClaims, MemoryRecords
from engine.core.zones import DAY, iso
from engine.wire.digests import customer_digest
from engine.wire.share_codes import make_code
from tests.support.website import NOW, SECRETS, SHARE_KEY, Away, Browser, Website, token

CODE = make_code(SECRETS, "c-1042")
LINK = f"/share/{CODE}"
KEY = {"Authorization": f"Bearer {SHARE_KEY}"}


def claim(browser: Browser, friend: str, link: str = LINK) -> int:
    return browser.post(link, data={"customer": friend}, headers=KEY).status_code


def test_a_friend_is_led_to_the_shop_which_gets_the_code(site: Website, browser: Browser) -> None:
    page = browser.get(LINK)
    assert page.status_code == 200
    assert f'href="https://shop.example/welcome?from=friend&amp;code={CODE}"' in page.text
    assert "c-1042" not in page.text
    assert browser.request("HEAD", LINK).status_code == 200
    assert site.published() == []


def test_the_shop_says_who_has_come_and_the_code_becomes_a_customer(site: Website, browser: Browser) -> None:
    assert claim(browser, "c-7") == 200
    (event,) = site.published()
    assert event == {
        "id": f"referral_claimed:{customer_digest('c-7')}",
        "type": "referral_claimed",
        "customer": "c-7",
        "time": iso(NOW),
        "properties": {"by": "c-1042"},
    }
    assert isinstance(site.writer, MemoryRecords)
    assert [key for key, _, _ in site.writer.records] == ["c-7"]
    assert site.counted("feedback_total", type="referral_claimed") == 1


def test_a_friend_is_brought_once_whoever_else_claims_it_later(site: Website, browser: Browser) -> None:
    other = f"/share/{make_code(SECRETS, 'c-9')}"
    assert claim(browser, "c-7") == 200
    site.now += 20 * DAY
    assert claim(browser, "c-7") == claim(browser, "c-7", other) == 200
    assert claim(browser, "c-8", other) == 200
    told = [(event["customer"], event["properties"]["by"]) for event in site.published()]
    assert told == [("c-7", "c-1042"), ("c-8", "c-9")]


def test_nobody_brings_themselves(site: Website, browser: Browser) -> None:
    assert claim(browser, "c-1042") == 409
    assert site.published() == []


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {SHARE_KEY}"}])
def test_without_the_key_nothing_can_be_claimed(site: Website, browser: Browser, headers: dict[str, str]) -> None:
    answer = browser.post(LINK, data={"customer": "c-7"}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert site.published() == []


@pytest.mark.parametrize("friend", ["", "  ", "undefined", "ü" * 129])
def test_what_is_no_customer_is_refused(site: Website, browser: Browser, friend: str) -> None:
    assert claim(browser, friend) == 400
    assert site.published() == []


def test_an_id_that_is_not_utf_8_is_refused_as_all_of_them_would_be_one_customer(
    site: Website, browser: Browser
) -> None:
    answer = browser.post(LINK, content=b"customer=Z%F6e", headers=KEY)
    assert answer.status_code == 400
    assert site.published() == []


@pytest.mark.parametrize("code", ["forged", make_code(["another-secret"], "c-1"), token()])
def test_a_code_that_is_not_ours_shows_nothing_and_claims_nothing(site: Website, browser: Browser, code: str) -> None:
    assert browser.get(f"/share/{code}").status_code == claim(browser, "c-7", f"/share/{code}") == 403
    assert site.published() == []


def test_a_claim_is_answered_when_the_broker_has_it_and_counts_when_it_is_made_again() -> None:
    claims = MemoryClaims()
    with Website(writer=Away(), claims=claims).open() as browser:
        assert claim(browser, "c-7") == 503
    site = Website(claims=claims)
    with site.open() as browser:
        assert claim(browser, "c-7") == 200
    assert len(site.published()) == 1

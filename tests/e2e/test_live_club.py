"""The coffee shop's club, live: a question by mail, the answer in a browser, the help desk, and friends of friends."""

import re
from base64 import b64encode
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.services import AnyRedis, Broker
from tests.services.browser import quiet_page
from tests.services.hooks import HookServer, hook_server
from tests.services.processes import wait_until
from tests.support.live_shop import LiveShop, body_of, live_shop

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

KEY = "the-key-of-the-till"
TILL = "https://morrow.example/welcome"


@pytest.fixture(scope="module")
def desk() -> Iterator[HookServer]:
    with hook_server() as desk:
        yield desk


@pytest.fixture(scope="module")
def club(
    the_broker: Broker, redis_server: AnyRedis, desk: HookServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveShop]:
    the_broker.start()
    folder, name = tmp_path_factory.mktemp("club"), f"club-{uuid4().hex[:8]}."
    settings = {
        "ENGINE_COUPON_SECRET": "for-this-minute-only", "ENGINE_SHARE_URL": TILL, "ENGINE_SHARE_KEY": KEY,
        "ENGINE_WEBHOOK_URL": desk.url, "ENGINE_WEBHOOK_PRIVATE": "true",
        "ENGINE_WEBHOOK_SECRET": f"whsec_{b64encode(bytes(32)).decode()}",
    }  # fmt: skip
    with live_shop(the_broker.address, redis_server.url, folder, name, example="loyalty", **settings) as club:
        yield club


@pytest.fixture
def page(club: LiveShop) -> Iterator[Page]:
    with quiet_page(lambda url: url.startswith((club.url, TILL))) as page:
        page.route(f"{TILL}**", lambda route: route.fulfill(body="<h1>The till</h1>"))
        yield page


def joins(club: LiveShop, guest: str) -> None:
    email = f"{guest}@cafe.example"
    club.happens("joined_club", guest, email=email, first_name=guest.title(), email_opt_in="true")
    assert club.wait_for_mail(email, 1)["Subject"] == "Welcome. Here is how stars work"


def is_asked(club: LiveShop, guest: str, page: Page) -> None:
    """Buys three coffees, and opens the mail that comes of it."""
    for _ in range(3):
        club.happens("purchase", guest, amount=4.5)
    question = club.wait_for_mail(f"{guest}@cafe.example", 2)
    assert question["Subject"] == "One question"
    page.set_content(body_of(question, "html"))


def answers(page: Page, score: int, comment: str = "") -> None:
    page.get_by_role("link", name=str(score), exact=True).click()
    expect(page.get_by_role("radio", name=str(score), exact=True)).to_be_checked()
    page.get_by_role("textbox").fill(comment)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text(f"We have your answer: {score}")


def test_a_guest_who_is_unhappy_reaches_the_help_desk(club: LiveShop, desk: HookServer, page: Page) -> None:
    joins(club, "ada")
    is_asked(club, "ada", page)
    answers(page, 2, "Cold coffee.")
    assert club.feedback("ada") == ["survey_answered"]
    wait_until(lambda: desk.received != [], "the help desk hears")
    assert club.wait_for_mail("ada@cafe.example", 3)["Subject"] == "That was not what you came for"
    (alert,) = desk.received
    assert b"Ada (ada) gave us a 2." in alert.body
    assert b"They write: Cold coffee." in alert.body


def test_a_guest_who_is_happy_brings_a_friend_and_gets_stars_for_it(club: LiveShop, page: Page) -> None:
    joins(club, "ann")
    is_asked(club, "ann", page)
    answers(page, 10)
    invitation = club.wait_for_mail("ann@cafe.example", 3)
    assert invitation["Subject"] == "Thank you. This link is yours"

    (link,) = re.findall(rf"{club.url}/share/\S+", body_of(invitation, "plain"))
    page.goto(link)
    page.get_by_role("link", name="Have a look").click()
    expect(page.get_by_role("heading")).to_have_text("The till")
    assert club.feedback("bob") == []

    joins(club, "bob")
    code = page.url.partition("?code=")[2]
    claim = httpx.post(f"{club.url}/share/{code}", data={"customer": "bob"}, headers={"Authorization": f"Bearer {KEY}"})
    assert claim.status_code == 200
    assert club.feedback("bob") == ["referral_claimed"]
    wait_until(lambda: club.explain("bob")["profile"].get("referred_by") == "ann", "the worker knows")
    club.happens("purchase", "bob", amount=30)
    thanks = club.wait_for_mail("ann@cafe.example", 4)
    assert thanks["Subject"] == "Fifty stars, and our thanks"
    assert "you have 62 now" in body_of(thanks, "plain")

"""The page behind a share link in a real browser, and the shop's call, before a real broker."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from engine.wire.share_codes import make_code
from tests.services import Broker
from tests.services.browser import quiet_page
from tests.services.processes import wait_until
from tests.support.post_office import PostOffice
from tests.support.web_service import Web

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

KEY = "the-key-of-the-back-end"
TELEPHONE = {"width": 320, "height": 640}


@pytest.fixture
def web(office: PostOffice) -> Iterator[Web]:
    web = Web(office, share_url="https://shop.example/welcome", share_key=KEY).ready()
    yield web
    web.close()


@pytest.fixture
def page(web: Web) -> Iterator[Page]:
    ours = f"http://127.0.0.1:{web.port}/mail/"
    with quiet_page(lambda url: url.startswith((ours, "https://shop.example/"))) as page:
        page.route("https://shop.example/**", lambda route: route.fulfill(body="<h1>The shop</h1>"))
        yield page


def link(web: Web) -> str:
    code = make_code([str(web.office.settings["token_secret"])], "c-1042")
    return f"http://127.0.0.1:{web.port}/mail/share/{code}"


def claim(web: Web, friend: str, key: str = KEY) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(link(web), data={"customer": friend}, headers=headers, timeout=30).status_code


def test_a_friend_on_a_telephone_comes_to_the_shop_by_keyboard_and_the_shop_tells_who_it_is(
    web: Web, page: Page
) -> None:
    page.set_viewport_size({"width": TELEPHONE["width"], "height": TELEPHONE["height"]})
    page.goto(link(web))
    expect(page.get_by_role("heading")).to_have_text("You are invited")
    assert page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
    page.keyboard.press("Tab")
    way = page.get_by_role("link", name="Have a look")
    expect(way).to_be_focused()
    place = way.bounding_box()
    assert place
    assert place["height"] >= 40
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading")).to_have_text("The shop")
    _, _, code = page.url.partition("?code=")
    assert link(web).endswith(f"/{code}")
    assert web.events() == [], "looking says nothing"

    assert claim(web, "c-7", key="another-key-than-the-one") == 401
    assert claim(web, "c-7") == claim(web, "c-7") == 200
    (event,) = web.events()
    assert (event["type"], event["customer"], event["properties"]) == ("referral_claimed", "c-7", {"by": "c-1042"})


@pytest.mark.kills_brokers
def test_a_claim_in_an_outage_is_to_be_made_again_and_counts_once(web: Web, broker: Broker) -> None:
    broker.kill9()
    assert claim(web, "c-7") == 503
    broker.start()
    wait_until(lambda: claim(web, "c-7") == 200, "the broker takes it")
    assert len({event["id"] for event in web.events()}) == 1
    assert web.total("failed_total", page="share") >= 1

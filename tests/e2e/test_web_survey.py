"""The page of a survey in a real browser, before a real broker: by keyboard, on a telephone, and read aloud."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from engine.wire.link_tokens import SurveyToken, make_token
from engine.wiring.wall_clock import wall_clock
from tests.services import Broker
from tests.services.browser import quiet_page
from tests.services.processes import wait_until
from tests.support.post_office import PostOffice
from tests.support.surveys import survey_shop
from tests.support.web_service import Web

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

QUESTION = "How likely is it that you recommend us to a friend?"
TELEPHONE = {"width": 320, "height": 640}


@pytest.fixture
def web(office: PostOffice, tmp_path: Path) -> Iterator[Web]:
    survey_shop(tmp_path / "shop")
    web = Web(office, rules=tmp_path / "shop" / "rules").ready()
    yield web
    web.close()


@pytest.fixture
def page(web: Web) -> Iterator[Page]:
    with quiet_page(lambda url: url.startswith(f"http://127.0.0.1:{web.port}/mail/")) as page:
        yield page


def link(web: Web, score: int | str = "", outreach: str = "o-1") -> str:
    about = SurveyToken("c-1042", "email", outreach, wall_clock(), "nps", "nps", 0, 10)
    token = make_token([str(web.office.settings["token_secret"])], about)
    return f"http://127.0.0.1:{web.port}/mail/survey/{token}" + (f"/{score}" if score != "" else "")


def told(web: Web) -> list[tuple[int, str]]:
    properties = [event["properties"] for event in web.events() if event["type"] == "survey_answered"]
    return [(one["score"], one.get("comment", "")) for one in properties]


def test_a_customer_answers_with_the_keyboard_alone(web: Web, page: Page) -> None:
    page.goto(link(web, 7))
    expect(page.get_by_role("heading")).to_have_text(QUESTION)
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="7")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="6")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.type("Cold coffee.")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Send")).to_be_focused()
    assert told(web) == [], "nothing is said before the button is pressed"
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("We have your answer: 6")
    assert told(web) == [(6, "Cold coffee.")]


def test_a_screen_reader_has_a_name_for_everything_that_can_be_chosen(web: Web, page: Page) -> None:
    page.goto(link(web))
    group = page.get_by_role("group", name="0 is the least, 10 the most")
    expect(group.get_by_role("radio")).to_have_count(11)
    for score in range(11):
        expect(group.get_by_role("radio", name=str(score), exact=True)).to_have_count(1)
    expect(page.get_by_role("textbox", name=re.compile("Anything to add"))).to_have_count(1)


def test_on_a_telephone_all_is_on_the_screen_and_large_enough_for_a_finger(web: Web, page: Page) -> None:
    page.set_viewport_size({"width": TELEPHONE["width"], "height": TELEPHONE["height"]})
    page.goto(link(web, 10))
    assert page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
    for box in [*page.locator(".scale label").all(), page.get_by_role("button")]:
        place = box.bounding_box()
        assert place
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= TELEPHONE["width"]
        assert min(place["width"], place["height"]) >= 40, "points of a finger"
    page.locator(".scale label").nth(2).click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("We have your answer: 2")
    assert page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
    assert told(web) == [(2, "")]


def test_a_browser_sends_no_form_without_an_answer_and_the_first_answer_stays(web: Web, page: Page) -> None:
    page.goto(link(web))
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading")).to_have_text(QUESTION)
    for score in (9, 3):
        page.goto(link(web, score))
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("heading")).to_have_text("Thank you")
    expect(page.get_by_role("status")).to_contain_text("your first answer stays")
    assert told(web) == [(9, "")]


def test_a_scanner_that_follows_every_link_answers_nothing(web: Web) -> None:
    for score in ("", *range(11)):
        with httpx.Client(follow_redirects=True) as scanner:
            found = scanner.get(link(web, score))
            assert found.status_code == 200
            assert re.findall(r"href=", found.text) == [], "and there is nothing to follow from there"
            scanner.head(link(web, score))
    assert web.events() == []


@pytest.mark.kills_brokers
def test_an_answer_in_an_outage_is_asked_for_again_and_counts_once(web: Web, broker: Broker) -> None:
    path = link(web, 4, outreach="o-9")
    broker.kill9()
    answer = httpx.post(path, data={"score": "4"}, timeout=30)
    assert answer.status_code == 503
    assert "Please try again" in answer.text
    broker.start()
    wait_until(lambda: httpx.post(path, data={"score": "4"}, timeout=30).status_code == 200, "the broker takes it")
    assert "your first answer stays" in httpx.post(path, data={"score": "5"}).text
    assert {event["id"] for event in web.events()} == {"o-9:survey_answered:nps"}
    assert {score for score, _ in told(web)} == {4}

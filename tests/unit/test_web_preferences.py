"""The preference page: it shows what holds, and what a customer chooses becomes an event and nothing else."""

import pytest

from engine.adapters.memory import MemorySuppressions
from engine.errors import StoreUnavailable
from engine.ports import Suppression, SuppressionQuery
from tests.support.website import ADDRESS, NOW, Away, Browser, Website, token

LINK = f"/preferences/{token()}"
FORM = {"form": "preferences"}


class Unreachable(MemorySuppressions):
    """A list on a store that is away."""

    def reasons(self, asked: object) -> list[str]:
        raise StoreUnavailable("redis://10.0.0.7", "it cannot be reached")


def ticked(page: str) -> list[str]:
    """The values of the boxes that are."""
    boxes = [part for part in page.split("<input ") if 'type="checkbox"' in part]
    return [box.split('value="')[1].split('"')[0] for box in boxes if " checked>" in box]


def test_a_customer_who_never_chose_finds_everything_ticked(site: Website, browser: Browser) -> None:
    page = browser.get(LINK).text
    assert ticked(page) == ["newsletter", "offers", "marketing"]
    assert "Our letter" in page
    assert site.published() == []


def test_what_the_address_is_suppressed_for_is_not_ticked(site: Website, browser: Browser) -> None:
    site.suppressions.suppress(ADDRESS, "unsubscribed", "offers")
    site.suppressions.suppress("somebody else's", "unsubscribed", "newsletter")
    assert ticked(browser.get(LINK).text) == ["newsletter", "marketing"]


def test_who_has_just_unsubscribed_is_not_subscribed_again_by_saving_what_the_page_shows(browser: Browser) -> None:
    link = browser.post(f"/unsubscribe/{token()}").text.split('href="')[1].split('"')[0]
    assert ticked(browser.get(link).text) == ["newsletter", "offers"], "though no sender has heard of it yet"


def test_a_customer_whose_mail_came_back_is_told_that_nothing_is_sent(site: Website, browser: Browser) -> None:
    assert "came back" not in browser.get(LINK).text
    site.suppressions.suppress(ADDRESS, "bounced")
    page = browser.get(LINK).text
    assert ticked(page) == []
    assert "came back" in page


def test_what_a_customer_chooses_is_an_event_with_all_of_it(site: Website, browser: Browser) -> None:
    answer = browser.post(LINK, data=FORM | {"wants": ["newsletter", "marketing"]})
    assert answer.status_code == 200
    assert "Saved" in answer.text
    assert ticked(answer.text) == ["newsletter", "marketing"]
    (event,) = site.published()
    assert event["type"] == "preferences_changed"
    assert event["id"] == f"o-1:preferences_changed:{NOW}"
    wanted = {"newsletter": True, "offers": False, "marketing": True, "address": ADDRESS, "purpose": "marketing"}
    assert wanted.items() <= event["properties"].items()


def test_a_customer_may_change_their_mind_as_often_as_they_like(site: Website, browser: Browser) -> None:
    for wants in (["offers"], [], ["offers"]):
        browser.post(LINK, data=FORM | {"wants": wants})
        site.now += 1
    events = site.published()
    assert len({event["id"] for event in events}) == 3
    assert [event["properties"]["offers"] for event in events] == [True, False, True]


def test_what_was_chosen_is_what_the_page_shows_once_the_sender_has_heard_it(site: Website, browser: Browser) -> None:
    browser.post(LINK, data=FORM | {"wants": ["offers"]})
    (event,) = site.published()
    about = event["properties"]
    for purpose in site.preferences:
        if about[purpose]:
            site.suppressions.change([Suppression(about["address"], purpose)])
        else:
            site.suppressions.suppress(about["address"], "unsubscribed", purpose)
    assert ticked(browser.get(LINK).text) == ["offers"]
    assert site.suppressions.reasons([SuppressionQuery("newsletter", NOW, [ADDRESS])]) == ["unsubscribed"]


def test_nothing_ticked_means_nothing_wanted(site: Website, browser: Browser) -> None:
    assert browser.post(LINK, data=FORM).status_code == 200
    assert {site.published()[0]["properties"][purpose] for purpose in site.preferences} == {False}


@pytest.mark.parametrize(
    "body", [b"", b"List-Unsubscribe=One-Click", b"\xff\xfe", b"wants=offers", b"a=b&" * 2_000, b'{"form": 1}']
)
def test_a_body_that_is_not_our_form_changes_nothing(site: Website, browser: Browser, body: bytes) -> None:
    assert browser.post(LINK, content=body).status_code == 400
    assert site.published() == []


def test_purposes_that_nobody_may_choose_are_passed_over(site: Website, browser: Browser) -> None:
    browser.post(LINK, data=FORM | {"wants": ["offers", "transactional", "all", "address"]})
    about = site.published()[0]["properties"]
    assert "transactional" not in about
    assert about["address"] == ADDRESS


def test_a_form_that_is_too_large_is_refused(site: Website, browser: Browser) -> None:
    assert browser.post(LINK, data=FORM | {"wants": "x" * 70_000}).status_code == 413
    assert site.published() == []


def test_while_the_store_is_away_nobody_is_shown_ticks_that_may_be_wrong() -> None:
    site = Website(suppressions=Unreachable())
    with site.open() as browser:
        answer = browser.get(LINK)
        assert answer.status_code == 503
        assert "redis" not in answer.text
        assert browser.post(LINK, data=FORM).status_code == 200, "choosing needs no store"


def test_while_the_broker_is_away_a_customer_is_asked_to_try_again() -> None:
    with Website(writer=Away()).open() as browser:
        answer = browser.post(LINK, data=FORM)
    assert answer.status_code == 503
    assert "Saved" not in answer.text

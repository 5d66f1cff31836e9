"""The question after an order, from the parcel to the help desk: the mail with its links, the pages, and the rules."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.adapters.memory import MemoryRecords
from engine.config import load_settings
from engine.ports import Record
from engine.render import JinjaRenderer
from engine.sender.links import with_links
from engine.testing import Simulator
from engine.wire.decode import Decoder
from engine.wiring.sender import links_of
from tests.support.journeys import span
from tests.support.surveys import survey_shop
from tests.support.website import SECRETS, Browser, Website


class Shop:
    """Customers on a virtual clock whose mail has links to the real pages."""

    def __init__(self, folder: Path, browser: Browser, site: Website, *, strict: bool) -> None:
        book = survey_shop(folder).book
        assert book
        self.sim = Simulator(book, JinjaRenderer(folder / "templates", book), strict=strict)
        self._browser = browser
        self._site = site
        self._links = links_of(load_settings(public_url="https://shop.example", token_secret=" ".join(SECRETS)))
        self._decoder = Decoder(book.catalog.sources[1], book.catalog)
        self.sim.event("signup", 0, email="ada@shop.example")
        self.sim.event("delivered", "1h", order_id="o-1")

    @property
    def got(self) -> list[str]:
        return [f"{span(one.moment)} {one.template}" for one in self.sim.outreach]

    def links(self) -> list[str]:
        """Those in the mail that asks, for the answers from 0 to 10."""
        (mail,) = (one for one in self.sim.outreach if one.template == "how_likely")
        found = re.findall(r"https://shop\.example(/survey/\S+)", with_links(mail, self._links(mail)).text)
        assert len(found) == 11
        return found

    def answers(self, score: int, comment: str = "") -> str:
        """As the customer does now; the worker then reads what is new on the topic. What the page says."""
        assert isinstance(self._site.writer, MemoryRecords)
        told = self._site.writer.records
        read, self._site.now = len(told), self.sim.now
        page = self._browser.post(self.links()[score], data={"score": str(score), "comment": comment})
        for key, _, value in told[read:]:
            record = Record("what customers tell us", 0, 0, value, key.encode(), self.sim.now)
            event = self._decoder.decode(record, self.sim.now)
            assert event
            self.sim.deliver(event, self.sim.now)
        return page.text


@pytest.fixture(params=[False, True], ids=["once", "twice and reloaded"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    site = Website()
    with site.open() as browser:
        yield Shop(tmp_path, browser, site, strict=request.param)


def test_an_unhappy_customer_reaches_a_person_with_what_they_wrote_and_the_lead_when_nobody_answers(shop: Shop) -> None:
    shop.sim.run("8d")
    assert shop.got == ["7d9h how_likely"]
    shop.answers(3, "Cold coffee.")
    shop.sim.run("30d")
    assert shop.got == ["7d9h how_likely", "8d detractor_alert", "8d sorry", "10d detractor_escalated"]
    alert, sorry = shop.sim.outreach[1:3]
    assert (alert.channel, alert.text) == ("webhook", 'c-1: 3 "Cold coffee."')
    assert sorry.text == "You gave us 3."


def test_nobody_is_alarmed_once_the_ticket_is_closed(shop: Shop) -> None:
    shop.sim.run("8d")
    shop.answers(0)
    shop.sim.event("ticket_closed", "9d")
    shop.sim.run("30d")
    assert shop.got == ["7d9h how_likely", "8d detractor_alert", "8d sorry"]


@pytest.mark.parametrize(("score", "then"), [(7, []), (8, []), (9, ["8d tell_a_friend"]), (10, ["8d tell_a_friend"])])
def test_a_promoter_is_asked_to_tell_a_friend_and_who_is_content_is_left_in_peace(
    shop: Shop, score: int, then: list[str]
) -> None:
    shop.sim.run("8d")
    shop.answers(score)
    shop.sim.run("30d")
    assert shop.got == ["7d9h how_likely", *then]


def test_a_changed_mind_a_week_later_changes_nothing(shop: Shop) -> None:
    shop.sim.run("8d")
    shop.answers(9)
    shop.sim.run("15d")
    assert "your first answer stays" in shop.answers(2)
    shop.sim.run("30d")
    assert shop.got == ["7d9h how_likely", "8d tell_a_friend"]


def test_who_sends_the_parcel_back_is_not_asked(shop: Shop) -> None:
    shop.sim.event("refund", "5d", order_id="o-1")
    shop.sim.run("30d")
    assert shop.got == []

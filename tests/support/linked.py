"""Customers on a virtual clock whose mail has links to the real pages, and to whose engine the pages report."""

import re
from dataclasses import dataclass

import httpx

from engine.adapters.memory import MemoryRecords
from engine.config import load_settings
from engine.ports import Record
from engine.sender.links import with_links
from engine.testing import Simulator
from engine.wire.decode import Decoder
from engine.wiring.sender import links_of
from tests.support.website import SECRETS, SHARE_KEY, Browser, Website

_SHOP = "https://shop.example"


@dataclass
class Linked:
    """The second source of the events is the feedback topic."""

    sim: Simulator
    site: Website
    browser: Browser

    def __post_init__(self) -> None:
        """What is so when a story begins."""

    def links(self, template: str) -> list[str]:
        """The paths of all links to the pages in the newest text of this template."""
        mail = next(one for one in reversed(self.sim.outreach) if one.template == template)
        settings = load_settings(public_url=_SHOP, share_url=_SHOP, token_secret=" ".join(SECRETS))
        text = with_links(mail, links_of(settings)(mail)).text
        return re.findall(rf"{_SHOP}(/\w+/\S+)", text)

    def post(self, path: str, **form: str) -> httpx.Response:
        """Send a form, now, with the shop's key; the worker then reads what is new on the topic."""
        assert isinstance(self.site.writer, MemoryRecords)
        told = self.site.writer.records
        read, self.site.now = len(told), self.sim.now
        answer = self.browser.post(path, data=form, headers={"Authorization": f"Bearer {SHARE_KEY}"})
        catalog = self.sim.book.catalog
        decoder = Decoder(catalog.sources[1], catalog)
        for customer, _, value in told[read:]:
            record = Record(catalog.sources[1].name, 0, 0, value, customer.encode(), self.sim.now)
            event = decoder.decode(record, self.sim.now)
            assert event
            self.sim.deliver(event, self.sim.now)
        return answer

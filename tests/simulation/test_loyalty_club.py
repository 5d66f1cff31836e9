"""The example of a coffee shop's club as a whole: mail that leads to pages, pages to rules, and guests to guests."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest

from engine.core.points.view import value
from engine.examples import rules_folder, templates_folder
from engine.testing import Simulator, load_project
from tests.support.linked import Linked
from tests.support.website import Website

MORNING = 1_772_445_600_000
"""2026-03-02T10:00:00Z."""
COFFEE = 4.5


class Club(Linked):
    """Ann, who comes every few days, and Bob, whom she knows."""

    def joins(self, guest: str, at: str) -> None:
        self.sim.event("joined_club", at, customer=guest, email=f"{guest}@cafe.example", first_name=guest.title(),
                       email_opt_in=True, birthday="05-17")  # fmt: skip

    def buys(self, guest: str, at: str, amount: float = COFFEE, **order: str) -> None:
        self.sim.event("purchase", at, customer=guest, amount=amount, **order)

    def mail(self, guest: str) -> list[str]:
        return [one.template for one in self.sim.outreach if one.customer == guest]

    def balance(self, guest: str) -> int:
        return value(self.sim.states[guest], "stars", "balance", self.sim.now, ZoneInfo("Europe/Berlin"))


@pytest.fixture(params=[False, True], ids=["once", "twice and reloaded"])
def club(request: pytest.FixtureRequest) -> Iterator[Club]:
    project = load_project(rules_folder("loyalty"), templates_folder("loyalty"))
    site = Website()
    with site.open() as browser:
        club = Club(Simulator(project.book, project.renderer, start=MORNING, strict=request.param), site, browser)
        club.joins("ann", "0d")
        yield club


def test_a_guest_who_loves_it_brings_a_friend_and_the_stars_make_her_bronze(club: Club) -> None:
    for day in (1, 3, 6):
        club.buys("ann", f"{day}d")
    club.sim.run("8d")
    assert club.mail("ann") == ["welcome", "how_likely"]

    answers = [link for link in club.links("how_likely") if link.startswith("/survey/")]
    assert "We have your answer" in club.post(answers[10], score="10").text
    club.sim.run("9d")
    assert club.mail("ann")[2:] == ["bring_a_friend"]

    (share,) = (link for link in club.links("bring_a_friend") if link.startswith("/share/"))
    assert club.browser.get(share).status_code == 200
    club.joins("bob", "10d")
    assert club.post(share, customer="bob").status_code == 200
    club.buys("bob", "10d1h", 30, order_id="o-1")
    club.buys("ann", "11d", 40)
    club.sim.run("23d")
    assert (club.balance("ann"), club.mail("ann")[3:]) == (52, []), "beans can come back for two weeks"
    club.sim.run("26d")
    assert club.balance("ann") == 102
    assert sorted(club.mail("ann")[3:]) == ["friend_thanks", "tier_up"]


def test_a_friend_who_sends_the_first_beans_back_has_brought_nobody_stars(club: Club) -> None:
    club.buys("ann", "1d")
    club.joins("bob", "2d")
    club.sim.event("referral_claimed", "2d", customer="bob", by="ann")
    club.buys("bob", "3d", 30, order_id="o-1")
    club.sim.event("refund", "5d", customer="bob", order_id="o-1", amount=30)
    club.sim.run("40d")
    assert (club.balance("ann"), club.balance("bob")) == (4, 0)
    assert club.mail("ann") == ["welcome"]


def test_a_guest_with_cold_coffee_is_heard_by_a_person_and_gets_no_advert(club: Club) -> None:
    for day in (1, 3, 6):
        club.buys("ann", f"{day}d")
    club.sim.run("8d")
    answers = [link for link in club.links("how_likely") if link.startswith("/survey/")]
    club.post(answers[2], score="2", comment="Cold coffee.")
    club.sim.run("9d")
    club.sim.event("ticket_closed", "9d", customer="ann")
    club.sim.run("30d")
    assert sorted(club.mail("ann")[2:]) == ["detractor_alert", "sorry"]
    (alert,) = (one for one in club.sim.outreach if one.template == "detractor_alert")
    assert alert.text.startswith("Ann (ann) gave us a 2.\nThey write: Cold coffee.")


def test_the_birthday_code_is_one_for_the_message_and_its_reminder(club: Club) -> None:
    club.buys("ann", "1d")
    club.sim.run("100d")
    first, last = (one for one in club.sim.outreach if one.template.startswith("birthday"))
    codes = [word for word in first.text.split() if word.startswith("CAKE-")]
    assert len(codes) == 1
    assert codes[0] in last.text
    assert codes[0] in first.html

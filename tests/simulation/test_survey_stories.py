"""The question after an order, from the parcel to the help desk: the mail with its links, the pages, and the rules."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.lang.project import load
from engine.render import JinjaRenderer
from engine.testing import Simulator
from tests.support.journeys import span
from tests.support.linked import Linked
from tests.support.project_files import write_files
from tests.support.surveys import survey_shop
from tests.support.website import Website


class Shop(Linked):
    """Ada's parcel has come."""

    def __post_init__(self) -> None:
        self.sim.event("signup", 0, email="ada@shop.example")
        self.sim.event("delivered", "1h", order_id="o-1")

    @property
    def got(self) -> list[str]:
        return [f"{span(one.moment)} {one.template}" for one in self.sim.outreach]

    def answers(self, score: int, comment: str = "") -> str:
        """As the customer does now. What the page says."""
        links = [link for link in self.links("how_likely") if link.startswith("/survey/")]
        assert len(links) == 11
        return self.post(links[score], score=str(score), comment=comment).text


@pytest.fixture(params=[False, True], ids=["once", "twice and reloaded"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    site = Website()
    with site.open() as browser:
        book = survey_shop(tmp_path).book
        assert book
        renderer = JinjaRenderer(tmp_path / "templates", book)
        yield Shop(Simulator(book, renderer, strict=request.param), site, browser)


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


@pytest.mark.parametrize(
    "rules",
    [
        "experiments:\n  - { id: tone, hypothesis: h, variants: { a: 50, b: 50 }, "
        "goal: { event: survey_answered, within: 9d } }",
        "segments:\n  - { id: heard, if: events.survey_answered.count() > 0 }",
    ],
    ids=["an experiment", "a segment"],
)
def test_whatever_names_the_answers_finds_them_declared(tmp_path: Path, rules: str) -> None:
    events = {"rules/events.yaml": "version: 1\nevents: { visit: {} }\n"}
    hello = "\nrules:\n  - { id: hello, when: { event: visit }, purpose: service, send: hello }\n"
    write_files(tmp_path, events | {"rules/rules.yaml": f"version: 1\n{rules}{hello}"})
    loaded = load(tmp_path / "rules", None)
    assert loaded.book, [each.human() for each in loaded.diagnostics]
    assert loaded.book.catalog.events["survey_answered"].properties["score"].required
    write_files(tmp_path, {"rules/rules.yaml": f"version: 1{hello}"})
    without = load(tmp_path / "rules", None)
    assert without.book
    assert "survey_answered" not in without.book.catalog.events

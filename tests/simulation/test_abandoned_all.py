"""A type of `without` that has no `match` property finishes all that is open: any purchase, only this emptied cart."""

import pytest

from engine.core.book import RuleBook
from engine.testing import Simulator
from tests.support.journeys import loaded

EVENTS = """\
version: 1
events:
  cart_updated: { properties: { cart_id: string } }
  cart_emptied: { properties: { cart_id: string } }
  purchase: {}
"""
WHEN = "{ abandoned: { after: cart_updated, without: [purchase, cart_emptied], within: 1h, match: cart_id } }"
CARTS = f"rules: [{{ id: cart, when: {WHEN}, send: cart }}]\n"


def reached(sim: Simulator) -> list[str]:
    return [one.occurrence.partition("@")[0] for one in sim.outreach]


@pytest.fixture(params=["0h", "2h"], ids=["in order", "late"])
def book(request: pytest.FixtureRequest) -> RuleBook:
    return loaded(CARTS, f"allowed_lateness: {request.param}", EVENTS)


def test_a_purchase_finishes_every_cart_and_an_emptied_one_its_own(book: RuleBook) -> None:
    sim = Simulator(book, strict=True)
    for customer in ("ann", "bob"):
        sim.event("cart_updated", "0m", customer=customer, cart_id="a")
        sim.event("cart_updated", "10m", customer=customer, cart_id="b")
    sim.event("cart_emptied", "20m", customer="ann", cart_id="a")
    sim.event("purchase", "30m", customer="bob")
    sim.run("6h")
    assert [(one.customer, one.occurrence[:1]) for one in sim.outreach] == [("ann", "b")]


def test_a_cart_filled_after_the_purchase_is_open_again(book: RuleBook) -> None:
    sim = Simulator(book, strict=True)
    sim.event("cart_updated", "0m", cart_id="a")
    sim.event("purchase", "30m")
    sim.event("cart_updated", "40m", cart_id="a")
    sim.run("6h")
    assert reached(sim) == ["a"]


def test_a_purchase_that_is_known_before_its_cart_finishes_it(book: RuleBook) -> None:
    sim = Simulator(book, strict=True)
    sim.event("purchase", "30m")
    sim.event("cart_updated", "0m", arrives="40m", cart_id="a")
    sim.run("6h")
    assert reached(sim) == []


def test_a_purchase_in_the_night_takes_back_what_quiet_hours_hold() -> None:
    night = 'quiet_hours: { from: "00:00", to: "08:00", purposes: marketing }'
    sim = Simulator(loaded(CARTS, night, EVENTS), strict=True)
    sim.event("cart_updated", "0m", cart_id="a")
    sim.event("cart_updated", "1m", customer="bob", cart_id="a")
    sim.event("purchase", "5h")
    sim.run("1d")
    assert [one.customer for one in sim.outreach] == ["bob"]


def test_a_late_purchase_ends_the_journey_that_should_not_have_begun() -> None:
    rules = f"rules: [{{ id: cart, when: {WHEN}, steps: [{{ send: cart }}, {{ wait: 1d }}, {{ send: again }}] }}]\n"
    sim = Simulator(loaded(rules, "", EVENTS), strict=True)
    sim.event("cart_updated", "0m", cart_id="a")
    sim.event("purchase", "30m", arrives="3h")
    sim.run("3d")
    assert [one.template for one in sim.outreach] == ["cart"]


def test_a_rule_that_gets_a_match_keeps_what_finishes_all() -> None:
    sim = Simulator(loaded(CARTS.replace(", match: cart_id", ""), "", EVENTS), strict=True)
    sim.event("purchase", "30m")
    sim.adopt(loaded(CARTS, "", EVENTS))
    sim.event("cart_updated", "0m", arrives="40m", cart_id="a")
    sim.run("6h")
    assert reached(sim) == []

"""A friend comes by a share link: from the code to the customer who is thanked when the return period is over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.testing import Simulator
from engine.wire.share_codes import make_code
from tests.support.journeys import span
from tests.support.linked import Linked
from tests.support.referrals import REFERRAL, book_of
from tests.support.website import SECRETS, Website

EVENTS = """\
version: 1
sources:
  - topic: shop
  - { name: what the pages tell, topic: engine.feedback }
events:
  signup: {}
  referral_claimed: { properties: { by: string }, profile: { referred_by: by } }
  purchase: { properties: { order_id: string } }
  refund: { properties: { order_id: string } }
  referral_succeeded: { properties: { friend: { type: string, required: true }, order: string } }
"""


class Shop(Linked):
    """Ann and Eve have shared their links, and Bob signs up."""

    def __post_init__(self) -> None:
        for customer in ("ann", "eve", "bob"):
            self.sim.event("signup", 0, customer=customer)

    def claims(self, friend: str, by: str) -> int:
        """The shop does, now. The status of the answer."""
        return self.post(f"/share/{make_code(SECRETS, by)}", customer=friend).status_code

    @property
    def thanked(self) -> list[str]:
        return [f"{span(one.moment)} {one.customer}" for one in self.sim.outreach if one.rule == "thanks"]


@pytest.fixture(params=[False, True], ids=["once", "twice and reloaded"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    site = Website()
    with site.open() as browser:
        book = book_of(tmp_path, REFERRAL, events=EVENTS)
        yield Shop(Simulator(book, strict=request.param), site, browser)


def test_the_customer_is_thanked_once_when_the_friend_can_return_nothing_any_more(shop: Shop) -> None:
    assert shop.claims("bob", by="ann") == 200
    shop.sim.event("purchase", "1d", customer="bob", order_id="o-1")
    shop.sim.event("purchase", "20d", customer="bob", order_id="o-2")
    shop.sim.run("60d")
    assert shop.thanked == ["15d ann"]


def test_a_refund_of_the_first_order_takes_the_thanks_back_and_that_of_another_does_not(shop: Shop) -> None:
    for friend, refunded in (("bob", "o-1"), ("cy", "o-9")):
        shop.claims(friend, by="ann")
        shop.sim.event("purchase", "1d", customer=friend, order_id="o-1")
        shop.sim.event("refund", "1d", arrives="1d", customer=friend, order_id=refunded)
    shop.sim.run("60d")
    assert shop.thanked == ["15d ann"]


def test_a_friend_is_brought_by_the_first_who_shared_and_by_nobody_again(shop: Shop) -> None:
    shop.claims("bob", by="ann")
    shop.sim.run("3d")
    assert shop.claims("bob", by="eve") == 200
    shop.sim.event("purchase", "4d", customer="bob", order_id="o-1")
    shop.sim.run("60d")
    assert shop.thanked == ["18d ann"]


def test_nobody_is_thanked_for_themselves(shop: Shop) -> None:
    assert shop.claims("bob", by="bob") == 409
    shop.sim.event("purchase", "1d", customer="bob", order_id="o-1")
    shop.sim.run("60d")
    assert shop.thanked == []


def test_who_was_a_customer_before_is_no_friend_brought(shop: Shop) -> None:
    shop.sim.event("purchase", "1d", customer="bob", order_id="o-1")
    shop.sim.run("2d")
    shop.claims("bob", by="ann")
    shop.sim.event("purchase", "3d", customer="bob", order_id="o-2")
    shop.sim.run("60d")
    assert shop.thanked == []


def test_a_customer_who_is_not_known_any_more_is_made_by_no_thanks(shop: Shop) -> None:
    shop.claims("bob", by="somebody-erased")
    shop.sim.event("purchase", "1d", customer="bob", order_id="o-1")
    shop.sim.run("60d")
    assert shop.thanked == []
    assert [event.customer for event in shop.sim.lost] == ["somebody-erased"]

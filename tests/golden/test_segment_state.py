"""A customer's memberships as version 2.3 of the state wrote them: they load, and the customer goes on, for ever."""

from pathlib import Path

import pytest

from engine.core.scope import level_of, segment_time
from engine.core.state.codec import decode_state
from tests.support.books import DAY, HOUR, START
from tests.support.drive import Customers
from tests.support.segment_shop import ACTIVE, ANY, IN, KEPT, OUT, shop

RECORDED = bytes.fromhex(
    "9e0203cee01b7a9dcf0000019b9ae72c0083a576697369749401cf0000019b76daa8000082a1779192cf0000019b76daa800"
    "80a172ce240c8400af7365676d656e745f656e74657265649402cf0000019b77119680ce0036ee80c0a36275799402cf0000"
    "019b7d4a9b00ce0639048082a1779292cf0000019b7711968081a6616d6f756e743292cf0000019b7d4a9b0081a6616d6f75"
    "6e740ca172ce9a7ec80082a568656c6c6f81a166ce6955b900a3616e7981a166ce6955c71081b16275792d31373637333333"
    "363030303030cf0000019b7d4a9b008080909281a161cf0000019b76daa80081a161cf0000019b77119680c082a661637469"
    "766585a176a2696ea173cf0000019b76daa800a164cf0000019b9ae72c00a16e01a16dce235141b0a47469657286a176a468"
    "696768a173cf0000019b77119680a164cf0000019c11905e80a16e01a16dce3633a543a16bcf0000019c450ff68080"
)
"""Six days after the start, of a customer who came once and bought twice. Never changed."""


@pytest.mark.parametrize("mark", [True, False], ids=["the book of then", "another book with the same segments"])
def test_a_stored_membership_goes_on(tmp_path: Path, mark: bool) -> None:
    customers = Customers(shop(tmp_path, ACTIVE + KEPT, IN + OUT + ANY))
    state = decode_state(RECORDED)
    assert (level_of(state, "active"), level_of(state, "tier")) == ("in", "high")
    assert segment_time(state, "tier", "kept_until") == START + HOUR + 40 * DAY
    if not mark:
        state.mark = 1
    customers.clock, customers.states["c-1"] = START + 6 * DAY, state
    customers.wakes = [(state.wake, "c-1")]
    told = [(one.rule, one.occurrence, one.moment - START) for one in customers.until(START + 60 * DAY).outreach]
    assert told == [("bye", "active 2", 7 * DAY), ("any", "tier 2", 40 * DAY + HOUR)]

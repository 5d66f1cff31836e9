"""What a customer keeps of a change that was taken back: what they really got.

A roll-out that goes back gives each customer the state that the old book alone would have made of them. The worker
calls `remember` on that state, so that caps and reentry count what the new book has sent meanwhile.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from engine.core.state.model import State
from engine.model import IssuedCoupon

if TYPE_CHECKING:
    from engine.core.coupons import Coupon

_MOMENT: Final = attrgetter("at")


def remember(state: State, tried: State, since: int, coupons: "Mapping[str, Coupon]") -> None:
    """Count in `state` what the customer got in `tried`, the state by the book that is taken back, from `since` on.

    Outreach that the old book would have sent meanwhile was not sent, and counts for no cap; a coupon that only such
    a message showed was not issued, as no shop was told of it: the next message issues it. What was issued before
    `since` stays. `coupons`: those of the old book.
    """
    before = [sent for sent in state.sent if sent.at < since]
    state.sent = sorted([*before, *(sent for sent in tried.sent if sent.at >= since)], key=_MOMENT)
    for rule, slot in tried.rules.items():
        if slot.fired_at >= since:
            kept = state.slot(rule)  # the old book may never have come to it
            if slot.fired_at > kept.fired_at:
                kept.fired = slot.fired
    for rule, kept in state.rules.items():
        tried_slot = tried.rules.get(rule)
        issued = {run.occurrence: run.coupons for run in tried_slot.runs} if tried_slot is not None else {}
        for run in kept.runs:
            before_it = {name: one for name, one in run.coupons.items() if _issued_at(one, coupons.get(name)) < since}
            run.coupons = before_it | issued.get(run.occurrence, {})


def _issued_at(issued: IssuedCoupon, coupon: "Coupon | None") -> int:
    return issued.valid_until - coupon.valid if coupon is not None else 0

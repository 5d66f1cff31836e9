"""What a customer keeps of a change that was taken back: what they really got.

A roll-out that goes back gives each customer the state that the old book alone would have made of them. The worker
calls `remember` on that state, so that caps and reentry count what the new book has sent meanwhile.
"""

from operator import attrgetter
from typing import Final

from engine.core.state.model import State

_MOMENT: Final = attrgetter("at")


def remember(state: State, tried: State, since: int) -> None:
    """Count in `state` what the customer got in `tried`, the state by the book that is taken back, from `since` on.

    Outreach that the old book would have sent meanwhile was not sent, and counts for no cap; a coupon that only such
    a message showed was not issued, as no shop was told of it: the next message issues it.
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
            run.coupons = issued.get(run.occurrence, {})

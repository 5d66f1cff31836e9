"""Carries out a decision: each effect is rendered and written, and what messages issue becomes part of the decision.

Worker, backtest, plan and simulator call `carry_out` with what writes an effect. An effect that cannot be written has
not happened: it is retracted, and issues no coupon.
"""

from collections.abc import Callable
from typing import TypeVar

from engine.core.book import RuleBook
from engine.core.coupons import issued_events
from engine.core.decide import apply_made_events
from engine.core.effects import Decision, Effect
from engine.core.settle import retract
from engine.core.state.model import State
from engine.model import Outcome, Outreach

T = TypeVar("T")


def carry_out(
    book: RuleBook,
    decision: Decision,
    now: int,
    write: Callable[[Effect, State | None], T],
    reason_of: Callable[[Exception], str],
) -> list[T]:
    """What `write` returned for each effect, including those that come of coupons. `now`: as for `decide`.

    `reason_of` gives the reason of outcome `failed` for what `write` has raised, or raises it again.
    """
    written: list[T] = []
    while len(written) < len(decision.effects):
        effect = decision.effects[len(written)]
        try:
            written.append(write(effect, decision.state))
        except Exception as error:
            retract(decision, effect, reason_of(error))
            continue
        if isinstance(effect, Outreach) and effect.issued:
            _issue(book, decision, effect, now)
    return written


def _issue(book: RuleBook, decision: Decision, outreach: Outreach, now: int) -> None:
    outreach.coupons.update(outreach.issued)
    for outcome in decision.outcomes:
        if outcome.outreach == outreach.id and outcome.outcome is Outcome.FIRED:
            outcome.coupons = outreach.issued
    apply_made_events(book, decision, issued_events(outreach), now, outreach.at)

"""What a backtest can leave out for a customer whose inputs are all events, each with an id of its own.

Most customers of a history are such. Their ids need no remembering, and an event that no rule needs is only folded into
the state: `decide` would change nothing else. Everything else is decided by `decide`.
"""

from collections.abc import Sequence
from copy import copy

from msgspec.structs import replace

from engine.backtest.inputs import Input
from engine.core.book import Plan, RuleBook
from engine.core.state.fold import fold
from engine.core.state.model import State


class Plain:
    """One rule book for plain customers."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self._counted = {type_: plan for type_, plan in book.plans.items() if _only_reacts(plan)}
        self._in_order = not book.policy.allowed_lateness

    def only_folds(self, state: State, inputs: Sequence[Input], place: int) -> bool:
        """Fold the event at the place if no rule needs it; False: `decide` has to see it.

        Nothing may be due before the event. `state.wake` is the soonest moment at which something can be.
        """
        event = inputs[place][0]
        plan = self._counted.get(event.type)  # type: ignore[union-attr]  # all are events
        if plan is None or (plan.reactions and not self._is_followed(plan, state, inputs, place)):
            return False
        fold(plan, state, event)  # type: ignore[arg-type]
        return True

    def _is_followed(self, plan: Plan, state: State, inputs: Sequence[Input], place: int) -> bool:
        """Whether the customer's next event does all that this one would do."""
        if not self._in_order or place + 1 == len(inputs):
            return False
        (event, _, clock), (following, _, later) = inputs[place], inputs[place + 1]
        if event.time != clock or following.time != later or 0 < state.wake <= later:
            return False
        for rule, _, _ in plan.reactions:  # noqa: SIM110  # `all` of a generator takes twice as long
            if rule.trigger.needs(state, event, following):  # type: ignore[arg-type]
                return False
        return True


def _only_reacts(plan: Plan) -> bool:
    return not (plan.exits or plan.stands or plan.runs)


def plain_of(book: RuleBook) -> Plain | None:
    """None: the rules need every input, or ids. Events that rules make are told apart by ids that are remembered."""
    makes = book.catalog.experiments or book.catalog.coupons or any(rule.action.makes for rule in book.rules)
    if makes or book.policy.forget_after:
        return None
    without_ids = copy(book)
    without_ids.policy = replace(book.policy, dedupe=0)
    return Plain(without_ids)

"""Decides one customer's history with one rule book, as the partition of `engine replay` would decide it.

Between a customer's events the state stays decoded: encoding it is most of what a replay costs.
"""

from collections.abc import Generator
from copy import copy

from msgspec.structs import replace

from engine.backtest.decided import Decided
from engine.backtest.history import Clock
from engine.backtest.inputs import Whose
from engine.core.book import RuleBook
from engine.core.decide import armed_state, count_and_react_roughly, decide, move_and_react, wake_up
from engine.core.effects import Decision
from engine.core.seen import is_duplicate
from engine.core.settle import forget_sent, soonest_due
from engine.core.state.codec import encode_state
from engine.core.state.model import State
from engine.model import Identified

Made = tuple[Decision, int]
"""A decision with effects, and when it was made. It is carried out before the next one is asked for."""


class Decisions:
    """One rule book over one history; `of` decides a customer."""

    def __init__(self, book: RuleBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._lateness = book.policy.allowed_lateness
        self._roles = {type_: role if role.is_simple else None for type_, role in book.roles.items()}
        self._remembers = _makes_events(book)
        self._copies = not (self._remembers or book.points)
        """What states keep are numbers of the inputs, and sums of them: no rule makes others."""
        self._without_ids = copy(book)
        self._without_ids.policy = replace(book.policy, dedupe=0)

    def of(self, whose: Whose, decided: Decided) -> Generator[Made, None, None]:
        """All decisions with effects, about the inputs and about the timers up to the end of the clock.

        What comes of the others, and how many repeats there are, is put into `decided`.

        Raises what the worker's batch meets with an input that cannot be decided, or a state that cannot be encoded.
        """
        book = self._without_ids if whose.plain and not self._remembers else self._book
        dedupe, lateness, roles, now = book.policy.dedupe, self._lateness, self._roles, 0
        state: State | None = None
        for input, before, clock in whose.inputs:
            if state is not None and state.wake and state.wake <= clock - lateness:
                state = yield from self._pass_time(whose, state, clock - lateness, now, decided)
            now = clock
            if type(input) is Identified or (role := roles[input.type]) is None:
                decision: Decision | None = decide(book, state, input, clock, before)
            else:
                state = state or armed_state(book, None, input, clock)
                if dedupe and is_duplicate(state, input, clock, dedupe):
                    decided.duplicates += 1
                    continue
                act = count_and_react_roughly if role.only_reacts else move_and_react
                decision = act(book, role, state, input, clock)
                if decision is not None:
                    forget_sent(book, state, clock)
            if decision is not None:
                decided.duplicates += decision.duplicate
                if decision.effects:
                    yield decision, clock
                else:
                    decided.outcomes += decision.outcomes
                state = decision.state
        if state is not None and state.wake:
            state = yield from self._pass_time(whose, state, max(self._clock.end, now) - lateness, now, decided)
        if state is not None and not (whose.small and self._copies):
            encode_state(state)

    def _pass_time(
        self, whose: Whose, state: State, until: int, now: int, decided: Decided
    ) -> Generator[Made, None, State | None]:
        """Fire what is due at or before `until`. `now`: where the clock stood at the customer's last input."""
        found: State | None = state
        state.wake = soonest_due(self._book, state)
        while found is not None and found.wake and found.wake <= until:
            at = found.wake + self._lateness
            decision = wake_up(self._book, found, whose.customer, at, now)
            if decision.effects:
                yield decision, at
            else:
                decided.outcomes += decision.outcomes
            found = decision.state
        return found


def _makes_events(book: RuleBook) -> bool:
    """Whether rules may make events. They are told apart by ids, which are remembered with those of the history."""
    return bool(book.catalog.experiments or book.catalog.coupons or any(rule.action.makes for rule in book.rules))

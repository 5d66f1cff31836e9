"""One batch: decides events, wake-ups and rule changes in memory. `Partition` makes one for each commit.

A batch lets `Turns` decide the customers one after the other, and puts what they tell in the order in which the inputs
came. It does no IO.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from engine.core.book import RuleBook
from engine.model import Event, Identified
from engine.ports import Renderer
from engine.worker.holding import Decided
from engine.worker.inputs import Inputs
from engine.worker.result import Arrival, Failure, Result
from engine.worker.rollout_rules import RolloutRules
from engine.worker.turns import BatchSettings, Failed, Turns
from engine.worker.two_books import TwoBooks
from engine.worker.values import Value

_PLACE = itemgetter(0)


class Batch:
    """The inputs of one commit. Changes are collected in `decided` and `result`.

    `stored` has the values of all customers of the batch. `rollout_rules`: a roll-out of another book, which then says
    who is decided by which.
    """

    def __init__(
        self,
        book: RuleBook,
        renderer: Renderer,
        stored: Mapping[str, Value],
        inputs: Inputs,
        settings: BatchSettings,
        rollout_rules: RolloutRules | None = None,
    ) -> None:
        self.stored = stored
        self.inputs = inputs
        self.clocks = inputs.clocks
        self.decided = Decided()
        self.turns: Turns | TwoBooks
        if rollout_rules is None:
            self.turns = Turns(book, renderer, self.clocks, self.decided, settings)
        else:
            self.turns = TwoBooks(rollout_rules, self.clocks, self.decided, settings)
        self.result = Result()

    def run(self, clock: int, looks: Iterable[str]) -> None:
        """Decide all inputs, and the customers at whom to look. `clock`: where the clock stands after them.

        A customer is due at their wake-up, however early they are looked at.
        """
        self.clocks.append(max(clock, self.clocks[-1]))
        until = self.clocks[-1] - self.turns.lateness
        take, values, own = self.turns.take, self.stored, self.inputs.by_customer
        if self.decided.values:
            values = {**values, **self.decided.values}
        looked_at = dict.fromkeys(looks)
        for customer, some in own.items():
            take(customer, values[customer], some, customer in looked_at)
        others = [(customer, values[customer]) for customer in looked_at if customer not in own]
        self.turns.take_due([(customer, value) for customer, value in others if value.wake and value.wake <= until])
        self._conclude()

    def visit(self, customers: Sequence[str]) -> None:
        """Re-arm the timers of customers whose state was made by an older rule book. `run` must follow."""
        for customer in customers:
            self.turns.visit(customer, self.stored[customer])

    def _conclude(self) -> None:
        turns, result = self.turns, self.result
        turns.told.sort(key=_PLACE)
        for _, entries, outcomes in turns.told:
            result.outbox += entries
            result.outcomes += outcomes
        result.failures = [_failure(one, self.inputs.arrivals) for one in sorted(turns.failed, key=_PLACE)]
        failed = sum(isinstance(failure.input, Event) for failure in result.failures)
        result.events = self.inputs.events - failed
        result.duplicates, result.wakes, result.visits = turns.duplicates, turns.fired, turns.visits


def _failure(one: Failed, arrivals: Sequence[Arrival]) -> Failure:
    arrival = arrivals[one.at - 1] if isinstance(one.input, Event | Identified) else None
    return Failure(one.input, one.reason, arrival, one.code)

"""One batch: decides events, wake-ups and rule changes in memory. `Partition` makes one for each commit.

A batch sorts its inputs by customer, lets `Turns` decide the customers one after the other, and puts what they tell in
the order in which the inputs came. It does no IO.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter

from engine.core.book import RuleBook
from engine.model import Event, Identified
from engine.ports import UNLIMITED, Renderer
from engine.worker.result import Arrival, Failure, Result
from engine.worker.turns import Failed, Turns

_PLACE = itemgetter(0)


class Batch:
    """The inputs of one commit. Changes are collected in `states`, `wakes` and `result`.

    `stored` has the encoded states of all customers of the batch. With `wall` (epoch ms) the clock is live: timers
    fire after the events. Without it, each timer fires before the event that passes it. `largest`: the most bytes an
    encoded outreach may have.
    """

    def __init__(
        self,
        book: RuleBook,
        renderer: Renderer,
        stored: Mapping[str, bytes | None],
        clock: int,
        *,
        wall: int | None,
        largest: int = UNLIMITED,
    ) -> None:
        self.stored = stored
        self.clocks = [clock]
        self.turns = Turns(book, renderer, self.clocks, wall=wall, largest=largest)
        self.result = Result()

    @property
    def states(self) -> dict[str, bytes | None]:
        """The states to store, encoded; None: forget the customer."""
        return self.turns.states

    @property
    def wakes(self) -> dict[str, int]:
        """The wake-ups to store; 0: none."""
        return self.turns.wakes

    def run(self, arrivals: Sequence[Arrival], clock: int, wakes: Sequence[tuple[str, int]]) -> None:
        """Decide all arrivals and the wake-ups (customer, moment). `clock`: where the clock stands after them."""
        inputs = self._by_customer(arrivals)
        self.clocks.append(max(clock, self.clocks[-1]))
        due = dict(wakes)
        take, stored, visited = self.turns.take, self.stored, self.turns.states.copy()
        for customer, own in inputs.items():
            take(customer, visited.get(customer, stored[customer]), own, due.pop(customer, 0))
        for customer, moment in due.items():
            take(customer, visited.get(customer, stored[customer]), (), moment)
        self._conclude(arrivals)

    def visit(self, customers: Sequence[str]) -> None:
        """Re-arm the timers of customers whose state was made by an older rule book. `run` must follow."""
        for customer in customers:
            self.turns.visit(customer, self.stored[customer])

    def _by_customer(self, arrivals: Sequence[Arrival]) -> dict[str, list[tuple[int, Event | Identified]]]:
        """The inputs of each customer, with their places in `clocks`, which gets the clock after each arrival."""
        inputs: dict[str, list[tuple[int, Event | Identified]]] = {}
        clocks, clock = self.clocks, self.clocks[-1]
        for at, arrival in enumerate(arrivals, len(clocks)):
            if arrival.clock > clock:
                clock = arrival.clock
            clocks.append(clock)
            for input in (arrival.event, arrival.identified):
                if input is None:
                    continue
                if (own := inputs.get(input.customer)) is None:
                    inputs[input.customer] = [(at, input)]
                else:
                    own.append((at, input))
        return inputs

    def _conclude(self, arrivals: Sequence[Arrival]) -> None:
        turns, result = self.turns, self.result
        turns.told.sort(key=_PLACE)
        for _, entries, outcomes, records in turns.told:
            result.outbox += entries
            result.outcomes += outcomes
            result.outcome_records += records
        result.failures = [_failure(one, arrivals) for one in sorted(turns.failed, key=_PLACE)]
        failed = sum(isinstance(failure.input, Event) for failure in result.failures)
        result.events = sum(arrival.event is not None for arrival in arrivals) - failed
        result.duplicates, result.wakes, result.visits = turns.duplicates, turns.fired, turns.visits


def _failure(one: Failed, arrivals: Sequence[Arrival]) -> Failure:
    return Failure(one.input, one.reason, arrivals[one.at - 1] if isinstance(one.input, Event | Identified) else None)

"""Decides one customer's history with the worker's own `Batch`, one a step of the clock: as slowly as a replay.

`customer` calls it for a customer of whom something cannot be decided or encoded: the `Batch` leaves the state from
before a failed input, and keeps what was decided before it.
"""

from collections.abc import Sequence

from engine.backtest.decided import Decided, messages_of
from engine.backtest.history import Clock, Tick
from engine.backtest.inputs import Whose
from engine.core.book import RuleBook
from engine.model import Event
from engine.ports import Record, Renderer
from engine.wire.histories import Names
from engine.wire.records import decode_outreach
from engine.worker.batch import Batch
from engine.worker.inputs import Inputs
from engine.worker.result import Arrival, Result
from engine.worker.turns import BatchSettings
from engine.worker.values import Value


class CarefulRun:
    """One customer's run. `decided` has what came of it."""

    def __init__(self, book: RuleBook, renderer: Renderer, clock: Clock) -> None:
        self.book = book
        self.renderer = renderer
        self.clock = clock
        self.lateness = book.policy.allowed_lateness
        self.state: bytes | None = None
        self.wake = 0
        self.decided = Decided()

    def of(self, whose: Whose) -> Decided:
        now = 0
        for input, before, clock in whose.inputs:
            while self.wake and self.wake <= clock - self.lateness:
                self._step(whose.customer, (), self._tick(now))
            event, identified = (input, None) if isinstance(input, Event) else (None, input)
            arrival = Arrival(Record("", 0, 0, None), clock, event, identified)
            self._step(whose.customer, [arrival], Tick(before, clock))
            now = clock
        while self.wake and (tick := self._tick(now)):
            self._step(whose.customer, (), tick)
        return self.decided

    def _tick(self, now: int) -> Tick | None:
        """The step of the clock that fires the next timer; `now`: where the clock stands already."""
        moment = self.wake + self.lateness
        return Tick(now, now) if moment <= now else self.clock.passing(moment)

    def _step(self, customer: str, arrivals: Sequence[Arrival], tick: Tick | None) -> None:
        assert tick
        values = {customer: Value(self.state, self.wake)}
        inputs, settings = Inputs(arrivals, tick.before), BatchSettings(None, Names())
        batch = Batch(self.book, self.renderer, values, inputs, settings)
        batch.run(tick.now, () if arrivals else [customer])
        value = batch.decided.values.get(customer, values[customer])
        self.state, self.wake = value.state, value.wake
        self._keep(batch.result)

    def _keep(self, result: Result) -> None:
        decided = self.decided
        entries = messages_of(result.outbox)
        decided.entries += entries
        decided.outreach += [decode_outreach(entry.value) for entry in entries]
        decided.outcomes += result.outcomes
        decided.duplicates += result.duplicates
        decided.failures += [failure.reason for failure in result.failures]

"""Decides one customer's whole history with one rule book, as the partition of `engine replay` would decide it.

The processes of a backtest call it. Nothing is encoded between a customer's events, which is most of what a replay
costs. Only `decide` decides: an input that it cannot decide, or a state that cannot be encoded, sends the customer
through the worker's own `Batch` from the beginning, which leaves the state from before a failed input.
"""

from collections.abc import Sequence

import msgspec

from engine.backtest.history import Clock, Tick
from engine.backtest.inputs import Input
from engine.backtest.plain import Plain, plain_of
from engine.core.book import RuleBook
from engine.core.decide import decide
from engine.core.effects import Decision
from engine.core.state.codec import encode_state
from engine.core.state.model import State
from engine.errors import MakesForOthers
from engine.model import Event, OutcomeRecord, Outreach, WakeUp
from engine.ports import OUTREACH, UNLIMITED, Entry, Record, Renderer
from engine.wire.histories import Names
from engine.wire.records import decode_outreach
from engine.worker.batch import Batch
from engine.worker.inputs import Inputs
from engine.worker.result import Arrival, Result
from engine.worker.turns import entries_of
from engine.worker.values import Value


class Decided:
    """What became of one customer. `outreach` is rendered; `entries` are the same, encoded."""

    __slots__ = ("duplicates", "entries", "failures", "outcomes", "outreach")

    def __init__(self) -> None:
        self.outreach: list[Outreach] = []
        self.entries: list[Entry] = []
        self.outcomes: list[OutcomeRecord] = []
        self.duplicates = 0
        self.failures: list[str] = []

    def drop_repeats(self) -> None:
        """Keep each message once: an event repeated after `dedupe` decides it again, with the same id."""
        if len({one.id for one in self.outreach}) < len(self.outreach):
            first = {one.id: one for one in reversed(self.outreach)}
            self.outreach = [one for one in self.outreach if first[one.id] is one]
            entries = {entry.id: entry for entry in reversed(self.entries)}
            self.entries = [entry for entry in self.entries if entries[entry.id] is entry]


class CustomerRun:
    """One rule book over one history; `of` decides a customer. Raises MakesForOthers."""

    def __init__(self, book: RuleBook, renderer: Renderer, clock: Clock) -> None:
        self.book = book
        self.renderer = renderer
        self.clock = clock
        self.lateness = book.policy.allowed_lateness
        self._plain = plain_of(book)

    def of(self, customer: str, inputs: Sequence[Input], plain: bool = False) -> Decided:
        """Decide all inputs, and the timers up to the end of the clock.

        `plain`: all are events, and no two have the same id.
        """
        try:
            decided = self._quickly(customer, inputs, self._plain if plain else None)
        except MakesForOthers:
            raise
        except Exception:  # which input it was, and what then remains, `Batch` knows
            decided = CarefulRun(self).of(customer, inputs)
        decided.drop_repeats()
        return decided

    def _quickly(self, customer: str, inputs: Sequence[Input], plain: Plain | None) -> Decided:
        decided, book, lateness = Decided(), plain.book if plain else self.book, self.lateness
        state: State | None = None
        now = 0
        for place, (input, before, clock) in enumerate(inputs):
            while state is not None and state.wake and state.wake <= clock - lateness:
                state = self._wake(customer, state, decided, now)
            now = clock
            if state is not None and plain is not None and plain.only_folds(state, inputs, place):
                continue
            decision = decide(book, state, input, clock, before)
            state = decision.state
            if decision.duplicate:
                decided.duplicates += 1
            if decision.outcomes:
                self._keep(decision, decided, clock)
        while state is not None and state.wake and self.tick(state.wake, now):
            state = self._wake(customer, state, decided, now)
        if state is not None:
            encode_state(state)  # raises what a worker would meet
        return decided

    def _wake(self, customer: str, state: State, decided: Decided, now: int) -> State | None:
        tick = self.tick(state.wake, now)
        assert tick
        at = min(tick.now, state.wake + self.lateness)
        decision = decide(self.book, state, WakeUp(customer), at, tick.before)
        if decision.outcomes:
            self._keep(decision, decided, at)
        return decision.state

    def tick(self, wake: int, now: int) -> Tick | None:
        """The step of the clock that fires a wake-up; `now`: where the clock stands already."""
        moment = wake + self.lateness
        return Tick(now, now) if moment <= now else self.clock.passing(moment)

    def _keep(self, decision: Decision, decided: Decided, now: int) -> None:
        if decision.effects:
            decided.entries += _messages(entries_of(self.book, decision, self.renderer, UNLIMITED, now))
            decided.outreach += decision.outreach
        decided.outcomes += decision.outcomes


class CarefulRun:
    """The same with the worker's `Batch`, one a step of the clock. It keeps what was decided before a failure."""

    def __init__(self, run: CustomerRun) -> None:
        self.run = run
        self.state: bytes | None = None
        self.wake = 0
        self.decided = Decided()

    def of(self, customer: str, inputs: Sequence[Input]) -> Decided:
        now = 0
        for input, before, clock in inputs:
            while self.wake and self.wake <= clock - self.run.lateness:
                self._step(customer, (), self.run.tick(self.wake, now))
            event, identified = (input, None) if isinstance(input, Event) else (None, input)
            arrival = Arrival(Record("", 0, 0, None), clock, event, identified)
            self._step(customer, [arrival], Tick(before, clock))
            now = clock
        while self.wake and (tick := self.run.tick(self.wake, now)):
            self._step(customer, (), tick)
        return self.decided

    def _step(self, customer: str, arrivals: Sequence[Arrival], tick: Tick | None) -> None:
        assert tick
        values = {customer: Value(self.state, self.wake)}
        batch = Batch(self.run.book, self.run.renderer, values, Inputs(arrivals, tick.before), wall=None, names=Names())
        batch.run(tick.now, () if arrivals else [customer])
        value = batch.decided.values.get(customer, values[customer])
        self.state, self.wake = value.state, value.wake
        self._keep(batch.result)

    def _keep(self, result: Result) -> None:
        decided = self.decided
        entries = _messages(result.outbox)
        decided.entries += entries
        decided.outreach += [decode_outreach(entry.value) for entry in entries]
        decided.outcomes += result.outcomes
        decided.duplicates += result.duplicates
        decided.failures += [failure.reason for failure in result.failures]


def _messages(entries: Sequence[Entry]) -> list[Entry]:
    """The outreach among the entries; copies of the customer's own events have happened. Raises MakesForOthers."""
    messages = []
    for entry in entries:
        if entry.destination == OUTREACH:
            messages.append(entry)
            continue
        made = msgspec.json.decode(entry.value)
        if made["customer"] != made["because_of"]:
            raise MakesForOthers(made["rule"])
    return messages

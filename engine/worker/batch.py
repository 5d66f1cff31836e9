"""One batch: decides events, wake-ups and rule changes in order, in memory. `Partition` makes one for each commit.

A batch does no IO. When an input fails (in `decide`, or when the decision is encoded), its customer keeps the state
from before it, the input goes to `result.failures`, and the next input is decided. When only an outreach cannot be
rendered or encoded, it becomes an outcome `failed` and the rest of its decision holds.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from heapq import heapify, heappop, heappush

from engine.core.book import RuleBook
from engine.core.decide import decide
from engine.core.effects import Decision
from engine.core.settle import retract
from engine.core.state.codec import decode_state, encode_state
from engine.core.state.model import State
from engine.errors import RenderFailed, StateUnreadable
from engine.model import Event, Identified, Outreach, WakeUp
from engine.ports import UNLIMITED, Entry, Renderer
from engine.wire.derived import encode_derived
from engine.wire.reading import reason_of
from engine.wire.records import encode_outcome, encode_outreach
from engine.worker.result import Arrival, Failure, Result

RETRY_WAKE = 3_600_000
"""Milliseconds until a customer whose wake-up failed is tried again. Without it a state that `decide` cannot handle
would fail again in every round."""


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
        self.book = book
        self.renderer = renderer
        self.stored = stored
        self.clock = clock
        self.lateness = book.policy.allowed_lateness
        self.wall = wall
        self.largest = largest
        self.end = clock
        self.heap: list[tuple[int, str]] = []
        self.states: dict[str, bytes | None] = {}
        self.wakes: dict[str, int] = {}
        self.result = Result()

    def run(self, arrivals: Sequence[Arrival], clock: int, wakes: Sequence[tuple[str, int]]) -> None:
        """Decide all arrivals and the wake-ups (customer, moment). `clock`: where the clock stands after them."""
        self.end = clock
        self.heap = [(due, customer) for customer, due in wakes]
        heapify(self.heap)
        live = self.wall is not None
        for arrival in arrivals:
            before = self.clock
            if arrival.clock > before:
                self.clock = arrival.clock
            if not live and self.heap and self.heap[0][0] <= self.clock - self.lateness:
                self._fire(before)
            if arrival.event is not None:
                self.result.events += self._on_input(arrival, arrival.event, before)
            if arrival.identified is not None:
                self._on_input(arrival, arrival.identified, before)
        before, self.clock = self.clock, max(self.clock, clock)
        self._fire(before)

    def visit(self, customers: Sequence[str]) -> None:
        """Re-arm the timers of customers whose state was made by an older rule book."""
        for customer in customers:
            with suppress(StateUnreadable):
                state = self._state(customer)
                if state is not None and state.mark != self.book.mark:
                    self.result.visits += self._decide(WakeUp(customer), state, self.clock)

    def _fire(self, before: int) -> None:
        """Decide the wake-ups that the clock has passed, soonest first."""
        heap, until = self.heap, self.clock - self.lateness
        while heap and heap[0][0] <= until:
            due, customer = heappop(heap)
            self._on_wake(customer, due, before)

    def _state(self, customer: str) -> State | None:
        """The customer's state, decoded for one input only: encoded states take an eighth of the memory."""
        data = self.states[customer] if customer in self.states else self.stored[customer]
        return decode_state(data) if data is not None else None

    def _on_input(self, arrival: Arrival, input: Event | Identified, before: int) -> bool:
        try:
            state = self._state(input.customer)
        except StateUnreadable as error:
            self.result.failures.append(Failure(input, str(error), arrival))
            return False
        return self._decide(input, state, before, arrival)

    def _on_wake(self, customer: str, due: int, before: int) -> None:
        try:
            state = self._state(customer)
        except StateUnreadable:
            self.wakes[customer] = self.clock + RETRY_WAKE
            return
        if state is not None and state.wake != due:
            return  # an earlier input of this batch has moved the wake-up
        if self._decide(WakeUp(customer), state, before):
            self.result.wakes += 1
        else:
            self._put_off(customer, self._state(customer), self.clock + RETRY_WAKE)

    def _put_off(self, customer: str, state: State | None, until: int) -> None:
        self.wakes[customer] = until
        if state is not None:
            state.wake = until
            self.states[customer] = encode_state(state)

    def _decide(
        self, input: Event | Identified | WakeUp, state: State | None, before: int, arrival: Arrival | None = None
    ) -> bool:
        """Decide one input. Returns False when it failed; then nothing has changed."""
        customer = input.customer
        wake = state.wake if state is not None else 0
        present = before if self.wall is None else self.wall
        try:
            decision = decide(self.book, state, input, self.clock, present)
            outbox = entries_of(decision, self.renderer, self.largest) if decision.effects else []
            outcomes = decision.outcomes
            records = [encode_outcome(outcome) for outcome in outcomes] if outcomes else []
            new = decision.state
            encoded = encode_state(new) if new is not None else None
        except Exception as error:
            self.result.failures.append(Failure(input, reason_of(error), arrival))
            return False
        result = self.result
        if decision.duplicate:
            result.duplicates += 1
        if records:
            result.outbox.extend(outbox)
            result.outcomes.extend(outcomes)
            result.outcome_records.extend(records)
        self.states[customer] = encoded
        new_wake = new.wake if new is not None else 0
        if new_wake != wake or isinstance(input, WakeUp):
            self.wakes[customer] = new_wake
            if new_wake and new_wake <= self.end:
                heappush(self.heap, (new_wake, customer))
        return True


def entries_of(decision: Decision, renderer: Renderer, largest: int) -> list[Entry]:
    """The effects as entries of the outbox. One that fails here is retracted: it becomes outcome `failed`."""
    entries = []
    for effect in list(decision.effects):
        try:
            if isinstance(effect, Outreach):
                if decision.state is not None:
                    renderer.render(effect, decision.state)
                entry = encode_outreach(effect)
                if len(entry.value) > largest:
                    raise RenderFailed(effect.template, _too_large(len(entry.value), largest))
            else:
                entry = encode_derived(effect)
            entries.append(entry)
        except Exception as error:
            retract(decision, effect, reason_of(error))
    return entries


def _too_large(size: int, largest: int) -> str:
    return f"the outreach has {size:,} bytes, its topic takes {largest:,} (max.message.bytes)"

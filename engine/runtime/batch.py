"""One attempt at a batch: decide every input in order, in memory."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from heapq import heapify, heappop, heappush

from engine.core.book import RuleBook
from engine.core.codec import decode_state, encode_state
from engine.core.decide import decide, premature
from engine.core.settle import retract
from engine.errors import RenderFailed, StateUnreadable
from engine.model import Decision, Event, State, WakeUp
from engine.ports import Renderer
from engine.runtime.records import encode_outcome, encode_outreach
from engine.runtime.result import Arrival, Failure, Result, Undecidable

RETRY_WAKE = 3_600_000
"""A customer whose wake-up fails is looked at again this much later."""


class Batch:
    """With `wall` the clock is live: timers fire after the events. Without, each fires before the event that passes it.

    `stored` has the encoded states of all whom the batch is about; what it changes is in `states`, `wakes` and
    `result`. `failures` say which inputs to leave alone.
    """

    def __init__(
        self,
        book: RuleBook,
        renderer: Renderer,
        stored: Mapping[str, bytes | None],
        clock: int,
        *,
        wall: int | None,
        failures: Sequence[Failure] = (),
    ) -> None:
        self.book = book
        self.renderer = renderer
        self.stored = stored
        self.clock = clock
        self.lateness = book.policy.allowed_lateness
        self.wall = wall
        self.failed_events = {id(one.input) for one in failures if isinstance(one.input, Event)}
        self.failed_wakes = {one.input.customer for one in failures if isinstance(one.input, WakeUp)}
        self.end = clock
        self.heap: list[tuple[int, str]] = []
        self.states: dict[str, bytes | None] = {}
        self.wakes: dict[str, int] = {}
        self.result = Result(failures=list(failures))

    def run(self, arrivals: Sequence[Arrival], clock: int, wakes: Sequence[tuple[str, int]]) -> None:
        """Decide all arrivals and wake-ups; `clock` is where the clock stands after them. Raises Undecidable."""
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
                self._on_event(arrival.event, before)
        before, self.clock = self.clock, max(self.clock, clock)
        self._fire(before)

    def visit(self, customers: Sequence[str]) -> None:
        """Let customers whose state an older rule book made meet this one. Raises Undecidable."""
        for customer in customers:
            if customer in self.failed_wakes:
                continue
            with suppress(StateUnreadable):
                state = self._state(customer)
                if state is not None and state.mark != self.book.mark:
                    self._decide(WakeUp(customer), state, self.clock)

    def _fire(self, before: int) -> None:
        """Give every customer whose wake-up the clock has passed its turn, soonest first."""
        heap, until = self.heap, self.clock - self.lateness
        while heap and heap[0][0] <= until:
            due, customer = heappop(heap)
            self._on_wake(customer, due, before)

    def _state(self, customer: str) -> State | None:
        """Decoded for one input and encoded again after it: an eighth of the memory, and read while it is at hand."""
        data = self.states[customer] if customer in self.states else self.stored[customer]
        return decode_state(data) if data is not None else None

    def _on_event(self, event: Event, before: int) -> None:
        if self.failed_events and id(event) in self.failed_events:
            return
        try:
            state = self._state(event.customer)
        except StateUnreadable as error:
            self.result.failures.append(Failure(event, str(error)))
            return
        self.result.events += 1
        self._decide(event, state, before)

    def _on_wake(self, customer: str, due: int, before: int) -> None:
        try:
            state = self._state(customer)
        except StateUnreadable:
            self.wakes[customer] = self.clock + RETRY_WAKE
            return
        if state is not None and state.wake != due:
            return  # it has moved within this batch
        if customer in self.failed_wakes:
            self._put_off(customer, state, self.clock + RETRY_WAKE)
            return
        self.result.wakes += 1
        soonest = premature(self.book, state, self.clock) if state is not None else None
        if soonest is None:
            self._decide(WakeUp(customer), state, before)
            return
        self._put_off(customer, state, soonest)
        if 0 < soonest <= self.end:
            heappush(self.heap, (soonest, customer))

    def _put_off(self, customer: str, state: State | None, until: int) -> None:
        self.wakes[customer] = until
        if state is not None:
            state.wake = until
            self.states[customer] = encode_state(state)

    def _decide(self, input: Event | WakeUp, state: State | None, before: int) -> None:
        customer = input.customer
        wake = state.wake if state is not None else 0
        present = before if self.wall is None else self.wall
        try:
            decision = decide(self.book, state, input, self.clock, present)
        except Exception as error:
            raise Undecidable(Failure(input, f"{type(error).__name__}: {error}")) from error
        if decision.duplicate:
            self.result.duplicates += 1
        if decision.outcomes:
            self._emit(decision)
        new = decision.state
        try:
            self.states[customer] = encode_state(new) if new is not None else None
        except (OverflowError, TypeError, RecursionError) as error:
            raise Undecidable(Failure(input, f"cannot be stored: {error}")) from error
        new_wake = new.wake if new is not None else 0
        if new_wake != wake or isinstance(input, WakeUp):
            self.wakes[customer] = new_wake
            if new_wake and new_wake <= self.end:
                heappush(self.heap, (new_wake, customer))

    def _emit(self, decision: Decision) -> None:
        for outreach in list(decision.outreach):
            try:
                if decision.state is not None:
                    self.renderer.render(outreach, decision.state)
            except RenderFailed as error:
                retract(decision, outreach, str(error))
            else:
                self.result.outbox.append(encode_outreach(outreach))
        self.result.outcomes.extend(decision.outcomes)
        self.result.outcome_records.extend(map(encode_outcome, decision.outcomes))

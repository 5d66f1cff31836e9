"""A batch as it is meant: all inputs one after the other in the order they came, every state encoded in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from engine.core.book import RuleBook
from engine.core.carry_out import carry_out
from engine.core.decide import decide
from engine.core.effects import Decision, Effect
from engine.core.state.codec import decode_state, encode_state
from engine.core.state.model import State
from engine.errors import RenderFailed, StateUnreadable
from engine.model import Event, Identified, Outreach, WakeUp
from engine.ports import Entry, Renderer
from engine.wire.derived import encode_derived
from engine.wire.records import encode_outreach
from engine.worker.holding import RETRY_WAKE
from engine.worker.result import Arrival, Failure, Result

Input = Event | Identified | WakeUp


@dataclass
class InOrder:
    """The same as `Batch`, slowly."""

    book: RuleBook
    renderer: Renderer
    stored: Mapping[str, bytes | None]
    clock: int
    wall: int | None
    states: dict[str, bytes | None] = field(default_factory=dict)
    wakes: dict[str, int] = field(default_factory=dict)
    result: Result = field(default_factory=Result)
    heap: list[tuple[int, str]] = field(default_factory=list)
    end: int = 0

    def run(self, arrivals: Sequence[Arrival], clock: int, wakes: Sequence[tuple[str, int]]) -> None:
        self.end, self.heap = max(clock, self.clock), [(due, customer) for customer, due in wakes]
        heapify(self.heap)
        for arrival in arrivals:
            before, self.clock = self.clock, max(self.clock, arrival.clock)
            self.end = max(self.end, self.clock)
            if self.wall is None:
                self._fire(before)
            if arrival.event is not None:
                self.result.events += self._decide(arrival.event, before, arrival)
            if arrival.identified is not None:
                self._decide(arrival.identified, before, arrival)
        before, self.clock = self.clock, self.end
        self._fire(before)

    def _fire(self, before: int) -> None:
        while self.heap and self.heap[0][0] <= self.clock - self.book.policy.allowed_lateness:
            due, customer = heappop(self.heap)
            try:
                state = self._state(customer)
            except StateUnreadable:
                self.wakes[customer] = self.end + RETRY_WAKE
                continue
            if state is not None and state.wake == due:
                self._wake(customer, before, due)

    def _wake(self, customer: str, before: int, due: int) -> None:
        if self._decide(WakeUp(customer), before, due=due):
            self.result.wakes += 1
            return
        state, self.wakes[customer] = self._state(customer), self.clock + RETRY_WAKE
        if state is not None:
            state.wake = self.clock + RETRY_WAKE
            self.states[customer] = encode_state(state)

    def _state(self, customer: str) -> State | None:
        data = self.states[customer] if customer in self.states else self.stored[customer]
        return decode_state(data) if data is not None else None

    def _decide(self, input: Input, before: int, arrival: Arrival | None = None, due: int = 0) -> bool:
        customer, present = input.customer, before if self.wall is None else self.wall
        alone = due + self.book.policy.allowed_lateness if due and self.wall is None else self.clock
        try:
            state = self._state(customer)
            decision = decide(self.book, state, input, min(alone, self.clock), present)
            entries = self._written(decision)
            encoded = encode_state(decision.state) if decision.state is not None else None
        except StateUnreadable as error:
            self.result.failures.append(Failure(input, str(error), arrival))
            return False
        except ArithmeticError as error:
            self.result.failures.append(Failure(input, f"{type(error).__name__}: {error}", arrival))
            return False
        self.result.duplicates += decision.duplicate
        self.result.outbox += entries
        self.result.outcomes += decision.outcomes
        self.states[customer] = encoded
        self.wakes[customer] = wake = decision.state.wake if decision.state is not None else 0
        if 0 < wake <= self.end:
            heappush(self.heap, (wake, customer))
        return True

    def _written(self, decision: Decision) -> list[Entry]:
        def write(effect: Effect, state: State | None) -> Entry:
            if not isinstance(effect, Outreach):
                return encode_derived(effect, self.book.catalog)
            if state is not None:
                self.renderer.render(effect, state)
            return encode_outreach(effect)

        return carry_out(self.book, decision, self.clock, write, _reason_of)


def _reason_of(error: Exception) -> str:
    if isinstance(error, RenderFailed):
        return str(error)
    raise error

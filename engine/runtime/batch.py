"""One attempt at a batch: decide every input in order, in memory."""

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

import msgspec

from engine.core.book import RuleBook
from engine.core.codec import encode_state
from engine.core.decide import decide
from engine.core.settle import retract
from engine.errors import RenderFailed
from engine.model import Decision, Event, OutcomeRecord, WakeUp
from engine.ports import Renderer
from engine.runtime.cache import StateCache
from engine.runtime.records import encode_outcome, encode_outreach

RETRY_WAKE = 3_600_000
"""A customer whose wake-up fails is looked at again this much later."""


class Arrival(msgspec.Struct, gc=False):
    """One record's place and what it said. `clock` is the moment it moves the clock to; no event: nothing to decide."""

    source: str
    next_offset: int
    clock: int
    event: Event | None = None


class Failure(msgspec.Struct):
    """An input that could not be decided: `decide` raised, or the customer's stored state is unreadable."""

    input: Event | WakeUp
    reason: str


class Result(msgspec.Struct):
    """What one batch did, for the relay and the counters."""

    events: int = 0
    duplicates: int = 0
    wakes: int = 0
    outbox: list[tuple[str, bytes]] = []
    outcomes: list[OutcomeRecord] = []
    outcome_records: list[tuple[str, bytes]] = []
    """The outcomes encoded, (id, JSON), in the same order."""
    failures: list[Failure] = []


class Undecidable(Exception):
    """Internal: `decide` raised; the batch has to start again without this input."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class Batch:
    """With `wall` the clock is live: timers fire after the events. Without, each fires before the event that passes it.

    What it changes is in `touched` (customers whose cached state is new), `states`, `wakes` and `result`.
    `unreadable` and `failures` say which customers and inputs to leave alone, and why.
    """

    def __init__(
        self,
        book: RuleBook,
        renderer: Renderer,
        cache: StateCache,
        clock: int,
        *,
        wall: int | None,
        unreadable: Mapping[str, str],
        failures: Sequence[Failure] = (),
    ) -> None:
        self.book = book
        self.renderer = renderer
        self.cache = cache
        self.clock = clock
        self.wall = wall
        self.unreadable = unreadable
        self.failed_events = {id(one.input) for one in failures if isinstance(one.input, Event)}
        self.failed_wakes = {one.input.customer for one in failures if isinstance(one.input, WakeUp)}
        self.end = clock
        self.heap: list[tuple[int, str]] = []
        self.touched: set[str] = set()
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
            before, self.clock = self.clock, max(self.clock, arrival.clock)
            if not live:
                self._fire(before)
            if arrival.event is not None:
                self._on_event(arrival.event, before)
        before, self.clock = self.clock, max(self.clock, clock)
        self._fire(before)

    def encode(self, arrivals: Sequence[Arrival]) -> None:
        """Bring the new states into the form they are stored in. Raises Undecidable for an event no state can hold."""
        for customer in self.touched:
            state = self.cache.get(customer)
            try:
                self.states[customer] = encode_state(state) if state is not None else None
            except (OverflowError, TypeError, RecursionError) as error:
                culprit = self._unstorable(arrivals, customer)
                if culprit is None:
                    raise
                raise Undecidable(Failure(culprit, f"cannot be stored: {error}")) from error

    def _unstorable(self, arrivals: Sequence[Arrival], customer: str) -> Event | None:
        events = (arrival.event for arrival in arrivals if arrival.event and arrival.event.customer == customer)
        return next((event for event in events if id(event) not in self.failed_events and not _can_store(event)), None)

    def visit(self, customers: Sequence[str]) -> None:
        """Let customers whose state an older rule book made meet this one. Raises Undecidable."""
        for customer in customers:
            state = self.cache.get(customer)
            if state is not None and state.mark != self.book.mark and customer not in self.failed_wakes:
                self._decide(WakeUp(customer), self.clock)

    def _fire(self, before: int) -> None:
        """Give every customer whose wake-up the clock has passed its turn, soonest first."""
        heap = self.heap
        if heap and heap[0][0] <= (until := self.clock - self.book.policy.allowed_lateness):
            while heap and heap[0][0] <= until:
                due, customer = heappop(heap)
                self._on_wake(customer, due, before)

    def _on_event(self, event: Event, before: int) -> None:
        if id(event) in self.failed_events:
            return
        if event.customer in self.unreadable:
            self.result.failures.append(Failure(event, self.unreadable[event.customer]))
            return
        self.result.events += 1
        self._decide(event, before)

    def _on_wake(self, customer: str, due: int, before: int) -> None:
        state = self.cache.get(customer)
        if state is not None and state.wake != due:
            return  # it has moved within this batch
        if customer not in self.unreadable and customer not in self.failed_wakes:
            self.result.wakes += 1
            self._decide(WakeUp(customer), before)
            return
        self.wakes[customer] = self.clock + RETRY_WAKE
        if state is not None:
            state.wake = self.wakes[customer]
            self.touched.add(customer)

    def _decide(self, input: Event | WakeUp, before: int) -> None:
        customer = input.customer
        state = self.cache.get(customer)
        wake = state.wake if state is not None else 0
        present = before if self.wall is None else self.wall
        try:
            decision = decide(self.book, state, input, self.clock, present)
        except Exception as error:
            self.touched.add(customer)
            raise Undecidable(Failure(input, f"{type(error).__name__}: {error}")) from error
        if decision.duplicate:
            self.result.duplicates += 1
        self.touched.add(customer)
        self.cache.put(customer, decision.state)
        new_wake = decision.state.wake if decision.state is not None else 0
        if new_wake != wake or isinstance(input, WakeUp):
            self.wakes[customer] = new_wake
            if new_wake and new_wake <= self.end:
                heappush(self.heap, (new_wake, customer))
        if decision.outcomes:
            self._emit(decision)

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


def _can_store(event: Event) -> bool:
    try:
        msgspec.msgpack.encode(event.properties)
    except (OverflowError, TypeError, RecursionError):
        return False
    return True

"""Ways to run one history through the engine. Each returns what fired, as (customer, rule, occurrence), in order."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from random import Random
from typing import Any, Self

import msgspec

from engine.adapters.memory import MemoryStore
from engine.core.book import RuleBook
from engine.core.decide import decide, decide_event
from engine.core.effects import Decision
from engine.core.settle import soonest_due
from engine.core.state.codec import decode_state, encode_state
from engine.core.state.model import State
from engine.model import Event, Identified, OutcomeRecord, Outreach, WakeUp
from engine.ports import Commit, Record
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.books import Plain

Fired = tuple[str, str, str]


class Customers:
    """Customers on an event clock: every input through `decide`, and what must hold after each of them is checked.

    `reload` says whether to save and reload a state before an input, `shortly` whether an event takes the shorter way
    of a worker.
    """

    def __init__(
        self,
        book: RuleBook,
        reload: Callable[[], bool] = lambda: False,
        live: bool = False,
        shortly: Callable[[], bool] = lambda: False,
    ) -> None:
        self.book = book
        self.reload = reload
        self.live = live
        self.shortly = shortly
        self.clock = 0
        self.states: dict[str, State] = {}
        self.wakes: list[tuple[int, str]] = []
        self.outreach: list[Outreach] = []
        self.outcomes: list[OutcomeRecord] = []

    def tell(self, *events: Event | Identified) -> Self:
        for event in events:
            before, self.clock = self.clock, max(self.clock, event.time)
            self._wake_all(before)
            self._decide(event, before)
        return self

    def until(self, clock: int) -> Self:
        before, self.clock = self.clock, max(self.clock, clock)
        self._wake_all(before)
        return self

    def meet(self, book: RuleBook) -> Self:
        """A new rule book, and the sweep that lets everybody meet it."""
        self.book = book
        for customer in list(self.states):
            self._decide(WakeUp(customer), self.clock)
        return self

    def _wake_all(self, before: int) -> None:
        while self.wakes and self.wakes[0][0] <= self.clock - self.book.policy.allowed_lateness:
            due, customer = heappop(self.wakes)
            state = self.states.get(customer)
            if state is not None and state.wake == due:
                self._decide(WakeUp(customer), before)

    def _decide(self, input: Event | Identified | WakeUp, before: int) -> None:
        customer = input.customer
        state = self.states.pop(customer, None)
        if state is not None and self.reload():
            state = decode_state(encode_state(state))
        present = self.clock if self.live else before
        if isinstance(input, Event) and self.shortly():
            decision = decide_event(self.book, state, input, self.clock, present) or Decision(state)
        else:
            decision = decide(self.book, state, input, self.clock, present)
        self.outreach += decision.outreach
        self.outcomes += decision.outcomes
        if decision.state is not None:
            self.states[customer] = decision.state
            check(self.book, decision.state, self.clock)
            if decision.state.wake:
                heappush(self.wakes, (decision.state.wake, customer))

    @property
    def fired(self) -> list[Fired]:
        return [(one.customer, one.rule, one.occurrence) for one in self.outreach]

    def told(self) -> list[tuple[str, str, str]]:
        """(rule, outcome, reason) of everything decided."""
        return [(one.rule, one.outcome.value, one.reason) for one in self.outcomes]


def check(book: RuleBook, state: State, clock: int) -> None:
    """Nothing that is due stays behind, and the wake-up comes with the first thing to do."""
    moments = [timer.due for slot in state.rules.values() if not slot.parked for timer in slot.timers if timer.due]
    moments += [deferred.due for deferred in state.deferred if deferred.rule in book.by_id]
    assert all(moment > clock - book.policy.allowed_lateness for moment in moments)
    if book.policy.forget_after and state.last:
        moments.append(state.last + book.policy.forget_after)
    if moments:
        assert 0 < state.wake <= min(moments)
    assert state.wake == soonest_due(book, state)


class Crash(Exception):
    """The process dies here."""


class CrashingStore(MemoryStore):
    """A store whose client dies before or after the commits it is told: "before", "after" or "" for each."""

    def __init__(self, crashes: Iterable[str] = ()) -> None:
        super().__init__()
        self.crashes = deque(crashes)
        self.committed: list[bytes] = []

    def commit(self, partition: int, commit: Commit) -> bytes:
        crash = self.crashes.popleft() if self.crashes else ""
        if crash == "before":
            raise Crash
        seal = super().commit(partition, commit)
        self.committed += [entry.value for entry in commit.outbox]
        if crash == "after":
            raise Crash
        return seal

    def fired(self) -> list[Fired]:
        decoded = [msgspec.json.decode(entry) for entry in self.committed]
        return [(one["customer"], one["rule"], one["occurrence"]) for one in decoded]


def through_partition(
    book: RuleBook,
    events: Sequence[Event],
    end: int,
    *,
    sizes: Sequence[int] = (),
    crashes: Iterable[str] = (),
    lags: Sequence[int] = (),
    **options: Any,
) -> list[Fired]:
    """Through the partition, in batches of these sizes, opened again from the store wherever it crashes.

    `lags`, one a batch, makes the clock live: wall time is that far ahead of the broker's.
    """
    store = CrashingStore(crashes)
    arrivals = [Arrival(Record("events", 0, place + 1, None), event.time, event) for place, event in enumerate(events)]
    done = False
    while not done:
        partition = Partition(0, book, store, Plain(), live=bool(lags), **options)
        try:
            _run(partition, arrivals, end, list(sizes), list(lags))
            done = True
        except Crash:
            continue
    return store.fired()


def through_crashes(
    random: Random, book: RuleBook, events: Sequence[Event], end: int, *, most: int = 5, **options: Any
) -> list[Fired]:
    """As `through_partition`, in batches of up to `most` events; a worker dies at every other commit, by chance."""
    sizes = [random.randint(1, most) for _ in events]
    crashes = [random.choice(("", "", "before", "after")) for _ in events]
    return through_partition(book, events, end, sizes=sizes, crashes=crashes, **options)


def _run(partition: Partition, arrivals: Sequence[Arrival], end: int, sizes: list[int], lags: list[int]) -> None:
    wall = 0
    while left := arrivals[partition.meta.offsets.get("events", 0) :]:
        batch = left[: sizes.pop() if sizes else 7]
        wall = max(wall, batch[-1].clock + (lags.pop() if lags else 0))
        for _ in partition.process(batch, wall):
            pass
    for _ in partition.advance(end, max(wall, end)):
        pass

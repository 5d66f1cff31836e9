"""Decides the customers of a batch one after the other, each on one decoded state. `Batch` gives them their turns.

Customers do not influence each other. So all inputs of one customer may be decided before those of the next: each gets
the same result as if the inputs of all were decided in the order in which they came. Per event this saves decoding and
encoding the state when a customer comes several times, and memory: one state is decoded at a time, or a hundred of
those who are only due (`take_due`).

When an input fails (in `decide`, or when the state is encoded), the customer's turn begins anew, and the state is
encoded after each input: the one that fails is left out, and the others count. Nothing here does IO.
"""

from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from engine.core.book import RuleBook
from engine.core.carry_out import carry_out
from engine.core.decide import decide, decide_event
from engine.core.effects import Decision, Effect
from engine.core.state.codec import encode_state
from engine.core.state.model import State
from engine.errors import RenderFailed, StateUnreadable
from engine.model import Event, Identified, OutcomeRecord, Outreach, WakeUp
from engine.ports import UNLIMITED, Entry, Renderer
from engine.wire.dead_letters import UNDECIDABLE, code_of
from engine.wire.derived import encode_derived
from engine.wire.histories import SHORT, Names, cut, encode_past
from engine.wire.reading import reason_of
from engine.wire.records import encode_outreach
from engine.worker.holding import RETRY_WAKE, Decided
from engine.worker.values import NOBODY, Value, state_of

DECIDED_TOGETHER = 100
"""Due customers who are decided before their messages are made. Deciding and rendering in blocks keeps the code of each
in the processor's caches: an outreach takes 27 us of CPU in memory one by one, 23 with 30, and 22 with 100 or 500.
"""


Told = tuple[tuple[int, int, int, str], list[Entry], list[OutcomeRecord]]
"""What one decision told, after its place, which sorts those of all customers as their inputs came: (place in `clocks`;
0 for a timer, 1 for an event, 2 for an identification; when the timer was due; customer). A NamedTuple takes longer.
"""


class Failed(NamedTuple):
    """An input that was not applied. `at`: its place in `clocks`."""

    at: int
    input: Event | Identified | WakeUp
    reason: str
    code: str


class BatchSettings(NamedTuple):
    """What holds for all decisions of a batch.

    With `wall` (epoch ms) the clock is live: timers fire after the events. Without it, each timer fires before the
    event that passes it. `names` and `oldest` are for histories: outcomes from before `oldest` (epoch ms) are dropped
    where others come. `largest`: the most bytes an encoded outreach may have.
    """

    wall: int | None
    names: Names
    oldest: int = 0
    largest: int = UNLIMITED


_First = tuple[State | None, Decision, int, int]
"""The state before the first timer, what was decided, its place in `clocks`, and the clock then."""


class Turns:
    """One customer at a time; `decided`, `told` and `failed` collect what the turns bring.

    `clocks` has the clock before the first arrival, after each of them, and at the end. The caller may append to it
    between turns.
    """

    def __init__(
        self, book: RuleBook, renderer: Renderer, clocks: list[int], decided: Decided, settings: BatchSettings
    ) -> None:
        self.book = book
        self.renderer = renderer
        self.clocks = clocks
        self.lateness = book.policy.allowed_lateness
        self.wall, self.names, self.oldest, self.largest = settings
        self.decided = decided
        self.told: list[Told] = []
        self.failed: list[Failed] = []
        self.duplicates = 0
        self.fired = 0
        """Wake-ups decided."""
        self.visits = 0
        self._customer = ""
        self._stored = NOBODY
        self._state: State | None = None
        self._history = b""
        self._due = 0
        """When the customer must be decided without an event, 0: not within this batch."""
        self._next = 1
        """Where in `clocks` the customer's next timer can fire at the earliest."""
        self._careful = False
        self._encoded: bytes | None = None
        """While careful: the state before the current input."""

    def take(
        self,
        customer: str,
        stored: Value,
        inputs: Sequence[tuple[int, Event | Identified]],
        looked_at: bool,
        first: _First | None = None,
    ) -> None:
        """Decide the inputs, each with its place in `clocks`, and if `looked_at` the timers in between.

        `first`: the first timer, where that has been decided.
        """
        due = stored.wake if looked_at else 0
        duplicates, fired, told = self.duplicates, self.fired, len(self.told)
        try:
            if first is None:
                self._begin(customer, stored, due)
            else:
                self._begin_after(customer, stored, due, first)
            self._run(inputs)
            self._conclude(_encoded(self._state))
        except Exception:
            self.duplicates, self.fired = duplicates, fired
            del self.told[told:]
            self._take_carefully(customer, stored, inputs, due)

    def take_due(self, customers: Sequence[tuple[str, Value]]) -> None:
        """`take` for customers without inputs whose timers the clock has passed at the end.

        Of DECIDED_TOGETHER the first timers are decided, and then what comes of them is told.
        """
        for start in range(0, len(customers), DECIDED_TOGETHER):
            some = customers[start : start + DECIDED_TOGETHER]
            decided = [self._wake(customer, stored) for customer, stored in some]
            for (customer, stored), first in zip(some, decided, strict=True):
                self.take(customer, stored, (), True, first)

    def _wake(self, customer: str, stored: Value) -> _First | None:
        """Decide the first timer of a customer; None where that fails, so that `take` tries it and tells why."""
        clocks, due = self.clocks, stored.wake
        at = len(clocks) - 1 if self.wall is not None else max(1, bisect_left(clocks, due + self.lateness))
        now, present = self._passing(at, due)
        try:
            state = state_of(stored)
            return state, decide(self.book, state, WakeUp(customer), now, present), at, now
        except Exception:
            return None

    def visit(self, customer: str, stored: Value) -> None:
        """Re-arm the timers of a customer whose state was made by an older rule book, and cut their history."""
        young = cut(stored.history, self.oldest)
        if len(young) < len(stored.history):
            self.decided.values[customer] = stored = Value(stored.state, stored.wake, 0, young, stored.shadow)
        with suppress(StateUnreadable):
            self._begin(customer, stored, 0)
            if self._state is not None and self._state.mark != self.book.mark:
                self._encoded = stored.state
                self.visits += self._try(WakeUp(customer), 0)
                self._conclude(self._encoded)

    def _begin(self, customer: str, stored: Value, due: int) -> None:
        self._customer, self._stored, self._history = customer, stored, stored.history
        self._state = state_of(stored)
        self._due, self._next = due, 1

    def _begin_after(self, customer: str, stored: Value, due: int, first: _First) -> None:
        self._customer, self._stored, self._history = customer, stored, stored.history
        self._state, decision, at, now = first
        self._accept(decision, (at, 0, due, customer), now)
        self.fired += 1
        self._next = at

    def _conclude(self, encoded: bytes | None) -> None:
        """After the customer's last input: keep what has been decided."""
        state, stored, history = self._state, self._stored, self._history
        if history is not stored.history and len(history) > SHORT:
            history = cut(history, self.oldest)
        wake = state.wake if state is not None else 0
        self.decided.values[self._customer] = Value(encoded, wake, 0, history, stored.shadow)

    def _run(self, inputs: Sequence[tuple[int, Event | Identified]]) -> None:
        clocks, ordered = self.clocks, self.wall is None
        decide_one = self._try if self._careful else self._decide
        for at, input in inputs:
            if self._due and ordered and self._due <= clocks[at] - self.lateness:
                self._fire(at)
            decide_one(input, at)
            self._next = at + 1
        if self._due and self._due <= clocks[-1] - self.lateness:
            self._fire(len(clocks) - 1)

    def _fire(self, until: int) -> None:
        """Fire the timers that the clock passes up to place `until`, each at the place where it passes them."""
        clocks, at = self.clocks, self._next if self.wall is None else until
        while self._due and self._due <= clocks[until] - self.lateness:
            at = max(at, bisect_left(clocks, self._due + self.lateness))
            due, self._due = self._due, 0
            if not self._careful:
                self._decide(WakeUp(self._customer), at, due)
            elif not self._try(WakeUp(self._customer), at, due):
                self._put_off(clocks[at] + RETRY_WAKE)
                continue
            self.fired += 1

    def _decide(self, input: Event | Identified | WakeUp, at: int, due: int = 0) -> None:
        """Decide one input at its place in `clocks`; `due`: when the wake-up was due."""
        clocks, state = self.clocks, self._state
        if due:
            now, present = self._passing(at, due)
        else:
            now, present = clocks[at], self.wall if self.wall is not None else clocks[at - 1 if at else 0]
        if type(input) is WakeUp or type(input) is Identified:
            decision: Decision | None = decide(self.book, state, input, now, present)
        else:
            decision = decide_event(self.book, state, input, now, present)
        if decision is None:  # `state` has it all
            assert state is not None
            self._due = state.wake if state.wake <= clocks[-1] else 0
            return
        kind = 0 if due else 2 if type(input) is Identified else 1
        self._accept(decision, (at, kind, due, self._customer), now)

    def _passing(self, at: int, due: int) -> tuple[int, int]:
        """(now, present) for `decide` of a timer that was due then, at the place where the clock passes it."""
        clocks = self.clocks
        if self.wall is not None:
            return clocks[at], self.wall
        return min(clocks[at], due + self.lateness), clocks[at - 1]  # alone: a message shows what is so then

    def _accept(self, decision: Decision, place: tuple[int, int, int, str], now: int) -> None:
        if decision.duplicate:
            self.duplicates += 1
        new = decision.state
        if new is None and self._state is not None:
            self._history = b""
        self._state = new
        if decision.outcomes or decision.effects:
            self._tell(decision, place, now)
        wake = new.wake if new is not None else 0
        self._due = wake if wake <= self.clocks[-1] else 0

    def _tell(self, decision: Decision, place: tuple[int, int, int, str], now: int) -> None:
        entries = entries_of(self.book, decision, self.renderer, self.largest, now) if decision.effects else []
        self.told.append((place, entries, decision.outcomes))
        for outcome in decision.outcomes:
            self._history = encode_past(outcome, self.names) + self._history

    # --- after a failure

    def _take_carefully(
        self, customer: str, stored: Value, inputs: Sequence[tuple[int, Event | Identified]], due: int
    ) -> None:
        try:
            self._begin(customer, stored, due)
        except StateUnreadable as error:
            self._pass_over(customer, inputs, due, str(error))
            return
        self._careful, self._encoded = True, stored.state
        try:
            self._run(inputs)
            self._conclude(self._encoded)
        finally:
            self._careful = False

    def _pass_over(
        self, customer: str, inputs: Sequence[tuple[int, Event | Identified]], due: int, reason: str
    ) -> None:
        """Nothing can be decided without the state: all inputs fail, and who was due is looked at again."""
        self.failed += [Failed(at, input, reason, UNDECIDABLE) for at, input in inputs]
        if 0 < due <= self.clocks[-1] - self.lateness:
            self.decided.unreadable.append(customer)

    def _try(self, input: Event | Identified | WakeUp, at: int, due: int = 0) -> bool:
        """Decide one input and encode the state. Returns False when either fails; then nothing has changed."""
        wake = self._state.wake if self._state is not None else 0
        kept = self.duplicates, len(self.told), self._due, self._history
        try:
            self._decide(input, at, due)
            self._encoded = _encoded(self._state)
        except Exception as error:
            self.failed.append(Failed(at, input, reason_of(error), code_of(error)))
            self._undo(wake, *kept)
            return False
        return True

    def _undo(self, wake: int, duplicates: int, told: int, due: int, history: bytes) -> None:
        self._state = state_of(Value(self._encoded, wake))
        self.duplicates, self._due, self._history = duplicates, due, history
        del self.told[told:]

    def _put_off(self, until: int) -> None:
        self._due = 0
        if self._state is not None:
            self._state.wake = until


def entries_of(book: RuleBook, decision: Decision, renderer: Renderer, largest: int, now: int) -> list[Entry]:
    """The effects as entries of the outbox. One that fails here is retracted: it becomes outcome `failed`."""

    def entry(effect: Effect, state: State | None) -> Entry:
        if not isinstance(effect, Outreach):
            return encode_derived(effect, book.catalog)
        if state is not None:
            renderer.render(effect, state)
        encoded = encode_outreach(effect)
        if len(encoded.value) > largest:
            raise RenderFailed(effect.template, _too_large(len(encoded.value), largest))
        return encoded

    return carry_out(book, decision, now, entry, reason_of)


def _encoded(state: State | None) -> bytes | None:
    """The state without its wake-up, which the value has."""
    if state is None:
        return None
    wake, state.wake = state.wake, 0
    encoded = encode_state(state)
    state.wake = wake
    return encoded


def _too_large(size: int, largest: int) -> str:
    return f"the outreach has {size:,} bytes, its topic takes {largest:,} (max.message.bytes)"

"""Customers on a virtual clock, decided by the engine's own `decide`.

Rule tests and users' pytest tests drive it. It must contain no rule logic of its own, or tests would prove nothing.
"""

from heapq import heappop, heappush
from typing import Any

from engine.core.book import RuleBook
from engine.core.carry_out import carry_out
from engine.core.decide import decide
from engine.core.durations import milliseconds
from engine.core.effects import Decision, Effect
from engine.core.state.codec import decode_state, encode_state
from engine.core.state.model import State
from engine.errors import RenderFailed, UsageError
from engine.lang.diagnostics import with_closest
from engine.model import DerivedEvent, Event, OutcomeRecord, Outreach, WakeUp
from engine.ports import Renderer
from engine.testing.moves import Move, moves_of

START = 1_767_225_600_000
"""2026-01-01T00:00:00Z, the origin of relative times."""


class Simulator:
    """Customers on a virtual clock. Times are epoch ms or durations from `start`; nothing sleeps.

    `strict` delivers every event twice (unless the policy has no dedupe), and saves and reloads the state between any
    two inputs. The outcome must stay the same; `engine test` checks that.
    """

    def __init__(
        self, book: RuleBook, renderer: Renderer | None = None, *, start: int = START, strict: bool = False
    ) -> None:
        self.book = book
        self.renderer = renderer
        self.start = start
        self.now = start
        self.strict = strict
        self.states: dict[str, State] = {}
        self.outreach: list[Outreach] = []
        self.outcomes: list[OutcomeRecord] = []
        self.derived: list[Event] = []
        """Events that segments and rules have made for the customers themselves."""
        self.lost: list[Event] = []
        """Events that rules have made for customers of whom nothing is known."""
        self._wakes: list[tuple[int, str]] = []
        self._events = 0

    @property
    def moves(self) -> list[Move]:
        """All moves of segments so far."""
        return moves_of(self.book, self.derived)

    def moment(self, at: int | str) -> int:
        """Epoch ms of a time given as epoch ms, or as a duration from the start."""
        return at if isinstance(at, int) else self.start + milliseconds(at)

    def profile(self, customer: str = "c-1", **fields: Any) -> None:
        """Set profile fields directly, as known since the start."""
        state = self.states.setdefault(customer, State(mark=self.book.mark))
        state.profile.update(fields)
        state.profile_times.update(dict.fromkeys(fields, self.now))
        state.mark = 0
        self._decide(WakeUp(customer))

    def event(
        self,
        type: str,
        at: int | str,
        *,
        customer: str = "c-1",
        arrives: int | str | None = None,
        id: str | None = None,
        **properties: Any,
    ) -> None:
        """Deliver an event that happened `at` and arrives then, or at `arrives`. Arrivals must be in order.

        Raises UsageError for a type that events.yaml does not declare.
        """
        if type not in self.book.roles:
            raise UsageError(with_closest(f"there is no event type {type!r}", type, self.book.roles))
        self._events += 1
        event = Event(id or f"e-{self._events}", type, customer, self.moment(at), properties)
        self.deliver(event, self.moment(arrives) if arrives is not None else max(event.time, self.now))

    def deliver(self, event: Event, arrival: int) -> None:
        """Deliver a complete event at `arrival`."""
        self._pass_time(arrival if event.time >= arrival else arrival - 1)  # a late event comes before what is due now
        self.now = max(self.now, arrival)
        for _ in range(2 if self.strict and self.book.policy.dedupe else 1):
            self._decide(event)
        self._pass_time(arrival)

    def run(self, until: int | str) -> None:
        """Run the clock to `until` inclusive."""
        self._pass_time(self.moment(until))

    def adopt(self, book: RuleBook) -> None:
        """Go on with another rule book: all customers meet it now, as after a change of the rules in production."""
        self.book = book
        for customer in list(self.states):
            self._decide(WakeUp(customer))

    def _pass_time(self, until: int) -> None:
        lateness = self.book.policy.allowed_lateness
        while self._wakes and self._wakes[0][0] + lateness <= until:
            due, customer = heappop(self._wakes)
            state = self.states.get(customer)
            if state is not None and state.wake == due:
                self.now = max(self.now, due + lateness)
                self._decide(WakeUp(customer))
        self.now = max(self.now, until)

    def _decide(self, input: Event | WakeUp) -> None:
        state = self.states.get(input.customer)
        if self.strict and state is not None:
            state = decode_state(encode_state(state))
        decision = decide(self.book.telling(), state, input, self.now, self.now)
        self._carry_out(decision)
        if decision.state is None:
            self.states.pop(input.customer, None)
        else:
            self.states[input.customer] = decision.state
            if decision.state.wake:
                heappush(self._wakes, (decision.state.wake, input.customer))
        self.outreach.extend(decision.outreach)
        self.outcomes.extend(decision.outcomes)
        self._tell_others(decision)
        self.derived.extend(decision.derived)

    def _tell_others(self, decision: Decision) -> None:
        """Give other customers the events that rules have made for them; nobody is created by one."""
        for effect in decision.effects:
            if isinstance(effect, DerivedEvent) and not effect.is_copy:
                if effect.event.customer in self.states:
                    self._decide(effect.event)
                else:
                    self.lost.append(effect.event)

    def _carry_out(self, decision: Decision) -> None:
        """Render the messages, if there is a renderer. One that fails becomes outcome `failed`."""

        def write(effect: Effect, state: State | None) -> None:
            if self.renderer is not None and state is not None and isinstance(effect, Outreach):
                self.renderer.render(effect, state)

        carry_out(self.book, decision, self.now, write, _reason_of)
        for outreach in decision.outreach:
            outreach.coupons = dict(outreach.coupons)  # until here the run's own, which later messages add to


def _reason_of(error: Exception) -> str:
    if isinstance(error, RenderFailed):
        return str(error)
    raise error

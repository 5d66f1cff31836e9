"""One customer whom `as_decided` decides again: the state, and the book or, during a roll-out, the two books.

It decides as the worker does (`worker/two_books`), and can be set back to an earlier moment, as `as_decided` tries
several. It knows nothing of outcomes that were recorded, but for the revision of the next ones.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.core.decide import decide
from engine.core.effects import Decision
from engine.core.settle import soonest_due
from engine.core.state.codec import decode_state, encode_state
from engine.core.state.going_back import TriedOutreach, noted, remember
from engine.core.state.model import State
from engine.model import DerivedEvent, Event, Identified, OutcomeRecord, WakeUp
from engine.ports import UNLIMITED
from engine.replay.rolled_out import Assignment, Course
from engine.worker.context import Rules
from engine.worker.turns import entries_of

Input = Event | Identified | WakeUp


class Next(NamedTuple):
    """The outcomes that were recorded next: their moment, and the revision of the book that decided them."""

    at: int
    revision: str


class Snapshot(NamedTuple):
    """The customer at one moment."""

    state: tuple[bytes, int] | None
    aside: tuple[bytes, int] | None
    told: tuple[TriedOutreach, ...]
    tried: Assignment | None
    assignment: Assignment | None
    rules: Rules


class OneCustomer:
    """Begins with the book of `revision`; `courses` are the roll-outs whose two books are among `books`."""

    def __init__(self, name: str, books: Mapping[str, Rules], revision: str, courses: Sequence[Course]) -> None:
        self.name = name
        self.state: State | None = None
        self.rules = books[revision]
        self.made_for_others: dict[str, str] = {}
        """Event that a rule has made -> the other customer whom it is for."""
        self._books = books
        self._courses = courses
        self._assignment: Assignment | None = None
        self._tried: Assignment | None = None
        """The canary that the customer is in: the new book decides them, and the old one decides `_aside`."""
        self._aside: State | None = None
        self._told: tuple[TriedOutreach, ...] = ()
        """What the canary's book has sent them."""

    def snapshot(self) -> Snapshot:
        """All that a decision changes."""
        return Snapshot(
            _encoded(self.state), _encoded(self._aside), self._told, self._tried, self._assignment, self.rules
        )

    def restore(self, snapshot: Snapshot) -> None:
        self.state, self._aside = _decoded(snapshot.state), _decoded(snapshot.aside)
        self._told, self._tried, self._assignment, self.rules = (
            snapshot.told,
            snapshot.tried,
            snapshot.assignment,
            snapshot.rules,
        )

    def decide(self, input: Input, now: int, present: int) -> list[OutcomeRecord]:
        """Decide by the book that counts, and by the other one beside it. Raises what `decide` raises."""
        if self._tried is not None:
            self._decide_aside(input, now, present)
        decision = _decided(self.rules, self.state, input, now, present)
        self.state = decision.state
        if self._tried is not None:
            self._told = noted(self._told, decision.outcomes)
        for effect in decision.effects:
            if isinstance(effect, DerivedEvent) and not effect.is_copy:
                self.made_for_others[effect.id] = effect.event.customer
        return decision.outcomes

    def use(self, recorded: Next) -> None:
        """Go on with the book that decided what was recorded now; the customer meets it with the next input."""
        if self._tried is not None and recorded.revision == self._tried.rollout.base:
            self._leave(self._aside, recorded.revision)  # they were to have the new book, and did not have it yet
        elif self._tried is None and self._is_to_try(recorded.revision):
            self._try_new()
        self.rules = self._books[recorded.revision]

    def follow(self, at: int, following: Next | None) -> None:
        """Go over to the book that is the customer's at this moment by what is known of roll-outs."""
        assignment = self.assignment(at)
        waits = assignment is not None and assignment.books == "both" and self._tried is None
        if assignment is None or (assignment == self._assignment and not waits):
            return
        self._assignment = assignment
        rollout, books = assignment
        revision = rollout.revision if books == "new" else rollout.base
        if self.rules.book.revision not in (rollout.base, rollout.revision):
            return
        if books == "both":
            if following is None or following.revision != rollout.base or self.assignment(following.at) != assignment:
                self._try_new()
                self._meet(rollout.since)
        elif self._tried is not None:
            self._end_canary(revision, rollout.began, back=books == "old")
        else:
            before, self.rules = self.rules, self._books[revision]
            if self.rules is not before:
                self._meet(rollout.began)

    def assignment(self, at: int) -> Assignment | None:
        """In the last roll-out that had begun by then."""
        found = (
            assignment for one in reversed(self._courses) if (assignment := one.assignment(self.name, at)) is not None
        )
        return next(found, None)

    def _is_to_try(self, revision: str) -> bool:
        assignment = self._assignment
        return assignment is not None and assignment.books == "both" and assignment.rollout.revision == revision

    def _try_new(self) -> None:
        assert self._assignment is not None
        self._tried, self._aside = self._assignment, _decoded(_encoded(self.state))
        self.rules = self._books[self._assignment.rollout.revision]

    def _meet(self, at: int) -> None:
        """Meet another book at its beginning, as by the sweep; what is due at once is left to its recorded moment."""
        before = self.snapshot()
        if self.state is not None and self.decide(WakeUp(self.name), at, at):
            self.restore(before)

    def _end_canary(self, revision: str, at: int, *, back: bool) -> None:
        tried, state = self._tried, self.state
        if back and tried is not None:
            self._pass_time_aside(at)
            if self._aside is not None and state is not None:
                old, new = (self._books[one].book for one in (tried.rollout.base, tried.rollout.revision))
                remember(self._aside, state, self._told, tried.rollout.since, old, new)
            state = self._aside
        self._leave(state, revision)

    def _leave(self, state: State | None, revision: str) -> None:
        self.state, self._aside, self._tried, self._told = state, None, None, ()
        self.rules = self._books[revision]

    def _decide_aside(self, input: Input, now: int, present: int) -> None:
        self._pass_time_aside(now - 1)
        self._step_aside(input, now, present)

    def _pass_time_aside(self, until: int) -> None:
        """Fire what is due: no outcome tells when a worker did."""
        assert self._tried is not None
        book = self._books[self._tried.rollout.base].book
        lateness, last = book.policy.allowed_lateness, 0
        while self._aside is not None and last < (due := soonest_due(book, self._aside)) <= until - lateness:
            self._step_aside(WakeUp(self.name), due + lateness, due + lateness)
            last = due

    def _step_aside(self, input: Input, now: int, present: int) -> None:
        assert self._tried is not None
        before = _encoded(self._aside)
        try:
            self._aside = _decided(self._books[self._tried.rollout.base], self._aside, input, now, present).state
        except Exception:  # as in a worker: the input is left out
            self._aside = _decoded(before)


def _decided(rules: Rules, state: State | None, input: Input, now: int, present: int) -> Decision:
    decision = decide(rules.book, state, input, now, present)
    if decision.effects:
        entries_of(rules.book, decision, rules.renderer, UNLIMITED, now)
    return decision


def _encoded(state: State | None) -> tuple[bytes, int] | None:
    return (encode_state(state), state.wake) if state is not None else None


def _decoded(kept: tuple[bytes, int] | None) -> State | None:
    if kept is None:
        return None
    state = decode_state(kept[0])
    state.wake = kept[1]
    return state

"""Decides again what production has decided, customer by customer, and compares each outcome byte for byte.

`engine replay --as-decided` calls it with an archive's events and outcomes. A worker judges by its own wall time, which
no event has: it is taken from the moments in the recorded outcomes, and where nothing was decided, from the arrival of
the event. So an outcome that comes out the same is proof that these inputs and this book make it; one that does not is
told with the input at which the two part.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from engine.core.decide import decide
from engine.core.effects import Decision
from engine.core.state.codec import decode_state, encode_state
from engine.core.state.model import State
from engine.core.zones import iso
from engine.model import Event, OutcomeRecord, WakeUp
from engine.ports import UNLIMITED
from engine.wire.records import encode_outcome
from engine.worker.change import Side
from engine.worker.turns import entries_of

Kind = Literal["no such rules", "not decided again", "not recorded", "otherwise"]
"""How an outcome differs. "no such rules": its revision was not given. "otherwise": the same firing ended in another
way, or at another moment, or for another reason."""


class Recorded(msgspec.Struct, frozen=True):
    """An outcome as it was published; `at`: epoch ms."""

    at: int
    rule: str
    occurrence: str
    step: str
    revision: str
    value: bytes


class Arrived(msgspec.Struct, frozen=True):
    """An event with its place in a topic, and when the broker had it, epoch ms."""

    event: Event
    at: int
    place: str


class Difference(msgspec.Struct, frozen=True):
    """One outcome that differs. `input`: with which it was decided; the values are JSON, "" where there is none."""

    kind: Kind
    customer: str
    rule: str
    input: str
    recorded: str
    again: str


@dataclass
class Comparison:
    """What came of all customers. Only the first differences of each kind are kept."""

    customers: int = 0
    events: int = 0
    same: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    """Revision that was not given -> outcomes that it decided."""
    examples: list[Difference] = field(default_factory=list)
    undecidable: int = 0

    def tell(self, difference: Difference, examples: int = 20) -> None:
        self.kinds[difference.kind] += 1
        if self.kinds[difference.kind] <= examples:
            self.examples.append(difference)

    @property
    def differ(self) -> int:
        return sum(self.kinds.values())


@dataclass(frozen=True, slots=True)
class _Moment:
    """The clock and the present that a decision gets."""

    now: int
    present: int


class _Group:
    """The outcomes of one moment that have not been decided again yet."""

    def __init__(self, first: Recorded) -> None:
        self.at = first.at
        self.left = [first]

    def take(self, made: Sequence[bytes]) -> bool:
        """Take these out, if all of them were recorded."""
        values = [one.value for one in self.left]
        if not made or any(value not in values for value in made):
            return False
        self.left = [one for one in self.left if one.value not in made]
        return True


class AsDecided:
    """Compares customers with what `books` (revision -> book) decide; `found` collects."""

    def __init__(self, books: Mapping[str, Side], usual: str) -> None:
        self._books = books
        self._usual = usual
        self.found = Comparison()

    def add(self, customer: str, events: Sequence[Arrived], recorded: Sequence[Recorded]) -> None:
        """All events of one customer in the order in which they were read, and all outcomes by their moment."""
        self.found.customers += 1
        self.found.events += len(events)
        known = [one for one in recorded if one.revision in self._books]
        for one in recorded:
            if one.revision not in self._books:
                self.found.missing[one.revision] += 1
                self.found.tell(Difference("no such rules", customer, one.rule, "", one.value.decode(), ""))
        run = _Run(customer, self._books, known[0].revision if known else self._usual, _groups(known), self.found)
        try:
            run.through(events)
        except Exception:  # as in a worker, where it would be a dead letter
            self.found.undecidable += 1


class _Run:
    """One customer."""

    def __init__(
        self, customer: str, books: Mapping[str, Side], revision: str, groups: "deque[_Group]", found: Comparison
    ) -> None:
        self.customer = customer
        self.books = books
        self.side = books[revision]
        self.groups = groups
        self.found = found
        self.state: State | None = None

    def through(self, events: Sequence[Arrived]) -> None:
        for one in events:
            while not self._happens(one):
                self._wake(self.groups.popleft())
        while self.groups:
            self._wake(self.groups.popleft())

    def _come_of_time(self, group: _Group) -> bool:
        """Whether these outcomes are what is due now, without the event."""
        if self.state is None:
            return False
        before, side = self._kept(), self.side
        self._use(group)
        made = self._decide(WakeUp(self.customer), _Moment(group.at, group.at))
        self.side = side
        self._restore(before)
        return {encode_outcome(each)[1] for each in made} == {each.value for each in group.left}

    def _happens(self, one: Arrived) -> bool:
        """Decide an event at its arrival; if something comes of it, at the moment of the outcomes recorded next.

        False if these outcomes are of the time before it: it arrived before their batch, and was read after it.
        """
        while self.groups and self.groups[0].at <= one.at:
            if self.groups[0].at == one.at and not self._come_of_time(self.groups[0]):
                break
            self._wake(self.groups.popleft())
        before, input = self._kept(), f"event {one.event.id}, {one.place}"
        group = self.groups[0] if self.groups else None
        if group is not None:
            self._use(group)
        made = self._decide(one.event, _Moment(one.at, one.at))
        if not made or group is None:
            self._compare(made, None, input)
            return True
        for now in (one.at, group.at):
            self._restore(before)
            made = self._decide(one.event, _Moment(now, group.at))
            if group.take([encode_outcome(each)[1] for each in made]):
                self.found.same += len(made)
                if not group.left:
                    self.groups.popleft()
                return True
        about = self._is_about(group, made)
        self._restore(before)
        if self._come_of_time(group):
            return False
        made = self._decide(one.event, _Moment(one.at, group.at if about else one.at))
        self._compare(made, self.groups.popleft() if about else None, input)
        return True

    def _is_about(self, group: _Group, made: Sequence[OutcomeRecord]) -> bool:
        return not {(one.rule, one.occurrence, one.step) for one in group.left}.isdisjoint(map(_firing, made))

    def _wake(self, group: _Group) -> None:
        """Decide what was due at the moment of these outcomes."""
        self._use(group)
        made = self._decide(WakeUp(self.customer), _Moment(group.at, group.at)) if self.state is not None else []
        self._compare(made, group, f"the time {iso(group.at)}")

    def _compare(self, made: Sequence[OutcomeRecord], group: _Group | None, input: str) -> None:
        recorded = {one.value: one for one in group.left} if group is not None else {}
        again = {encode_outcome(one)[1]: one for one in made}
        self.found.same += len(recorded.keys() & again.keys())
        others = {_firing(one): value for value, one in again.items() if value not in recorded}
        for value, one in recorded.items():
            if value not in again:
                other = others.pop((one.rule, one.occurrence, one.step), b"")
                kind: Kind = "otherwise" if other else "not decided again"
                self._tell(kind, one.rule, input, value, other)
        for (rule, _, _), value in others.items():
            self._tell("not recorded", rule, input, b"", value)

    def _tell(self, kind: Kind, rule: str, input: str, recorded: bytes, again: bytes) -> None:
        self.found.tell(Difference(kind, self.customer, rule, input, recorded.decode(), again.decode()))

    def _use(self, group: _Group) -> None:
        """Go on with the book that decided these outcomes; the customer meets it with the next input."""
        self.side = self.books[group.left[0].revision]

    def _decide(self, input: Event | WakeUp, moment: _Moment) -> list[OutcomeRecord]:
        decision: Decision = decide(self.side.book, self.state, input, moment.now, moment.present)
        if decision.effects:
            entries_of(self.side.book, decision, self.side.renderer, UNLIMITED, moment.now)
        self.state = decision.state
        return decision.outcomes

    def _kept(self) -> tuple[bytes, int] | None:
        return (encode_state(self.state), self.state.wake) if self.state is not None else None

    def _restore(self, kept: tuple[bytes, int] | None) -> None:
        self.state = decode_state(kept[0]) if kept is not None else None
        if self.state is not None and kept is not None:
            self.state.wake = kept[1]


def _firing(one: OutcomeRecord) -> tuple[str, str, str]:
    return one.rule, one.occurrence, one.step


def _groups(recorded: Sequence[Recorded]) -> "deque[_Group]":
    """The outcomes by moment, and by revision where two decided at one moment."""
    groups: deque[_Group] = deque()
    for one in recorded:
        if groups and groups[-1].at == one.at and groups[-1].left[0].revision == one.revision:
            groups[-1].left.append(one)
        else:
            groups.append(_Group(one))
    return groups


def joined(
    events: Iterator[tuple[str, list[Arrived]]], outcomes: Iterator[tuple[str, list[Recorded]]]
) -> Iterator[tuple[str, list[Arrived], list[Recorded]]]:
    """Each customer with both; both come in the order of customers."""
    event, outcome = next(events, None), next(outcomes, None)
    while event is not None or outcome is not None:
        if outcome is None or (event is not None and event[0] < outcome[0]):
            assert event is not None
            yield event[0], event[1], []
            event = next(events, None)
        elif event is None or outcome[0] < event[0]:
            yield outcome[0], [], outcome[1]
            outcome = next(outcomes, None)
        else:
            yield event[0], event[1], outcome[1]
            event, outcome = next(events, None), next(outcomes, None)

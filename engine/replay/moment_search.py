"""Searches the moments at which deciding one customer's inputs makes the outcomes that were recorded.

`as_decided` makes a `MomentSearch` for each customer. No record says which clock and which present the worker had, so
several are tried. Where none makes what was recorded, the difference is reported.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from engine.core.settle import soonest_due
from engine.core.zones import iso
from engine.errors import UnknownCustomer
from engine.model import Event, OutcomeRecord, WakeUp
from engine.replay.comparison import Arrived, Comparison, Difference, Kind, Recorded
from engine.replay.one_customer import Next, OneCustomer, Snapshot
from engine.wire.records import encode_outcome

MAX_OTHER_WAYS: Final = 200
"""Other ways that are tried for a customer where the clock is not known: each takes some decisions."""
MAX_STEPS_BACK: Final = 16
"""Steps before a difference that are tried otherwise: a topic that lags for longer is told as a difference."""
Moments = Sequence[tuple[int, int]]
"""Of the clock and the present."""


class Group:
    """The outcomes of one moment that have not been decided again yet."""

    def __init__(self, first: Recorded) -> None:
        self.next = Next(first.at, first.revision)
        self.at = first.at
        self.recorded = [first]
        self.left: Sequence[Recorded] = self.recorded

    def take(self, made: Sequence[OutcomeRecord]) -> bool:
        """Take these out, if all of them were recorded."""
        again = [encode_outcome(one)[1] for one in made]
        values = [one.value for one in self.left]
        if not again or any(value not in values for value in again):
            return False
        self.left = [one for one in self.left if one.value not in again]
        return True

    def is_about(self, made: Sequence[OutcomeRecord]) -> bool:
        """Whether one of these is of a firing that was recorded."""
        return not {(one.rule, one.occurrence, one.step) for one in self.left}.isdisjoint(map(_firing, made))


class _Mark(NamedTuple):
    """A place to go back to: all that a step changes, and the option with which to go on."""

    customer: Snapshot
    inputs: Sequence[Arrived]
    input: int
    group: int
    left: Sequence[Recorded]
    same: int
    undecidable: int
    option: int = 0


class MomentSearch:
    """Decides each input of one customer at a moment that makes the outcomes which were recorded next.

    Where several moments do, the likeliest is taken first. If that leads to outcomes that were not recorded, the search
    goes back and takes another one.
    """

    def __init__(
        self,
        customer: OneCustomer,
        inputs: Sequence[Arrived],
        groups: Sequence[Group],
        found: Comparison,
        *,
        one_topic: bool,
    ) -> None:
        self.customer = customer
        self.inputs = inputs
        self.groups = groups
        self.found = found
        self.one_topic = one_topic
        self._input = self._group = 0
        self._marks: deque[_Mark] = deque(maxlen=MAX_STEPS_BACK)
        self._tries = 0 if one_topic else MAX_OTHER_WAYS
        self._farthest: _Mark | None = None
        """Where the longest way ended, while others are tried."""

    def through(self) -> None:
        """Decide all inputs, and report to `found` what is the same and what differs."""
        option = 0
        while self._input < len(self.inputs) or self._group < len(self.groups):
            if self._step(option):
                option = 0
            elif (mark := self._another_way()) is not None:
                option = mark.option
            else:
                self._tell_step()
                option = 0

    def _step(self, first: int) -> bool:
        """Decide the next input, or what was due, by the first option that makes what was recorded; from `first` on."""
        mark = self._mark()
        for option, holds in enumerate(self._options()):
            if option >= first and holds():
                self._marks.append(mark._replace(option=option + 1))
                return True
        return False

    def _options(self) -> Sequence[Callable[[], bool]]:
        """The likeliest first. Each restores what it has changed where it does not hold."""
        group = self._next
        if self._is_time():
            return (self._passes_time,)
        one = self.inputs[self._input]
        happens = partial(self._happens, one, None)
        if group is None:
            return happens, partial(self._happens, one, self._behind)
        if group.at == one.at:
            return self._passes_time, happens
        return happens, self._passes_time, partial(self._happens, one, self._behind), partial(self._other_before, one)

    def _is_time(self) -> bool:
        """Whether what was recorded next came before the next input."""
        group = self._next
        return self._input == len(self.inputs) or (group is not None and group.at < self.inputs[self._input].at)

    @property
    def _next(self) -> Group | None:
        return self.groups[self._group] if self._group < len(self.groups) else None

    # --- other ways

    def _mark(self) -> _Mark:
        group = self._next
        left = group.left if group is not None else []
        counts = self.found.same, self.found.undecidable
        return _Mark(self.customer.snapshot(), self.inputs, self._input, self._group, left, *counts)

    def _go_to(self, mark: _Mark) -> None:
        for later in self.groups[mark.group + 1 : self._group + 1]:
            later.left = later.recorded
        self.customer.restore(mark.customer)
        self.inputs, self._input, self._group = mark.inputs, mark.input, mark.group
        self.found.same, self.found.undecidable = mark.same, mark.undecidable
        if (group := self._next) is not None:
            group.left = mark.left

    def _another_way(self) -> _Mark | None:
        """Go back to the last step with another option. None: there is none, and the longest way counts."""
        here, farthest = self._mark(), self._farthest
        if farthest is None or (farthest.group, farthest.input) < (here.group, here.input):
            self._farthest = here
        if self._tries and self._marks:
            self._tries -= 1
            mark = self._marks.pop()
            self._go_to(mark)
            return mark
        if self._farthest is not None and self._farthest is not here:
            self._go_to(self._farthest)
        self._marks.clear()
        self._farthest = None
        return None

    # --- options

    def _happens(self, one: Arrived, moments: Callable[[Arrived, Group | None], Moments] | None) -> bool:
        """The input is decided at one of these moments; an input that cannot be decided is left out, as in a worker."""
        customer, group, before = self.customer, self._next, self.customer.snapshot()
        try:
            customer.follow(one.at, group.next if group is not None else None)
            if group is not None and customer.assignment(group.at) == customer.assignment(one.at):
                customer.use(group.next)
            found = moments(one, group) if moments is not None else self._moments(one, group)
            explained = self._is_explained(one, group, found, silent=True)
        except Exception as error:
            self.found.undecidable += not isinstance(error, UnknownCustomer)
            customer.restore(before)
            explained = True
        if not explained:
            customer.restore(before)
        self._input += explained
        return explained

    def _is_explained(self, one: Arrived, group: Group | None, moments: Moments, *, silent: bool) -> bool:
        """Whether the input makes what was recorded next, which then has happened. `silent`: or makes nothing."""
        before = self.customer.snapshot()
        for now, present in moments:
            made = self.customer.decide(one.input, now, present)
            if not made and silent and present == one.at:
                return True
            if group is not None and group.take(made):
                self.found.same += len(made)
                self._group += not group.left
                return True
            self.customer.restore(before)
        return False

    def _moments(self, one: Arrived, group: Group | None) -> Moments:
        """The clock and the present that the worker may have had, the likeliest first."""
        if group is None:
            return [(one.at, one.at)]
        behind = [(clock, group.at) for clock, _ in self._behind(one, group)]
        return [(one.at, one.at), (one.at, group.at), *behind, (group.at, group.at)]

    def _behind(self, one: Arrived, group: Group | None) -> Moments:
        """With a clock that has not come to what is due before the event."""
        due = self._due()
        return [(due - 1, one.at)] if not self.one_topic and 0 < due <= one.at else []

    def _due(self) -> int:
        """The clock at which something is due, 0: never."""
        book, state = self.customer.rules.book, self.customer.state
        due = soonest_due(book, state) if state is not None else 0
        return due + book.policy.allowed_lateness if due else 0

    def _other_before(self, one: Arrived) -> bool:
        """An input of another topic makes what was recorded next: a slower topic is read later."""
        group, topics = self._next, {one.topic}
        for place in range(self._input + 1, len(self.inputs)):
            other = self.inputs[place]
            if group is None or other.at > group.at:
                break
            if other.topic not in topics:
                topics.add(other.topic)
                if self._may_come_before(other, group):
                    inputs = self.inputs
                    self.inputs = [*inputs[: self._input], other, *inputs[self._input : place], *inputs[place + 1 :]]
                    self._input += 1
                    return True
        return False

    def _may_come_before(self, other: Arrived, group: Group) -> bool:
        before = self.customer.snapshot()
        try:
            return self._is_explained(other, group, self._moments(other, group), silent=False)
        except Exception:  # it can be decided in its own place only, or nowhere
            self.customer.restore(before)
            return False

    def _passes_time(self) -> bool:
        """What was due at the moment of the outcomes recorded next is all of them."""
        customer, group, before = self.customer, self._next, self.customer.snapshot()
        if group is None or customer.state is None:
            return False
        customer.follow(group.at, group.next)
        customer.use(group.next)
        try:
            passes = self._fires(group)
        except Exception:  # as in a worker, which tries again later
            passes = False
        if not passes:
            customer.restore(before)
            return False
        self.found.same += len(group.left)
        self._group += 1
        return True

    def _fires(self, group: Group) -> bool:
        customer, wake, recorded = self.customer, WakeUp(self.customer.name), {one.value for one in group.left}
        before = customer.snapshot()
        if _values(customer.decide(wake, group.at, group.at)) == recorded:
            return True
        customer.restore(before)
        made, last = set[bytes](), 0
        while not self.one_topic and last < (due := self._due()) <= group.at and made < recorded:
            made |= _values(customer.decide(wake, due, group.at))
            last = due
        return made == recorded

    # --- differences

    def _tell_step(self) -> None:
        """Tell what comes of the next step otherwise than it was recorded, and go on from there."""
        group = self._next
        if self._is_time() and group is not None:
            self._group += 1
            self._tell_time(group)
        else:
            self._input += 1
            self._tell_input(self.inputs[self._input - 1], group)

    def _tell_time(self, group: Group) -> None:
        customer = self.customer
        customer.follow(group.at, group.next)
        customer.use(group.next)
        before, made = customer.snapshot(), list[OutcomeRecord]()
        try:
            made = customer.decide(WakeUp(customer.name), group.at, group.at) if customer.state is not None else made
        except Exception:  # as in a worker, which tries again later
            self.found.undecidable += 1
            customer.restore(before)
        self._compare(made, group, f"the time {iso(group.at)}")

    def _tell_input(self, one: Arrived, group: Group | None) -> None:
        customer = self.customer
        customer.follow(one.at, group.next if group is not None else None)
        if group is not None and customer.assignment(group.at) == customer.assignment(one.at):
            customer.use(group.next)
        before, now = customer.snapshot(), group.at if group is not None else one.at
        made = self._decided(one, now, now)
        customer.restore(before)
        about = group if group is not None and group.is_about(made) else None
        made = self._decided(one, one.at, about.at if about is not None else one.at)
        told = f"event {one.input.id}" if isinstance(one.input, Event) else f"that this is {one.input.known}"
        self._group += about is not None
        self._compare(made, about, f"{told}, {one.place}")

    def _decided(self, one: Arrived, now: int, present: int) -> list[OutcomeRecord]:
        """What the input makes; nothing if it cannot be decided, as in a worker."""
        before = self.customer.snapshot()
        try:
            return self.customer.decide(one.input, now, present)
        except Exception:
            self.customer.restore(before)
            return []

    def _compare(self, made: Sequence[OutcomeRecord], group: Group | None, input: str) -> None:
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
        self.found.tell(Difference(kind, self.customer.name, rule, input, recorded.decode(), again.decode()))


def _values(made: Sequence[OutcomeRecord]) -> set[bytes]:
    return {encode_outcome(one)[1] for one in made}


def _firing(one: OutcomeRecord) -> tuple[str, str, str]:
    return one.rule, one.occurrence, one.step


def groups(recorded: Sequence[Recorded]) -> list[Group]:
    """The outcomes by moment, and by revision where two decided at one moment."""
    found: list[Group] = []
    for one in recorded:
        if found and found[-1].next == (one.at, one.revision):
            found[-1].recorded.append(one)
        else:
            found.append(Group(one))
    return found

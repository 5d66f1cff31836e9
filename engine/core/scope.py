"""The data that expressions and templates see of a customer: the roots `profile`, `event`, `events` and `customer`.

Expressions compile to closures over `Scope` and read the state directly; templates get the views below. Nothing here
changes the state. History that is not known is MISSING, never zero.
"""

from bisect import bisect_right
from operator import attrgetter
from typing import Any, Final

from engine.core.durations import milliseconds
from engine.core.moment import Scope as Scope
from engine.core.state.model import History, Memory, State
from engine.model import Event, KeptEvent, Number


class Missing:
    """The value of absent or unknown data. Falsy; every comparison with it is false."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "missing"


MISSING: Final = Missing()


BY_TIME: Final = attrgetter("time")
"""The key of events in lists; in C, so that bisecting calls no Python."""
NO_TIMES: Final[list[int]] = []


def count(state: State, type_: str) -> int:
    """All events of the type, ever."""
    memory = state.events.get(type_)
    return memory.count if memory is not None else 0


def range_within(memory: Memory, now: int, span: int) -> tuple[list[int], int, int] | None:
    """The times in the window and the range with `now - span < time <= now`; None if some of it is not known."""
    before = now - span
    if memory.last <= before:
        return NO_TIMES, 0, 0
    history = memory.kept  # `Memory.history`, without the call
    if type(history) is not History or history.span < span or history.unknown > before:
        return None
    times = history.window
    start, stop = 0, len(times)
    if stop:
        if times[0] <= before:
            start = bisect_right(times, before)
        if memory.last > now:
            stop = bisect_right(times, now)
    return times, start, stop


def count_within(state: State, type_: str, now: int, span: int) -> int | Missing:
    """How many events of the type happened within `span`; MISSING if not known."""
    memory = state.events.get(type_)
    if memory is None:
        return 0
    found = range_within(memory, now, span)
    if found is not None:
        return found[2] - found[1]
    return memory.count if now - span < memory.first and memory.last <= now else MISSING


def total(state: State, type_: str, property_: str, now: int, span: int | None = None) -> Number | Missing:
    """The sum of a property over all events, or over those of the window; MISSING if not fully known."""
    if span is None:
        return _ever(state, type_, property_)
    memory = state.events.get(type_)
    if memory is None:
        return 0
    found = range_within(memory, now, span)
    if found is None:
        return _ever(state, type_, property_) if now - span < memory.first and memory.last <= now else MISSING
    summed = summed_in(memory, property_, found[1], found[2])
    return round(summed[1], 6) if summed is not None else MISSING


def summed_in(memory: Memory, property_: str, start: int, stop: int) -> tuple[list[Any], Any] | None:
    """A property's numbers in this range of the window, and their sum; None if one of the events has none."""
    # The sum is Any, since a compiled round() of a Number gives a float.
    if start == stop:
        return [], 0
    history = memory.history
    column = history.values.get(property_) if history is not None else None
    if column is None:
        return None
    numbers: list[Any] = column[start:stop]
    try:
        return numbers, sum(numbers)
    except TypeError:  # None is among them: looking for it takes longer
        return None


def _ever(state: State, type_: str, property_: str) -> Number | Missing:
    memory = state.events.get(type_)
    if memory is None:
        return 0.0
    return memory.history.sums.get(property_, MISSING) if memory.history is not None else MISSING


NO_LEVEL: Final = "none"
"""The value of a segment with levels while the customer is outside of them all."""


def in_segment(state: State, segment: str) -> bool:
    """Whether the customer is in the segment, or at one of its levels."""
    membership = state.segments.get(segment)
    return membership is not None and membership.level != ""


def level_of(state: State, segment: str, next: bool = False) -> str:
    """The customer's level, or NO_LEVEL. `next`: the level that would hold if `keep` ended now."""
    membership = state.segments.get(segment)
    if membership is None:
        return NO_LEVEL
    level = membership.next if next and membership.next is not None else membership.level
    return level or NO_LEVEL


def segment_time(state: State, segment: str, which: str) -> int | Missing:
    """When the membership became what it is (`since`), or until when it is kept (`kept_until`)."""
    membership = state.segments.get(segment)
    if membership is None:
        return MISSING
    return (membership.kept if which == "kept_until" else membership.since) or MISSING


class RecordView:
    """An event as templates see it: `.time`, `.type`, and each property by name."""

    __slots__ = ("_event",)

    def __init__(self, event: Event | KeptEvent) -> None:
        self._event = event

    def __getattr__(self, name: str) -> Any:
        if name in ("time", "type", "id"):
            return getattr(self._event, name)
        try:
            return self._event.properties[name]
        except KeyError:
            raise AttributeError(name) from None


class TallyView:
    """`events.<type>` as templates see it. `span` is a duration such as "7d"; None counts everything."""

    __slots__ = ("_now", "_state", "_type")

    def __init__(self, state: State, type_: str, now: int) -> None:
        self._state = state
        self._type = type_
        self._now = now

    def count(self, span: str | None = None) -> int | Missing:
        if span is None:
            return count(self._state, self._type)
        return count_within(self._state, self._type, self._now, milliseconds(span))

    def sum(self, property_: str, span: str | None = None) -> Number | Missing:
        return total(self._state, self._type, property_, self._now, milliseconds(span) if span else None)

    def list(self, span: str) -> list[RecordView]:
        """The newest events of the span, 20 at most, the newest first."""
        history, after = self._state.history(self._type), self._now - milliseconds(span)
        listed = history.listed if history is not None else []
        return [RecordView(each) for each in reversed(listed) if after < each.time <= self._now]

    @property
    def last(self) -> RecordView | None:
        """The newest event; it has properties only if a rule or template asks for them."""
        history = self._state.history(self._type)
        if history is not None and history.latest is not None:
            return RecordView(history.latest)
        return self._bare("last")

    @property
    def first(self) -> RecordView | None:
        """The oldest event; only its time is known."""
        return self._bare("first")

    def _bare(self, which: str) -> RecordView | None:
        memory = self._state.events.get(self._type)
        return RecordView(KeptEvent("", self._type, getattr(memory, which), {})) if memory else None


class EventsView:
    """The root `events` in templates."""

    __slots__ = ("_now", "_state")

    def __init__(self, state: State, now: int) -> None:
        self._state = state
        self._now = now

    def __getattr__(self, name: str) -> TallyView:
        if name.startswith("_"):
            raise AttributeError(name)
        return TallyView(self._state, name, self._now)

"""Folding an event into what a state remembers: tallies, profile, and the history that some rule asks for."""

from bisect import insort
from typing import Any, TypeGuard

from engine.core.book import Plan, RuleBook
from engine.core.state.model import History, Memory, State, WindowEntry
from engine.model import Event, KeptEvent, Number

MOST_FIELDS = 256
"""Profile fields that events of a type with `profile: all` may make."""
LARGEST = 1e15
"""Beyond this a float is no longer exact to the cent; such numbers count as missing."""
MOST_WINDOW_ENTRIES = 1000
"""Events remembered per window; a count over more than these stays at this number."""


def fold(plan: Plan, state: State, event: Event) -> None:
    """Count the event and let it feed the profile; order of arrival does not matter, only event time does."""
    time = event.time
    memory = state.events.get(event.type)
    if memory is None:
        memory = state.events[event.type] = Memory(1, time)
    else:
        memory.count += 1
        if time > memory.last:
            memory.spread += time - memory.last
            memory.last = time
        elif time < memory.last - memory.spread:
            memory.spread = memory.last - time
    if plan.keeps_history:
        _keep(plan, memory, event)
    if plan.feeds_all:
        _feed(state, event.properties, time)
    elif plan.feeds:
        properties = event.properties
        _feed(state, {field: properties[name] for field, name in plan.feeds if name in properties}, time)


def _feed(state: State, fields: dict[str, Any], time: int) -> None:
    """Set profile fields; null removes one. An older event never overwrites what a newer one said."""
    times = state.profile_times
    for field, value in fields.items():
        if time < times.get(field, 0) or (len(times) >= MOST_FIELDS and field not in times):
            continue
        times[field] = time
        if value is None:
            state.profile.pop(field, None)
        else:
            state.profile[field] = value


def _keep(plan: Plan, memory: Memory, event: Event) -> None:
    history = memory.history
    if history is None:
        history = memory.history = History()
    if plan.keeps_last and (history.latest is None or event.time >= history.latest.time):
        history.latest = KeptEvent(event.id, event.type, event.time, event.properties)
    for name in plan.sums:
        history.sums[name] = round(history.sums.get(name, 0.0) + number(event, name), 6)
    if plan.window:
        _keep_in_window(plan, history.window, event)


def _keep_in_window(plan: Plan, entries: list[WindowEntry], event: Event) -> None:
    insort(entries, WindowEntry(event.time, {name: number(event, name) for name in plan.window_sums}), key=_time)
    oldest = entries[-1].time - plan.window
    stale = next((i for i, entry in enumerate(entries) if entry.time > oldest), 0)
    del entries[: max(stale, len(entries) - MOST_WINDOW_ENTRIES)]


def _time(entry: WindowEntry) -> int:
    return entry.time


def number(event: Event, name: str) -> Number:
    """A property as a number for sums, 0 where it is missing or none."""
    value = event.properties.get(name, 0.0)
    return value if is_number(value) else 0.0


def is_number(value: Any) -> TypeGuard[Number]:
    """Whether it can be added up: no bool, no NaN, not infinite, not astronomical."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def drop_unused(book: RuleBook, state: State) -> None:
    """Forget the history that no rule of this book asks for any more."""
    for name, memory in state.events.items():
        plan, history = book.plans.get(name), memory.history
        if history is None:
            continue
        if plan is None or not plan.keeps_history:
            memory.history = None
            continue
        history.latest = history.latest if plan.keeps_last else None
        history.sums = {key: value for key, value in history.sums.items() if key in plan.sums}
        history.window = history.window if plan.window else []

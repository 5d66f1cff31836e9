"""Folding an event into what a state remembers: tallies, profile, and the history that some rule asks for."""

from bisect import insort
from typing import Any, TypeGuard

from engine.core.book import Plan, RuleBook
from engine.model import Event, KeptEvent, Number, State, Tally, WindowEntry

MOST_FIELDS = 256
"""Profile fields that events of a type with `profile: all` may make."""
LARGEST = 1e15
"""Beyond this a float is no longer exact to the cent; such numbers count as missing."""
MOST_WINDOW_ENTRIES = 1000
"""Events remembered per window; a count over more than these stays at this number."""


def fold(plan: Plan, state: State, event: Event) -> None:
    """Count the event and let it feed the profile; order of arrival does not matter, only event time does."""
    time = event.time
    if time > state.last:
        state.last = time
    tally = state.tallies.get(event.type)
    if tally is None:
        state.tallies[event.type] = Tally(1, time, time)
    else:
        tally.count += 1
        if time > tally.last:
            tally.last = time
        elif time < tally.first:
            tally.first = time
    if plan.keeps_history:
        _keep(plan, state, event)
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


def _keep(plan: Plan, state: State, event: Event) -> None:
    if plan.keeps_last:
        newest = state.latest.get(event.type)
        if newest is None or event.time >= newest.time:
            state.latest[event.type] = KeptEvent(event.id, event.type, event.time, event.properties)
    for name in plan.sums:
        key = f"{event.type}.{name}"
        state.sums[key] = round(state.sums.get(key, 0.0) + number(event, name), 6)
    if plan.window:
        _keep_in_window(plan, state, event)


def _keep_in_window(plan: Plan, state: State, event: Event) -> None:
    entries = state.windows.setdefault(event.type, [])
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
    needed = {name for name, plan in book.plans.items() if plan.window}
    state.windows = {name: entries for name, entries in state.windows.items() if name in needed}
    state.latest = {name: kept for name, kept in state.latest.items() if name in book.needs.last}
    summed = {f"{type_}.{name}" for type_, name in book.needs.sums}
    state.sums = {key: value for key, value in state.sums.items() if key in summed}

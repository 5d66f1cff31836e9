"""Folding an event into a state: the counts per type, the profile, and the history that the book asks for.

`decide` calls `fold` per event, `rearm` calls `ask` for a new book. History is exact or marked as unknown: a window
that was not kept from the customer's first event on is unknown until it has passed, never zero. History that the book
no longer asks for is kept up to date for GRACE, so that a book that is rolled back finds it complete.
"""

from bisect import bisect_right, insort
from typing import Any, TypeGuard

from engine.core.book import RuleBook
from engine.core.expression import EVERY
from engine.core.role import Role
from engine.core.scope import BY_TIME
from engine.core.state.days import count_day, in_zone
from engine.core.state.model import History, Memory, State
from engine.core.zones import DAY
from engine.model import Event, KeptEvent, Number

MAX_PROFILE_FIELDS = 256
"""Profile fields of one customer; further ones are ignored. Without it a producer with `profile: all` and generated
property names would grow the state without end."""
MAX_SUMMABLE = 1e15
"""From here on a float is no longer exact to the cent; such numbers count as missing, as they would spoil the sum."""
GRACE = 30 * DAY
"""How long history and timers that the book no longer asks for are kept. Without it a rollback would lose them."""
MAX_WINDOW_ENTRIES = 1000
"""Events remembered per window; a larger count stays at this number. Without it one busy customer would have a state of
megabytes."""
MAX_LISTED = 20
"""Events of a list. Without it a digest of a busy week would need a state of megabytes."""


NOTHING = Role()


def fold(role: Role, state: State, event: Event, now: int) -> None:
    """Count the event and feed the profile. Only event time matters, not the order of arrival.

    Nothing is asked about moments more than the lateness before the clock `now`: windows drop what is too old for that.
    """
    time = event.time
    memory = state.events.get(event.type)
    if memory is None:
        memory = state.events[event.type] = Memory(1, time, 0, _begun(role) if role.keeps_history else None)
    elif role.days is None and time > memory.last:  # the usual case: `see`, without the call
        memory.count += 1
        memory.spread += time - memory.last
        memory.last = time
    else:
        if role.days is not None:
            count_day(memory, role.days, time)
        memory.see(time)
    kept = memory.kept
    if type(kept) is History:
        if role.keeps_window and not kept.until:
            _keep_in_window(role, kept, event, now)
        else:
            _keep(role, memory, kept, event, now)
    if time > now:
        time = now  # what is said after it is newer, whatever its producer's clock shows
    if role.feeds_all:
        _feed(state, event.properties, time)
    elif role.feeds:
        properties = event.properties
        _feed(state, {field: properties[name] for field, name in role.feeds if name in properties}, time)


def count(state: State, type_: str, time: int) -> bool:
    """Count an event that is nothing but its type and time. False, not counted: it is the first, or more is kept."""
    memory = state.events.get(type_)
    if memory is None:
        if not state.events:
            return False
        state.events[type_] = Memory(1, time)
        return True
    if type(memory.kept) is History:
        return False
    memory.see(time)
    return True


def _feed(state: State, fields: dict[str, Any], time: int) -> None:
    """Set profile fields; null removes one. An older event never overwrites what a newer one said."""
    times = state.profile_times
    for field, value in fields.items():
        if time < times.get(field, 0) or (len(times) >= MAX_PROFILE_FIELDS and field not in times):
            continue
        times[field] = time
        if value is None:
            state.profile.pop(field, None)
        else:
            state.profile[field] = value


def _begun(role: Role) -> History:
    """The history of a customer's first event of a type: nothing is unknown."""
    return History(sums=dict.fromkeys(role.sums, 0.0), span=role.window)


def _keep(role: Role, memory: Memory, history: History, event: Event, now: int) -> None:
    if 0 < history.until < event.time:
        _drop_surplus(role, history)
    if (role.keeps_last or history.latest is not None) and event.time == memory.last:
        history.latest = role.declared.kept(event)
    for name, total in history.sums.items():
        history.sums[name] = round(total + number(event, name), 6)
    if history.span:
        _keep_in_window(role, history, event, now)
    if role.list_span:
        _keep_in_list(role, history.listed, event, now)


def _keep_in_window(role: Role, history: History, event: Event, now: int) -> None:
    times, time, values = history.window, event.time, history.values
    place = bisect_right(times, time)
    if role.window_sums or values:
        summed = {*role.window_sums, *_summed(history)} if history.until else role.window_sums
        for name in summed:
            if name not in values:
                values[name] = [None] * len(times)
        for name, numbers in values.items():
            numbers.insert(place, number(event, name) if name in summed else None)
    times.insert(place, time)
    newest = times[-1]
    oldest = (newest if newest < now else now) - history.span  # an event dated ahead pushes nothing out before its time
    if times[0] <= oldest or len(times) > MAX_WINDOW_ENTRIES:
        _drop_oldest(history, max(bisect_right(times, oldest), len(times) - MAX_WINDOW_ENTRIES))
    if history.unknown and history.unknown <= oldest:
        history.unknown = 0


def _drop_oldest(history: History, stale: int) -> None:
    del history.window[:stale]
    if history.values:
        left = {name: numbers[stale:] for name, numbers in history.values.items()}
        history.values = {name: numbers for name, numbers in left.items() if numbers.count(None) < len(numbers)}


def _summed(history: History) -> list[str]:
    """The properties that are summed of the window's newest event."""
    return [name for name, numbers in history.values.items() if numbers[-1] is not None]


def _keep_in_list(role: Role, listed: list[KeptEvent], event: Event, now: int) -> None:
    """Lists are for templates, which show what there is: what came before the first rule asked is not missing."""
    kept = role.declared.kept(event)
    if EVERY not in role.listed:
        kept.properties = {name: value for name, value in kept.properties.items() if name in role.listed}
    insort(listed, kept, key=BY_TIME)
    oldest = min(listed[-1].time, now) - role.list_span
    del listed[: max(len(listed) - MAX_LISTED, sum(each.time <= oldest for each in listed))]


def number(event: Event, name: str) -> Number:
    """A property as a number for sums; 0 if it is missing or not a number."""
    value = event.properties.get(name, 0.0)
    return value if is_number(value) else 0.0


def is_number(value: Any) -> TypeGuard[Number]:
    """Whether a value can be summed: not a bool, not NaN, and below MAX_SUMMABLE."""
    return type(value) in (int, float) and -MAX_SUMMABLE < value < MAX_SUMMABLE


def ask(book: RuleBook, state: State, now: int) -> None:
    """Begin to keep the history this book asks for, and drop history that was not asked for during GRACE."""
    for name, memory in state.events.items():
        role, history = book.roles.get(name, NOTHING), memory.history
        days = in_zone(memory, role.days)
        if history is not None:
            _ask_again(role, memory, history, now)
        elif role.keeps_history:
            history = History(span=role.window, unknown=memory.last if role.window else 0)
        if history is not None:
            history.days = days
        is_empty = history is None or (not role.keeps_history and history == History(days=days))
        memory.kept = days or None if is_empty else history


def _ask_again(role: Role, memory: Memory, history: History, now: int) -> None:
    if role.window > history.span:
        if history.span and memory.count > len(history.window):
            history.unknown = max(history.unknown, _newest(memory, history) - history.span)
        elif not history.span and not history.window:
            history.unknown = memory.last
        history.span = role.window
    if not _has_surplus(role, history):
        history.until = 0
    elif not history.until:
        history.until = now + GRACE
    elif history.until < now:
        _drop_surplus(role, history)


def _newest(memory: Memory, history: History) -> int:
    return history.window[-1] if history.window else memory.last


def _has_surplus(role: Role, history: History) -> bool:
    return (
        (history.latest is not None and not role.keeps_last)
        or (history.listed and not role.list_span)
        or history.span > role.window
        or not history.sums.keys() <= set(role.sums)
        or not set(_summed(history)) <= set(role.window_sums)
    )


def _drop_surplus(role: Role, history: History) -> None:
    history.latest = history.latest if role.keeps_last else None
    history.listed = history.listed if role.list_span else []
    history.sums = {name: total for name, total in history.sums.items() if name in role.sums}
    history.span = role.window
    if not role.window:
        history.window, history.values, history.unknown = [], {}, 0
    history.until = 0

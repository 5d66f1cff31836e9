"""What should have fired, read off whole histories: no states, no timers, no order of arrival.

Every function takes one customer's events and yields the occurrences of one rule. `end` is the last moment at which
a timer may come due. Events of one moment count in the order given.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from engine.model import Event

Where = Callable[[Event], bool]
LONG_AGO, NEVER = 0, 10**15


def always(event: Event) -> bool:
    return True


def by_time(events: Sequence[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.time)


def _times(events: Sequence[Event], types: set[str], where: Where = always) -> list[int]:
    return sorted({event.time for event in events if event.type in types and where(event)})


def idle(events: Sequence[Event], of: set[str], span: int, end: int, where: Where = always) -> Iterator[str]:
    """Every silence of at least `span`, named by the activity before it. Activity at exactly `span` comes too late."""
    times = _times(events, of, where)
    for last, following in pairwise([*times, NEVER]):
        if following - last >= span and last + span <= end:
            yield str(last)


def counted(
    events: Sequence[Event], type_: str, reaches: Sequence[int] = (), every: int = 0, where: Where = always
) -> Iterator[str]:
    """Every level that the number of events passes; each event is one step, so none is jumped."""
    number = sum(1 for event in events if event.type == type_ and where(event))
    levels = range(every, number + 1, every) if every else reaches
    yield from (str(level) for level in levels if level <= number)


def summed(
    events: Sequence[Event], type_: str, property_: str, reaches: Sequence[int] = (), every: int = 0
) -> Iterator[str]:
    """The highest level each event brings the sum to, if no event before it has brought it there."""
    total, highest = 0.0, 0
    for event in by_time(events):
        if event.type != type_ or property_ not in event.properties:
            continue
        total += event.properties[property_]
        level = max(0, floor(total / every) * every) if every else max((x for x in reaches if x <= total), default=0)
        if level > highest:
            highest = level
            yield str(level)


def abandoned(
    events: Sequence[Event], after: str, without: str, within: int, end: int, match: str | None = None
) -> Iterator[str]:
    """Every last beginning with no finish in `[begin, begin + within)`, per value of `match`."""
    if match is None:
        yield from _abandoned(events, after, without, within, end, "")
        return
    for key in {event.properties.get(match) for event in events} - {None, ""}:
        own = [event for event in events if event.properties.get(match) == key]
        yield from _abandoned(own, after, without, within, end, f"{key}@")


def _abandoned(events: Sequence[Event], after: str, without: str, within: int, end: int, prefix: str) -> Iterator[str]:
    begun, finished = _times(events, {after}), _times(events, {without})
    for begin, again in pairwise([*begun, NEVER]):
        due = begin + within
        if again >= due and due <= end and bisect_left(finished, begin) == bisect_left(finished, due):
            yield f"{prefix}{begin}"


def happened(events: Sequence[Event], type_: str, where: Where = always) -> Iterator[str]:
    yield from (event.id for event in events if event.type == type_ and where(event))


def values(events: Sequence[Event], property_: str, end: int) -> Iterator[tuple[Any, int, int]]:
    """(value, from, to) of every stretch in which the property, as last said, was the same."""
    said = [event for event in by_time(events) if property_ in event.properties]
    value, since = None, LONG_AGO
    for event in said:
        if event.properties[property_] != value:
            yield value, since, event.time
            value, since = event.properties[property_], event.time
    yield value, since, max(end, since)


def trials(events: Sequence[Event], before: int, end: int) -> Iterator[str]:
    """Every end of a trial that came as near as `before`, once, while it was known and running."""
    settled: set[int] = set()
    for ends, since, until in values(events, "ends", end):
        if ends is None or ends in settled:
            continue
        moment = max(since, ends - before)
        if moment <= until:
            settled.add(ends)
            if moment < ends:
                yield str(ends)


@lru_cache(maxsize=100_000)
def local_instant(day: date, at: time, zone: ZoneInfo) -> int:
    """The first quarter of an hour at which a wall clock in the zone shows that time, or has jumped over it."""
    wall = datetime.combine(day, at)
    moment = wall.replace(tzinfo=UTC) - timedelta(hours=40)
    while moment.astimezone(zone).replace(tzinfo=None) < wall:
        moment += timedelta(minutes=15)
    return int(moment.timestamp() * 1000)


def local_date(instant: int, zone: str) -> date:
    return datetime.fromtimestamp(instant / 1000, ZoneInfo(zone)).date()


def instant(text: str) -> int:
    """Of ISO 8601 text, in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def iso(instant: int) -> str:
    return datetime.fromtimestamp(instant / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

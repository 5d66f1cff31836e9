"""Duplicate detection: `State.seen` remembers which events of a customer have been counted; `decide` asks it per event.

An id is unique within its source only. So an entry holds the moment and, in the bits that a moment leaves free, the
number of the source: this costs no extra byte in the state. When a second source uses the same id, the earlier entry
moves to a key of its own.
"""

from hashlib import blake2b
from typing import Final

from engine.core.state.model import State
from engine.model import Event

MAX_SEEN_IDS = 200
"""Event ids remembered per customer, however long the dedupe window is. Without it a customer with 100,000 events a day
would have a state of megabytes."""
MOMENT_BITS = 44
"""Bits for a moment in milliseconds, with sign: until the year 2248, and as far before 1970."""
SOURCES = 2**19
"""Source numbers that fit beside a moment into 63 bits. Two sources share a number with a chance of 1 in 524,287; then
equal ids of one customer from both, within the dedupe window, count once."""
_HALF = 1 << (MOMENT_BITS - 1)
_MASK = (1 << MOMENT_BITS) - 1


def source_number(scope: str) -> int:
    """The permanent number of a source; never 0, which stands for an unknown source."""
    digest = blake2b(scope.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % (SOURCES - 1) + 1


OF_RULES: Final = source_number("events that rules make")
"""The source of events that rules of other customers have made."""


def is_duplicate(state: State, event: Event, now: int, span: int) -> bool:
    """Whether the same source sent this event within `span` before `now`; if not, remember the event.

    An unknown source matches every source: hand-made events and old states have none.
    """
    seen, since = state.seen, now - span
    if event.id in seen:
        source = _source(seen[event.id])
        if source == event.source or not source or not event.source:
            if _moment(seen[event.id]) > since:
                return True
        elif _is_aside(seen, event, since):
            return True
        else:
            seen[_aside(event.id, source)] = seen[event.id]
        del seen[event.id]  # added again below, as the newest
    kept = since + _HALF
    while seen:  # ids are in the order they were seen, so the oldest come first
        oldest = next(iter(seen))
        if (seen[oldest] + _HALF) & _MASK > kept and len(seen) < MAX_SEEN_IDS:  # _moment, without the call
            break
        del seen[oldest]
    seen[event.id] = now + (event.source << MOMENT_BITS) if event.source else now
    return False


def forget(state: State, since: int) -> None:
    """Drop all ids if they were seen up to then: those of a customer who falls silent would stay for ever."""
    for entry in state.seen.values():
        if ((entry + _HALF) & _MASK) - _HALF > since:  # _moment, without the call
            return
    state.seen = {}


def moments(state: State) -> dict[str, int]:
    """The ids in `seen` and the moment of each, for display."""
    return {key: _moment(entry) for key, entry in state.seen.items()}


def _is_aside(seen: dict[str, int], event: Event, since: int) -> bool:
    """Whether the event's entry was moved to its own key for another source, and is still in the window."""
    key = _aside(event.id, event.source)
    if key in seen and _moment(seen[key]) <= since:
        del seen[key]
    return key in seen


def _aside(event_id: str, source: int) -> str:
    return f"{event_id}\0{source}"


def _moment(entry: int) -> int:
    return ((entry + _HALF) & _MASK) - _HALF


def _source(entry: int) -> int:
    return (entry + _HALF) >> MOMENT_BITS

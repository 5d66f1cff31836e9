"""Which events of a customer have been counted already: `State.seen`, asked by `decide` for every event.

An id is unique within its source only. So an entry holds, beside the moment it was seen, which source it was seen from,
in the bits that a moment leaves free: this costs no byte in the state. When a second source says the same id,
the earlier entry moves to a key of its own.
"""

from hashlib import blake2b

from engine.core.state.model import State
from engine.model import Event

MAX_SEEN_IDS = 200
"""Event ids remembered per customer, whatever the dedupe window."""
MOMENT_BITS = 44
"""Enough for moments until the year 2248, and as far before 1970."""
SOURCES = 2**19
"""So many numbers fit beside a moment into 63 bits. Two sources share one by a chance of 1 in 524,287: then equal
ids of theirs, of one customer and within the dedupe window, count once."""
_HALF = 1 << (MOMENT_BITS - 1)
_MASK = (1 << MOMENT_BITS) - 1


def source_number(scope: str) -> int:
    """The number that stands for a source, for ever; never 0, which means that it is not known."""
    digest = blake2b(scope.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % (SOURCES - 1) + 1


def is_duplicate(state: State, event: Event, now: int, span: int) -> bool:
    """Whether its source told this event within `span` before `now`; remembers it if not.

    An unknown source is any: hand-made events have none, nor has what was stored before sources counted.
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
        del seen[event.id]  # to be remembered anew, as the latest
    while seen:  # ids are in the order they were seen, so the oldest come first
        oldest = next(iter(seen))
        if (seen[oldest] + _HALF) & _MASK > since + _HALF and len(seen) < MAX_SEEN_IDS:  # _moment, without the call
            break
        del seen[oldest]
    seen[event.id] = now + (event.source << MOMENT_BITS)
    return False


def moments(state: State) -> dict[str, int]:
    """The ids in `seen` and when each was seen, for people."""
    return {key: _moment(entry) for key, entry in state.seen.items()}


def _is_aside(seen: dict[str, int], event: Event, since: int) -> bool:
    """Whether the event's own entry has moved aside for another source, and still counts."""
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

"""Latencies as three figures."""

from collections.abc import Iterable

import msgspec

from bench.bus import Bus
from bench.job import Event, Sent

_decode = msgspec.json.Decoder(Event).decode


def append_times(bus: Bus, topic: str) -> dict[str, int]:
    """When the broker had each event, epoch ms, by its id."""
    return {_decode(message.value() or b"").id: message.timestamp()[1] for message in bus.read(topic)}


def waited(outreach: Iterable[Sent], appended: dict[str, int], begin: int, end: int) -> list[int]:
    """Ms from an event at the broker to its outreach at the broker, of events in this span, the longest last."""
    events = ((one.appended, appended.get(one.event.id, 0)) for one in outreach if one.event)
    return sorted(sent - came for sent, came in events if begin <= came <= end)


def spread(sorted_ms: list[int]) -> dict[str, float | None]:
    """Of nothing: no figures."""
    last = len(sorted_ms) - 1
    return {
        "p50 ms": sorted_ms[last // 2] if sorted_ms else None,
        "p99 ms": sorted_ms[round(last * 0.99)] if sorted_ms else None,
        "max ms": sorted_ms[last] if sorted_ms else None,
    }

"""Partitions of this worker that are closed for a while, and when each may be opened again. The loop uses it."""

from collections.abc import Callable, Iterator
from time import monotonic

from engine.ports import Meta

OTHERS_REOPEN_DELAY = 3.0
"""Seconds before a partition is reopened that another worker has moved on: three heartbeats. A worker that was frozen
hears in that time that the partition is not its own any more. Opening publishes the outbox, which the new owner has in
flight: a worker that reopened within a heartbeat published 29 outreach twice."""


class ClosedPartitions:
    """Assigned partitions that must be (re)opened before their records count. `meta` reads what the store has."""

    def __init__(self, meta: Callable[[int], Meta], now: Callable[[], float] = monotonic) -> None:
        self._meta = meta
        self._now = now
        self._closed: dict[int, tuple[float, Meta | None]] = {}
        """Partition -> when it may be opened, monotonic clock, and what this worker has committed last."""

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._closed))

    def __bool__(self) -> bool:
        return bool(self._closed)

    def add(self, number: int, committed: Meta | None = None, delay: float = 0.0) -> None:
        """Close a partition for `delay` seconds. `committed`: its meta, where it was open; else one that is closed
        already stays so as long as was said before."""
        if committed is not None or number not in self._closed:
            self._closed[number] = (self._now() + delay, committed)

    def discard(self, number: int) -> None:
        """The partition is open, or not this worker's any more."""
        self._closed.pop(number, None)

    def due(self) -> Iterator[int]:
        """Those that may be opened now. Raises StoreUnavailable."""
        for number, (time, committed) in list(self._closed.items()):
            if self._now() < time:
                continue
            if committed is not None and self._was_moved_on(number, committed):
                self._closed[number] = (self._now() + OTHERS_REOPEN_DELAY, None)
            else:
                yield number

    def _was_moved_on(self, number: int, committed: Meta) -> bool:
        """Whether a worker has committed since. The commits of commands leave offsets and clock as they are."""
        stored = self._meta(number)
        return (stored.offsets, stored.clock) != (committed.offsets, committed.clock)

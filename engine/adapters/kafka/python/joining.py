"""A way around two faults of kafka-python 3.0, without which a busy group never settles.

A join that ends between two polls is thrown away, and the next poll starts another, which all other members must join
again: here a join waits for a poll before it ends. And where new metadata were the reason for the join, the polls after
the one that began it do not look for its end: here they know that it is needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_LOOK_SECONDS: Final = 0.005
"""Seconds between looks of an ended join at whether a poll is under way."""
_POLL_SECONDS: Final = 0.05
"""Seconds that the poll after a join has at least: in less, the client does not come to take up the assignment."""


class Joining:
    """Stands between a consumer and its coordinator; where a newer client has no such method, in nobody's way."""

    def __init__(self, consumer: Any) -> None:
        self._polled = False
        self._ended = False
        coordinator = consumer._coordinator
        join = getattr(coordinator, "_do_join_and_sync_async", None)
        if join:
            coordinator._do_join_and_sync_async = lambda: self._join(join, coordinator)

    @contextmanager
    def poll(self, timeout: float) -> Iterator[float]:
        """Around a poll: gives the seconds it must have, so that a join that has ended is seen."""
        self._polled = True
        try:
            yield max(timeout, _POLL_SECONDS) if self._ended else timeout
        finally:
            self._polled = False

    async def _join(self, join: Any, coordinator: Any) -> Any:
        coordinator.rejoin_needed = True
        assignment = await join()
        self._ended = True
        while not self._polled:
            await coordinator._net.sleep(_LOOK_SECONDS)
        self._ended = False
        return assignment

"""The rounds in which a worker's partitions look for due timers, each once, within a budget of time.

The loop asks it when a round begins and whose turn it is: partitions that have events look after these, the others at
the end of the loop's turn. Partitions that a round does not reach come first in the next one.
"""

from collections.abc import Iterable
from time import monotonic

TIMER_CHECK_INTERVAL = 0.1
"""Seconds between looks for due timers. A longer interval makes every timer fire that much later."""
TIMER_ROUND_BUDGET = 0.1
"""Seconds of one round of due timers. After that, waiting events are handled before the round continues; without a
budget a storm of due timers would delay every event."""


class TimerRounds:
    """One round after the other."""

    def __init__(self) -> None:
        self.left: set[int] = set()
        """Partitions that have not looked yet in this round."""
        self._next = 0.0
        self._ends = 0.0
        self.unfinished = False
        """Whether due timers, or partitions, were left over: then the next round begins at once."""

    @property
    def is_time(self) -> bool:
        return self.unfinished or monotonic() >= self._next

    def begin(self, partitions: Iterable[int]) -> None:
        """Begin a round of those that the last one left, or else of all of these."""
        owned = set(partitions)
        self.left = self.left & owned or owned
        self._next, self._ends = monotonic() + TIMER_CHECK_INTERVAL, monotonic() + TIMER_ROUND_BUDGET
        self.unfinished = False

    def takes(self, partition: int) -> bool:
        """Whether the partition may look now; if so, it has looked."""
        if partition not in self.left or monotonic() >= self._ends:
            return False
        self.left.remove(partition)
        return True

    def end(self, *, has_more: bool) -> None:
        """The loop's turn is over. `has_more`: a partition has more due timers than one page."""
        self.unfinished = self.unfinished or has_more or bool(self.left)

    def discard(self, partition: int) -> None:
        """The partition has gone."""
        self.left.discard(partition)

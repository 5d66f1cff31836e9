"""Keeps a partition's soonest wake-ups in memory, so that the store is asked once for thousands of them.

Only `Partition` uses it: it asks `refill_size`, passes the store's answer to `learn`, then takes. A wake-up is the
moment (epoch ms) at which a customer's state must be decided again without an event.
"""

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

NEVER = 2**53
"""Later than any moment."""


class WakeUps:
    """A mirror of the store's index of wake-ups up to some moment. Correct while this owner is the only writer.

    `page`: how many wake-ups one call of the store loads, at least.
    """

    def __init__(self, page: int) -> None:
        self._page = page
        self._heap: list[tuple[int, str]] = []
        """(moment, customer); an entry is stale when the customer's wake-up has moved since."""
        self._moments: dict[str, int] = {}
        """Customer -> current moment, for the customers in the heap."""
        self._until = -1
        """All wake-ups up to this moment are in the heap; of later ones only some."""

    def forget(self) -> None:
        """Drop everything: a batch failed, or the store has changed. The next take must load again."""
        self._heap, self._moments, self._until = [], {}, -1

    def refill_size(self, until: int, limit: int) -> int:
        """How many of the soonest to load from the store before `take(until, limit)`; 0: enough is in memory."""
        return max(limit, self._page) if self._until < until and len(self._moments) < limit else 0

    def learn(self, found: Sequence[tuple[str, int]], asked: int) -> None:
        """Replace the mirror by the store's answer, soonest first; `asked`: how many the store was asked for."""
        self._until = NEVER if len(found) < asked else found[-1][1] - 1  # others may share the last one's moment
        self._heap = [(moment, customer) for customer, moment in found]
        self._moments = dict(found)

    def take(self, until: int, limit: int) -> list[tuple[str, int]]:
        """Remove and return up to `limit` (customer, moment) at or before `until`, soonest first.

        After the commit `moved` must follow, after a failure `forget`.
        """
        taken: list[tuple[str, int]] = []
        while len(taken) < limit and self.first() <= until and self._heap:
            moment, customer = heappop(self._heap)
            del self._moments[customer]
            taken.append((customer, moment))
        return taken

    def first(self) -> int:
        """A moment before which no wake-up is due; NEVER if there is none."""
        heap, moments = self._heap, self._moments
        while heap and moments.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else min(self._until + 1, NEVER)

    def moved(self, wakes: Mapping[str, int]) -> None:
        """Note the wake-ups (customer -> moment) that a commit has stored; 0: the customer has none any more."""
        for customer, moment in wakes.items():
            if 0 < moment <= self._until:
                self._moments[customer] = moment
                heappush(self._heap, (moment, customer))
            else:
                self._moments.pop(customer, None)
        if len(self._heap) > 4 * self._page:
            self._tidy()

    def _tidy(self) -> None:
        soonest = sorted((moment, customer) for customer, moment in self._moments.items())
        if len(soonest) > self._page:
            self.learn([(customer, moment) for moment, customer in soonest[: self._page]], self._page)
        else:
            self._heap = soonest

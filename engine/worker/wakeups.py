"""The soonest wake-ups of a partition at hand, so that the store is asked once for thousands of them."""

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

NEVER = 2**53
"""Later than any moment."""


class WakeUps:
    """A mirror of the store's index up to some moment, right for as long as nobody else writes to the partition.

    `page`: how many the store is asked for.
    """

    def __init__(self, page: int) -> None:
        self._page = page
        self._heap: list[tuple[int, str]] = []
        """(moment, customer), also of those who have moved since."""
        self._moments: dict[str, int] = {}
        """The truth about those in the heap."""
        self._until = -1
        """Everything up to here is in the heap; of what is later only some."""

    def forget(self) -> None:
        """What was taken has not been dealt with, or the store is not as we left it."""
        self._heap, self._moments, self._until = [], {}, -1

    def lacking(self, until: int, limit: int) -> int:
        """How many of the soonest to `learn` from the store before `take` with the same arguments; 0: none."""
        return max(limit, self._page) if self._until < until and len(self._moments) < limit else 0

    def learn(self, found: Sequence[tuple[str, int]], asked: int) -> None:
        """The soonest (customer, moment) of the store, soonest first, of which it was asked for so many."""
        self._until = NEVER if len(found) < asked else found[-1][1] - 1  # others may share the last one's moment
        self._heap = [(moment, customer) for customer, moment in found]
        self._moments = dict(found)

    def take(self, until: int, limit: int) -> list[tuple[str, int]]:
        """The soonest (customer, moment) at or before `until`, soonest first; `moved` must follow, or `forget`."""
        taken: list[tuple[str, int]] = []
        while len(taken) < limit and self.first() <= until and self._heap:
            moment, customer = heappop(self._heap)
            del self._moments[customer]
            taken.append((customer, moment))
        return taken

    def first(self) -> int:
        """No wake-up is due before this moment; NEVER if there is none."""
        heap, moments = self._heap, self._moments
        while heap and moments.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else min(self._until + 1, NEVER)

    def moved(self, wakes: Mapping[str, int]) -> None:
        """These are in the store now; 0: none for that customer."""
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

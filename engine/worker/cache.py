"""A cache of encoded customer states, one per partition, so that active customers are not read from the store again.

`Partition` fills it before a batch and updates it after the commit. It must be cleared when a commit fails.
"""

from collections.abc import Iterable, Mapping


class StateCache:
    """Two generations: when the young one is full, it becomes the old one and the old one is dropped.

    Holds at most twice `size` customers between batches. A customer without a state is held as None, so that the store
    is not asked again.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.young: dict[str, bytes | None] = {}
        """The states of all customers of the current batch, and of others seen lately."""
        self._old: dict[str, bytes | None] = {}
        self.hits = 0
        self.misses = 0
        """Customers looked up and found (`hits`) or not found, since the last `take_counts`."""

    def take_counts(self) -> tuple[int, int]:
        """(hits, misses) since the last call."""
        counts = self.hits, self.misses
        self.hits = self.misses = 0
        return counts

    def missing(self, customers: Iterable[str]) -> list[str]:
        """The customers that are not cached, each once. Those that are cached move to the young generation."""
        asked = dict.fromkeys(customers)
        missing = [customer for customer in asked if customer not in self.young and not self._renew(customer)]
        self.hits += len(asked) - len(missing)
        self.misses += len(missing)
        return missing

    def _renew(self, customer: str) -> bool:
        if customer not in self._old:
            return False
        self.young[customer] = self._old.pop(customer)
        return True

    def clear(self) -> None:
        self.young, self._old = {}, {}

    def put(self, found: Iterable[tuple[str, bytes | None]]) -> None:
        """Add the states that the store has of the missing customers."""
        self.young.update(found)

    def keep(self, states: Mapping[str, bytes | None]) -> None:
        """Add the states of a committed batch. Entries are dropped only here, so never while a batch needs them."""
        self.young.update(states)
        if len(self.young) > self.size:
            self.young, self._old = {}, self.young

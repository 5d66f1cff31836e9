"""Encoded states of the customers seen lately."""

from collections.abc import Iterable, Mapping


class StateCache:
    """Two generations: when the young one is full the old one is dropped. Holds at most twice `size` between batches.

    A customer known to have no state is held as None, so that it is not asked for again.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.young: dict[str, bytes | None] = {}
        """The states of all that were asked for in this batch, and of others."""
        self._old: dict[str, bytes | None] = {}
        self.hits = 0
        self.misses = 0
        """Customers looked for, since the last `take_counts`."""

    def take_counts(self) -> tuple[int, int]:
        """(hits, misses)"""
        counts = self.hits, self.misses
        self.hits = self.misses = 0
        return counts

    def missing(self, customers: Iterable[str]) -> list[str]:
        """Those that are not here, each once."""
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
        """What the store has of those that were missing."""
        self.young.update(found)

    def keep(self, states: Mapping[str, bytes | None]) -> None:
        """What a batch has made of them. Only here they get fewer, so that a batch never loses what it has loaded."""
        self.young.update(states)
        if len(self.young) > self.size:
            self.young, self._old = {}, self.young

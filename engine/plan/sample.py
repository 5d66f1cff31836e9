"""Chooses customers of a store: all of them, or a sample that is the same every time. It only reads.

Those with the smallest hashes are chosen, so that it need not be known before how many there are.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heappush, heapreplace
from itertools import groupby
from operator import itemgetter
from typing import Final

from engine.core.state.model import State
from engine.operate.store_view import pages_of
from engine.ports import Meta, StateStore
from engine.worker.opening_checks import stored_meta
from engine.worker.values import Value, read_value, state_of

PAGE: Final = 5_000
"""Names of customers per call of the store."""
LOADED: Final = 500
"""States per call: about 200 kB."""
_HASH: Final = 8
"""Bytes of a hash."""
Progress = Callable[[int], None]


@dataclass(frozen=True)
class SampledCustomer:
    """One customer of the store. `value`: what it keeps, to be decoded as often as a state is needed."""

    customer: str
    value: Value
    meta: Meta

    def state(self) -> State:
        """A copy of the state. Raises StateUnreadable."""
        state = state_of(self.value)
        assert state is not None
        return state


@dataclass
class Chosen:
    """The partitions with the customers that were chosen in each, and how many there are in all."""

    metas: list[Meta]
    names: list[tuple[int, str]]
    customers: int


def choose(store: StateStore, number: int | None, progress: Progress) -> Chosen:
    """Choose so many customers; None: all. A store may return a name twice; it is chosen once."""
    meta = stored_meta(store)
    metas = [store.meta(partition) for partition in range(meta.partitions if meta else 0)]
    sample = _Smallest(number)
    for partition in range(len(metas)):
        for page in map(set, pages_of(store, partition, PAGE)):
            progress(len(page))
            sample.offer(partition, page)
    names = sorted((partition, customer) for _, partition, customer in sample.heap)
    return Chosen(metas, names, sample.offered if number is not None else len(names))


class _Smallest:
    """The customers with the smallest hashes among those offered."""

    def __init__(self, number: int | None) -> None:
        self._number = number
        self._names: set[str] = set()
        self.heap: list[tuple[int, int, str]] = []
        self.offered = 0
        self._largest = b"\xff" * _HASH
        """The hash of the customer who would go next; the largest there can be until there are enough."""

    def offer(self, partition: int, customers: Iterable[str]) -> None:
        for customer in customers:
            digest = blake2b(customer.encode(errors="replace"), digest_size=_HASH).digest()
            if digest > self._largest:  # most of them: nothing more than this may be done for each of a million
                self.offered += 1
            elif customer not in self._names:
                self.offered += 1
                self._consider((-int.from_bytes(digest), partition, customer))

    def _consider(self, one: tuple[int, int, str]) -> None:
        if self._number is None or len(self.heap) < self._number:
            heappush(self.heap, one)
        elif one > self.heap[0]:
            self._names.discard(heapreplace(self.heap, one)[2])
            self._largest = (-self.heap[0][0]).to_bytes(_HASH)
        else:
            return
        self._names.add(one[2])


def load(store: StateStore, chosen: Chosen, progress: Progress) -> Iterator[SampledCustomer]:
    """The chosen customers who have a state: without those who have gone, or of whom only a history is left."""
    for partition, named in groupby(chosen.names, key=itemgetter(0)):
        names = [customer for _, customer in named]
        for start in range(0, len(names), LOADED):
            page = names[start : start + LOADED]
            for customer, value in zip(page, map(read_value, store.load(partition, page)), strict=True):
                if value.state is not None:
                    yield SampledCustomer(customer, value, chosen.metas[partition])
            progress(len(page))

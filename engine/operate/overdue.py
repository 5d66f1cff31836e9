"""Finds who is overdue in a store, without being the partition's owner."""

from collections.abc import Iterator
from itertools import chain

from engine.core.zones import DAY
from engine.ports import StateStore
from engine.worker.values import read_looks, read_value

PAGE = 1_000


def overdue(store: StateStore, partition: int, until: int, limit: int) -> Iterator[tuple[str, int]]:
    """(customer, wake-up) of up to `limit` customers whose wake-up was at or before `until`, epoch ms.

    Raises StoreDamaged.
    """
    days = {day: 0 for day in store.days(partition) if day * DAY <= until}
    looks = sorted(chain.from_iterable(read_looks(partition, store.looks(partition, days)).values()))
    customers = list(dict.fromkeys(customer for moment, customer in looks if moment <= until))[:limit]
    for start in range(0, len(customers), PAGE):
        page = customers[start : start + PAGE]
        for customer, data in zip(page, store.load(partition, page), strict=True):
            value = read_value(data)
            if value.state is not None and 0 < value.wake <= until:
                yield customer, value.wake

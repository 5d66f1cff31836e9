"""Reads partitions in format 2 of the store, for the upgrade to format 3, and drops what has been moved.

Format 2 kept of a partition: `meta`, `states` (customer -> state), `due` (sorted set of wake-ups), and histories by
quarter (`h:<period>`, hashes of outcomes with a length of 3 bytes each). `outbox` and `erased` are as in format 3.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from time import time
from typing import Any, Final

import msgspec

from engine.adapters.redis.client_errors import reaching
from engine.ports import HISTORY_LENGTH, STORE_FORMAT, Meta, OldCustomer

HISTORY_KEPT: Final = timedelta(days=90)
_QUARTER: Final = int(HISTORY_KEPT.total_seconds()) // 4
_LENGTH: Final = 3


class Format2:
    """The part of a store that knows format 2. `client` and `name` are those of the store."""

    def __init__(self, client: Any, namespace: str, name: str) -> None:
        self._client = client  # its types leave open whether it gives bytes or text
        self._namespace = namespace
        self._name = name
        self._cursors: dict[str, int] = {}
        """Hash -> where the scan of it has come to."""

    def old_meta(self, partition: int) -> Meta | None:
        """What the partition remembers in format 2; None where it is in format 3, or nothing is stored."""
        m, old = self._keys(partition, "m", "meta")
        with reaching(self._name, old):
            if self._client.exists(m):
                return None
            stored = self._client.hgetall(old)
            if stored.get(b"seq", b"-1") == b"-1":
                return None
            fields = {field.decode(): msgspec.json.decode(value) for field, value in stored.items()}
            return msgspec.convert({**fields, "format": STORE_FORMAT}, Meta)

    def old_count(self, partition: int) -> int:
        """How many customers with a state have not been dropped."""
        (states,) = self._keys(partition, "states")
        with reaching(self._name, states):
            return int(self._client.hlen(states))

    def old_customers(self, partition: int, limit: int) -> list[OldCustomer]:
        """Some of the customers that have not been dropped, about `limit`; none: all have."""
        hashes = self._old_hashes(partition)
        with reaching(self._name, hashes[0]):
            for key in hashes:
                if found := self._scan(key, limit):
                    return self._read(partition, found)
        return []

    def drop_old(self, partition: int, customers: Sequence[str]) -> None:
        """Drop what format 2 has of these customers."""
        due, *hashes = self._keys(partition, "due"), *self._old_hashes(partition)
        with reaching(self._name, due[0]), self._client.pipeline(transaction=False) as pipe:
            pipe.zrem(due[0], *customers)
            for key in hashes:
                pipe.hdel(key, *customers)
            pipe.execute()

    def _scan(self, key: str, limit: int) -> list[str]:
        """Some fields of a hash; none where it is empty."""
        while self._client.hlen(key):
            cursor, found = self._client.hscan(key, self._cursors.get(key, 0), count=limit)
            self._cursors[key] = cursor
            if found:
                return [customer.decode() for customer in found]
        return []

    def _read(self, partition: int, customers: Sequence[str]) -> list[OldCustomer]:
        states, *histories = self._old_hashes(partition)
        (due,) = self._keys(partition, "due")
        with self._client.pipeline(transaction=False) as pipe:
            pipe.hmget(states, customers)
            pipe.zmscore(due, customers)
            for key in histories:
                pipe.hmget(key, customers)
            found, wakes, *periods = pipe.execute()
        packed = zip(*periods, strict=True)
        return [
            OldCustomer(customer, state, int(wake or 0), [*islice(_records(some), HISTORY_LENGTH)])
            for customer, state, wake, some in zip(customers, found, wakes, packed, strict=True)
        ]

    def _old_hashes(self, partition: int) -> list[str]:
        """States, then histories with the newest period first; a writer's clock may have been one period ahead."""
        newest = int(time() // _QUARTER) + 1
        return self._keys(partition, "states", *(f"h:{period}" for period in range(newest, newest - 8, -1)))

    def _keys(self, partition: int, *names: str) -> list[str]:
        return [f"{{{self._namespace}:{partition}}}:{name}" for name in names]


def _records(periods: Sequence[bytes | None]) -> Iterator[bytes]:
    for packed in periods:
        start = 0
        while packed and start < len(packed):
            length = int.from_bytes(packed[start : start + _LENGTH])
            start += _LENGTH + length
            yield packed[start - length : start]

"""Customer states in Redis, Valkey, or a cluster of either.

All keys of a partition begin with the hash tag `{<namespace>:<partition>}`, so they share one slot of a cluster:
`meta`, `states`, `due`, `outbox`, `erased` and the histories `h:<period>` (see commit.lua and history.py).
"""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from time import time
from typing import Any, Final
from uuid import uuid4

from redis import Redis, RedisCluster

from engine.adapters.redis.change import pack, read_meta, read_outbox
from engine.adapters.redis.facts import server_time, servers
from engine.adapters.redis.history import periods, unpack
from engine.adapters.redis.process import is_marked, mark
from engine.adapters.redis.script import Script
from engine.adapters.redis.trouble import reaching
from engine.errors import BadStoreUrl, Fenced
from engine.ports import Commit, Entry, Meta, StoreServer

Client = Redis | RedisCluster
HISTORY_KEPT: Final = timedelta(days=90)
ERASED_KEPT: Final = timedelta(days=90)

_COMMIT = Script("commit.lua")
_CUSTOMERS = Script("customers.lua")
_NAMESPACE = re.compile(r"[\w.:-]+", re.ASCII)


class RedisStore:
    """A StateStore over any client of redis-py that gives bytes. Methods raise StoreUnavailable.

    A commit whose answer is lost may have been written; its retry is then refused by the fence, as it should be.
    An outcome is dropped `history_kept` after it was written, at most a quarter later; a tombstone `erased_kept` after
    the erasure, at most twice that, if others follow. All who use a namespace must say the same. `name` is what error
    messages call the server; `clock` gives the time now, epoch s.
    """

    def __init__(
        self,
        client: Client,
        namespace: str = "engine",
        *,
        history_kept: timedelta = HISTORY_KEPT,
        erased_kept: timedelta = ERASED_KEPT,
        name: str = "Redis",
        clock: Callable[[], float] = time,
    ) -> None:
        if not _NAMESPACE.fullmatch(namespace):
            raise BadStoreUrl(name, f"namespace {namespace!r} may only have letters, digits and . _ : -")
        self._client: Any = client  # its types leave open whether it gives bytes or text
        self._namespace = namespace
        self._history_kept = int(history_kept.total_seconds())
        self._erased_kept = int(erased_kept.total_seconds())
        self._name = name
        self._clock = clock

    def meta(self, partition: int) -> Meta:
        """What the partition remembers; a fresh `Meta` where nothing is stored."""
        key = self._prefix(partition) + "meta"
        with reaching(self._name, key):
            return read_meta(self._client.hgetall(key), self._name)

    def load(self, partition: int, customers: Sequence[str]) -> list[bytes | None]:
        """The encoded states in the order asked, None where there is none."""
        if not customers:
            return []
        key = self._prefix(partition) + "states"
        with reaching(self._name, key):
            states: list[bytes | None] = self._client.hmget(key, customers)
        return states

    def due(self, partition: int, until: int, limit: int) -> list[tuple[str, int]]:
        """(customer, wake-up moment) of the soonest wake-ups at or before `until`, soonest first."""
        key = self._prefix(partition) + "due"
        with reaching(self._name, key):
            found = self._client.zrangebyscore(key, "-inf", until, start=0, num=limit, withscores=True)
            return [(customer.decode(), int(moment)) for customer, moment in found]

    def commit(self, partition: int, commit: Commit) -> None:
        """Raises Fenced, having written nothing, where `seq` or offsets are not as the commit expects."""
        prefix, history = self._prefix(partition), periods(self._clock(), self._history_kept)
        names = ["meta", "states", "due", "outbox", "erased", history.present]
        keys = [prefix + name for name in dict.fromkeys(names + history.names)]
        with reaching(self._name, prefix):
            found = _COMMIT.run(self._client, keys, *pack(commit, history.until, self._erased_kept))
        if found:
            seq, offsets = found
            expected = f"commit {commit.expected.seq} at offsets {commit.expected.offsets}"
            raise Fenced(partition, expected, f"commit {seq.decode()} at offsets {offsets.decode()}")

    def outbox(self, partition: int) -> dict[int, list[Entry]]:
        """What has not been trimmed, oldest first, by the seq of the commit that decided it."""
        key = self._prefix(partition) + "outbox"
        with reaching(self._name, key):
            return read_outbox(self._client.hgetall(key))

    def history(self, partition: int, customer: str) -> list[bytes]:
        """The last 20 outcome records, newest first."""
        prefix = self._prefix(partition)
        with reaching(self._name, f"{prefix}h:"), self._client.pipeline(transaction=False) as pipe:
            for name in periods(self._clock(), self._history_kept).names:
                pipe.hget(prefix + name, customer)
            return unpack(pipe.execute())

    def erased(self, partition: int) -> dict[str, int]:
        """The partition's tombstones: digest of a customer -> moment of the erasure."""
        key = self._prefix(partition) + "erased"
        with reaching(self._name, key):
            found = self._client.zrange(key, 0, -1, withscores=True)
            return {digest.decode(): int(moment) for digest, moment in found}

    def customers(self, partition: int, after: str, limit: int) -> tuple[list[str], str]:
        """A page of about `limit` customers and the cursor for the next one ("" at the start, and at the end).

        A page costs the same however many partitions share the server: it scans the partition's own index, not
        the keyspace. A customer may come twice; after a restart of the server the scan begins again: a position
        means nothing to another process, which hashes with its own seed, so the cursor says whose it is.
        """
        key = self._prefix(partition) + "states"
        process, _, position = after.partition(":")
        with reaching(self._name):
            if process:
                stopped, found = _CUSTOMERS.run(self._client, [key], position, limit)
            if not process or not is_marked(self._client, key, process):  # asked last: it has not changed meanwhile
                process = uuid4().hex
                mark(self._client, key, process)
                stopped, found = _CUSTOMERS.run(self._client, [key], "0", limit)
        cursor = "" if stopped == b"0" else f"{process}:{stopped.decode()}"
        return [customer.decode() for customer in found], cursor

    def servers(self) -> list[StoreServer]:
        """Facts about the servers of this store."""
        with reaching(self._name):
            return servers(self._client, self._name)

    def time(self) -> int:
        """The time of a server behind this store, epoch ms."""
        with reaching(self._name):
            return server_time(self._client)

    def close(self) -> None:
        """Give up connections; stored data stays."""
        self._client.close()

    def _prefix(self, partition: int) -> str:
        return f"{{{self._namespace}:{partition}}}:"

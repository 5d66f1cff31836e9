"""Customer states in Redis, Valkey, or a cluster of either.

All keys of a partition begin with the hash tag `{<namespace>:<partition>}`, so they share one slot of a cluster:
`c:<customer>` state, `h:<customer>` last outcomes, `due`, `outbox`, `outbox:order`, `erased`, `meta` (see commit.lua).
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from redis import Redis, RedisCluster

from engine.adapters.redis.change import pack, read_meta, touched
from engine.adapters.redis.facts import Server, servers
from engine.adapters.redis.script import Script
from engine.adapters.redis.trouble import reaching
from engine.errors import BadStoreUrl, Fenced
from engine.ports import Commit, Meta

Client = Redis | RedisCluster
HISTORY_KEPT: Final = timedelta(days=90)
ERASED_KEPT: Final = timedelta(days=90)

_COMMIT = Script("commit.lua")
_CUSTOMERS = Script("customers.lua")
_NAMESPACE = re.compile(r"[\w.:-]+", re.ASCII)


class RedisStore:
    """A StateStore over any client of redis-py that gives bytes. Methods raise StoreUnavailable.

    A commit whose answer is lost may have been written; its retry is then refused by the fence, as it should be.
    History is dropped `history_kept` after its last outcome, a tombstone `erased_kept` after the erasure (at most twice
    that, if others follow). `name` is what error messages call the server.
    """

    def __init__(
        self,
        client: Client,
        namespace: str = "engine",
        *,
        history_kept: timedelta = HISTORY_KEPT,
        erased_kept: timedelta = ERASED_KEPT,
        name: str = "Redis",
    ) -> None:
        if not _NAMESPACE.fullmatch(namespace):
            raise BadStoreUrl(name, f"namespace {namespace!r} may only have letters, digits and . _ : -")
        self._client: Any = client  # its types leave open whether it gives bytes or text
        self._namespace = namespace
        self._kept_seconds = int(history_kept.total_seconds()), int(erased_kept.total_seconds())
        self._name = name
        self._declares = isinstance(client, RedisCluster)

    def meta(self, partition: int) -> Meta:
        """What the partition remembers; a fresh `Meta` where nothing is stored."""
        with reaching(self._name):
            return read_meta(self._client.hgetall(self._prefix(partition) + "meta"))

    def load(self, partition: int, customers: Sequence[str]) -> list[bytes | None]:
        """The encoded states in the order asked, None where there is none."""
        if not customers:
            return []
        prefix = self._prefix(partition) + "c:"
        with reaching(self._name):
            states: list[bytes | None] = self._client.mget([prefix + customer for customer in customers])
        return states

    def due(self, partition: int, until: int, limit: int) -> list[tuple[str, int]]:
        """(customer, wake-up moment) of the soonest wake-ups at or before `until`, soonest first."""
        with reaching(self._name):
            found = self._client.zrangebyscore(
                self._prefix(partition) + "due", "-inf", until, start=0, num=limit, withscores=True
            )
        return [(customer.decode(), int(moment)) for customer, moment in found]

    def commit(self, partition: int, commit: Commit) -> None:
        """Raises Fenced, having written nothing, where `seq` or offsets are not as the commit expects."""
        prefix = self._prefix(partition)
        keys = [prefix + name for name in ("meta", "due", "outbox", "outbox:order", "erased")]
        if self._declares:
            keys += touched(commit, prefix)
        with reaching(self._name):
            found = _COMMIT.run(self._client, keys, *pack(commit, prefix, *self._kept_seconds))
        if found:
            seq, offsets = found
            expected = f"commit {commit.expected.seq} at offsets {commit.expected.offsets}"
            raise Fenced(partition, expected, f"commit {seq.decode()} at offsets {offsets.decode()}")

    def outbox(self, partition: int, limit: int = 10_000) -> list[tuple[str, bytes]]:
        """The oldest outreach not yet trimmed, in order."""
        prefix = self._prefix(partition)
        with reaching(self._name):
            ids = self._client.lrange(prefix + "outbox:order", 0, limit - 1)
            entries = self._client.hmget(prefix + "outbox", ids) if ids else []
        return [(id_.decode(), entry) for id_, entry in zip(ids, entries, strict=True) if entry is not None]

    def history(self, partition: int, customer: str) -> list[bytes]:
        """The last 20 outcome records, newest first."""
        with reaching(self._name):
            records: list[bytes] = self._client.lrange(f"{self._prefix(partition)}h:{customer}", 0, -1)
        return records

    def erased(self, partition: int) -> dict[str, int]:
        """The partition's tombstones: digest of a customer -> moment of the erasure."""
        with reaching(self._name):
            found = self._client.zrange(self._prefix(partition) + "erased", 0, -1, withscores=True)
        return {digest.decode(): int(moment) for digest, moment in found}

    def customers(self, partition: int, after: str, limit: int) -> tuple[list[str], str]:
        """A page of about `limit` customers and the cursor for the next one ("" at the start, and at the end).

        A page costs the same however many partitions share the server: it scans the partition's own index, not
        the keyspace. A customer may come twice; after a restart of the server the scan begins again.
        """
        with reaching(self._name):
            cursor, found = _CUSTOMERS.run(self._client, [self._prefix(partition) + "due"], after, limit)
        return [customer.decode() for customer in found[::2]], cursor.decode()

    def servers(self) -> list[Server]:
        """What the servers behind this store say of themselves."""
        with reaching(self._name):
            return servers(self._client, self._name)

    def close(self) -> None:
        """Give up connections; stored data stays."""
        self._client.close()

    def _prefix(self, partition: int) -> str:
        return f"{{{self._namespace}:{partition}}}:"

"""Customers in Redis, Valkey, or a cluster of either.

All keys of a partition begin with the hash tag `{<namespace>:<partition>}`, so they share one slot of a cluster: `m`,
`values`, `days`, `t:<day>`, `outbox`, `erased` (see commit.lua), and `meta`, the tombstone of format 2. The hash
`{<namespace>:rollout}:books` has the files of rule books that a roll-out is about, by revision.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from os import urandom
from typing import Final
from uuid import uuid4

from redis import Redis, RedisCluster, exceptions

from engine.adapters.redis import transaction
from engine.adapters.redis.answers import AnswerLost, commit_surely
from engine.adapters.redis.client_errors import reaching
from engine.adapters.redis.commit_arguments import days_of, only_trims, pack, read_outbox
from engine.adapters.redis.facts import server_time, servers
from engine.adapters.redis.format2 import Format2
from engine.adapters.redis.process import is_marked, mark
from engine.adapters.redis.script import Script
from engine.errors import BadStoreUrl, OtherFormat, StoreDamaged
from engine.ports import STORE_FORMAT, Commit, Entry, Meta, Opened, StoreServer, fenced, read_meta, sealed

Client = Redis | RedisCluster
ERASED_KEPT: Final = timedelta(days=90)

_COMMIT = Script("commit.lua")
_TRIM = Script("commit.lua", flags="allow-oom")
_OPEN, _LOAD, _LOOKS, _CUSTOMERS = map(Script, ("open.lua", "load.lua", "looks.lua", "customers.lua"))
_NAMESPACE = re.compile(r"[\w.:-]+", re.ASCII)


class RedisStore(Format2):
    """A StateStore over any client of redis-py that gives bytes. Methods raise StoreUnavailable.

    A tombstone is dropped `erased_kept` after the erasure, at most twice that, if others follow. All who use a
    namespace must say the same. `name` is what error messages call the server; `draw` returns 64 random bits. `many`:
    from so many values on, at least 1, they go in a transaction instead of a script.
    """

    def __init__(
        self,
        client: Client,
        namespace: str = "engine",
        *,
        erased_kept: timedelta = ERASED_KEPT,
        name: str = "Redis",
        draw: Callable[[], int] = lambda: int.from_bytes(urandom(8)),
        many: int = transaction.MANY,
    ) -> None:
        if not _NAMESPACE.fullmatch(namespace):
            raise BadStoreUrl(name, f"namespace {namespace!r} may only have letters, digits and . _ : -")
        super().__init__(client, namespace, name)
        self._books = f"{{{namespace}:rollout}}:books"
        self._erased_kept = int(erased_kept.total_seconds())
        self._draw = draw
        self._many = many
        self._may_watch = True
        self._knows_flags = True

    def open(self, partition: int) -> Opened:
        """What an owner begins with, of one moment; an empty seal and a fresh `Meta` where nothing is stored."""
        keys = self._keys(partition, "m", "days", "erased", "meta")
        with reaching(self._name, keys[0].removesuffix("m")):
            seal, days, erased, old = _OPEN.run(self._client, keys)
            tombstones = dict(zip(erased[::2], erased[1::2], strict=True))
            opened_days, opened_erased = set(map(int, days)), {key.decode(): int(at) for key, at in tombstones.items()}
        return Opened(seal, self._meta(seal, keys[0], *old), opened_days, opened_erased)

    def meta(self, partition: int) -> Meta:
        """What the partition remembers; a fresh `Meta` where nothing is stored."""
        m, old = self._keys(partition, "m", "meta")
        with reaching(self._name, m):
            if seal := self._client.get(m):
                return self._meta(seal, m)
            before = self._client.hmget(old, "seq", "format")
            seal = self._client.get(m) or b""  # the first commit may have come in between
        return self._meta(seal, m, *before)

    def load(self, partition: int, customers: Sequence[str], seal: bytes | None = None) -> list[bytes | None]:
        """The encoded values in the order asked, None where there is none. Raises Fenced, also without customers."""
        keys = self._keys(partition, "m", "values")
        with reaching(self._name, keys[1]):
            if seal is None:
                unfenced: list[bytes | None] = self._client.hmget(keys[1], customers) if customers else []
                return unfenced
            if len(customers) >= self._many and (read := transaction.read(self._client, keys, customers)):
                if read[0] != seal:
                    raise fenced(partition, seal, read[0])
                return read[1]
            found = _LOAD.run(self._client, keys, seal, *customers)
        if isinstance(found, bytes):
            raise fenced(partition, seal, found)
        return [value for chunk in found for value in chunk]

    def looks(self, partition: int, days: Mapping[int, int], seal: bytes | None = None) -> dict[int, list[bytes]]:
        """The lists of looks of these days, in the order written; `days`: day -> the place in its list to begin at."""
        keys = self._keys(partition, "m", *(f"t:{day}" for day in days))
        with reaching(self._name, keys[0].removesuffix("m") + "t:"):
            found = _LOOKS.run(self._client, keys, seal or b"", int(seal is not None), *days.values())
        if isinstance(found, bytes):
            raise fenced(partition, seal or b"", found)
        return dict(zip(days, found, strict=True))

    def commit(self, partition: int, commit: Commit) -> bytes:
        """Returns the new seal. Raises Fenced, having written nothing, where the seal is not the expected one."""
        days = days_of(commit)
        names = ("m", "values", "days", "outbox", "erased", "meta", *(f"t:{day}" for day in days))
        keys = self._keys(partition, *names)
        prefix = keys[0].removesuffix("m")

        def attempt(seal: bytes) -> bytes | None:
            with reaching(self._name, prefix):
                try:
                    return None if self._transact(keys, days, commit, seal) else self._run(commit, keys, seal)
                except _LOST as error:
                    raise AnswerLost from error

        def look() -> bytes:
            with reaching(self._name, keys[0]):
                return self._client.get(keys[0]) or b""

        def seal_of() -> bytes:
            return sealed(commit.meta, self._draw())

        seal, ours = commit_surely(self._name, commit.expected, seal_of, attempt, look)
        if not ours:
            raise fenced(partition, commit.expected, seal)
        return seal

    def days(self, partition: int) -> list[int]:
        """The days that have looks, in order."""
        (key,) = self._keys(partition, "days")
        with reaching(self._name, key):
            return sorted(map(int, self._client.smembers(key)))

    def outbox(self, partition: int) -> dict[int, list[Entry]]:
        """What has not been trimmed, oldest first, by the seq of the commit that decided it."""
        (key,) = self._keys(partition, "outbox")
        with reaching(self._name, key):
            return read_outbox(self._client.hgetall(key))

    def customers(self, partition: int, after: str, limit: int) -> tuple[list[str], str]:
        """A page of about `limit` customers and the cursor for the next one ("" at the start, and at the end).

        A page costs the same however many partitions share the server: it scans the partition's own index, not
        the keyspace. A customer may come twice; after a restart of the server the scan begins again: a position
        means nothing to another process, which hashes with its own seed, so the cursor says whose it is.
        """
        key = self._keys(partition, "values")[0]
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

    def book(self, revision: str) -> bytes | None:
        """The files of a rule book, packed; None where they are not kept."""
        with reaching(self._name, self._books):
            found: bytes | None = self._client.hget(self._books, revision)
        return found

    def keep_book(self, revision: str, packed: bytes | None) -> None:
        """Keep the files of a rule book; None deletes them."""
        with reaching(self._name, self._books):
            if packed is None:
                self._client.hdel(self._books, revision)
            else:
                self._client.hset(self._books, revision, packed)

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

    def _meta(self, seal: bytes, key: str, old_seq: bytes | None = None, old_format: bytes | None = None) -> Meta:
        """The meta of a seal, or of nothing; the rest is of format 2."""
        if not seal and old_seq == b"-1":
            raise StoreDamaged(self._name, key, "it is missing")
        if not seal and old_seq is not None:
            raise OtherFormat(self._name, int(old_format or b"2"), STORE_FORMAT)
        with reaching(self._name, key):
            return read_meta(seal, self._name)

    def _transact(self, keys: list[str], days: list[int], commit: Commit, seal: bytes) -> bool:
        """Whether it is written. If not, the script must write it, or say why it can't."""
        if not self._may_watch or not transaction.is_usual(commit, self._many):
            return False
        try:
            return transaction.write(self._client, keys, days, commit, seal)
        except exceptions.NoPermissionError:
            self._may_watch = False  # a user made for an earlier version
            return False

    def _run(self, commit: Commit, keys: list[str], seal: bytes) -> bytes | None:
        found: bytes | None
        arguments = commit.expected, seal, *pack(commit, self._erased_kept)
        if self._knows_flags and only_trims(commit):
            try:
                found = _TRIM.run(self._client, keys, *arguments)
            except exceptions.ResponseError as error:
                if "compiling" not in str(error):
                    raise
                self._knows_flags = False  # a server before version 7
            else:
                return found
        found = _COMMIT.run(self._client, keys, *arguments)
        return found


_LOST: Final = (exceptions.ConnectionError, exceptions.TimeoutError)
"""Errors after which a command may have been carried out."""

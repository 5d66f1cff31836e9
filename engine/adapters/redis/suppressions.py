"""The suppression list in Redis: a hash per digest, purpose -> "<before> <reason>". It is kept for ever."""

from collections.abc import Iterable, Sequence
from typing import Any

from engine.adapters.redis.claims import prefix_of
from engine.adapters.redis.disk import Disk
from engine.adapters.redis.trouble import reaching
from engine.ports import AtTheDoor, Suppression


class RedisSuppressions:
    """A SuppressionList over any client of redis-py that gives bytes."""

    def __init__(self, client: Any, namespace: str, *, name: str = "Redis") -> None:
        self._client = client
        self._prefix = prefix_of(namespace) + "s:"
        self._name = name
        self._disk = Disk(client, self._prefix, name)

    def reasons(self, asked: Sequence[AtTheDoor]) -> list[str]:
        """Why each must not go there; "" where it may."""
        with reaching(self._name):
            pipeline = self._client.pipeline(transaction=False)
            for one in asked:
                for digest in one.digests:
                    pipeline.hmget(self._prefix + digest, [one.purpose, "*"])
            found = iter(pipeline.execute())
        return [_reason(one.at, (entry for _ in one.digests for entry in next(found) if entry)) for one in asked]

    def change(self, changes: Sequence[Suppression]) -> None:
        """In this order. On the disk when this returns, where the server knows WAITAOF and keeps an AOF."""
        with self._disk.writing() as connection:
            for one in changes:
                if one.reason:
                    connection.hset(self._prefix + one.digest, one.purpose, f"{one.before} {one.reason}")
                else:
                    connection.hdel(self._prefix + one.digest, one.purpose)

    def suppress(self, digest: str, reason: str, purpose: str = "*", before: int = 0) -> None:
        """From now on, nothing of this purpose; of any for "*". With `before` only what was decided earlier."""
        self.change([Suppression(digest, purpose, reason, before)])

    def allow(self, digest: str, purpose: str = "*") -> None:
        """Undo the suppression of this purpose; one of "*" is undone by "*" only."""
        self.change([Suppression(digest, purpose)])


def _reason(at: int, entries: Iterable[bytes]) -> str:
    parts = [entry.decode().split(" ", 1) for entry in entries]
    return next((reason for before, reason in parts if before == "0" or at < int(before)), "")

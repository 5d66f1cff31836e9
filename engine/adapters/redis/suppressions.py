"""The suppression list in Redis: a hash per digest, purpose -> reason. It is kept for ever."""

from collections.abc import Sequence
from typing import Any

from engine.adapters.redis.claims import prefix_of
from engine.adapters.redis.trouble import reaching


class RedisSuppressions:
    """A SuppressionList over any client of redis-py that gives bytes."""

    def __init__(self, client: Any, namespace: str, *, name: str = "Redis") -> None:
        self._client = client
        self._prefix = prefix_of(namespace) + "s:"
        self._name = name

    def reasons(self, asked: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
        """For each (purpose, digests): why nothing of this purpose may go there; "" where it may."""
        with reaching(self._name):
            pipeline = self._client.pipeline(transaction=False)
            for purpose, digests in asked:
                for digest in digests:
                    pipeline.hmget(self._prefix + digest, [purpose, "*"])
            found = iter(pipeline.execute())
        return [_first([reason for _ in digests for reason in next(found)]) for _, digests in asked]

    def suppress(self, digest: str, reason: str, purpose: str = "*") -> None:
        """From now on, nothing of this purpose; of any for "*"."""
        with reaching(self._name):
            self._client.hset(self._prefix + digest, purpose, reason)

    def allow(self, digest: str, purpose: str = "*") -> None:
        """Undo the suppression of this purpose; one of "*" is undone by "*" only."""
        with reaching(self._name):
            self._client.hdel(self._prefix + digest, purpose)


def _first(reasons: Sequence[bytes | None]) -> str:
    return next((reason.decode() for reason in reasons if reason), "")

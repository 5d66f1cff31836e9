"""Waits until writes are on the server's disk, if the server has WAITAOF (Redis 7.2, Valkey) and keeps an AOF."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis import RedisCluster
from redis.exceptions import MovedError, NoPermissionError, ResponseError

from engine.adapters.redis.client_errors import reaching
from engine.errors import StoreUnavailable

_MS: Final = 5_000
"""Milliseconds that a write waits for the disk. With less, a server that rewrites its AOF would look like one that is
away; a disk that takes longer does not keep up."""
_NOTHING_TO_WAIT_FOR: Final = re.compile("unknown command|appendonly is disabled")
"""An older server, and one that keeps no AOF. Any other refusal, as that of a primary which is just made a replica,
says that the write may be lost."""


class Disk:
    """That of the node which has `key`, over any client of redis-py. `name` is for messages."""

    def __init__(self, client: Any, key: str, name: str) -> None:
        self._client = client
        self._key = key
        self._name = name

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """A connection; writes made with it are on disk when the context ends. Raises StoreUnavailable."""
        with reaching(self._name), self._one_connection() as connection:
            yield connection
            self._wait(connection)

    @contextmanager
    def _one_connection(self) -> Iterator[Any]:
        """Wait for the disk. WAITAOF concerns writes of its own connection only."""
        client = self._client
        if isinstance(client, RedisCluster):
            client = client.get_redis_connection(client.get_node_from_key(self._key))  # type: ignore[no-untyped-call]
        with client.client() as connection:
            try:
                yield connection
            except MovedError as error:
                self._client.nodes_manager.initialize()
                raise StoreUnavailable(self._name, "the slot has moved to another node") from error

    def _wait(self, connection: Any) -> None:
        try:
            local, _ = connection.execute_command("WAITAOF", 1, 0, _MS)
        except NoPermissionError:  # a user who was made without it
            return
        except ResponseError as error:
            if _NOTHING_TO_WAIT_FOR.search(str(error)):
                return
            raise
        if not local:
            raise StoreUnavailable(self._name, "its disk does not keep up: what was written is not on it after 5 s")

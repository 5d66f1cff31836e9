"""What servers say of themselves, for `engine doctor`. Not by CONFIG, which managed servers forbid."""

from dataclasses import dataclass
from typing import Any

from redis import RedisCluster
from redis.exceptions import NoPermissionError


@dataclass(frozen=True, slots=True)
class Server:
    """One server that holds data. `clock` is its time in epoch ms; `limit` 0: no maxmemory. Sizes are bytes.

    Without a version our user may not run INFO, and of the rest only the clock is known.
    """

    name: str
    clock: int
    version: str = ""
    policy: str = ""
    aof: bool = False
    used: int = 0
    limit: int = 0


def servers(client: Any, name: str) -> list[Server]:
    """Every primary of a cluster, else the one server."""
    if isinstance(client, RedisCluster):
        nodes = client.get_primaries()  # type: ignore[no-untyped-call]
        return [_server(client.get_redis_connection(node), node.name) for node in nodes]
    return [_server(client, name)]


def _server(client: Any, name: str) -> Server:
    clock = server_time(client)
    try:
        info = client.info()
    except NoPermissionError:
        return Server(name, clock)
    return Server(
        name=name,
        clock=clock,
        version=f"{info.get('server_name', 'redis')} {info.get('valkey_version') or info['redis_version']}",
        policy=info["maxmemory_policy"],
        aof=bool(info["aof_enabled"]),
        used=info["used_memory"],
        limit=info["maxmemory"],
    )


def server_time(client: Any) -> int:
    """Epoch ms, by one of its servers."""
    if isinstance(client, RedisCluster):
        client = client.get_redis_connection(client.get_primaries()[0])  # type: ignore[no-untyped-call]
    seconds, micros = client.time()
    return int(seconds * 1000 + micros // 1000)

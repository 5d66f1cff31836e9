"""What servers say of themselves, for `engine doctor`. Not by CONFIG, which managed servers forbid."""

from dataclasses import dataclass
from typing import Any

from redis import RedisCluster


@dataclass(frozen=True, slots=True)
class Server:
    """One server that holds data. `clock` is its time in epoch ms; `limit` 0: no maxmemory. Sizes are bytes."""

    name: str
    version: str
    policy: str
    aof: bool
    used: int
    limit: int
    clock: int


def servers(client: Any, name: str) -> list[Server]:
    """Every primary of a cluster, else the one server."""
    if isinstance(client, RedisCluster):
        nodes = client.get_primaries()  # type: ignore[no-untyped-call]
        return [_server(client.get_redis_connection(node), node.name) for node in nodes]
    return [_server(client, name)]


def _server(client: Any, name: str) -> Server:
    info = client.info()
    seconds, micros = client.time()
    return Server(
        name=name,
        version=f"{info.get('server_name', 'redis')} {info.get('valkey_version') or info['redis_version']}",
        policy=info["maxmemory_policy"],
        aof=bool(info["aof_enabled"]),
        used=info["used_memory"],
        limit=info["maxmemory"],
        clock=seconds * 1000 + micros // 1000,
    )

"""Reads facts about the servers (version, memory, persistence) for `engine doctor`; without CONFIG, which managed
servers forbid."""

from typing import Any

from redis import RedisCluster
from redis.exceptions import NoPermissionError

from engine.ports import StoreServer


def servers(client: Any, name: str) -> list[StoreServer]:
    """Every primary of a cluster, else the one server."""
    if isinstance(client, RedisCluster):
        nodes = client.get_primaries()  # type: ignore[no-untyped-call]
        return [_server(client.get_redis_connection(node), node.name) for node in nodes]
    return [_server(client, name)]


def _server(client: Any, name: str) -> StoreServer:
    clock = server_time(client)
    try:
        info = client.info()
    except NoPermissionError:
        return StoreServer(name, clock)
    return StoreServer(
        name=name,
        clock=clock,
        version=f"{info.get('server_name', 'redis')} {info.get('valkey_version') or info['redis_version']}",
        policy=info["maxmemory_policy"],
        aof=bool(info["aof_enabled"]),
        used=info["used_memory"],
        limit=info["maxmemory"],
        primary=info["role"] == "master",
    )


def server_time(client: Any) -> int:
    """The time of one of the servers, epoch ms."""
    if isinstance(client, RedisCluster):
        client = client.get_redis_connection(client.get_primaries()[0])  # type: ignore[no-untyped-call]
    seconds, micros = client.time()
    return int(seconds * 1000 + micros // 1000)

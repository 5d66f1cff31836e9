"""Servers for the tests that want real ones: one broker for a whole run, one Redis for each process of a parallel one.

And how the processes of a parallel run share the tests: tests/support/spread.py.
"""

import gc
import re
from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

import tests.support.examples  # noqa: F401, how properties are tried
from tests.services import AnyRedis, Broker, open_broker, open_redis
from tests.services.processes import for_many_tests
from tests.services.shared import SharedBroker
from tests.support.scratch import keep_in_memory
from tests.support.spread import Spread, deal_out, number_of_processes

keep_in_memory()

_RUN = uuid4().hex[:8]
_numbers = count(1)


@pytest.fixture(scope="session")
def the_broker(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Of all processes of a parallel run."""
    place = tmp_path_factory.getbasetemp()
    share = SharedBroker((place.parent if hasattr(request.config, "workerinput") else place) / "broker")
    yield share.broker
    share.give_back()


@pytest.fixture
def mortal_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """For one test: after a kill a broker looks through all topics before it answers, and one that stands by works."""
    broker = open_broker(tmp_path_factory.mktemp("mortal"))
    yield broker
    broker.remove()


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Broker:
    """All tests' own. One that stops, kills or freezes it is marked `kills_brokers`, and gets another."""
    mortal = request.node.get_closest_marker("kills_brokers")
    broker: Broker = request.getfixturevalue("mortal_broker" if mortal else "the_broker")
    broker.start()
    return broker


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyRedis]:
    """Shared: use a namespace of your own, and for faults a `RedisServer` of your own."""
    with for_many_tests():
        server = open_redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.remove()


@pytest.fixture
def topic_prefix(request: pytest.FixtureRequest) -> str:
    """For topics and groups that no other test, and no other run, uses."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"{_RUN}-{next(_numbers)}-{name[:60]}-"


def pytest_collection_finish() -> None:
    """Set aside what all tests share: to look through it for garbage again and again is a twentieth of a run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        deal_out(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    return number_of_processes(config.option.numprocesses)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spread | None:
    return Spread(config, log) if config.option.dist == "loadscope" else None

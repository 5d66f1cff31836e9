"""Stages and post offices: a namespace with its topics and processes, of a test's own."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.services import AnyRedis, Broker, RedisServer
from tests.services.forks import Forks
from tests.services.processes import nothing_outlives_it, popen, started_by
from tests.support.command import engine
from tests.support.faults import Stage
from tests.support.operators import start_live
from tests.support.post_office import PostOffice
from tests.support.referral_stage import ReferralStage


@pytest.fixture(autouse=True)
def only_its_own_processes() -> Iterator[None]:
    """What a failed test had started would take the next one's processor, ports and patience."""
    with nothing_outlives_it():
        yield


@pytest.fixture(scope="session")
def _forks() -> Iterator[Forks]:
    with closing(Forks()) as forks:
        yield forks


@pytest.fixture(autouse=True)
def starts(request: pytest.FixtureRequest, _forks: Forks) -> Iterator[None]:
    """Services are forked, unless a test is marked `real_starts`."""
    way = popen if request.node.get_closest_marker("real_starts") else _forks.start
    with started_by(way):
        yield


@pytest.fixture
def stage(broker: Broker, redis_server: AnyRedis, tmp_path: Path, topic_prefix: str) -> Iterator[Stage]:
    """On the servers all tests share."""
    stage = Stage(broker.address, redis_server.url, tmp_path, topic_prefix)
    yield stage
    stage.close()


@pytest.fixture
def beside(broker: Broker, redis_server: AnyRedis, tmp_path: Path, topic_prefix: str) -> Iterator[Stage]:
    """Another one on the same servers."""
    stage = Stage(broker.address, redis_server.url, tmp_path / "beside", f"{topic_prefix}beside-")
    yield stage
    stage.close()


@pytest.fixture
def live(stage: Stage) -> Stage:
    """A stage on wall-clock time, with a worker."""
    return start_live(stage)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """To be killed and set back in time."""
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.remove()


@pytest.fixture
def frail(broker: Broker, redis: RedisServer, tmp_path: Path, topic_prefix: str) -> Iterator[Stage]:
    """A stage on a Redis of its own."""
    stage = Stage(broker.address, redis.url, tmp_path, topic_prefix)
    yield stage
    stage.close()


@pytest.fixture
def referrals(broker: Broker, redis_server: AnyRedis, tmp_path: Path, topic_prefix: str) -> Iterator[ReferralStage]:
    """A stage whose customers bring each other."""
    stage = ReferralStage(broker, redis_server, tmp_path, topic_prefix)
    yield stage
    stage.close()


@pytest.fixture
def office(broker: Broker, redis_server: AnyRedis, tmp_path: Path, topic_prefix: str) -> Iterator[PostOffice]:
    """On the servers all tests share."""
    office = PostOffice(broker.address, redis_server.url, tmp_path, topic_prefix)
    yield office
    office.close()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """What `engine init` makes."""
    folder = tmp_path / "shop"
    assert engine("init", folder, folder=tmp_path).code == 0
    return folder

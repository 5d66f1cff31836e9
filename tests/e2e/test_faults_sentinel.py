"""A Redis behind a sentinel: its primary is killed in the middle of commits, and its password is changed."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.adapters.redis import connect
from tests.services import Broker, WatchedRedis
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage, moments
from tests.support.job import make_job

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[WatchedRedis]:
    redis = WatchedRedis(tmp_path / "redis", "before")
    yield redis
    redis.remove()


@pytest.fixture
def stage(broker: Broker, redis: WatchedRedis, tmp_path: Path, topic_prefix: str) -> Iterator[Stage]:
    stage = Stage(broker.address, redis.url("before"), tmp_path, topic_prefix)
    yield stage
    stage.close()


@tried_hard
def test_a_primary_killed_in_the_middle_and_the_replica_in_its_place_change_nothing(
    stage: Stage, redis: WatchedRedis, effort: Effort
) -> None:
    job = make_job(effort.of(60_000, 300_000), 3_000)
    stage.take(job)
    for name in "ab":
        stage.start(name, batch=100)
    for moment in moments(random.Random(effort.seed), effort.of(2, 10), 1_000, len(job.events) * 3 // 4):
        stage.until_processed(moment)
        redis.fail_over()
    stage.finish_exactly(job.wanted)


def test_a_password_changed_behind_a_sentinel_stops_the_worker_and_the_next_one_goes_on(
    stage: Stage, redis: WatchedRedis
) -> None:
    job = make_job(60_000, 3_000)
    stage.take(job)
    worker = stage.start("a", batch=100)
    stage.until_processed(5_000)
    redis.allow("after")
    stage.until(lambda: stage.said("it wants another user or password") > 2, "it is refused")
    worker.stop()
    assert worker.code == 0
    stage.store = connect(redis.url("after"), stage.name)
    stage.start("a", batch=100, store=redis.url("after"))
    stage.until_processed(10_000)
    redis.fail_over()
    stage.finish_exactly(job.wanted)

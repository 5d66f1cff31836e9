"""The same on a Redis Cluster, and with the other Kafka client."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services import Broker, RedisCluster
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage, Verdict, moments
from tests.support.job import make_job, project

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


@contextmanager
def three_workers(broker: Broker, cluster: RedisCluster, folder: Path, prefix: str) -> Iterator[Stage]:
    """A stage on the cluster on which they are about to begin."""
    stage = Stage(broker.address, cluster.url, folder, prefix)
    stage.use(project(stage.topics.events))
    for name in "abc":
        stage.start(name, batch=200)
    stage.until_members(3)
    yield stage
    stage.close()
    cluster.remove()


def worked_off(stage: Stage, effort: Effort, fault: Callable[[int], None]) -> Verdict:
    """The job's exact verdict, with a fault at each of some moments of it; they are counted."""
    job = make_job(effort.events, 3_000)
    stage.load(job.entries)
    for number, moment in enumerate(moments(random.Random(effort.seed), effort.of(2, 10), 1, effort.events * 4 // 5)):
        stage.until_processed(moment)
        fault(number)
    return stage.finish_exactly(job.wanted)


@tried_hard
def test_three_workers_on_a_redis_cluster_of_three_nodes(
    broker: Broker, tmp_path: Path, topic_prefix: str, effort: Effort
) -> None:
    cluster = RedisCluster(tmp_path / "cluster")
    for node in cluster.nodes:
        node.ask("CONFIG SET", "cluster-require-full-coverage", "no")  # the others serve while one is away
    with three_workers(broker, cluster, tmp_path, topic_prefix) as stage:

        def be_away(number: int) -> None:
            node = cluster.nodes[number % 3]
            node.kill9()
            stage.still_for(effort.of(1, 10))
            node.start()
            stage.until(cluster.whole, "the cluster is whole")

        assert worked_off(stage, effort, be_away).repeated == 0


@tried_hard
def test_replicas_of_a_redis_cluster_take_over_and_what_they_lack_is_read_again(
    broker: Broker, tmp_path: Path, topic_prefix: str, effort: Effort
) -> None:
    cluster = RedisCluster(tmp_path / "cluster", replicas=True)
    with three_workers(broker, cluster, tmp_path, topic_prefix) as stage:
        worked_off(stage, effort, lambda number: cluster.fail_over(number % 3))


@tried_hard
def test_a_worker_on_kafka_python_killed_once_sends_exactly_the_same(stage: Stage, effort: Effort) -> None:
    job = make_job(effort.events, 3_000)
    stage.take(job)
    worker = stage.start("a", kafka_client="kafka-python")
    for moment in moments(random.Random(effort.seed), effort.of(1, 10), effort.events // 5, effort.events * 4 // 5):
        stage.until_processed(moment)
        stage.kill9(worker)
        worker = stage.start("a", kafka_client="kafka-python")
    assert stage.finish_exactly(job.wanted).repeated <= stage.in_flight

"""`engine reshard` on real servers: what it reads, whom it moves, and when it refuses."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from engine.config import load_settings
from engine.operate.reasons_not_to_reshard import left_behind
from engine.operate.reshard import Reshard
from engine.ports import Entry as EncodedEntry
from engine.wire.partitioner import murmur2_partition
from engine.wiring.brokers import KafkaBrokers
from tests.services.processes import wait_until
from tests.support.faults import Stage
from tests.support.job import PARTITIONS, entry_of, make_job, project
from tests.support.live import BOUGHT, live_project
from tests.support.operators import (
    LIVE_RULES,
    data,
    engine,
    engine_process,
    levels,
    now,
    record,
    rules_sent,
)
from tests.support.stores import put

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


@pytest.fixture
def grown(stage: Stage) -> Iterator[Stage]:
    """The same stage, as it is once its topics have grown."""
    settings = stage.settings
    grown = Stage(str(settings["kafka_bootstrap"]), str(settings["store"]), stage.folder, stage.name, partitions=12)
    yield grown
    grown.close()


def test_workers_refuse_grown_topics_until_the_customers_have_moved(stage: Stage, grown: Stage) -> None:
    job = make_job(12_000, 5_000)
    stage.use(project(stage.topics.events))
    half = len(job.events) // 2
    stage.load(map(entry_of, job.events[:half]))
    stage.start("a", kafka_instance_id="")
    stage.finish()
    customers = {event["customer"] for event in job.events[:half]}
    stage.workers.pop("a").stop()

    _grow(grown)
    refused = engine_process(stage, "run")
    assert refused.code == 1
    assert "engine reshard --to 12" in refused.said
    planned = data(stage, "reshard", "--to", grown.partitions, "--dry-run")
    moved = data(stage, "reshard", "--to", grown.partitions)
    assert moved["moved"] == planned["moved"] > len(customers) // 4
    assert moved["total"] == planned["total"] == len(customers)
    assert "already" in engine(stage, "reshard", "--to", grown.partitions).said

    grown.topics.loaded.update(stage.topics.loaded)
    grown.load(replace(job, events=job.events[half:], partitions=grown.partitions).entries)
    grown.start("b")
    assert grown.finish_exactly(job.wanted).repeated == 0
    assert levels(data(grown, "doctor"))["customers"] == "ok"


def test_a_worker_that_was_forgotten_ends_when_the_customers_move_away(live: Stage) -> None:
    live.load([record("c-1", now())])
    live.finish()
    assert data(live, "reshard", "--to", 12, "--force")["total"] == 1
    live.load([record("c-1", now())])
    worker = live.workers["a"]
    wait_until(lambda: worker.died, "the worker ends")
    assert "engine reshard --to" in worker.said


def test_nobody_moves_while_a_worker_runs_or_has_left_events_unread(live: Stage) -> None:
    live.load([record("c-1", now())])
    live.finish()
    refused = engine(live, "reshard", "--to", 12)
    assert refused.code == 1
    assert f"1 member in the workers' group {live.name}" in refused.said
    assert "--force" in refused.said
    assert live.store.meta(0).moving_to == 0

    live.workers.pop("a").kill9()
    live.load([record(f"c-{number}", now()) for number in range(3)])
    assert f"3 records of {live.topics.events} not read yet" in engine(live, "reshard", "--to", 12, "--dry-run").said
    unreachable = engine(live, "reshard", "--to", 12, kafka_bootstrap="127.0.0.1:1")
    assert unreachable.code == 1
    assert "ENGINE_KAFKA_BOOTSTRAP" in unreachable.said


def test_what_workers_have_left_is_decided_and_published_before_anybody_moves(stage: Stage) -> None:
    stage.use(project(stage.topics.events, rules=LIVE_RULES))
    stage.start("a", clock="live", kafka_instance_id="")
    stage.load([record("c-1", now())])
    stage.finish()
    stage.workers.pop("a").stop()
    stage.load([record(f"c-{number}", now()) for number in range(3)])
    assert "3 records of" in engine(stage, "reshard", "--to", 12, "--dry-run").said
    put(
        stage.store,
        murmur2_partition(b"c-1", PARTITIONS),
        outbox=[EncodedEntry("o-1", b'{"rule":"thanks","customer":"c-9"}')],
    )
    moved = data(stage, "reshard", "--to", 12, clock="live")
    assert (moved["records_read"], moved["total"]) == (3, 3)
    assert [len(rules_sent(stage, f"c-{number}")) for number in (0, 1, 2, 9)] == [1, 2, 1, 1]
    assert [stage.store.meta(number).partitions for number in range(12)] == [12] * 12


def test_of_a_topic_that_rules_do_not_read_any_more_it_is_said_how_to_go_on(stage: Stage) -> None:
    """Or the rules are not those of the workers: then nobody may move before the topic has been read."""
    retired = stage.topics.make("retired")
    stage.use(live_project([stage.topics.events, retired], BOUGHT))
    stage.start("a", clock="live", kafka_instance_id="")
    stage.load([record("c-1", now())])
    stage.finish()
    stage.workers.pop("a").stop()
    stage.use(live_project([stage.topics.events], BOUGHT))
    stage.load([record("c-1", now())], retired)
    refused = engine(stage, "reshard", "--to", 12, clock="live").said
    assert f"1 record of {retired} not read yet: events.yaml of these rules does not read it" in refused
    assert "it has come since" not in refused
    assert data(stage, "reshard", "--to", 12, "--force")["total"] == 1


def test_nobody_moves_while_a_producer_writes_by_the_old_number(stage: Stage, grown: Stage) -> None:
    """A record that comes between the reading and the move would be read where its customer is not any more."""
    stage.use(project(stage.topics.events, rules=LIVE_RULES))
    stage.start("a", clock="live", kafka_instance_id="")
    stage.load([record(f"c-{number}", now()) for number in range(50)])
    stage.finish()
    stage.workers.pop("a").stop()
    _grow(grown)
    brokers, job = KafkaBrokers(load_settings(**stage.settings)), Reshard(stage.store, 12, lambda customer, count: 0)
    topic, moving = stage.topics.events, [c for c in map(str, range(50)) if _moves(c)]
    staying = next(c for c in map(str, range(50)) if not _moves(c))
    stage.load([record(staying, now())])
    assert left_behind(brokers, stage.store, job, murmur2_partition) == {}
    stage.load([record(moving[0], now()), record(moving[1], now())])
    assert left_behind(brokers, stage.store, job, murmur2_partition) == {topic: 2}
    assert data(stage, "reshard", "--to", 12, clock="live")["records_read"] == 3


def _moves(customer: str) -> bool:
    return murmur2_partition(customer.encode(), PARTITIONS) != murmur2_partition(customer.encode(), 12)


def test_a_topic_that_ends_with_the_marker_of_a_transaction_is_read_to_its_end(live: Stage) -> None:
    bootstrap = str(live.settings["kafka_bootstrap"])
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": live.name, "log_level": 0})
    producer.init_transactions()
    producer.begin_transaction()
    entry = record("c-1", now())
    producer.produce(live.topics.events, entry.value, key=entry.key, partition=entry.partition)
    producer.commit_transaction()
    wait_until(lambda: rules_sent(live, "c-1") == ["thanks"], "the purchase is decided")
    assert levels(data(live, "doctor"))["lag"] == "ok"
    assert "not read yet" not in engine(live, "reshard", "--to", 12, "--dry-run").said


def _grow(stage: Stage) -> None:
    admin = AdminClient({"bootstrap.servers": str(stage.settings["kafka_bootstrap"]), "log_level": 0})
    topics = [NewPartitions(topic, stage.partitions) for topic in (stage.topics.events, stage.topics.outreach)]
    for done in admin.create_partitions(topics).values():
        done.result(10)

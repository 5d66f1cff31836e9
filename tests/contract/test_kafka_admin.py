"""Topics are made once, and the cluster says what it has."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from confluent_kafka.admin import AdminClient
from kafka import KafkaConsumer

from engine.adapters.kafka.admin import check_topics, open_cluster
from engine.adapters.kafka.library import Cluster
from engine.adapters.kafka.python.cluster import PythonCluster
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import CannotConnect, SourceUnavailable
from engine.ports import KAFKA_DEFAULT, NewTopic
from tests.services import Broker
from tests.services.processes import wait_until
from tests.support.kafka_clients import CLIENTS

pytestmark = pytest.mark.kafka


@pytest.fixture(params=CLIENTS)
def settings(request: pytest.FixtureRequest, broker: Broker) -> KafkaSettings:
    return CLIENTS[request.param].settings(KafkaSettings(broker.address))


def test_a_topic_that_is_there_stays_as_it_is(settings: KafkaSettings, topic_prefix: str) -> None:
    first, second = topic_prefix + "first", topic_prefix + "second"
    with open_cluster(settings) as admin:
        assert admin.create_topics([NewTopic(first, 3)]) == [first]
        assert admin.create_topics([NewTopic(first, 5), NewTopic(second, 2, 1, {"retention.ms": "-1"})]) == [second]
        assert admin.partition_counts([first, second, topic_prefix + "third"]) == {first: 3, second: 2}


def test_a_topic_that_workers_only_write_to_may_have_more_partitions_and_no_fewer(
    settings: KafkaSettings, topic_prefix: str
) -> None:
    read, more, fewer = (topic_prefix + name for name in ("read", "more", "fewer"))
    with open_cluster(settings) as admin:
        admin.create_topics([NewTopic(read, 3), NewTopic(more, 5), NewTopic(fewer, 2)])
    assert check_topics(replace(settings, topics=(read,)), [more, read]) == 3
    with pytest.raises(SourceUnavailable, match=rf"fewer.*has 2 partitions and {read} has 3"):
        check_topics(replace(settings, topics=(read,)), [more, fewer])
    with pytest.raises(SourceUnavailable, match=rf"more.*has 5 partitions and {read} has 3"):
        check_topics(replace(settings, topics=(read, more)))


def test_a_topic_that_cannot_be_made_is_named_with_the_reason(settings: KafkaSettings, topic_prefix: str) -> None:
    wrong = NewTopic(topic_prefix + "wrong", 1, config={"retention.ms": "for ever"})
    with open_cluster(settings) as admin, pytest.raises(SourceUnavailable, match=r"wrong: .*for ever"):
        admin.create_topics([wrong])


def test_kafka_python_finds_a_topic_missing_on_brokers_before_kafka_3_7(broker: Broker, topic_prefix: str) -> None:
    with PythonCluster(KafkaSettings(broker.address), api_version=(3, 3)) as admin:
        assert admin.partition_counts([topic_prefix + "missing"]) == {}


def test_the_cluster_tells_the_time_to_the_client_that_can_ask(broker: Broker) -> None:
    settings = KafkaSettings(broker.address, client="kafka-python")
    before = time.time()
    with open_cluster(settings) as admin:
        now = admin.clock()
    assert now is not None
    assert before - 1 <= now / 1000 <= time.time() + 1


def test_both_libraries_tell_the_same_id_of_a_topic_and_another_when_it_is_made_again(
    broker: Broker, topic_prefix: str
) -> None:
    topic, either = topic_prefix + "events", [CLIENTS[name].settings(KafkaSettings(broker.address)) for name in CLIENTS]

    def told() -> set[str]:
        found = set()
        for settings in either:
            with open_cluster(settings) as admin:
                found.add(admin.topic_ids([topic, topic_prefix + "missing"])[topic])
        return found

    with open_cluster(either[0]) as admin:
        admin.create_topics([NewTopic(topic, 1)])
        (first,) = told()
        client = AdminClient({"bootstrap.servers": broker.address})
        client.delete_topics([topic])[topic].result(30)
        wait_until(lambda: topic not in admin.partition_counts([topic]), "the topic is gone")
        admin.create_topics([NewTopic(topic, 1)])
    (second,) = told()
    assert first != second


def test_a_group_has_members_until_they_leave(settings: KafkaSettings, topic_prefix: str) -> None:
    with open_cluster(settings) as admin:
        admin.create_topics([NewTopic(topic_prefix + "events", 1)])
        one = KafkaConsumer(topic_prefix + "events", bootstrap_servers=settings.bootstrap, group_id=topic_prefix)
        one.poll(5_000)
        assert admin.members(topic_prefix) == 1
        one.close()
        assert admin.members(topic_prefix) == 0
        assert admin.members(topic_prefix + "never") == 0


QUESTIONS: dict[str, Callable[[Cluster], object]] = {
    "topics": lambda admin: admin.partition_counts(["events"]),
    "sizes": lambda admin: admin.size_limits(["events"]),
    "ids": lambda admin: admin.topic_ids(["events"]),
    "members": lambda admin: admin.members("engine"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_brokers_that_cannot_be_reached_are_named_whatever_they_are_asked(
    settings: KafkaSettings, question: str
) -> None:
    nowhere = replace(settings, bootstrap="127.0.0.1:1", connect_timeout=1)
    with pytest.raises(CannotConnect, match=r"127\.0\.0\.1:1: cannot connect: "), open_cluster(nowhere) as admin:
        QUESTIONS[question](admin)


def test_a_topic_says_how_it_is_configured(settings: KafkaSettings, topic_prefix: str) -> None:
    ever, usual, missing = (topic_prefix + name for name in ("ever", "usual", "missing"))
    with open_cluster(settings) as admin:
        admin.create_topics([NewTopic(ever, 1, config={"retention.ms": "-1"}), NewTopic(usual, 1)])
        assert admin.configured([ever, usual], "retention.ms") == {ever: "-1", usual: "604800000"}
        assert admin.configured([missing], "retention.ms") == {}
        assert admin.configured([usual], "cleanup.policy") == {usual: "delete"}


def test_a_topic_says_how_large_its_records_may_be(settings: KafkaSettings, topic_prefix: str) -> None:
    small, usual, missing = (topic_prefix + name for name in ("small", "usual", "missing"))
    with open_cluster(settings) as admin:
        admin.create_topics([NewTopic(small, 1, config={"max.message.bytes": "300000"}), NewTopic(usual, 1)])
        assert admin.size_limits([small, usual]) == {small: 300_000, usual: KAFKA_DEFAULT}
        assert admin.size_limits([missing]) == {missing: KAFKA_DEFAULT}

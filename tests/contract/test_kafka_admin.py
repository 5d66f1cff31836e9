"""Topics are made once, and the cluster says what it has."""

import time

import pytest
from kafka import KafkaConsumer

from engine.adapters.kafka.admin import Admin, NewTopic
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import SourceUnavailable
from tests.services import Broker

pytestmark = pytest.mark.kafka


def test_a_topic_that_is_there_stays_as_it_is(broker: Broker, topic_prefix: str) -> None:
    first, second = topic_prefix + "first", topic_prefix + "second"
    with Admin(KafkaSettings(broker.address)) as admin:
        assert admin.create_topics([NewTopic(first, 3)]) == [first]
        assert admin.create_topics([NewTopic(first, 5), NewTopic(second, 2, 1, {"retention.ms": "-1"})]) == [second]
        assert admin.partition_counts([first, second, topic_prefix + "third"]) == {first: 3, second: 2}


def test_a_topic_that_cannot_be_made_is_named_with_the_reason(broker: Broker, topic_prefix: str) -> None:
    wrong = NewTopic(topic_prefix + "wrong", 1, config={"retention.ms": "for ever"})
    with Admin(KafkaSettings(broker.address)) as admin, pytest.raises(SourceUnavailable, match=r"wrong: .*for ever"):
        admin.create_topics([wrong])


def test_the_cluster_tells_the_time(broker: Broker) -> None:
    with Admin(KafkaSettings(broker.address)) as admin:
        now = admin.clock()
    assert now is not None
    assert abs(now - time.time() * 1000) < 5_000


def test_a_group_has_members_until_they_leave(broker: Broker, topic_prefix: str) -> None:
    with Admin(KafkaSettings(broker.address)) as admin:
        admin.create_topics([NewTopic(topic_prefix + "events", 1)])
        one = KafkaConsumer(topic_prefix + "events", bootstrap_servers=broker.address, group_id=topic_prefix)
        one.poll(5_000)
        assert admin.members(topic_prefix) == 1
        one.close()
        assert admin.members(topic_prefix) == 0
        assert admin.members(topic_prefix + "never") == 0

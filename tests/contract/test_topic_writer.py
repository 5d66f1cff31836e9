"""What every TopicWriter promises, and the outreach topic with it, by both Kafka clients and a real broker."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from kafka import KafkaConsumer, TopicPartition as PythonPlace

from engine.adapters.kafka.confluent.writer import ConfluentWriter
from engine.adapters.kafka.outreach import KafkaSink
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import BrokersAway, SinkUnavailable, TooLarge
from engine.ports import Entry, TopicWriter
from engine.wire.partitioner import murmur2_partition
from engine.wire.records import encode_outreach
from tests.services import Broker
from tests.support.kafka_clients import CLIENTS, PATIENCE, Client, make_topics
from tests.support.outreach import outreach as made_outreach

pytestmark = pytest.mark.kafka

LIMIT = 300_000
"""Bytes that the topic takes."""


@dataclass
class Desk:
    """One test's topic, and a writer."""

    broker: Broker
    client: Client
    topic: str
    writer: TopicWriter

    def read(self, partition: int, count: int) -> list[Message]:
        """The first records of a partition, by confluent-kafka."""
        reader = Consumer({"bootstrap.servers": self.broker.address, "group.id": "reader"})
        reader.assign([TopicPartition(self.topic, partition, 0)])
        found = _collect(lambda: reader.consume(count, 0.2), count)
        reader.close()
        return found


def _collect(read: Callable[[], Sequence[Any]], count: int) -> list[Any]:
    found: list[Any] = []
    deadline = time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < deadline:
        found += read()
    return found


@pytest.fixture(params=CLIENTS)
def desk(request: pytest.FixtureRequest, broker: Broker, topic_prefix: str) -> Iterator[Desk]:
    topic = topic_prefix + "outreach"
    make_topics(broker.address, [topic], 3, {"max.message.bytes": str(LIMIT)})
    client = CLIENTS[request.param]
    writer = client.writer(KafkaSettings(broker.address))
    yield Desk(broker, client, topic, writer)
    writer.close()


def outreach(number: int, size: int = 0) -> Entry:
    return Entry(f"o-{number}", b'{"id":"o-%d","customer":"c-%d","text":"%s"}' % (number, number, b"x" * size))


def test_outreach_arrives_with_its_customer_as_key_and_its_id_in_a_header(desk: Desk) -> None:
    sink = KafkaSink(desk.writer, desk.topic)
    before = time.time_ns() // 1_000_000
    sink.publish(2, [outreach(1), outreach(2)])
    sink.flush()
    messages = desk.read(2, 2)
    assert [message.key() for message in messages] == [b"c-1", b"c-2"]
    assert [message.value() for message in messages] == [outreach(1).value, outreach(2).value]
    headers = dict(messages[0].headers() or ())
    assert (headers["id"], headers["content-type"]) == (b"o-1", b"application/json")
    assert before <= messages[0].timestamp()[1] <= time.time_ns() // 1_000_000


def test_outreach_is_a_cloud_event_unless_the_operator_wants_only_its_id_and_is_found_either_way(desk: Desk) -> None:
    for number, cloud_event in enumerate([True, False]):
        KafkaSink(desk.writer, desk.topic, cloud_event=cloud_event).publish(1, [outreach(number)])
    desk.writer.flush()
    full, lean = [message.headers() for message in desk.read(1, 2)]
    assert dict(full or ()) == {
        "id": b"o-0",
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_source": b"/engine",
        "ce_type": b"engine.outreach.v1",
        "ce_id": b"o-0",
        "ce_time": b"",
    }
    assert lean == [("id", b"o-1")]
    assert KafkaSink(desk.writer, desk.topic).published(1) == {"o-0", "o-1"}


def test_outreach_that_another_owner_finds_in_the_outbox_becomes_the_same_record(desk: Desk) -> None:
    decided = encode_outreach(made_outreach())
    found = Entry(decided.id, decided.value)
    KafkaSink(desk.writer, desk.topic).publish(0, [decided, found])
    desk.writer.flush()
    one, other = [(message.key(), message.value(), message.headers()) for message in desk.read(0, 2)]
    assert one == other


def test_anybody_can_read_it(desk: Desk) -> None:
    sink = KafkaSink(desk.writer, desk.topic)
    sink.publish(0, [outreach(number) for number in range(100)])
    sink.flush()
    reader = KafkaConsumer(bootstrap_servers=desk.broker.address, group_id=None, auto_offset_reset="earliest")
    place = PythonPlace(desk.topic, 0)
    reader.assign([place])
    found = _collect(lambda: reader.poll(timeout_ms=200).get(place, ()), 100)
    reader.close()
    assert [record.value for record in found] == [outreach(number).value for number in range(100)]


def test_without_a_partition_the_key_decides_as_in_java(desk: Desk) -> None:
    keys = [f"c-{number}".encode() for number in range(50)]
    for key in keys:
        desk.writer.write(desk.topic, None, key, b"v")
    desk.writer.write(desk.topic, None, keys[0], None, [("x", b"tombstone")])
    desk.writer.flush()
    for partition in range(3):
        expected = [key for key in [*keys, keys[0]] if murmur2_partition(key, 3) == partition]
        assert [message.key() for message in desk.read(partition, len(expected))] == expected


def test_only_the_end_of_a_long_partition_is_looked_at(desk: Desk) -> None:
    sink = KafkaSink(desk.writer, desk.topic, tail=100)
    sink.publish(1, [outreach(number) for number in range(1_000)])
    sink.publish(0, [outreach(number) for number in range(2_000, 2_010)])
    sink.flush()
    assert sink.published(1) == {f"o-{number}" for number in range(900, 1_000)}
    assert sink.published(0) == {f"o-{number}" for number in range(2_000, 2_010)}
    assert sink.published(2) == set()


def test_a_topic_that_is_gone_is_not_waited_for_as_brokers_are(desk: Desk) -> None:
    with pytest.raises(SinkUnavailable, match="cannot be read") as gone:
        list(desk.writer.tail(desk.topic + "-gone", 0, 10))
    assert not isinstance(gone.value, BrokersAway)


def test_each_id_is_confirmed_once_while_more_is_handed_over(desk: Desk) -> None:
    sink = KafkaSink(desk.writer, desk.topic)
    confirmed: list[str] = []
    for start in range(0, 5_000, 250):
        sink.publish(0, [outreach(number) for number in range(start, start + 250)])
        confirmed += sink.delivered(0)
    sink.flush()
    confirmed += sink.delivered(0)
    assert confirmed == [f"o-{number}" for number in range(5_000)]


def test_outreach_that_is_too_large_is_told_and_holds_nobody_up(desk: Desk) -> None:
    sink = KafkaSink(desk.writer, desk.topic, limit=LIMIT)
    sink.publish(1, [outreach(1), outreach(2, size=LIMIT), outreach(3)])
    sink.publish(0, [outreach(4)])
    sink.flush()
    [(refused, reason)] = sink.refused(1)
    assert refused == outreach(2, size=LIMIT)
    assert f"{desk.topic}: " in reason
    assert sorted(sink.delivered(1)) == ["o-1", "o-2", "o-3"]
    assert sink.delivered(0) == ["o-4"]
    assert sink.refused(1) == []
    assert sink.published(1) == {"o-1", "o-3"}


def test_outreach_as_large_as_may_be_is_taken(desk: Desk) -> None:
    sink = KafkaSink(desk.writer, desk.topic, limit=LIMIT)
    empty = len(outreach(1).value)
    sink.publish(1, [outreach(1, size=sink.largest - empty)])
    sink.flush()
    assert sink.refused(1) == []
    assert sink.published(1) == {"o-1"}


def test_a_topic_that_takes_less_than_it_said_refuses_only_what_is_too_large(desk: Desk) -> None:
    """Somebody has lowered its limit since the worker asked."""
    sink = KafkaSink(desk.writer, desk.topic, limit=10 * LIMIT)
    numbers = range(200)
    for number in numbers:
        sink.publish(0, [outreach(number, size=2 * LIMIT if number % 50 == 25 else 1_000)])
        sink.publish(2, [outreach(1_000 + number)])
    sink.flush()
    assert [entry.id for entry, _ in sink.refused(0)] == ["o-25", "o-75", "o-125", "o-175"]
    assert sorted(sink.delivered(0)) == sorted(f"o-{number}" for number in numbers)
    assert sorted(sink.delivered(2)) == sorted(f"o-{1_000 + number}" for number in numbers)
    assert sink.published(0) == {f"o-{number}" for number in numbers if number % 50 != 25}
    assert sink.published(2) == {f"o-{1_000 + number}" for number in numbers}


def test_what_one_topic_refuses_ends_nothing_for_the_others(desk: Desk) -> None:
    """Without a `done` the next flush tells, once."""
    desk.writer.write(desk.topic, 0, b"k", b"before")
    desk.writer.write(desk.topic, 0, b"k", b"x" * 2 * LIMIT)
    desk.writer.write(desk.topic, 1, b"k", b"beside")
    with pytest.raises(TooLarge, match=f"{desk.topic}: .*(?i:too large|larger)"):
        desk.writer.flush()
    desk.writer.write(desk.topic, 0, b"k", b"after")
    desk.writer.flush()
    assert [message.value() for message in desk.read(0, 2)] == [b"before", b"after"]
    assert [message.value() for message in desk.read(1, 1)] == [b"beside"]


def test_a_record_that_is_too_large_for_any_topic_is_refused(desk: Desk) -> None:
    desk.writer.write(desk.topic, 0, b"k", b"x" * 17 * 1024 * 1024)
    with pytest.raises(SinkUnavailable, match=desk.topic):
        desk.writer.flush()
    desk.writer.flush()


@pytest.mark.kills_brokers
def test_a_broker_that_restarts_loses_and_repeats_nothing(desk: Desk) -> None:
    sink = KafkaSink(desk.writer, desk.topic)
    sink.publish(0, [outreach(number) for number in range(100)])
    sink.flush()
    desk.broker.kill9()
    sink.publish(0, [outreach(number) for number in range(100, 200)])
    with pytest.raises(SinkUnavailable, match="has not taken"):
        desk.writer.flush(timeout=0.5)
    desk.broker.start()
    desk.writer.flush(PATIENCE)
    assert sink.delivered(0) == [f"o-{number}" for number in range(200)]
    assert [message.value() for message in desk.read(0, 200)] == [outreach(number).value for number in range(200)]
    assert len(sink.published(0)) == 200


class WriterToOldBrokers(ConfluentWriter):
    """Believes that its brokers know no idempotent writes, as those of Kafka 2.8 without ZooKeeper do not."""

    def _open(self, own: dict[str, Any]) -> Producer:
        return super()._open(own | {"api.version.request": False, "broker.version.fallback": "0.9.0"})


def test_brokers_that_know_no_idempotent_writes_are_told_in_words(broker: Broker) -> None:
    writer = WriterToOldBrokers(KafkaSettings(broker.address))
    with pytest.raises(SinkUnavailable, match="Idempotent producer not supported"):
        _flush_for(PATIENCE, writer)


def _flush_for(seconds: float, writer: TopicWriter) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        writer.flush()


def test_a_topic_that_is_missing_is_named(desk: Desk) -> None:
    sink = KafkaSink(desk.writer, desk.topic + "-2")
    with pytest.raises(SinkUnavailable, match=f"{desk.topic}-2"):
        sink.published(0)

"""What operators and senders ask of topics and groups, by both client libraries."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from engine.adapters.kafka.library import Library, library
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import SinkUnavailable
from engine.operate.unread import unread_of
from engine.ports import TopicReader
from tests.services import Broker
from tests.support.kafka_clients import CLIENTS, PATIENCE, make_topics, produce

pytestmark = pytest.mark.kafka


@pytest.fixture(params=CLIENTS)
def settings(request: pytest.FixtureRequest, broker: Broker, topic_prefix: str) -> KafkaSettings:
    topics = (topic_prefix + "events", topic_prefix + "visits")
    make_topics(broker.address, topics, 2, {"message.timestamp.type": "LogAppendTime"})
    return CLIENTS[request.param].settings(KafkaSettings(broker.address, group=topic_prefix, topics=topics))


@pytest.fixture
def client(settings: KafkaSettings) -> Library:
    return library(settings)


@pytest.fixture
def reader(client: Library, settings: KafkaSettings) -> Iterator[TopicReader]:
    with closing(client.reader(settings)) as reader:
        yield reader


def values(reader: TopicReader, *spans: tuple[str, int, int, int]) -> list[bytes | None]:
    found = reader.read({(topic, partition): (start, end) for topic, partition, start, end in spans})
    return sorted((one.value for one in found), key=str)


def test_what_stands_between_two_offsets_is_read_from_all_places_at_once(
    settings: KafkaSettings, reader: TopicReader
) -> None:
    events, visits = settings.topics
    produce(settings.bootstrap, events, [b"a0", b"a1", b"a2"], 0)
    produce(settings.bootstrap, visits, [b"b0", b"b1"], 1)
    assert reader.bounds([(events, 0), (events, 1), (visits, 1)]) == {
        (events, 0): (0, 3),
        (events, 1): (0, 0),
        (visits, 1): (0, 2),
    }
    assert values(reader, (events, 0, 1, 3), (events, 1, 0, 0), (visits, 1, 0, 1)) == [b"a1", b"a2", b"b0"]
    assert values(reader, (events, 0, 0, 2)) == [b"a0", b"a1"]
    assert values(reader) == []


def test_markers_of_transactions_do_not_keep_a_reader_waiting(settings: KafkaSettings, reader: TopicReader) -> None:
    (events, _) = settings.topics
    producer = Producer({"bootstrap.servers": settings.bootstrap, "transactional.id": events, "log_level": 0})
    producer.init_transactions()
    for ended in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(events, ended.__name__.encode(), partition=0)
        producer.flush()
        ended()
    deadline = time.monotonic() + PATIENCE  # brokers write the markers after they have answered
    while reader.bounds([(events, 0)])[events, 0] != (0, 4):
        assert time.monotonic() < deadline
    assert values(reader, (events, 0, 0, 4)) == [b"commit_transaction"]
    assert unread_of(reader, {(events, 0): (1, 4), (events, 1): (0, 0)}) == {}
    produce(settings.bootstrap, events, [b"0", b"1"], 0)
    assert unread_of(reader, {(events, 0): (1, 6)})[events, 0].records == 2
    assert unread_of(reader, {(events, 0): (4, 6)})[events, 0].records == 2


def test_the_first_record_since_a_moment_is_found(settings: KafkaSettings, reader: TopicReader) -> None:
    (events, _) = settings.topics
    produce(settings.bootstrap, events, [b"0", b"1"], 0)
    first, second = reader.read({(events, 0): (0, 2)})
    assert reader.since([(events, 0), (events, 1)], first.timestamp) == {(events, 0): 0}
    assert reader.since([(events, 0)], second.timestamp + 60_000) == {}


def test_where_a_group_has_come_to(client: Library, settings: KafkaSettings) -> None:
    (_, visits) = settings.topics
    produce(settings.bootstrap, visits, [b"0", b"1"], 1)
    with closing(client.offsets(settings)) as offsets:
        assert offsets.committed(1) == {}
        member = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": settings.group})
        member.commit(offsets=[TopicPartition(visits, 1, 2)], asynchronous=False)
        member.close()
        assert offsets.committed(1) == {visits: 2}
        assert offsets.committed(0) == {}


def test_one_record_by_hand_is_where_it_says_it_is(
    client: Library, settings: KafkaSettings, reader: TopicReader
) -> None:
    (events, _) = settings.topics
    produce(settings.bootstrap, events, [b"0"], 1)
    assert client.send_one(settings, events, 1, b"c-1", b"by hand", [("id", b"7")]) == 1
    (found,) = reader.read({(events, 1): (1, 2)})
    assert (found.key, found.value, found.headers) == (b"c-1", b"by hand", (("id", b"7"),))


def test_a_record_that_is_too_large_is_said_to_be(client: Library, settings: KafkaSettings) -> None:
    (events, _) = settings.topics
    with pytest.raises(SinkUnavailable, match=r"(?i)large"):
        client.send_one(settings, events, 0, b"c-1", b"x" * 2_000_000, ())


def test_a_timestamp_that_is_no_moment_is_not_known(settings: KafkaSettings, reader: TopicReader) -> None:
    """Of a producer that writes nanoseconds: no calendar has them, and an archive could not be written."""
    (topic,) = topics = [f"{settings.group}own-times"]
    make_topics(settings.bootstrap, topics, 1, {"message.timestamp.after.max.ms": str(2**63 - 1)})
    producer = Producer({"bootstrap.servers": settings.bootstrap, "log_level": 0})
    moment = 1_767_225_600_000
    for timestamp in (moment, moment * 1_000_000, moment + 1):
        producer.produce(topic, b"", partition=0, timestamp=timestamp)
    assert producer.flush(PATIENCE) == 0
    assert [one.timestamp for one in reader.read({(topic, 0): (0, 3)})] == [moment, 0, moment + 1]

"""What every EventSource promises, by both Kafka clients and a real broker: which records come, and from where on."""

import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from engine.adapters.kafka.committed import is_of
from engine.adapters.kafka.confluent.messages import note_beside
from engine.adapters.kafka.topic_watch import TopicWatch
from engine.errors import SourceUnavailable
from tests.services import Broker
from tests.support.kafka_clients import PATIENCE, Owner, Reader, poll_until, produce
from tests.support.kafka_shop import Shop, got, numbers

pytestmark = pytest.mark.kafka


def test_a_partition_nobody_has_read_is_read_from_its_beginning_in_order(shop: Shop) -> None:
    topic = shop.topic(partitions=2)
    for partition in (0, 1):
        shop.write(topic, *numbers(500), partition=partition)
    reader = shop.reader(topic)
    poll_until(got(reader, 1_000), reader)
    assert reader.values(0) == reader.values(1) == numbers(500)
    assert sorted(reader.owner.told) == [("assigned", 0), ("assigned", 1)]


def test_reading_starts_where_the_owner_says(shop: Shop) -> None:
    topic, other = shop.topic(partitions=2), shop.topic("visits", partitions=2)
    for name in (topic, other):
        for partition in (0, 1):
            shop.write(name, *numbers(10), partition=partition)
    reader = shop.reader(topic, other, starts={0: {topic: 7, other: 10}, 1: {topic: 0}})
    poll_until(got(reader, 3 + 10 + 10), reader)
    assert reader.values(0, topic) == numbers(3, first=7)
    assert reader.values(0, other) == []
    assert reader.values(1, topic) == reader.values(1, other) == numbers(10)


def test_a_record_comes_with_all_that_the_broker_knows_of_it(shop: Shop) -> None:
    topic = shop.topic(config={"message.timestamp.type": "LogAppendTime"})
    before = time.time_ns() // 1_000_000
    headers = [("ce_type", b"purchase"), ("ce_type", b"\xff"), ("empty", b"")]
    produce(shop.broker.address, topic, [b"{}"], key=b"c-1", headers=headers)
    reader = shop.reader(topic)
    poll_until(got(reader, 1), reader)
    record = reader.records[0]
    assert (record.source, record.partition, record.next_offset) == (topic, 0, 1)
    assert (record.key, record.value, record.headers) == (b"c-1", b"{}", tuple(headers))
    assert before <= record.timestamp <= time.time_ns() // 1_000_000


def test_tombstones_empty_values_and_a_megabyte_come_through(shop: Shop) -> None:
    topic = shop.topic(config={"max.message.bytes": "2000000"})
    values = [b"a", None, b"", b"x" * 1_000_000, b"y" * 1_500_000, b"b"]
    produce(shop.broker.address, topic, values, key=b"c-1")
    reader = shop.reader(topic)
    poll_until(got(reader, len(values)), reader)
    assert reader.values() == values


def test_poll_returns_no_more_than_asked_for_and_comes_back_in_time(shop: Shop) -> None:
    topic = shop.topic()
    shop.write(topic, *numbers(100))
    reader = shop.reader(topic)
    while len(reader.records) < 100:
        assert len(reader.poll(limit=7, timeout=1)) <= 7
    assert reader.values() == numbers(100)
    start = time.monotonic()
    assert reader.poll(timeout=0.2) == []
    assert time.monotonic() - start < PATIENCE


def test_going_back_delivers_again_and_drops_what_was_fetched_ahead(shop: Shop) -> None:
    topic, other = shop.topic(), shop.topic("visits")
    shop.write(topic, *numbers(200))
    shop.write(other, *numbers(200))
    reader = shop.reader(topic, other)
    poll_until(got(reader, 20), reader)
    reader.records.clear()
    reader.source.seek(0, {topic: 150, other: 199})
    assert not reader.caught_up(0)
    poll_until(got(reader, 51), reader)
    poll_until(lambda: reader.caught_up(0), reader)
    assert (reader.values(topic=topic), reader.values(topic=other)) == (numbers(50, first=150), numbers(1, first=199))


def test_going_back_works_as_soon_as_the_partition_is_ours(shop: Shop) -> None:
    topic = shop.topic()
    shop.write(topic, *numbers(10))
    reader = shop.reader(topic, starts={0: {topic: 9}})
    poll_until(lambda: bool(reader.owner.owned), reader)
    reader.records.clear()
    reader.source.seek(0, {topic: 4})
    poll_until(lambda: reader.caught_up(0), reader)
    assert reader.values() == numbers(6, first=4)


class Silenced(Owner):
    """Does not know where to begin, while the broker stops answering: what it was asked is answered late."""

    broker: Broker

    def assigned(self, partition: int) -> dict[str, int]:
        self.broker.freeze()
        return super().assigned(partition)


@pytest.mark.kills_brokers
def test_a_late_answer_about_the_beginning_does_not_undo_where_it_was_sent(shop: Shop) -> None:
    topic = shop.topic()
    shop.write(topic, *numbers(10))
    owner = Silenced()
    owner.broker = shop.broker
    reader = shop.reader(topic, owner=owner)
    poll_until(lambda: owner.owned == {0}, reader)
    assert reader.poll(timeout=0.2) == []
    reader.source.seek(0, {topic: 6})
    shop.broker.thaw()
    reading_until = time.monotonic() + 3  # librdkafka asks again half a second after an answer that came too late
    poll_until(lambda: time.monotonic() > reading_until, reader)
    shop.write(topic, *numbers(2, first=10))
    poll_until(lambda: reader.caught_up(0), reader)
    assert reader.values() == numbers(6, first=6)


def test_a_paused_partition_rests_while_the_others_go_on(shop: Shop) -> None:
    topic = shop.topic(partitions=2)
    reader = shop.reader(topic)
    poll_until(lambda: reader.owner.owned == {0, 1}, reader)
    reader.source.pause([0])
    for partition in (0, 1):
        shop.write(topic, *numbers(100), partition=partition)
    poll_until(lambda: reader.caught_up(1), reader)
    assert reader.values(0) == []
    assert not reader.caught_up(0)
    reader.source.resume([0])
    poll_until(lambda: reader.caught_up(0), reader)
    assert reader.values(0) == reader.values(1) == numbers(100)


def test_pausing_in_the_middle_loses_and_repeats_nothing(shop: Shop) -> None:
    topic = shop.topic()
    shop.write(topic, *numbers(1_000))
    reader = shop.reader(topic)
    while len(reader.records) < 1_000:
        reader.poll(limit=90)
        reader.source.pause([0])
        assert reader.poll(timeout=0) == []
        reader.source.resume([0])
    assert reader.values() == numbers(1_000)


class Cautious(Owner):
    """Pauses what it is given, as one does whose store is away."""

    source: Reader

    def assigned(self, partition: int) -> dict[str, int]:
        self.source.source.pause([partition])
        return super().assigned(partition)


def test_an_owner_may_pause_a_partition_while_it_is_handed_over(shop: Shop) -> None:
    topic = shop.topic()
    shop.write(topic, *numbers(10))
    owner = Cautious()
    reader = owner.source = shop.reader(topic, owner=owner)
    poll_until(lambda: owner.owned == {0}, reader)
    assert reader.poll(timeout=0.5) == []
    reader.source.seek(0, {topic: 6})
    reader.source.resume([0])
    poll_until(lambda: reader.caught_up(0), reader)
    assert reader.values() == numbers(4, first=6)


def test_caught_up_means_that_everything_the_broker_has_was_returned(shop: Shop) -> None:
    topic = shop.topic()
    reader = shop.reader(topic)
    poll_until(lambda: bool(reader.owner.owned) and reader.caught_up(0), reader)
    for round_ in range(20):
        shop.write(topic, *numbers(50))
        assert not reader.caught_up(0)
        poll_until(lambda: reader.caught_up(0), reader)
        assert len(reader.records) == 50 * (round_ + 1)


def test_nobody_is_caught_up_with_records_that_wait_to_be_handled(shop: Shop) -> None:
    topic, other = shop.topic(), shop.topic("visits")
    shop.write(topic, *numbers(10))
    reader = shop.reader(topic, other)
    poll_until(lambda: reader.caught_up(0), reader)
    for waiting in ({}, {topic: 0}, {topic: 9}):
        assert reader.source.caught_up(0, waiting) == {other}
        assert reader.source.position(0, topic, waiting.get(topic, 0)) == waiting.get(topic, 0)
    assert reader.source.caught_up(0, {topic: 10}) == {topic, other}
    assert reader.source.position(0, topic, 10) == 10


def test_who_starts_at_the_end_is_caught_up_with_what_the_owner_handled_before(shop: Shop) -> None:
    topic = shop.topic()
    shop.write(topic, *numbers(10))
    reader = shop.reader(topic, starts={0: {topic: 10}})
    poll_until(lambda: reader.source.caught_up(0, {topic: 10}) == {topic}, reader)
    assert reader.records == []


def test_one_topic_may_be_caught_up_with_while_another_is_not(shop: Shop) -> None:
    topic, other = shop.topic(), shop.topic("visits")
    reader = shop.reader(topic, other)
    poll_until(lambda: bool(reader.owner.owned) and reader.caught_up(0), reader)
    shop.write(other, b"v")
    assert reader.caught_up_with(0) == {topic}
    assert reader.position(0, other) == 0
    poll_until(lambda: reader.caught_up(0), reader)
    assert reader.position(0, other) == 1


def test_the_end_of_a_transaction_does_not_look_like_an_unread_record(shop: Shop) -> None:
    topic = shop.topic()
    reader = shop.reader(topic)
    producer = Producer({"bootstrap.servers": shop.broker.address, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(30)
    for end in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        producer.produce(topic, b"v", partition=0)
        producer.flush()
        end(30)
    poll_until(got(reader, 2), reader)
    poll_until(lambda: reader.caught_up(0), reader)
    assert reader.values() == [b"v", b"v"]
    assert reader.records[-1].next_offset < 6


def test_lag_counts_what_is_still_to_come(shop: Shop) -> None:
    topic = shop.topic()
    shop.write(topic, *numbers(100))
    reader = shop.reader(topic)
    while not reader.poll(limit=10):
        pass
    assert reader.source.lag() == {0: 90}
    poll_until(got(reader, 100), reader)
    assert reader.source.lag() == {0: 0}


def test_offsets_for_dashboards_reach_the_broker(shop: Shop) -> None:
    topic, other = shop.topic(), shop.topic("visits")
    reader = shop.reader(topic, other)
    poll_until(lambda: bool(reader.owner.owned), reader)
    reader.source.commit({(topic, 0): 41, (other, 0): 42})
    asker = Consumer({"bootstrap.servers": shop.broker.address, "group.id": shop.settings.group})
    places = [TopicPartition(topic, 0), TopicPartition(other, 0)]
    poll_until(lambda: [place.offset for place in asker.committed(places, timeout=5)] == [41, 42], reader)
    asker.close()


def test_an_offset_is_of_the_topic_that_the_owner_knows_though_another_has_been_heard_of_since(shop: Shop) -> None:
    topic = shop.topic()
    reader = shop.reader(topic)
    poll_until(lambda: bool(reader.owner.owned), reader)
    known = reader.source.topic_ids()
    watch: TopicWatch = reader.source._watch  # type: ignore[attr-defined]
    watch.ids = {topic: "another"}
    reader.source.commit({(topic, 0): 7})
    asker = Consumer({"bootstrap.servers": shop.broker.address, "group.id": shop.settings.group})
    place = TopicPartition(topic, 0)
    poll_until(lambda: asker.committed([place], timeout=5)[0].offset == 7, reader)
    assert is_of(note_beside(asker.committed([place], timeout=5)[0]), known[topic])
    asker.close()


class Failing(Owner):
    def assigned(self, partition: int) -> dict[str, int]:
        message = "the store is away"
        raise ConnectionError(message)


def test_what_the_owner_raises_comes_out_of_poll(shop: Shop) -> None:
    reader = shop.reader(shop.topic(), owner=Failing())
    with pytest.raises(ConnectionError, match="the store is away"):
        poll_until(lambda: False, reader)


@pytest.mark.kills_brokers
def test_a_broker_that_restarts_is_only_a_pause(shop: Shop) -> None:
    topic = shop.topic(partitions=2)
    shop.write(topic, *numbers(10))
    reader = shop.reader(topic)
    poll_until(got(reader, 10), reader)
    reader.owner.starts = reader.handled  # a broker that is away for long may share out its group anew
    shop.broker.kill9()
    assert reader.poll(timeout=0.5) == []
    with pytest.raises(SourceUnavailable):
        reader.caught_up(0)
    shop.broker.start()
    shop.write(topic, *numbers(10, first=10))
    poll_until(got(reader, 20), reader)
    assert reader.values() == numbers(20)
    poll_until(lambda: reader.caught_up(0), reader)


def test_a_missing_topic_is_named(shop: Shop) -> None:
    with pytest.raises(SourceUnavailable, match=r"nowhere: does not exist"):
        shop.reader(shop.topic(), f"{shop.prefix}nowhere")


def test_topics_that_do_not_match_are_refused(shop: Shop) -> None:
    topics = shop.topic(partitions=2), shop.topic("visits", partitions=3)
    with pytest.raises(SourceUnavailable, match=r"visits: has 3 partitions and .*events has 2"):
        shop.reader(*topics)


def test_brokers_that_cannot_be_reached_are_named(shop: Shop) -> None:
    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1:1: cannot connect"):
        shop.reader("events", bootstrap="127.0.0.1:1", connect_timeout=1)

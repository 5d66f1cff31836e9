"""What every EventSource promises, by both Kafka clients and a real broker: how members share partitions."""

import pytest

from engine.errors import SourceUnavailable
from tests.support.kafka_clients import Reader, poll_until
from tests.support.kafka_shop import Shop, numbers

pytestmark = pytest.mark.kafka


def test_nobody_is_caught_up_with_a_partition_he_does_not_own(shop: Shop) -> None:
    topic = shop.topic(partitions=2)
    first, second = shop.reader(topic), shop.reader(topic)
    poll_until(lambda: len(first.owner.owned) == len(second.owner.owned) == 1, first, second)
    poll_until(lambda: all(first.caught_up(partition) for partition in first.owner.owned), first, second)
    for partition in second.owner.owned:
        assert first.caught_up_with(partition) == set()
        assert first.position(partition, topic) == -1


def test_a_member_knows_whether_the_group_counts_it_in(shop: Shop) -> None:
    topic = shop.topic()
    first, spare = shop.reader(topic), shop.reader(topic)
    assert not spare.source.joined()
    poll_until(lambda: first.source.joined() and spare.source.joined(), first, spare)


def test_two_members_share_the_partitions(shop: Shop) -> None:
    topic = shop.topic(partitions=4)
    first = shop.reader(topic)
    poll_until(lambda: first.owner.owned == {0, 1, 2, 3}, first)
    second = shop.reader(topic)
    poll_until(lambda: len(first.owner.owned) == len(second.owner.owned) == 2, first, second)
    assert first.owner.owned | second.owner.owned == {0, 1, 2, 3}
    assert len([partition for what, partition in first.owner.told if what == "revoked"]) == 2


def test_a_partition_of_every_topic_belongs_to_the_same_member(shop: Shop) -> None:
    topics = [shop.topic(name, partitions=6) for name in ("visits", "orders")]
    readers: list[Reader] = []
    for _ in range(3):
        readers.append(shop.reader(*topics))
        share = 6 // len(readers)
        poll_until(lambda share=share: all(len(r.owner.owned) == share for r in readers), *readers)  # type: ignore[misc]
    for topic in topics:
        for partition in range(6):
            shop.write(topic, b"%s-%d" % (topic.encode(), partition), partition=partition)
    poll_until(lambda: sum(len(reader.records) for reader in readers) >= 12, *readers)
    for reader in readers:
        read = {(record.source, record.partition) for record in reader.records}
        assert read == {(topic, partition) for topic in topics for partition in reader.owner.owned}
    assert sum(len(reader.records) for reader in readers) == 12


def test_a_member_that_closes_leaves_its_partitions_to_the_others_at_once(shop: Shop) -> None:
    topics = [shop.topic(name, partitions=4) for name in ("visits", "orders")]
    first, second = shop.reader(*topics), shop.reader(*topics)
    poll_until(lambda: len(first.owner.owned) == len(second.owner.owned) == 2, first, second)
    shop.leave(first)
    assert first.owner.owned == set()
    assert first.owner.told[-1][0] == "revoked"
    poll_until(lambda: second.owner.owned == {0, 1, 2, 3}, second, seconds=3)


def test_a_static_member_that_comes_back_in_time_disturbs_nobody(shop: Shop) -> None:
    topic = shop.topic(partitions=4)
    first, second = (shop.reader(topic, instance_id=name) for name in ("worker-1", "worker-2"))
    poll_until(lambda: len(first.owner.owned) == len(second.owner.owned) == 2, first, second)
    had, told = set(first.owner.owned), list(second.owner.told)
    shop.leave(first)
    again = shop.reader(topic, instance_id="worker-1")
    poll_until(lambda: again.owner.owned == had, again, second)
    assert second.owner.told == told


def test_of_two_static_members_with_one_name_the_later_stays(shop: Shop) -> None:
    topic = shop.topic()
    first = shop.reader(topic, instance_id="worker-1")
    poll_until(lambda: first.owner.owned == {0}, first)
    second = shop.reader(topic, instance_id="worker-1")
    poll_until(lambda: second.owner.owned == {0}, second)
    first.source.commit({(topic, 0): 0})
    with pytest.raises(SourceUnavailable, match=r"(?i)fenced"):
        poll_until(lambda: False, first, second)


def test_a_revoked_partition_delivers_nothing_more(shop: Shop) -> None:
    topic = shop.topic(partitions=2)
    for partition in (0, 1):
        shop.write(topic, *numbers(2_000), partition=partition)
    first = shop.reader(topic)
    poll_until(lambda: bool(first.poll(limit=10)), first)
    second = shop.reader(topic)
    while not second.owner.owned:
        for record in first.poll(limit=10):
            assert record.partition in first.owner.owned
        second.poll(limit=10)
    (taken,) = second.owner.owned
    poll_until(lambda: len(second.values(taken)) == 2_000, first, second)


def test_a_partition_that_was_paused_when_it_went_delivers_when_it_comes_back(shop: Shop) -> None:
    """As after an outage that outlasts the session: whoever paused it has nothing to resume any more."""
    topic = shop.topic(partitions=2)
    first = shop.reader(topic)
    poll_until(lambda: first.owner.owned == {0, 1}, first)
    first.source.pause([0, 1])
    second = shop.reader(topic)
    poll_until(lambda: len(first.owner.owned) == len(second.owner.owned) == 1, first, second)
    (gone,) = second.owner.owned
    shop.leave(second)
    poll_until(lambda: first.owner.owned == {0, 1}, first)
    shop.write(topic, b"there", partition=gone)
    poll_until(lambda: first.values(gone) == [b"there"], first, seconds=20)
    shop.write(topic, b"paused still", partition=1 - gone)
    poll_until(lambda: first.source.lag()[gone] == 0, first)
    assert first.values(1 - gone) == []

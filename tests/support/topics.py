"""The topics of one test: made with its partitions, filled, and read whole."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import Consumer, ConsumerGroupState, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from engine.adapters.kafka.admin import open_cluster
from engine.adapters.kafka.settings import KafkaSettings
from engine.ports import NewTopic
from engine.wire.records import ID_HEADER
from tests.services.processes import wait_until
from tests.support.job import Entry


@dataclass(frozen=True)
class Read:
    """One record as it stands in a topic. `time` is the broker's, epoch ms; of ours `identity` is the id."""

    identity: str
    partition: int
    time: int
    value: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self.value)
        return found


class Group(NamedTuple):
    """A consumer group: whether it has shared out its partitions, and how many each member has."""

    settled: bool
    members: dict[str, int]


class Topics:
    """Their names begin with `prefix`."""

    def __init__(self, bootstrap: str, prefix: str, partitions: int) -> None:
        self.partitions = partitions
        self._prefix = prefix
        self.events, self.outreach, self.outcomes, self.dead_letters = (
            f"{prefix}{name}" for name in ("events", "outreach", "outcomes", "dead-letters")
        )
        self.loaded: dict[int, int] = defaultdict(int)
        """Records appended to the events topic, by partition."""
        self._client: dict[str, str | int | float | bool] = {"bootstrap.servers": bootstrap, "log_level": 0}
        self._producer = Producer(self._client | {"enable.idempotence": True, "message.max.bytes": 4_000_000})
        self._admin = AdminClient(self._client)
        self._make(self.events, self.outreach, self.outcomes, self.dead_letters)

    def append(self, entries: Iterable[Entry], topic: str = "") -> None:
        """To the events topic, or the one named; returns when the broker has them."""
        topic = topic or self.events
        for entry in entries:
            self.loaded[entry.partition] += topic == self.events
            while True:
                try:
                    self._producer.produce(topic, entry.value, entry.key, entry.partition, on_delivery=_delivered)
                    break
                except BufferError:
                    self._producer.poll(0.1)
        self._producer.flush()

    @contextmanager
    def open_transaction(self, topic: str, partitions: int) -> Iterator[None]:
        """Of a producer that has written to so many partitions of a topic; it is aborted in the end."""
        producer = Producer(self._client | {"transactional.id": f"{self._prefix}slow"})
        producer.init_transactions(30)
        producer.begin_transaction()
        for number in range(partitions):
            producer.produce(topic, b"not yet", b"key", number)
        producer.flush(30)
        yield
        producer.abort_transaction(30)

    def forget_all_but(self, number: int) -> None:
        """Delete all but the newest so many events of each partition, as retention does."""
        ends = {partition: loaded - number for partition, loaded in self.loaded.items()}
        places = [TopicPartition(self.events, partition, end) for partition, end in ends.items()]
        for done in self._admin.delete_records(places).values():
            done.result(10)

    def make_events_again(self) -> None:
        """Delete the events topic and make another of its name; returns when the broker has it, empty."""
        self.make_again(self.events)
        self.loaded.clear()

    def make_again(self, topic: str) -> None:
        """The same of any of these topics."""
        self._admin.delete_topics([topic])[topic].result(30)
        wait_until(lambda: topic not in self._admin.list_topics(timeout=10).topics, "the topic is gone")
        self._make(topic)

    def read(self, topic: str) -> list[Read]:
        """Every record that is there now."""
        settings = {"group.id": "reader", "enable.auto.commit": False, "enable.partition.eof": True}
        reader = Consumer(self._client | settings | {"fetch.wait.max.ms": 50})
        try:
            reader.assign([TopicPartition(topic, number, 0) for number in range(self.partitions)])
            return _read_to_the_ends(reader, self.partitions)
        finally:
            reader.close()

    def group(self, name: str) -> Group | None:
        """None where the broker does not say."""
        try:
            found = self._admin.describe_consumer_groups([name])[name].result(10)
        except (KafkaException, TimeoutError):
            return None
        members = {member.member_id: len(member.assignment.topic_partitions) for member in found.members}
        return Group(found.state == ConsumerGroupState.STABLE, members)

    def close(self) -> None:
        self._producer.flush(10)

    def make(self, name: str) -> str:
        """Another topic; returns its full name."""
        self._make(self._prefix + name)
        return self._prefix + name

    def _make(self, *names: str) -> None:
        kept = {"retention.ms": "604800000", "message.timestamp.type": "LogAppendTime"}  # by when the broker has it
        with open_cluster(KafkaSettings(str(self._client["bootstrap.servers"]))) as admin:
            admin.create_topics(NewTopic(name, self.partitions, config=kept) for name in names)


def _read_to_the_ends(reader: Consumer, partitions: int) -> list[Read]:
    found: list[Read] = []
    ended: set[int] = set()
    deadline = time.monotonic() + 60
    while len(ended) < partitions and time.monotonic() < deadline:
        for message in reader.consume(10_000, 0.1):
            error = message.error()
            if error is None:
                found.append(_read(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition() or 0)
    assert len(ended) == partitions, "the broker does not let a topic be read to its end"
    return found


def _read(message: Message) -> Read:
    headers: Any = message.headers() or ()
    identity = dict(headers).get(ID_HEADER, b"")
    return Read(identity.decode(), message.partition() or 0, message.timestamp()[1], message.value() or b"")


def _delivered(error: KafkaError | None, message: Message) -> None:
    assert error is None, error

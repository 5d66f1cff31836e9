"""Topics of the benchmark: made, filled at full or at a fixed rate, and read whole."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from engine.adapters.kafka.admin import open_cluster
from engine.adapters.kafka.settings import KafkaSettings
from engine.ports import NewTopic
from tests.support.job import PARTITIONS, Entry

_KEPT = {"retention.ms": "-1", "message.timestamp.type": "LogAppendTime"}
_FAST: dict[str, str | int | float | bool] = {
    "enable.idempotence": True,
    "linger.ms": 20,
    "batch.num.messages": 10_000,
    "queue.buffering.max.messages": 1_000_000,
}
_PROMPT: dict[str, str | int | float | bool] = {"enable.idempotence": True, "linger.ms": 1}
_STEP = 0.005
"""Seconds between what `pace` produces."""


@dataclass
class Bus:
    """A broker as the benchmark uses it: the names of its topics begin with `prefix`."""

    address: str
    prefix: str = field(default_factory=lambda: f"bench-{uuid4().hex[:6]}-")
    partitions: int = PARTITIONS
    _client: dict[str, str | int | float | bool] = field(init=False)

    def __post_init__(self) -> None:
        self._client = {"bootstrap.servers": self.address, "log_level": 0}

    def make(self, name: str) -> str:
        """A topic that keeps everything, stamped with the broker's time of append; returns its full name."""
        topic = self.prefix + name
        with open_cluster(KafkaSettings(self.address)) as admin:
            admin.create_topics([NewTopic(topic, self.partitions, config=_KEPT)])
        return topic

    def load(self, topic: str, entries: Iterable[Entry]) -> int:
        """As fast as it goes; returns how many, when the broker has them."""
        producer = Producer(self._client | _FAST)
        number = 0
        for number, entry in enumerate(entries, 1):
            _produce(producer, topic, entry)
            if number % 1_000 == 0:
                producer.poll(0)
        assert producer.flush(60) == 0, "the broker does not take what is loaded"
        return number

    def pace(self, topic: str, entries: Iterable[Entry], rate: int) -> int:
        """So many a second, evenly, until `entries` ends; returns how many, when the broker has them."""
        producer = Producer(self._client | _PROMPT)
        began, number = monotonic(), 0
        for number, entry in enumerate(entries, 1):
            while number > (monotonic() - began) * rate:
                producer.poll(0)
                sleep(_STEP)
            _produce(producer, topic, entry)
        assert producer.flush(60) == 0, "the broker does not take what is loaded"
        return number

    def ends(self, topic: str) -> list[int]:
        """Where each partition ends."""
        with self._consumer() as consumer:
            places = [TopicPartition(topic, number) for number in range(self.partitions)]
            return [consumer.get_watermark_offsets(place, timeout=10)[1] for place in places]

    def read(self, topic: str, after: Sequence[int] = ()) -> Iterator[Message]:
        """Every record that is there now, from these offsets on."""
        begins = after or [0] * self.partitions
        open_ends = {number for number, end in enumerate(self.ends(topic)) if end > begins[number]}
        with self._consumer() as consumer:
            consumer.assign([TopicPartition(topic, number, begins[number]) for number in open_ends])
            while open_ends:
                for message in consumer.consume(10_000, 0.5):
                    if (error := message.error()) is None:
                        yield message
                    elif error.code() == KafkaError._PARTITION_EOF:
                        open_ends.discard(message.partition() or 0)

    def _consumer(self) -> Consumer:
        reading = {"group.id": "bench", "enable.auto.commit": False, "enable.partition.eof": True}
        return Consumer(self._client | reading)


def _produce(producer: Producer, topic: str, entry: Entry) -> None:
    while True:
        try:
            producer.produce(topic, entry.value, entry.key, entry.partition)
        except BufferError:
            producer.poll(0.1)
        else:
            return

"""One test's topics, group and members, over a Kafka client of its choice."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from engine.adapters.kafka.settings import KafkaSettings
from tests.services import Broker
from tests.support.kafka_clients import Client, Owner, Reader, make_topics, produce


class Shop:
    """Closes what it has opened."""

    def __init__(self, client: Client, broker: Broker, prefix: str) -> None:
        self.broker = broker
        self.prefix = prefix
        self._client = client
        self._open: list[Reader] = []
        self.settings = KafkaSettings(broker.address, group=f"{prefix}group")

    def topic(self, name: str = "events", partitions: int = 1, config: Mapping[str, str] = MappingProxyType({})) -> str:
        make_topics(self.broker.address, [self.prefix + name], partitions, config)
        return self.prefix + name

    def write(self, topic: str, *values: bytes | None, partition: int = 0) -> None:
        produce(self.broker.address, topic, values, partition)

    def reader(
        self,
        *topics: str,
        starts: dict[int, dict[str, int]] | None = None,
        owner: Owner | None = None,
        **changes: object,
    ) -> Reader:
        owner = owner or Owner(starts or {})
        settings = replace(self.settings, topics=topics, **changes)  # type: ignore[arg-type]
        self._open.append(Reader(self._client.source(settings, owner), topics, owner))
        return self._open[-1]

    def leave(self, reader: Reader) -> None:
        self._open.remove(reader)
        reader.source.close()

    def close(self) -> None:
        for reader in self._open:
            reader.source.close()


def numbers(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(first, first + count)]


def got(reader: Reader, count: int) -> Callable[[], bool]:
    return lambda: len(reader.records) >= count

"""Both Kafka clients behind the same names, and what the suites over them need."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from confluent_kafka import Producer, admin

from engine.adapters.kafka.admin import open_cluster
from engine.adapters.kafka.library import library
from engine.adapters.kafka.settings import ClientLibrary, KafkaSettings
from engine.ports import EventSource, NewTopic, Ownership, Record, TopicWriter

PATIENCE = 120.0


@dataclass(frozen=True)
class Client:
    """One library, whichever the settings name."""

    name: ClientLibrary

    def settings(self, settings: KafkaSettings) -> KafkaSettings:
        return replace(settings, client=self.name)

    def source(self, settings: KafkaSettings, ownership: Ownership) -> EventSource:
        return library(self.settings(settings)).source(self.settings(settings), ownership)

    def writer(self, settings: KafkaSettings) -> TopicWriter:
        return library(self.settings(settings)).writer(self.settings(settings))


CLIENTS = {name: Client(name) for name in get_args(ClientLibrary)}


@dataclass
class Owner:
    """Remembers what it is told; `starts` are the offsets it knows, by partition."""

    starts: dict[int, dict[str, int]] = field(default_factory=dict)
    told: list[tuple[str, int]] = field(default_factory=list)
    owned: set[int] = field(default_factory=set)

    def assigned(self, partition: int) -> dict[str, int]:
        self.told.append(("assigned", partition))
        self.owned.add(partition)
        return self.starts.get(partition, {})

    def revoked(self, partition: int) -> None:
        self.told.append(("revoked", partition))
        self.owned.discard(partition)

    def lost(self, partition: int) -> None:
        self.told.append(("lost", partition))
        self.owned.discard(partition)


class Reader:
    """A source, its owner and all the records it has returned."""

    def __init__(self, source: EventSource, topics: Iterable[str], owner: Owner) -> None:
        self.source = source
        self.topics = set(topics)
        self.owner = owner
        self.records: list[Record] = []
        self.handled: dict[int, dict[str, int]] = {}
        """By partition and topic: this owner has handled what it has read."""

    def poll(self, limit: int = 1_000, timeout: float = 0.05) -> list[Record]:
        batch = self.source.poll(limit, timeout)
        self.records += batch
        for record in batch:
            self.handled.setdefault(record.partition, {})[record.source] = record.next_offset
        return batch

    def caught_up(self, partition: int) -> bool:
        """With every topic."""
        return self.caught_up_with(partition) == self.topics

    def caught_up_with(self, partition: int) -> set[str]:
        return self.source.caught_up(partition, self.handled.get(partition, {}))

    def position(self, partition: int, topic: str) -> int:
        return self.source.position(partition, topic, self.handled.get(partition, {}).get(topic, 0))

    def values(self, partition: int | None = None, topic: str | None = None) -> list[bytes | None]:
        return [
            record.value
            for record in self.records
            if partition in (None, record.partition) and topic in (None, record.source)
        ]


def poll_until(true: Callable[[], bool], *readers: Reader, seconds: float = PATIENCE) -> None:
    """Let the readers take turns. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            message = f"not within {seconds} s; told: {[reader.owner.told for reader in readers]}"
            raise TimeoutError(message)
        for reader in readers:
            reader.poll()


def limit_topic(bootstrap: str, topic: str, size: int) -> None:
    """Let the topic take records, and what is sent together, of so many bytes."""
    theirs: Any = admin
    client = theirs.AdminClient({"bootstrap.servers": bootstrap})
    entry = theirs.ConfigEntry("max.message.bytes", str(size), incremental_operation=theirs.AlterConfigOpType.SET)
    resource = theirs.ConfigResource(theirs.ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    for done in client.incremental_alter_configs([resource]).values():
        done.result(10)


def make_topics(bootstrap: str, names: Iterable[str], partitions: int, config: Mapping[str, str]) -> None:
    with open_cluster(KafkaSettings(bootstrap)) as cluster:
        cluster.create_topics(NewTopic(name, partitions, 1, config) for name in names)


def produce(
    bootstrap: str,
    topic: str,
    values: Iterable[bytes | None],
    partition: int = 0,
    key: bytes | None = None,
    headers: Sequence[tuple[str, bytes]] = (),
) -> None:
    """By a client that is not under test, one after the other, until all are there."""
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 4_000_000, "log_level": 0})
    for value in values:
        producer.produce(topic, value, key, partition, headers=list(headers))
    assert producer.flush(PATIENCE) == 0

"""Questions to the cluster, and new topics. By kafka-python, which needs no compiled library."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import KafkaError, TopicAlreadyExistsError

from engine.adapters.kafka.python.config import connected, reason
from engine.adapters.kafka.settings import KafkaSettings
from engine.adapters.kafka.writer import KAFKA_DEFAULT, LEAST_TOPIC_BYTES
from engine.errors import SinkUnavailable, SourceUnavailable

MAX_MESSAGE: Final = "max.message.bytes"
_VISIBLE_SECONDS: Final = 10
_MISSING: Final = "does not exist, or we may not see it; `engine topics create` makes it"


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to make. `replicas` None: as the cluster has it by default."""

    name: str
    partitions: int
    replicas: int | None = None
    config: Mapping[str, str] = field(default_factory=dict)


class Admin:
    """Raises SourceUnavailable where the cluster does not answer, or says no."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._bootstrap = settings.bootstrap
        self._client = connected(KafkaAdminClient, settings)

    def partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        """Without those that do not exist."""
        with self._explained():
            found = self._client.describe_topics(list(topics))
        return {topic["name"]: len(topic["partitions"]) for topic in found if topic["error_code"] == 0}

    def size_limits(self, topics: Iterable[str]) -> dict[str, int]:
        """`max.message.bytes` of each; Kafka's default where it is missing or we may not ask (DescribeConfigs)."""
        names = list(topics)
        asked = [ConfigResource("TOPIC", name, [MAX_MESSAGE]) for name in names]
        with self._explained():
            told = self._client.describe_configs(asked, config_filter="all").get("topic", {}) if names else {}
        found = {name: told.get(name, {}).get(MAX_MESSAGE, {}).get("value") for name in names}
        return {name: int(value) if value else KAFKA_DEFAULT for name, value in found.items()}

    def create_topics(self, topics: Iterable[NewTopic]) -> list[str]:
        """The names of those that were made; those that are there already stay as they are."""
        return [topic.name for topic in topics if self._create(topic)]

    def clock(self) -> int | None:
        """The cluster's time in epoch milliseconds; None where it does not tell (before Kafka 3.3, or not allowed)."""
        try:
            quorum = self._client.describe_metadata_quorum()["topics"][0]["partitions"][0]
        except (KafkaError, LookupError):
            return None
        times = {voter["replica_id"]: voter["last_caught_up_timestamp"] for voter in quorum["current_voters"]}
        return times.get(quorum["leader_id"])

    def members(self, group: str) -> int:
        """How many a consumer group has; 0 where there is no such group."""
        with self._explained():
            found = self._client.describe_groups([group])[group]
        return len(found["members"])

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()

    def __enter__(self) -> "Admin":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _create(self, topic: NewTopic) -> bool:
        wanted: dict[str, Any] = {"num_partitions": topic.partitions, "configs": dict(topic.config)}
        if topic.replicas:
            wanted["replication_factor"] = topic.replicas
        with self._explained():
            answer = self._client.create_topics({topic.name: wanted}, raise_errors=False)["topics"][0]
        if answer["error_code"] == TopicAlreadyExistsError.errno:
            return False
        if answer["error_code"]:
            raise SourceUnavailable(topic.name, answer["error_message"] or "cannot be created")
        self._wait_for(topic)
        return True

    def _wait_for(self, topic: NewTopic) -> None:
        """Until the brokers tell others of it."""
        deadline = time.monotonic() + _VISIBLE_SECONDS
        while self.partition_counts([topic.name]).get(topic.name) != topic.partitions and time.monotonic() < deadline:
            time.sleep(0.02)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            raise SourceUnavailable(self._bootstrap, reason(error)) from error


def check_topics(settings: KafkaSettings) -> int:
    """How many partitions each has. Raises SourceUnavailable where one is missing, or has not as many as the others."""
    with Admin(settings) as admin:
        counts = admin.partition_counts(settings.topics)
    for topic in settings.topics:
        if topic not in counts:
            raise SourceUnavailable(topic, _MISSING)
        first = settings.topics[0]
        if counts[topic] != counts[first]:
            here, there = counts[topic], counts[first]
            why = f"has {here} partitions and {first} has {there}: a customer's events must be in the same of both"
            raise SourceUnavailable(topic, why)
    return counts[settings.topics[0]]


def check_exist(settings: KafkaSettings, topics: Iterable[str]) -> None:
    """Raises SourceUnavailable where one does not."""
    with Admin(settings) as admin:
        counts = admin.partition_counts(topics)
    for topic in topics:
        if topic not in counts:
            raise SourceUnavailable(topic, _MISSING)


def size_limits(settings: KafkaSettings, topics: Iterable[str]) -> dict[str, int]:
    """`max.message.bytes` of topics that we write to. Raises SinkUnavailable where one takes less than our batches."""
    with Admin(settings) as admin:
        limits = admin.size_limits(topics)
    for topic, limit in limits.items():
        if limit < LEAST_TOPIC_BYTES:
            raise SinkUnavailable(topic, too_small(limit))
    return limits


def too_small(limit: int) -> str:
    """What to say of a topic below LEAST_TOPIC_BYTES."""
    return f"{MAX_MESSAGE} is {limit:,}: with less than {LEAST_TOPIC_BYTES:,} it refuses what we send together"


def check_still_there(settings: KafkaSettings) -> None:
    """As `check_topics`, once they were there: brokers that cannot be asked say nothing about it."""
    try:
        check_topics(settings)
    except SourceUnavailable as error:
        if error.source in settings.topics:
            raise

"""Questions to the cluster and new topics, by the configured client library. Commands and workers use it."""

import time
from collections.abc import Iterable
from typing import Final

from engine.adapters.kafka.library import library
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import SinkUnavailable, SourceUnavailable
from engine.ports import MIN_TOPIC_BYTES, NewTopic, too_small

__all__ = [
    "Admin",
    "check_exist",
    "check_still_there",
    "check_topics",
    "may_exist",
    "size_limits",
]

_VISIBLE_SECONDS: Final = 10
_MISSING: Final = "does not exist, or we may not see it; `engine topics create` makes it"


class Admin:
    """Raises SourceUnavailable where the cluster does not answer, or says no."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._cluster = library(settings).cluster(settings)

    def partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        """Topic -> number of partitions, without topics that do not exist."""
        return self._cluster.partition_counts(topics)

    def size_limits(self, topics: Iterable[str]) -> dict[str, int]:
        """`max.message.bytes` of each topic; Kafka's default if it is missing or we may not ask (DescribeConfigs)."""
        return self._cluster.size_limits(topics)

    def configured(self, topics: Iterable[str], setting: str) -> dict[str, str]:
        """What each topic has for a setting; without those that are missing, or of which we may not ask."""
        return self._cluster.configured(topics, setting)

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """The id of each topic, which no other ever has; without those that are missing, or whose broker gives none."""
        return self._cluster.topic_ids(topics)

    def create_topics(self, topics: Iterable[NewTopic]) -> list[str]:
        """The names of those that were made; those that are there already stay as they are."""
        return [topic.name for topic in topics if self._create(topic)]

    def clock(self) -> int | None:
        """The cluster's time in epoch ms; None where it does not tell (before Kafka 3.3, or not allowed).

        Only kafka-python can ask; None with confluent-kafka.
        """
        return self._cluster.clock()

    def members(self, group: str) -> int:
        """The number of members of a consumer group; 0 without such a group."""
        return self._cluster.members(group)

    def close(self) -> None:
        """Close the connections."""
        self._cluster.close()

    def __enter__(self) -> "Admin":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _create(self, topic: NewTopic) -> bool:
        made = self._cluster.create(topic)
        if made:
            self._wait_for(topic)
        return made

    def _wait_for(self, topic: NewTopic) -> None:
        """Until the brokers tell others of it."""
        deadline = time.monotonic() + _VISIBLE_SECONDS
        while self.partition_counts([topic.name]).get(topic.name) != topic.partitions and time.monotonic() < deadline:
            time.sleep(0.02)


def check_topics(settings: KafkaSettings) -> int:
    """The topics' number of partitions. Raises SourceUnavailable if a topic is missing or has another number."""
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
    """Raises SourceUnavailable if a topic does not exist."""
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
        if limit < MIN_TOPIC_BYTES:
            raise SinkUnavailable(topic, too_small(limit))
    return limits


def may_exist(settings: KafkaSettings, topic: str) -> bool:
    """Whether a topic exists, for one that was there before: unavailable brokers prove nothing."""
    try:
        with Admin(settings) as admin:
            return topic in admin.partition_counts([topic])
    except SourceUnavailable:
        return True


def check_still_there(settings: KafkaSettings) -> None:
    """As `check_topics`, for a running worker: unavailable brokers prove nothing."""
    try:
        check_topics(settings)
    except SourceUnavailable as error:
        if error.source in settings.topics:
            raise

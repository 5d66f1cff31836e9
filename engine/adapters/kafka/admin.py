"""Questions to the cluster and new topics, by the configured client library. Commands and workers use it."""

from collections.abc import Iterable
from typing import Final

from engine.adapters.kafka.library import Cluster, library
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import SinkUnavailable, SourceUnavailable
from engine.ports import MIN_TOPIC_BYTES, too_small

__all__ = [
    "check_exist",
    "check_still_there",
    "check_topics",
    "may_exist",
    "open_cluster",
    "size_limits",
]

_MISSING: Final = "does not exist, or we may not see it; `engine topics create` makes it"


def open_cluster(settings: KafkaSettings) -> Cluster:
    """The cluster, by the client library that is configured. Raises SourceUnavailable."""
    return library(settings).cluster(settings)


def check_topics(settings: KafkaSettings) -> int:
    """The topics' number of partitions. Raises SourceUnavailable if a topic is missing or has another number."""
    with open_cluster(settings) as admin:
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
    with open_cluster(settings) as admin:
        counts = admin.partition_counts(topics)
    for topic in topics:
        if topic not in counts:
            raise SourceUnavailable(topic, _MISSING)


def size_limits(settings: KafkaSettings, topics: Iterable[str]) -> dict[str, int]:
    """`max.message.bytes` of topics that we write to. Raises SinkUnavailable where one takes less than our batches."""
    with open_cluster(settings) as admin:
        limits = admin.size_limits(topics)
    for topic, limit in limits.items():
        if limit < MIN_TOPIC_BYTES:
            raise SinkUnavailable(topic, too_small(limit))
    return limits


def may_exist(settings: KafkaSettings, topic: str) -> bool:
    """Whether a topic exists, for one that was there before: unavailable brokers prove nothing."""
    try:
        with open_cluster(settings) as admin:
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

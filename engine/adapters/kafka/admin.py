"""Questions to the cluster and new topics, by the configured client library. Commands and workers use it."""

from collections.abc import Iterable, Sequence
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
_SAME: Final = "a customer's events must be in the same of both"


def open_cluster(settings: KafkaSettings) -> Cluster:
    """The cluster, by the client library that is configured. Raises SourceUnavailable."""
    return library(settings).cluster(settings)


def check_topics(settings: KafkaSettings, written: Sequence[str] = ()) -> int:
    """The topics' number of partitions. Raises SourceUnavailable if a topic is missing or has another number, or where
    one that is written to by partition has fewer."""
    with open_cluster(settings) as admin:
        counts = admin.partition_counts((*settings.topics, *written))
    first = settings.topics[0]
    for topic in (*settings.topics, *written):
        if topic not in counts:
            raise SourceUnavailable(topic, _MISSING)
        here, there = counts[topic], counts[first]
        if here < there or (here > there and topic not in written):
            needs = "what is decided in one goes to the same here" if topic in written else _SAME
            why = f"has {here} partitions and {first} has {there}: {needs}"
            raise SourceUnavailable(topic, why)
    return counts[first]


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

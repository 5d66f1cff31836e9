"""The client library that is configured, and what each library offers under the same names.

A library's module is imported when it is first asked for, so that one that is not configured need not be installed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, cast

from engine.adapters.kafka.settings import KafkaSettings
from engine.ports import EventSource, GroupOffsets, Headers, NewTopic, Ownership, TopicReader, TopicWriter
from engine.wire.decode import LAST

ANSWER_SECONDS: Final = 10.0
"""How long a question to the brokers, or the next records of a topic, may take before that is an error."""

KNOWS_NOTHING: Final = "no broker is known yet, and no topic: a broker has just come back"


def moment_of(timestamp: int) -> int:
    """A record's timestamp, or 0, not known, where no calendar has it: producers write nanoseconds, and brokers that
    keep a producer's time take them. It would end whatever shows or archives it."""
    return timestamp if timestamp <= LAST else 0


class Cluster(Protocol):
    """Questions to the cluster, and new topics. Raises SourceUnavailable where it does not answer, or says no."""

    def partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        """Topic -> number of partitions, without topics that do not exist."""

    def size_limits(self, topics: Iterable[str]) -> dict[str, int]:
        """`max.message.bytes` of each topic; Kafka's default if it is missing or we may not ask (DescribeConfigs)."""

    def configured(self, topics: Iterable[str], setting: str) -> dict[str, str]:
        """What each topic has for a setting; without those that are missing, or of which we may not ask."""

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """The id of each topic, which no other ever has; without those that are missing, or whose broker gives none."""

    def create(self, topic: NewTopic) -> bool:
        """Make a topic; False if it exists already."""

    def clock(self) -> int | None:
        """The cluster's time in epoch ms; None where it does not tell, or the library cannot ask."""

    def members(self, group: str) -> int:
        """The number of members of a consumer group; 0 without such a group."""

    def close(self) -> None:
        """Close the connections."""


SendOne = Callable[[KafkaSettings, str, int, bytes, bytes, Headers], int]
"""Writes one record (topic, partition, key, value, headers) and returns its offset once it is durable.

Raises SourceUnavailable and SinkUnavailable.
"""


@dataclass(frozen=True)
class Library:
    """One client library. `source` is in the group from its first poll."""

    source: Callable[[KafkaSettings, Ownership], EventSource]
    writer: Callable[[KafkaSettings], TopicWriter]
    cluster: Callable[[KafkaSettings], Cluster]
    reader: Callable[[KafkaSettings], TopicReader]
    offsets: Callable[[KafkaSettings], GroupOffsets]
    send_one: SendOne


_PACKAGES: Final = {"confluent": "confluent", "kafka-python": "python"}


def library(settings: KafkaSettings) -> Library:
    """The one that the settings name. Raises ModuleNotFoundError where it is not installed."""
    module = import_module(f"engine.adapters.kafka.{_PACKAGES[settings.client]}.library")
    return cast(Library, module.LIBRARY)

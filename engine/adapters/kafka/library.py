"""The client library that is configured, and what each library offers under the same names.

A library's module is imported when it is first asked for, so that one that is not configured need not be installed.
"""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Self, cast

from engine.adapters.kafka.settings import KafkaSettings
from engine.ports import (
    KAFKA_DEFAULT,
    MAX_MESSAGE,
    EventSource,
    GroupOffsets,
    Headers,
    NewTopic,
    Ownership,
    TopicAdmin,
    TopicReader,
    TopicWriter,
)
from engine.wire.instants import LAST

ANSWER_SECONDS: Final = 10.0
"""How long a question to the brokers, or the next records of a topic, may take before that is an error."""

_VISIBLE_SECONDS: Final = 10
"""Seconds until a new topic is known to the brokers, at most."""

KNOWS_NOTHING: Final = "no broker is known yet, and no topic: a broker has just come back"


def moment_of(timestamp: int) -> int:
    """A record's timestamp, or 0, not known, where no calendar has it: producers write nanoseconds, and brokers that
    keep a producer's time take them. It would end whatever shows or archives it."""
    return timestamp if timestamp <= LAST else 0


class Cluster(TopicAdmin):
    """What both libraries' admin clients share. Raises SourceUnavailable where the cluster does not answer, or says no.

    Its context closes it.
    """

    @abstractmethod
    def create(self, topic: NewTopic) -> bool:
        """Make a topic; False if it exists already."""

    @abstractmethod
    def topic_settings(self, topics: Iterable[str], setting: str) -> dict[str, str | None]:
        """What each topic has for a setting; None where it is missing or we may not ask (DescribeConfigs)."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

    def size_limits(self, topics: Iterable[str]) -> dict[str, int]:
        found = self.topic_settings(topics, MAX_MESSAGE)
        return {name: int(value) if value else KAFKA_DEFAULT for name, value in found.items()}

    def configured(self, topics: Iterable[str], setting: str) -> dict[str, str]:
        return {name: value for name, value in self.topic_settings(topics, setting).items() if value is not None}

    def create_topics(self, topics: Iterable[NewTopic]) -> list[str]:
        return [topic.name for topic in topics if self._create(topic)]

    def _create(self, topic: NewTopic) -> bool:
        made = self.create(topic)
        deadline = time.monotonic() + _VISIBLE_SECONDS
        while made and self.partition_counts([topic.name]).get(topic.name) != topic.partitions:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)  # until the brokers tell others of it
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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

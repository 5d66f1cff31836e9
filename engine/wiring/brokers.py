"""Opens the configured cluster with the configured client library, for checks and operators' commands."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager

from engine.adapters.kafka.admin import check_topics, open_cluster
from engine.adapters.kafka.library import library
from engine.config import Settings
from engine.ports import GroupOffsets, Headers, TopicAdmin, TopicReader, TopicWriter
from engine.wiring.kafka import kafka_settings, open_offsets, open_writer


class KafkaBrokers:
    """The port `Brokers`. Nothing connects before a method is called."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def admin(self) -> AbstractContextManager[TopicAdmin]:
        return open_cluster(kafka_settings(self._settings))

    def reader(self) -> AbstractContextManager[TopicReader]:
        kafka = kafka_settings(self._settings)
        return closing(library(kafka).reader(kafka))

    def offsets(self, topics: tuple[str, ...], group: str) -> AbstractContextManager[GroupOffsets]:
        return open_offsets(self._settings, topics, group)

    @contextmanager
    def writer(self) -> Iterator[TopicWriter]:
        writer = open_writer(self._settings)
        try:
            yield writer
        finally:
            writer.close()

    def partitions_of(self, topic: str) -> int:
        """Raises SourceUnavailable if there is no such topic."""
        return check_topics(kafka_settings(self._settings, (topic,)))

    def send_one(self, topic: str, partition: int, key: bytes, value: bytes, headers: Headers) -> int:
        """Write one record; its offset, once it is durable. Raises SourceUnavailable and SinkUnavailable."""
        kafka = kafka_settings(self._settings, (topic,))
        return library(kafka).send_one(kafka, topic, partition, key, value, headers)

    def unreadable(self, topics: Sequence[str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
        if self._settings.kafka_client != "kafka-python":
            return {}, {}
        # Here, as kafka-python need not be installed.
        from engine.adapters.kafka.python.cluster import compressions
        from engine.adapters.kafka.python.codecs import missing_codecs

        missing = missing_codecs()
        return (compressions(kafka_settings(self._settings), topics), missing) if missing else ({}, {})

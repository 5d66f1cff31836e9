"""Questions to the cluster, and new topics, by confluent-kafka.

The library's admin client is only used where nothing else can ask, and for a moment.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final

import confluent_kafka.admin
from confluent_kafka import KafkaError, KafkaException, TopicCollection, Uuid
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic as TheirTopic

from engine.adapters.kafka.confluent.asker import Asker
from engine.adapters.kafka.confluent.config import LOGGER, MISSING, client_config, opened
from engine.adapters.kafka.library import ANSWER_SECONDS, KNOWS_NOTHING, Cluster
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import SourceUnavailable
from engine.ports import NewTopic

_THEIRS: Final[Any] = confluent_kafka.admin
"""It has more than it exports by its stubs."""
_AS_THE_CLUSTER_HAS_IT: Final = -1
_NOT_TOLD: Final = MISSING | {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}
"""Errors of a question about a topic's settings: no such topic, or not allowed."""
_NO_ID: Final = str(Uuid(0, 0))
_NO_GROUP: Final = frozenset({KafkaError.GROUP_ID_NOT_FOUND, KafkaError._UNKNOWN_GROUP})


def _text(identity: object) -> str:
    """As Kafka's own tools write it; librdkafka has + and / for their - and _."""
    return str(identity).replace("+", "-").replace("/", "_")


class ConfluentCluster(Cluster):
    """It connects with its first question. Raises SourceUnavailable."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._asker = Asker(settings)

    def partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        counts = {}
        for topic in topics:
            with self._asker.explained():
                found = self._asker.consumer.list_topics(topic, timeout=self._settings.connect_timeout)
            if not found.brokers:
                raise SourceUnavailable(self._settings.bootstrap, KNOWS_NOTHING)
            there = found.topics.get(topic)
            if there is not None and there.error is None:
                counts[topic] = len(there.partitions)
        return counts

    def topic_settings(self, topics: Iterable[str], setting: str) -> dict[str, str | None]:
        asked = [_THEIRS.ConfigResource(_THEIRS.ConfigResource.Type.TOPIC, name) for name in topics]
        found = self._admin.describe_configs(asked, request_timeout=ANSWER_SECONDS) if asked else {}
        return {resource.name: self._value(future, setting) for resource, future in found.items()}

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        names = list(self.partition_counts(topics))  # raises where the brokers are away
        if not names:
            return {}
        admin = opened(AdminClient, client_config(self._settings), logger=LOGGER)
        try:
            asked = admin.describe_topics(TopicCollection(names), request_timeout=ANSWER_SECONDS)
            ids = {name: _text(future.result().topic_id) for name, future in asked.items()}
        except KafkaException as error:
            raise SourceUnavailable(self._settings.bootstrap, error.args[0].str()) from error
        return {name: identity for name, identity in ids.items() if identity != _NO_ID}

    def create(self, topic: NewTopic) -> bool:
        replicas = topic.replicas or _AS_THE_CLUSTER_HAS_IT
        wanted = TheirTopic(topic.name, topic.partitions, replicas, config=dict(topic.config))
        try:
            self._admin.create_topics([wanted], request_timeout=ANSWER_SECONDS)[topic.name].result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return False
            raise SourceUnavailable(topic.name, error.args[0].str()) from error
        return True

    def clock(self) -> int | None:
        """Always None: the library has no question whose answer has the brokers' time."""
        return None

    def members(self, group: str) -> int:
        try:
            found = self._admin.describe_consumer_groups([group], request_timeout=ANSWER_SECONDS)[group].result()
        except KafkaException as error:
            if error.args[0].code() in _NO_GROUP:
                return 0
            raise SourceUnavailable(self._settings.bootstrap, error.args[0].str()) from error
        return len(found.members)

    def close(self) -> None:
        self._asker.close()

    def _value(self, future: Any, setting: str) -> str | None:
        try:
            entry = future.result().get(setting)
        except KafkaException as error:
            if error.args[0].code() in _NOT_TOLD:
                return None
            raise SourceUnavailable(self._settings.bootstrap, error.args[0].str()) from error
        return entry.value if entry else None

    @cached_property
    def _admin(self) -> AdminClient:
        """Kept for as long as its answers are waited for: they end with it.

        First a broker must let us in: of brokers that are away the library would only say that it has waited.
        """
        self.partition_counts(["__consumer_offsets"])
        return opened(AdminClient, client_config(self._settings), logger=LOGGER)

"""Reads the committed offsets of consumer groups, by kafka-python."""

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError

from engine.adapters.kafka.committed import PresentTopics
from engine.adapters.kafka.python.config import REFUSED, connected, patiently, reason
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import BrokersAway, SourceUnavailable


class PythonOffsets:
    """GroupOffsets. It has reached the brokers when it is made."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client = connected(KafkaAdminClient, settings)
        self._present = PresentTopics(settings)

    def committed(self, partition: int) -> dict[str, int]:
        """Topic -> next offset, without those of which nothing is committed, and those made again since."""
        group = self._settings.group
        wanted = [TopicPartition(topic, partition) for topic in self._settings.topics]
        try:
            found = patiently(lambda: self._client.list_group_offsets({group: wanted}))[group]
        except KafkaError as error:
            kind = SourceUnavailable if isinstance(error, REFUSED) else BrokersAway
            raise kind(self._settings.bootstrap, reason(error)) from error
        return self._present.offsets({place.topic: (at.offset, at.metadata) for place, at in found.items()})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

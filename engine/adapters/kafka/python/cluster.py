"""Questions to the cluster, and new topics, by kafka-python."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import KafkaError, TopicAlreadyExistsError

from engine.adapters.kafka.library import KNOWS_NOTHING, Cluster
from engine.adapters.kafka.python.config import connected, patiently, reason
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import SourceUnavailable
from engine.ports import NewTopic

_NO_ID = str(UUID(int=0))


def _text(identity: UUID) -> str:
    """As Kafka's own tools write it."""
    return urlsafe_b64encode(identity.bytes).rstrip(b"=").decode()


def compressions(settings: KafkaSettings, topics: Iterable[str]) -> dict[str, str]:
    """See `PythonCluster.compressions`."""
    with PythonCluster(settings) as cluster:
        return cluster.compressions(topics)


class PythonCluster(Cluster):
    """It has reached the brokers when it is made. Raises SourceUnavailable."""

    def __init__(self, settings: KafkaSettings, **config: Any) -> None:
        self._settings = settings
        self._bootstrap = settings.bootstrap
        self._client = connected(KafkaAdminClient, settings, **config)

    def partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        names = set(topics)
        with self._explained():
            found = self._client.describe_topics(list(names))
            counts = {topic["name"]: len(topic["partitions"]) for topic in found if topic["error_code"] == 0}
            if names - counts.keys() and not self._knows_brokers():
                raise SourceUnavailable(self._bootstrap, KNOWS_NOTHING)
        return counts

    def _knows_brokers(self) -> bool:
        """Whether the broker that we ask knows of any, as one that has just started does not."""
        try:
            return bool(self._client.describe_cluster()["brokers"])
        except KeyError:  # kafka-python 3.0.12 wants a field of this answer that brokers before Kafka 3.7 do not send
            with PythonCluster(self._settings, api_version=(2, 7)) as older:  # that asks in another way
                return older._knows_brokers()

    def compressions(self, topics: Iterable[str]) -> dict[str, str]:
        """`compression.type` of each: "producer" where the producers choose, or where we may not ask."""
        return {name: value or "producer" for name, value in self.topic_settings(topics, "compression.type").items()}

    def topic_settings(self, topics: Iterable[str], setting: str) -> dict[str, str | None]:
        names = list(topics)
        asked = [ConfigResource("TOPIC", name, [setting]) for name in names]
        with self._explained():
            found = self._client.describe_configs(asked, config_filter="all").get("topic", {}) if names else {}
        return {name: found.get(name, {}).get(setting, {}).get("value") for name in names}

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        with self._explained():
            found = self._client.describe_topics(list(topics))
        ids = {one["name"]: UUID(one.get("topic_id") or _NO_ID) for one in found if one["error_code"] == 0}
        return {name: _text(identity) for name, identity in ids.items() if identity.int}

    def create(self, topic: NewTopic) -> bool:
        wanted: dict[str, Any] = {"num_partitions": topic.partitions, "configs": dict(topic.config)}
        if topic.replicas:
            wanted["replication_factor"] = topic.replicas
        with self._explained():
            answer = self._client.create_topics({topic.name: wanted}, raise_errors=False)["topics"][0]
        if answer["error_code"] == TopicAlreadyExistsError.errno:
            return False
        if answer["error_code"]:
            raise SourceUnavailable(topic.name, answer["error_message"] or "cannot be created")
        return True

    def clock(self) -> int | None:
        """The cluster's time in epoch ms; None where it does not tell (before Kafka 3.9, or not allowed)."""
        try:
            quorum = self._client.describe_metadata_quorum()["topics"][0]["partitions"][0]
        except (KafkaError, LookupError):
            return None
        times = {voter["replica_id"]: voter["last_caught_up_timestamp"] for voter in quorum["current_voters"]}
        return times.get(quorum["leader_id"])

    def members(self, group: str) -> int:
        with self._explained():
            found = patiently(lambda: self._client.describe_groups([group]))[group]
        return len(found["members"])

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            raise SourceUnavailable(self._bootstrap, reason(error)) from error

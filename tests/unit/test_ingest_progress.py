"""How far the ingest is, asked of brokers that have only just come back."""

from typing import Any

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin._metadata import ClusterMetadata

from engine.adapters.kafka.confluent.progress import _ends


class JustBack:
    """A client whose broker has just started: it knows no other broker yet, and no topic."""

    def list_topics(self, topic: str, timeout: float) -> ClusterMetadata:
        return ClusterMetadata()


def test_a_broker_that_knows_no_topic_yet_is_asked_again_and_ends_no_thread() -> None:
    asker: Any = JustBack()
    with pytest.raises(KafkaException, match="no topic"):
        _ends(asker, ["shop.raw"])

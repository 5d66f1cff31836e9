"""Asks a partition's leader for its first and last offset."""

import time
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

_MOVING: Final = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})


def bounds(consumer: Consumer, place: TopicPartition, seconds: float) -> tuple[int, int]:
    """The first offset and the one after the last. Waits for a leader just being chosen. Raises KafkaException."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return consumer.get_watermark_offsets(place, timeout=seconds, cached=False)
        except KafkaException as error:
            if error.args[0].code() not in _MOVING or time.monotonic() > deadline:
                raise
            time.sleep(0.05)

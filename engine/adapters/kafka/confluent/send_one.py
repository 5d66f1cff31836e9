"""Writes a single record, by confluent-kafka, for `engine send-event` and the like."""

from typing import cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from engine.adapters.kafka.confluent.config import LOGGER, client_config, opened
from engine.adapters.kafka.library import ANSWER_SECONDS
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import SinkUnavailable
from engine.ports import Headers


def send_one(settings: KafkaSettings, topic: str, partition: int, key: bytes, value: bytes, headers: Headers) -> int:
    """Write one record and return its offset once it is durable. Raises SourceUnavailable and SinkUnavailable."""
    own = {"enable.idempotence": True, "message.timeout.ms": int(ANSWER_SECONDS * 1000)}
    producer = opened(Producer, client_config(settings) | own, logger=LOGGER)
    ended: list[tuple[KafkaError | None, Message | None]] = []
    try:
        producer.produce(
            topic, value, key, partition, lambda error, message: ended.append((error, message)), headers=list(headers)
        )
        producer.flush(ANSWER_SECONDS * 2)
    except KafkaException as error:
        raise SinkUnavailable(topic, error.args[0].str()) from error
    failure, message = ended[0] if ended else (KafkaError(KafkaError._TIMED_OUT), None)
    if failure is not None or message is None:
        raise SinkUnavailable(topic, failure.str() if failure else "")
    return cast(int, message.offset())

"""Reads the fields of librdkafka's messages. Its stubs allow None for messages never sent; read ones have all."""

from typing import cast

from confluent_kafka import Message, TopicPartition

from engine.ports import Headers, Record


def record_of(message: Message) -> Record:
    """A message that is no error."""
    return Record(
        cast(str, message.topic()),
        cast(int, message.partition()),
        cast(int, message.offset()) + 1,
        message.value(),
        message.key(),
        message.timestamp()[1],
        tuple(headers_of(message)),
    )


def headers_of(message: Message) -> Headers:
    """A header without a value has an empty one."""
    headers = cast(list[tuple[str, bytes | None]] | None, message.headers())
    return [(name, value or b"") for name, value in headers] if headers else ()


def place_of(message: Message) -> TopicPartition:
    """The message's topic, partition and offset; for an end-of-partition event, where it ends."""
    return TopicPartition(cast(str, message.topic()), cast(int, message.partition()), cast(int, message.offset()))

"""A TopicWriter on librdkafka."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from engine.adapters.kafka.admin import may_exist
from engine.adapters.kafka.confluent.bounds import bounds
from engine.adapters.kafka.confluent.config import LOGGER, MISSING, REFUSED, client_config, opened
from engine.adapters.kafka.confluent.messages import headers_of
from engine.adapters.kafka.library import ANSWER_SECONDS
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import BrokersAway, SinkUnavailable, TooLarge
from engine.ports import AWAY_SECONDS, BATCH_BYTES, MAX_RECORD_BYTES, MAX_WAITING_BYTES, WRITE_SECONDS, Done, Headers

_TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})

LINGER: Final = 1
"""Milliseconds that a record waits for others. A commit's records come at once, so that 5 ms batched no better."""


class ConfluentWriter:
    """One producer for all topics. Calls of `done` come from within its own methods."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._failed: SinkUnavailable | None = None
        self._away_until = 0.0
        """By the monotonic clock."""
        self._producer = opened(
            Producer,
            client_config(settings)
            | {
                "enable.idempotence": True,
                "message.timeout.ms": 0,
                "queue.buffering.max.kbytes": MAX_WAITING_BYTES // 1024,
                "message.max.bytes": MAX_RECORD_BYTES,
                "batch.size": BATCH_BYTES,
                "partitioner": "murmur2_random",
                "linger.ms": LINGER,
                "error_cb": self._trouble,
            },
            logger=LOGGER,
        )

    def write(
        self,
        topic: str,
        partition: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        done: Done | None = None,
    ) -> None:
        """Hand over one record, with the present as its timestamp. Without a partition the key decides, as in Java."""

        ended = partial(self._ended, topic, done)
        where = -1 if partition is None else partition
        deadline = 0.0
        while True:
            try:
                return self._producer.produce(topic, value, key, where, ended, headers=list(headers))
            except BufferError as full:
                now = time.monotonic()
                deadline = deadline or (now if now < self._away_until else now + WRITE_SECONDS)
                if now >= deadline:
                    raise self._away(now) from full
                self._producer.poll(0.1)
            except KafkaException as error:
                return self._ended(topic, done, error.args[0])

    def _away(self, now: float) -> BrokersAway:
        if now >= self._away_until:
            self._away_until = now + AWAY_SECONDS
        return BrokersAway(self._settings.bootstrap, f"{len(self._producer)} records wait to be taken")

    def serve(self) -> None:
        """Call what waits to hear of writes that have ended; does not wait."""
        self._producer.poll(0)

    def flush(self, timeout: float = 30) -> None:
        """Wait until everything is durable, at most `timeout` seconds. Raises BrokersAway, SinkUnavailable."""
        left = self._producer.flush(timeout)
        if left:
            reason = f"has not taken all records within {timeout:g} s ({left} left); they are still tried"
            raise BrokersAway(self._settings.bootstrap, reason)
        self._raise_failure()

    def close(self, timeout: float = 30) -> None:
        """Flush and give up."""
        try:
            self.flush(timeout)
        finally:
            self._producer.purge()
            self._producer.poll(0)

    def tail(self, topic: str, partition: int, limit: int) -> Iterator[Headers]:
        """The headers of the last records of a partition: of at least `limit`, if there are as many."""
        reader = Consumer(_reader_config(self._settings), logger=LOGGER)
        try:
            low, end = bounds(reader, TopicPartition(topic, partition), ANSWER_SECONDS)
            start = max(low, end - limit)
            if start < end:
                reader.assign([TopicPartition(topic, partition, start)])
                yield from _until_end(reader)
        except KafkaException as error:
            code = error.args[0].code()
            helpless = code in REFUSED or (code in MISSING and not may_exist(self._settings, topic))
            kind = SinkUnavailable if helpless else BrokersAway
            raise kind(topic, f"cannot be read: {error.args[0].str()}") from error
        finally:
            reader.close()

    def _ended(self, topic: str, done: Done | None, error: KafkaError | None, message: Message | None = None) -> None:
        failure = None
        if error is not None:
            failure = (TooLarge if error.code() in _TOO_LARGE else SinkUnavailable)(topic, error.str())
        if done is not None:
            done(failure)
        elif failure is not None:
            self._failed = self._failed or failure

    def _trouble(self, error: KafkaError) -> None:
        if error.code() in REFUSED:
            self._failed = SinkUnavailable(self._settings.bootstrap, error.str())

    def _raise_failure(self) -> None:
        failure, self._failed = self._failed, None
        if failure:
            raise failure


def _until_end(reader: Consumer) -> Iterator[Headers]:
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        for message in reader.consume(1000, 0.1):
            error = message.error()
            if error is None:
                yield headers_of(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                return
            else:
                raise KafkaException(error)
            deadline = time.monotonic() + ANSWER_SECONDS
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the end of the partition does not come"))


def _reader_config(settings: KafkaSettings) -> dict[str, object]:
    return client_config(settings) | {
        "group.id": settings.group,
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 100,
        "auto.offset.reset": "earliest",
    }

"""A TopicWriter on librdkafka."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from engine.adapters.kafka.admin import may_exist
from engine.adapters.kafka.confluent.bounds import bounds
from engine.adapters.kafka.confluent.config import LOGGER, MISSING, REFUSED, client_config, opened
from engine.adapters.kafka.confluent.messages import headers_of
from engine.adapters.kafka.library import ANSWER_SECONDS
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import BrokersAway, SinkUnavailable, TooLarge
from engine.ports import (
    AWAY_SECONDS,
    BATCH_BYTES,
    MAX_RECORD_BYTES,
    MAX_WAITING_BYTES,
    REFUSES_BATCHES,
    WRITE_SECONDS,
    Done,
    Headers,
)

_TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})

LINGER: Final = 1
"""Milliseconds that a record waits for others. More makes larger batches in a storm, and answers events later."""
LINGER_UNASKED: Final = 50
"""The same of records whose writer does not ask when they are durable: nobody waits for those before a flush, which
sends them at once. An idempotent producer of librdkafka has one request a partition under way, and while it waits for
the answer its thread polls without a pause if other records of the partition have waited longer than this."""


class ConfluentWriter:
    """Two producers for all topics, one for writes with `done` and one for those without: a producer reports either all
    deliveries or only failures, and reports are a part of what a write costs. Calls of `done` come from within its own
    methods.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._failed: SinkUnavailable | None = None
        self._away_until = 0.0
        """By the monotonic clock."""
        self._asked = self._open({"linger.ms": LINGER})
        self._unasked = self._open({"linger.ms": LINGER_UNASKED, "delivery.report.only.error": True})
        self._producers = self._asked, self._unasked

    def _open(self, own: dict[str, Any]) -> Producer:
        common: dict[str, Any] = {
            "enable.idempotence": True,
            "message.timeout.ms": 0,
            "queue.buffering.max.kbytes": MAX_WAITING_BYTES // 1024 // 2,
            "message.max.bytes": MAX_RECORD_BYTES,
            "batch.size": BATCH_BYTES,
            "partitioner": "murmur2_random",
            "error_cb": self._trouble,
        }
        return opened(Producer, client_config(self._settings) | common | own, logger=LOGGER)

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
        if done is None:
            producer, ended = self._unasked, self._failed_unasked
        else:
            producer, ended = self._asked, partial(_tell, topic, done)
        where = -1 if partition is None else partition
        deadline = 0.0
        while True:
            try:
                return producer.produce(topic, value, key, where, ended, headers=list(headers))
            except BufferError as full:
                now = time.monotonic()
                deadline = deadline or (now if now < self._away_until else now + WRITE_SECONDS)
                if now >= deadline:
                    raise self._away(producer, now) from full
                producer.poll(0.1)
            except KafkaException as error:
                failure = _failure(topic, error.args[0])
                return self._note(failure) if done is None else done(failure)

    def _away(self, producer: Producer, now: float) -> BrokersAway:
        if now >= self._away_until:
            self._away_until = now + AWAY_SECONDS
        return BrokersAway(self._settings.bootstrap, f"{len(producer)} records wait to be taken")

    def serve(self) -> None:
        """Call what waits to hear of writes that have ended; does not wait. Raises SinkUnavailable."""
        for producer in self._producers:
            producer.poll(0)
        self._raise_failure()

    def flush(self, timeout: float = 30) -> None:
        """Wait until everything is durable, at most `timeout` seconds. Raises BrokersAway, SinkUnavailable."""
        deadline = time.monotonic() + timeout
        try:
            left = sum([producer.flush(max(0.0, deadline - time.monotonic())) for producer in self._producers])
        except KafkaException as error:  # the producer has given up for good
            raise SinkUnavailable(self._settings.bootstrap, error.args[0].str()) from error
        if left:
            reason = f"has not taken all records within {timeout:g} s ({left} left); they are still tried"
            raise BrokersAway(self._settings.bootstrap, reason)
        self._raise_failure()

    def close(self, timeout: float = 30) -> None:
        """Flush and give up."""
        try:
            self.flush(timeout)
        finally:
            for producer in self._producers:
                producer.purge()
                producer.poll(0)

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

    def _failed_unasked(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._note(_failure(message.topic() or "", error, message))

    def _note(self, failure: SinkUnavailable) -> None:
        self._failed = self._failed or failure

    def _trouble(self, error: KafkaError) -> None:
        if error.code() in REFUSED:
            self._failed = SinkUnavailable(self._settings.bootstrap, error.str())

    def _raise_failure(self) -> None:
        failure, self._failed = self._failed, None
        if failure:
            raise failure


def _tell(topic: str, done: Done, error: KafkaError | None, message: Message) -> None:
    done(_failure(topic, error, message) if error is not None else None)


def _failure(topic: str, error: KafkaError, message: Message | None = None) -> SinkUnavailable:
    """`message`: what the brokers have refused, perhaps for others of its batch."""
    if error.code() not in _TOO_LARGE:
        return SinkUnavailable(topic, error.str())
    if message is not None and len(message) <= BATCH_BYTES:
        return SinkUnavailable(topic, REFUSES_BATCHES)
    return TooLarge(topic, error.str())


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

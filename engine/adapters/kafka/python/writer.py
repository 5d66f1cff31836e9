"""A TopicWriter on kafka-python."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from threading import RLock
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RetriableError,
    UnknownTopicOrPartitionError,
)

from engine.adapters.kafka.admin import may_exist
from engine.adapters.kafka.library import ANSWER_SECONDS
from engine.adapters.kafka.python.config import REFUSED, connected, reason
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import BrokersAway, SinkUnavailable, SourceUnavailable, TooLarge
from engine.ports import AWAY_SECONDS, BATCH_BYTES, MAX_RECORD_BYTES, MAX_WAITING_BYTES, WRITE_SECONDS, Done, Headers

LOGGER: Final = logging.getLogger("engine.kafka")
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)
_FOR_EVER: Final = 2**31 - 1
_LEADER_SECONDS: Final = 2.0
"""Seconds that a write waits for the leaders of a topic that was not written to before; the caller's loop stands still
meanwhile."""
_MAX_WAITING: Final = 100_000
"""Records that may wait for the brokers, as with librdkafka."""
_RENEWAL_SECONDS: Final = 1.0
"""Between tries to reach the brokers anew: each may hold its caller up for `connect_timeout`."""


@dataclass(frozen=True, slots=True)
class _Write:
    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers
    done: Done | None


class PythonWriter:
    """One producer for all topics. Calls of `done` come from within its own methods.

    A producer of kafka-python (3.0.12) fails everything that follows once the brokers have refused one record, which
    those of Java and librdkafka do not. So it is given up then, and what is not acknowledged goes to a new one; what
    had reached a broker without an answer may stand in the topic twice.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._failed: SinkUnavailable | None = None
        self._numbers = count()
        self._open: dict[int, _Write] = {}
        """Handed over, in order, and not known to have ended."""
        self._bytes = 0
        """Of their values."""
        self._heard: deque[tuple[int, Exception | None]] = deque()
        """How writes have ended, by their numbers; told on the producer's thread."""
        self._lock = RLock()
        self._renewal = 0.0
        self._away_until = 0.0
        """By the monotonic clock."""
        self._producer: Any = self._connect()

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
        if time.monotonic() < self._away_until:
            raise BrokersAway(self._settings.bootstrap, f"do not take records for {topic}")
        try:
            self._wait_for_room()
            with self._lock:
                self._hand_over(_Write(topic, partition, key, value, headers, done))
        except BrokersAway:
            self._away_until = time.monotonic() + AWAY_SECONDS
            raise

    def _wait_for_room(self) -> None:
        deadline = time.monotonic() + WRITE_SECONDS
        while self._is_full():  # kafka-python 3 has no bound of its own
            if time.monotonic() > deadline:
                raise BrokersAway(self._settings.bootstrap, f"{len(self._open)} records wait to be taken")
            self._wait(0.1)
            self._serve()

    def _is_full(self) -> bool:
        return len(self._open) >= _MAX_WAITING or self._bytes > MAX_WAITING_BYTES

    def _drop(self, number: int) -> _Write | None:
        """It has ended, or is not ours."""
        one = self._open.pop(number, None)
        self._bytes -= len(one.value or b"") if one else 0
        return one

    def serve(self) -> None:
        """Call what waits to hear of writes that have ended; waits only for a connection that has to be made anew.

        Raises SinkUnavailable.
        """
        self._serve()
        self._raise_failure()

    def _serve(self) -> None:
        with self._lock:
            if self._producer is None and time.monotonic() >= self._renewal:
                self._renew()
            while self._heard:
                self._one_ended(*self._heard.popleft())

    def flush(self, timeout: float = 30) -> None:
        """Wait until everything is durable, at most `timeout` seconds. Raises BrokersAway, SinkUnavailable."""
        deadline = time.monotonic() + timeout
        self._serve()
        while self._open:
            if time.monotonic() > deadline:
                why = f"has not taken all records within {timeout:g} s ({len(self._open)} left); they are still tried"
                raise BrokersAway(self._settings.bootstrap, why)
            self._wait(max(0.0, deadline - time.monotonic()))
            self._serve()
        self._raise_failure()

    def _raise_failure(self) -> None:
        failure, self._failed = self._failed, None
        if failure:
            raise failure

    def close(self, timeout: float = 30) -> None:
        """Flush and give up."""
        try:
            self.flush(timeout)
        finally:
            if self._producer is not None:
                with suppress(KafkaError):  # that something is left, as `flush` has said
                    self._producer.close(timeout=0)

    def tail(self, topic: str, partition: int, limit: int) -> Iterator[Headers]:
        """The headers of the last records of a partition: of at least `limit`, if there are as many."""
        try:
            reader = self._connected(KafkaConsumer, group_id=None, enable_auto_commit=False, fetch_max_wait_ms=100)
        except SinkUnavailable as error:  # they have let us in before
            raise BrokersAway(error.sink, error.reason) from error
        place = TopicPartition(topic, partition)
        try:
            reader.assign([place])
            end = reader.end_offsets([place], timeout_ms=ANSWER_SECONDS * 1000)[place]
            low = reader.beginning_offsets([place], timeout_ms=ANSWER_SECONDS * 1000)[place]
            reader.seek(place, max(low, end - limit))
            yield from _until(end, reader, place)
        except KafkaError as error:
            unanswered = isinstance(error, (UnknownTopicOrPartitionError, KafkaTimeoutError))
            missing = unanswered and not may_exist(self._settings, topic)
            kind = SinkUnavailable if missing or isinstance(error, REFUSED) else BrokersAway
            raise kind(topic, f"cannot be read: {reason(error)}") from error
        finally:
            reader.close()

    def _hand_over(self, one: _Write) -> None:
        number = next(self._numbers)
        self._open[number] = one
        self._bytes += len(one.value or b"")
        if self._producer is None:
            return None  # the next one gets it
        try:
            future = self._producer.send(one.topic, one.value, one.key, list(one.headers), one.partition)
        except KafkaTimeoutError as error:  # no room for it, or no word of the topic's leaders
            self._drop(number)
            raise BrokersAway(self._settings.bootstrap, f"do not take records for {one.topic}") from error
        except (KafkaError, ValueError) as error:
            self._drop(number)
            return self._end(one, error)
        future.add_callback(lambda _: self._heard.append((number, None)))
        future.add_errback(lambda error: self._heard.append((number, error)))
        return None

    def _one_ended(self, number: int, error: Exception | None) -> None:
        one = self._drop(number)
        if one is None:
            return  # a producer that was given up tells of what another one has got since
        self._end(one, error)
        if error is not None and not isinstance(error, RetriableError):
            self._give_up(one, error)

    def _give_up(self, refused: _Write, why: Exception) -> None:
        """Only one record at a time is too large; every other refusal concerns all that its topic has been sent."""
        LOGGER.warning("%s refused a record (%s): a new producer goes on", refused.topic, reason(why))
        producer, self._producer = self._producer, None
        with suppress(KafkaError):
            producer.close(timeout=ANSWER_SECONDS)
        while self._heard:
            number, error = self._heard.popleft()
            one = self._open.get(number)
            if one and (error is None or (one.topic == refused.topic and not isinstance(why, _TOO_LARGE))):
                self._drop(number)
                self._end(one, error)
        self._renew()

    def _renew(self) -> None:
        try:
            self._producer = self._connect()
        except SinkUnavailable as error:
            self._renewal = time.monotonic() + _RENEWAL_SECONDS
            LOGGER.warning("no new producer yet: %s", error)
            return
        waiting, self._open, self._bytes = deque(self._open.values()), {}, 0
        try:
            while waiting:
                self._hand_over(waiting[0])
                waiting.popleft()
        except BrokersAway:  # the next producer gets all of it
            with suppress(KafkaError):
                self._producer.close(timeout=0)
            self._producer, self._renewal = None, time.monotonic() + _RENEWAL_SECONDS
            for one in waiting:
                self._hand_over(one)

    def _wait(self, timeout: float) -> None:
        """For all that was handed over, or less: the client also returns early where it had to divide a batch."""
        if self._producer is None:
            time.sleep(min(timeout, _RENEWAL_SECONDS / 10))
            return
        with suppress(KafkaError):
            self._producer.flush(timeout)

    def _connect(self) -> Any:
        return self._connected(
            KafkaProducer,
            enable_idempotence=True,
            delivery_timeout_ms=_FOR_EVER,
            max_request_size=MAX_RECORD_BYTES,
            max_block_ms=int(_LEADER_SECONDS * 1000),
            linger_ms=5,
            batch_size=BATCH_BYTES,
            allow_auto_create_topics=False,
        )

    def _connected(self, client: Callable[..., Any], **config: Any) -> Any:
        try:
            return connected(client, self._settings, **config)
        except SourceUnavailable as error:
            raise SinkUnavailable(error.source, error.reason) from error

    def _end(self, one: _Write, error: Exception | None) -> None:
        kind = TooLarge if isinstance(error, _TOO_LARGE) else SinkUnavailable
        failure = kind(one.topic, reason(error)) if error else None
        if one.done:
            one.done(failure)
        else:
            self._failed = self._failed or failure


def _until(end: int, reader: Any, place: Any) -> Iterator[Headers]:
    deadline = time.monotonic() + ANSWER_SECONDS
    while reader.position(place) < end:
        for record in reader.poll(timeout_ms=500, max_records=1000).get(place, ()):
            yield record.headers
            deadline = time.monotonic() + ANSWER_SECONDS
        if time.monotonic() > deadline:
            message = "the end of the partition does not come"
            raise KafkaTimeoutError(message)

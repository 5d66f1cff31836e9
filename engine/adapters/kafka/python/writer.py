"""A TopicWriter on kafka-python."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError

from engine.adapters.kafka.python.config import connected, reason
from engine.adapters.kafka.settings import KafkaSettings
from engine.adapters.kafka.writer import BATCH_BYTES, Done, Headers
from engine.errors import SinkUnavailable, SourceUnavailable

_LARGEST: Final = 16 * 1024 * 1024  # the broker decides what is too large
_FOR_EVER: Final = 2**31 - 1
_ANSWER_SECONDS: Final = 10.0


class PythonWriter:
    """One producer for all topics. Calls of `done` come from within its own methods."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._failed: SinkUnavailable | None = None
        self._ended: deque[Callable[[], None]] = deque()
        self._producer = self._connected(
            KafkaProducer,
            enable_idempotence=True,
            delivery_timeout_ms=_FOR_EVER,
            max_request_size=_LARGEST,
            linger_ms=5,
            batch_size=BATCH_BYTES,
            allow_auto_create_topics=False,
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
        try:
            future = self._producer.send(topic, value, key, list(headers), partition)
        except (KafkaError, ValueError) as error:
            return self._end(topic, done, error)
        # These come on the producer's thread.
        future.add_callback(lambda _: self._ended.append(partial(self._end, topic, done)))
        future.add_errback(lambda error: self._ended.append(partial(self._end, topic, done, error)))
        return None

    def serve(self) -> None:
        """Call what waits to hear of writes that have ended; does not wait."""
        while self._ended:
            self._ended.popleft()()

    def flush(self, timeout: float = 30) -> None:
        """Wait until everything is durable, at most `timeout` seconds. Raises SinkUnavailable."""
        deadline = time.monotonic() + timeout
        while not self._flushed(max(0.0, deadline - time.monotonic())):
            if time.monotonic() > deadline:
                why = f"has not taken all records within {timeout:g} s; they are still tried"
                raise SinkUnavailable(self._settings.bootstrap, why)
        self.serve()
        failure, self._failed = self._failed, None
        if failure:
            raise failure

    def close(self) -> None:
        """Flush and give up."""
        try:
            self.flush()
        finally:
            self._producer.close(timeout=0)

    def tail(self, topic: str, partition: int, limit: int) -> Iterator[Headers]:
        """The headers of the last records of a partition: of at least `limit`, if there are as many."""
        reader = self._connected(KafkaConsumer, group_id=None, enable_auto_commit=False, fetch_max_wait_ms=100)
        place = TopicPartition(topic, partition)
        try:
            reader.assign([place])
            end = reader.end_offsets([place], timeout_ms=_ANSWER_SECONDS * 1000)[place]
            low = reader.beginning_offsets([place], timeout_ms=_ANSWER_SECONDS * 1000)[place]
            reader.seek(place, max(low, end - limit))
            yield from _until(end, reader, place)
        except KafkaError as error:
            raise SinkUnavailable(topic, f"cannot be read: {reason(error)}") from error
        finally:
            reader.close()

    def _flushed(self, timeout: float) -> bool:
        """False also where the client had to divide what it sent, and gives up waiting for it."""
        try:
            self._producer.flush(timeout)
        except KafkaError:
            return False
        return True

    def _connected(self, client: Callable[..., Any], **config: Any) -> Any:
        try:
            return connected(client, self._settings, **config)
        except SourceUnavailable as error:
            raise SinkUnavailable(error.source, error.reason) from error

    def _end(self, topic: str, done: Done | None, error: Exception | None = None) -> None:
        failure = SinkUnavailable(topic, reason(error)) if error else None
        if done:
            done(failure)
        else:
            self._failed = self._failed or failure


def _until(end: int, reader: Any, place: Any) -> Iterator[Headers]:
    deadline = time.monotonic() + _ANSWER_SECONDS
    while reader.position(place) < end:
        for record in reader.poll(timeout_ms=500, max_records=1000).get(place, ()):
            yield record.headers
            deadline = time.monotonic() + _ANSWER_SECONDS
        if time.monotonic() > deadline:
            message = "the end of the partition does not come"
            raise KafkaTimeoutError(message)

"""Reads topics outside any group and writes a single record, by kafka-python."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError, UnsupportedCodecError

from engine.adapters.kafka.library import ANSWER_SECONDS
from engine.adapters.kafka.python.config import connected, reason
from engine.adapters.kafka.python.messages import record_of
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import CodecMissing, SinkUnavailable, SourceUnavailable
from engine.ports import Headers, Place, Record


class PythonReader:
    """A TopicReader. It has reached the brokers when it is made. Raises SourceUnavailable."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._bootstrap = settings.bootstrap
        self._lacking: CodecMissing | None = None
        """After this kafka-python (3.0.12) never returns from the next poll, so it is not asked again."""
        options = {"group_id": None, "enable_auto_commit": False, "isolation_level": settings.isolation}
        self._consumer = connected(KafkaConsumer, settings, **options, fetch_max_wait_ms=100)

    def bounds(self, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
        """Offset of the first record and of the one that comes next, by place."""
        wanted = [TopicPartition(*place) for place in places]
        if not wanted:
            return {}
        with self._explained():
            low = self._consumer.beginning_offsets(wanted, timeout_ms=ANSWER_SECONDS * 1000)
            end = self._consumer.end_offsets(wanted, timeout_ms=ANSWER_SECONDS * 1000)
        return {tuple(place): (low[place], end[place]) for place in wanted}

    def since(self, places: Iterable[Place], moment: int) -> dict[Place, int]:
        """Offset of the first record that arrived at this moment (epoch ms) or later; without places that have none."""
        wanted = {TopicPartition(*place): moment for place in places}
        with self._explained():
            found = self._consumer.offsets_for_times(wanted, timeout_ms=ANSWER_SECONDS * 1000)
        return {tuple(place): at.offset for place, at in found.items() if at is not None}

    def read(self, spans: Mapping[Place, tuple[int, int]]) -> Iterator[Record]:
        """The records of each place from one offset to before another, in order of offset within a place."""
        if self._lacking:
            raise self._lacking
        left = {TopicPartition(*place): end for place, (start, end) in spans.items() if start < end}
        if not left:
            return
        with self._explained():
            self._consumer.assign(list(left))
            for place in left:
                self._consumer.seek(place, spans[tuple(place)][0])
            yield from self._until(left)

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()

    def _until(self, left: dict[Any, int]) -> Iterator[Record]:
        """A position also moves past what is no record, such as the markers of transactions."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while left:
            found = self._consumer.poll(timeout_ms=500, max_records=1_000)
            for place, records in found.items():
                yield from (record_of(record) for record in records if record.offset < left.get(place, 0))
                deadline = time.monotonic() + ANSWER_SECONDS
            for place in [place for place, end in left.items() if self._consumer.position(place) >= end]:
                del left[place]
            if time.monotonic() > deadline:
                message = f"{next(iter(left)).topic} does not come to its end"
                raise KafkaTimeoutError(message)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except UnsupportedCodecError as error:
            self._lacking = CodecMissing(self._bootstrap, reason(error))
            raise self._lacking from error
        except KafkaError as error:
            raise SourceUnavailable(self._bootstrap, reason(error)) from error


def send_one(settings: KafkaSettings, topic: str, partition: int, key: bytes, value: bytes, headers: Headers) -> int:
    """Write one record and return its offset once it is durable. Raises SourceUnavailable and SinkUnavailable."""
    producer = connected(KafkaProducer, settings, enable_idempotence=True, allow_auto_create_topics=False)
    try:
        sent = producer.send(topic, value, key, list(headers), partition)
        return int(sent.get(timeout=ANSWER_SECONDS).offset)
    except KafkaError as error:
        raise SinkUnavailable(topic, reason(error)) from error
    finally:
        producer.close(timeout=0)

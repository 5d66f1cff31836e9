"""Reads topics outside any group, and the committed offsets of groups, by confluent-kafka."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from engine.adapters.kafka.committed import PresentTopics
from engine.adapters.kafka.confluent.asker import Asker
from engine.adapters.kafka.confluent.bounds import bounds
from engine.adapters.kafka.confluent.config import REFUSED
from engine.adapters.kafka.confluent.messages import note_beside, record_of, topic_partition_of
from engine.adapters.kafka.library import ANSWER_SECONDS
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import BrokersAway, SourceUnavailable
from engine.ports import Place, Record


class ConfluentReader:
    """A TopicReader. It connects with its first question. Raises SourceUnavailable."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._asker = Asker(settings)

    def bounds(self, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
        """Offset of the first record and of the one that comes next, by place."""
        with self._asker.explained():
            return {
                place: bounds(self._asker.consumer, TopicPartition(*place), ANSWER_SECONDS) for place in list(places)
            }

    def since(self, places: Iterable[Place], moment: int) -> dict[Place, int]:
        """Offset of the first record that arrived at this moment (epoch ms) or later; without places that have none."""
        with self._asker.explained():
            wanted = [TopicPartition(*place, moment) for place in places]
            found = self._asker.consumer.offsets_for_times(wanted, timeout=ANSWER_SECONDS)
            _raise_first_error(found)
        return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}

    def read(self, spans: Mapping[Place, tuple[int, int]]) -> Iterator[Record]:
        """The records of each place from one offset to before another, in order of offset within a place."""
        left = {place: end for place, (start, end) in spans.items() if start < end}
        if not left:
            return
        with self._asker.explained():
            self._asker.consumer.assign([TopicPartition(*place, spans[place][0]) for place in left])
            yield from self._until(left)

    def close(self) -> None:
        """Close the connections."""
        self._asker.close()

    def _until(self, left: dict[Place, int]) -> Iterator[Record]:
        """Read to the end that the library reports: markers of transactions take offsets but are no records."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while left:
            for message in self._asker.consumer.consume(1_000, 0.5):
                record = _record(message)
                if record and record.next_offset <= left.get((record.source, record.partition), 0):
                    yield record
                _strike(message, left)
                deadline = time.monotonic() + ANSWER_SECONDS
            if time.monotonic() > deadline:
                why = f"{next(iter(left))[0]} does not come to its end"
                raise KafkaException(KafkaError(KafkaError._FAIL, why))


class ConfluentOffsets:
    """GroupOffsets. It connects with its first question."""

    def __init__(self, settings: KafkaSettings) -> None:
        # Not read_committed, which would wait for transactions that are under way in the group's offsets.
        self._asker = Asker(replace(settings, isolation="read_uncommitted"))
        self._topics = settings.topics
        self._bootstrap = settings.bootstrap
        self._present = PresentTopics(settings)

    def committed(self, partition: int) -> dict[str, int]:
        """Topic -> next offset, without those of which nothing is committed, and those made again since."""
        wanted = [TopicPartition(topic, partition) for topic in self._topics]
        try:
            found = self._asker.consumer.committed(wanted, timeout=ANSWER_SECONDS)
            _raise_first_error(found)
        except KafkaException as error:
            kind = SourceUnavailable if error.args[0].code() in REFUSED else BrokersAway
            raise kind(self._bootstrap, self._asker.reason(error.args[0])) from error
        return self._present.offsets({one.topic: (one.offset, note_beside(one)) for one in found})

    def close(self) -> None:
        """Close the connections."""
        self._asker.close()


def _record(message: Message) -> Record | None:
    """None at the end of a partition."""
    error = message.error()
    if error is None:
        return record_of(message)
    if error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return None


def _strike(message: Message, left: dict[Place, int]) -> None:
    """Remove a partition from the list when this message is its last, or reports its end."""
    at = topic_partition_of(message)
    place = (at.topic, at.partition)
    if message.error() or at.offset + 1 >= left.get(place, 0):
        left.pop(place, None)


def _raise_first_error(places: Iterable[TopicPartition]) -> None:
    for place in places:
        if place.error is not None:
            raise KafkaException(place.error)

"""An EventSource on kafka-python. It calls back on its own thread, while ours waits in `poll` or `close`."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError, RetriableError, UnknownTopicOrPartitionError

from engine.adapters.kafka.admin import check_still_there, check_topics
from engine.adapters.kafka.member import Member
from engine.adapters.kafka.python.assignor import CoPartitionedAssignor
from engine.adapters.kafka.python.cluster import compressions
from engine.adapters.kafka.python.codecs import codec_advice, missing_codecs
from engine.adapters.kafka.python.config import connected, reason
from engine.adapters.kafka.python.joining import Joining
from engine.adapters.kafka.python.messages import record_of
from engine.adapters.kafka.settings import KafkaSettings
from engine.adapters.kafka.topic_watch import TopicWatch, WatchedTopics
from engine.errors import CodecMissing, SourceUnavailable
from engine.ports import Ownership, Record

LOGGER: Final = logging.getLogger("engine.kafka")
_FETCHER: Final = logging.getLogger("kafka.consumer.fetcher")
_ANSWER_SECONDS: Final = 5.0
"""Seconds for one answer of the brokers. The worker's loop stands still meanwhile, for every partition it asks about;
after a minute without a turn /healthz reports it stuck."""


class PythonSource(WatchedTopics):
    """In the group from its first `poll`. Raises SourceUnavailable where a topic is missing or not like the others."""

    def __init__(self, settings: KafkaSettings, ownership: Ownership) -> None:
        check_topics(settings)
        _check_codecs(settings)
        _FETCHER.addFilter(_tell_of_lost_records)
        _FETCHER.setLevel(min(logging.INFO, _FETCHER.getEffectiveLevel()))
        self._settings = settings
        self._member = Member(ownership)
        self._watch = TopicWatch(settings)
        self._consumer = connected(KafkaConsumer, settings, **_config(settings))
        # What an open transaction hides, of others too, is unread: by read_committed a partition would end before it.
        asking = {"group_id": None, "enable_auto_commit": False, "isolation_level": "read_uncommitted"}
        self._asker = connected(KafkaConsumer, settings, **asking)
        self._joining = Joining(self._consumer)
        self._consumer.subscribe(settings.topics, listener=_Listener(self))
        for topic in settings.topics:
            self._consumer.partitions_for_topic(topic)  # who leads a group without this knowledge hands out nothing

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """Up to `limit` records, in offset order per topic and partition; waits `timeout` seconds for the first."""
        with self._explained():
            with self._joining.poll(timeout) as seconds:
                found = self._consumer.poll(timeout_ms=seconds * 1000, max_records=limit)
            self._member.add(record_of(record) for records in found.values() for record in records)
        return self._member.take_batch()

    def seek(self, partition: int, offsets: Mapping[str, int]) -> None:
        """Read on from there; what was fetched ahead is dropped."""
        self._member.forget([partition])
        self._start({partition: offsets})

    def pause(self, partitions: Sequence[int]) -> None:
        """Deliver nothing of these until `resume`, and stay in the group."""
        self._member.paused.update(partitions)
        self._consumer.pause(*self._places(self._member.owned.intersection(partitions)))

    def resume(self, partitions: Sequence[int]) -> None:
        """Return records of these partitions again."""
        self._member.paused.difference_update(partitions)
        self._consumer.resume(*self._places(self._member.owned.intersection(partitions)))

    def caught_up(self, partition: int, handled: Mapping[str, int]) -> set[str]:
        """The topics of which the owner has handled all that the broker has at the time of this call."""
        done = self._member.all_handled
        topics = [topic for topic in self._settings.topics if done(topic, partition, handled.get(topic, 0))]
        places = [TopicPartition(topic, partition) for topic in topics]
        try:
            ends = self._asker.end_offsets(places, timeout_ms=_ANSWER_SECONDS * 1000)
            return {place.topic for place in places if ends[place] <= self._position(place)}
        except KafkaError as error:
            raise SourceUnavailable(self._settings.topics[0], f"does not say where it ends: {reason(error)}") from error

    def position(self, partition: int, topic: str, handled: int) -> int:
        """The offset before which nothing is left to handle, -1 where not known yet."""
        if self._member.all_handled(topic, partition, handled):
            return self._position(TopicPartition(topic, partition))
        return handled

    def joined(self) -> bool:
        """Whether the group counts us in, if only as one that stands by."""
        return bool(self._consumer.group_metadata().member_id)

    def lag(self) -> dict[int, int]:
        """Records not yet returned, by partition, as far as the last fetches tell."""
        return {partition: sum(map(self._behind, self._places([partition]))) for partition in self._member.owned}

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Tell the broker (topic, partition) -> next offset; does not wait."""
        note = self._watch.note
        with suppress(KafkaError):
            self._consumer.commit_async(
                {
                    TopicPartition(*place): OffsetAndMetadata(offset, note(place[0]), -1)
                    for place, offset in offsets.items()
                }
            )

    def close(self) -> None:
        """Leave the group at once."""
        self._watch.close()
        self._consumer.close(autocommit=False, timeout_ms=_ANSWER_SECONDS * 1000)
        self._asker.close(timeout_ms=0)
        self._member.raise_failure()

    def on_assigned(self, partitions: Iterable[int]) -> None:
        starts = self._member.assigned(partitions)
        self._start(starts)
        self._consumer.pause(*self._places(self._member.paused.intersection(starts)))

    def on_revoked(self, partitions: Iterable[int]) -> None:
        self._member.revoked(partitions)

    def on_lost(self, partitions: Iterable[int]) -> None:
        self._member.lost(partitions)

    def _start(self, starts: Mapping[int, Mapping[str, int]]) -> None:
        for place in self._places(starts):
            offset = starts[place.partition].get(place.topic)
            if offset is None:
                self._consumer.seek_to_beginning(place)
            else:
                self._consumer.seek(place, offset)

    def _places(self, partitions: Iterable[int]) -> list[Any]:
        """Of every topic."""
        return [TopicPartition(topic, partition) for partition in partitions for topic in self._settings.topics]

    def _position(self, place: Any) -> int:
        """The next offset to return, -1 where not known; a marker of a transaction counts as returned."""
        owned = place.partition in self._member.owned
        position = self._consumer.position(place, timeout_ms=0) if owned else None
        return -1 if position is None else int(position)

    def _behind(self, place: Any) -> int:
        position, end = self._position(place), self._consumer.highwater(place)
        return max(0, end - position) if position >= 0 and end is not None else 0

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """After what passes by itself the client goes on."""
        try:
            yield
        except UnknownTopicOrPartitionError:
            check_still_there(self._settings)
        except RetriableError:
            pass
        except KafkaError as error:
            raise SourceUnavailable(self._settings.bootstrap, reason(error)) from error


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Has a partition once for all topics."""

    def __init__(self, source: PythonSource) -> None:
        self._source = source

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        self._source.on_assigned({place.partition for place in assigned})

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        self._source.on_revoked({place.partition for place in revoked})

    def on_partitions_lost(self, lost: Iterable[Any]) -> None:
        self._source.on_lost({place.partition for place in lost})


def _tell_of_lost_records(said: logging.LogRecord) -> bool:
    """A filter of the client's log: that records are gone before they were read is a line of information to it."""
    if said.levelno == logging.INFO and "out of range" in str(said.msg):
        LOGGER.warning("Offset out of range: %s", said.getMessage())
    return said.levelno >= logging.getLogger("kafka").getEffectiveLevel()


def _check_codecs(settings: KafkaSettings) -> None:
    """Raises CodecMissing for a topic whose compression we cannot read; of producers' own choices the log warns."""
    missing = missing_codecs()
    if not missing:
        return
    kinds = compressions(settings, settings.topics)
    for topic, kind in kinds.items():
        if kind in missing:
            raise CodecMissing(topic, f"is compressed with {kind}: pip install {missing[kind]}")
    if "producer" in kinds.values():
        what = ", ".join(missing)
        LOGGER.warning("records compressed with %s would end this worker; to read them: %s", what, codec_advice())


def _config(settings: KafkaSettings) -> dict[str, Any]:
    return {
        "group_id": settings.group,
        "group_instance_id": settings.instance_id,
        "partition_assignment_strategy": [CoPartitionedAssignor],
        "session_timeout_ms": int(settings.session_timeout * 1000),
        "heartbeat_interval_ms": int(settings.heartbeat * 1000),
        "isolation_level": settings.isolation,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "allow_auto_create_topics": False,
        "fetch_max_wait_ms": 100,
    }

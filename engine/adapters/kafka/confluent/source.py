"""An EventSource on librdkafka.

Its assignors do not keep the partitions of several topics together. So the group shares out the first topic only, and
each member reads, of every topic, the partitions it got of that one.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from engine.adapters.kafka.admin import check_still_there, check_topics
from engine.adapters.kafka.confluent.bounds import bounds
from engine.adapters.kafka.confluent.config import LOGGER, MISSING, REFUSED, client_config, opened
from engine.adapters.kafka.confluent.messages import record_of, topic_partition_of
from engine.adapters.kafka.member import Member
from engine.adapters.kafka.settings import KafkaSettings
from engine.adapters.kafka.topic_watch import TopicWatch, WatchedTopics
from engine.errors import SourceUnavailable
from engine.ports import Ownership, Record

_ANSWER_SECONDS: Final = 5.0
"""Seconds for one answer of the brokers. The worker's loop stands still meanwhile, for every partition it asks about;
after a minute without a turn /healthz reports it stuck."""
_QUICK_SECONDS: Final = 1.0
"""Seconds for the question whether brokers that were out of reach answer again. It is asked before each commit of
offsets, which are for dashboards only and not worth a longer wait."""
_CUT_OFF: Final = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT})


class ConfluentSource(WatchedTopics):
    """In the group from its first `poll`. Raises SourceUnavailable where a topic is missing or not like the others."""

    def __init__(self, settings: KafkaSettings, ownership: Ownership) -> None:
        check_topics(settings)
        self._settings = settings
        self._topics = settings.topics
        self._member = Member(ownership)
        self._watch = TopicWatch(settings)
        self._cut_off = False
        """Whether a broker was out of reach since we last knew that they answer."""
        self._ends: dict[tuple[str, int], int] = {}
        self._starts: dict[tuple[str, int], int] = {}
        """Where each partition of a topic was sent to."""
        # On the consumer's own connection the question would wait behind a fetch, which waits for new records. What an
        # open transaction hides, of others too, is unread: by read_committed a partition would end before it.
        self._asker = opened(Consumer, _config(settings) | {"isolation.level": "read_uncommitted", "log_level": 0})
        self._consumer = opened(Consumer, {**_config(settings), "error_cb": self._trouble}, logger=LOGGER)
        self._consumer.subscribe(
            [self._topics[0]], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """What is there at once; where nothing is, it waits for the first record or the end of a partition."""
        try:
            self._take(self._consumer.consume(limit, 0))
            if not self._member.batch and timeout:
                self._take(self._consumer.consume(1, timeout))
                self._take(self._consumer.consume(limit - 1, 0))
        except KafkaException as error:
            self._heard(error.args[0], self._topics[0])
        return self._member.take_batch()

    def seek(self, partition: int, offsets: Mapping[str, int]) -> None:
        """Read on from there; what was fetched ahead is dropped."""
        self._member.forget([partition])
        places = self._places([partition], {partition: offsets})
        self._begin(places)
        for place in places:
            self._seek(place)

    def pause(self, partitions: Sequence[int]) -> None:
        """Deliver nothing of these until `resume`, and stay in the group."""
        self._member.paused.update(partitions)
        self._consumer.pause(self._places(self._member.owned.intersection(partitions)))

    def resume(self, partitions: Sequence[int]) -> None:
        """Return records of these partitions again."""
        self._member.paused.difference_update(partitions)
        self._consumer.resume(self._places(self._member.owned.intersection(partitions)))

    def caught_up(self, partition: int, handled: Mapping[str, int]) -> set[str]:
        """The topics of which the owner has handled all that the broker has at the time of this call."""
        return {place.topic for place in self._places([partition]) if self._at_end(place, handled.get(place.topic, 0))}

    def position(self, partition: int, topic: str, handled: int) -> int:
        """The offset before which nothing is left to handle, -1 where not known yet."""
        if self._member.all_handled(topic, partition, handled):
            return self._position(TopicPartition(topic, partition))
        return handled

    def joined(self) -> bool:
        """Whether the group counts us in, if only as one that stands by."""
        return bool(self._consumer.memberid())

    def lag(self) -> dict[int, int]:
        """Records not yet returned, by partition, as far as the last fetches tell."""
        return {partition: sum(map(self._behind, self._places([partition]))) for partition in self._member.owned}

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Tell the broker (topic, partition) -> next offset; does not wait."""
        if self._cut_off and not self._reaches(next(iter(offsets))):
            return
        note = self._watch.note
        with suppress(KafkaException):
            self._consumer.commit(
                offsets=[TopicPartition(*place, offset, note(place[0])) for place, offset in offsets.items()]
            )

    def close(self) -> None:
        """Leave the group at once."""
        self._watch.close()
        self._consumer.close()
        self._asker.close()
        self._member.raise_failure()

    def _assigned(self, consumer: Consumer, first: list[TopicPartition]) -> None:
        starts = self._member.assigned(place.partition for place in first)
        places = self._places(starts, starts)
        self._begin(places)
        consumer.incremental_assign(places)
        consumer.pause(self._places(self._member.paused.intersection(starts)))

    def _revoked(self, consumer: Consumer, first: list[TopicPartition]) -> None:
        self._member.revoked(place.partition for place in first)
        self._give_up(consumer, first)

    def _lost(self, consumer: Consumer, first: list[TopicPartition]) -> None:
        self._member.lost(place.partition for place in first)
        self._give_up(consumer, first)

    def _give_up(self, consumer: Consumer, first: list[TopicPartition]) -> None:
        places = self._places(place.partition for place in first)
        self._forget(places)
        consumer.resume(places)  # one that is paused when it goes would be when it comes back, and nobody would know
        consumer.incremental_unassign(places)

    def _places(
        self, partitions: Iterable[int], starts: Mapping[int, Mapping[str, int]] | None = None
    ) -> list[TopicPartition]:
        """Of every topic. An offset that `starts` does not have is the beginning."""
        return [
            TopicPartition(topic, partition, (starts or {}).get(partition, {}).get(topic, OFFSET_BEGINNING))
            for partition in partitions
            for topic in self._topics
        ]

    def _take(self, messages: Sequence[Message]) -> None:
        """Into the running poll. Where the client has gone back by itself, send it on again.

        Its question where a partition begins may be answered after the partition was sent elsewhere. It then asks
        anew, half a second later, and goes there.
        """
        batch, given, starts = self._member.batch, self._member.given, self._starts
        gone_back: dict[tuple[str, int], int] = {}
        for message in messages:
            error = message.error()
            if error is None:
                record = record_of(message)
                place = record.source, record.partition
                expected = given.get(place) or starts.get(place, 0)
                if record.next_offset <= expected and self._has(place, expected):
                    gone_back[place] = expected
                    continue
                batch.append(record)
                given[place] = record.next_offset
            elif error.code() == KafkaError._PARTITION_EOF:
                end = topic_partition_of(message)
                self._ends[end.topic, end.partition] = end.offset
            else:
                self._heard(error, message.topic() or self._topics[0])
        for (topic, partition), offset in gone_back.items():
            LOGGER.warning("%s [%d]: librdkafka went back by itself; reading goes on at %d", topic, partition, offset)
            self._seek(TopicPartition(topic, partition, offset))

    def _has(self, place: tuple[str, int], offset: int) -> bool:
        """Whether the partition still reaches to the offset: a topic that was made again may not, and begins anew."""
        return bool(self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)[1] >= offset)

    def _heard(self, error: KafkaError, topic: str) -> None:
        code = error.code()
        if code in MISSING:
            check_still_there(self._settings)
        elif code in REFUSED:
            self._member.failed(topic, error.str())

    def _trouble(self, error: KafkaError) -> None:
        if error.code() in REFUSED:
            self._member.failed(self._settings.bootstrap, error.str())
        if error.code() in _CUT_OFF:
            self._cut_off = True

    def _reaches(self, place: tuple[str, int]) -> bool:
        """Whether the brokers answer again.

        librdkafka keeps a commit that it cannot send. By the time it can, the session may be over, and a static member
        that commits for its old session is fenced for good.
        """
        with suppress(KafkaException):
            self._asker.get_watermark_offsets(TopicPartition(*place), timeout=_QUICK_SECONDS, cached=False)
            self._cut_off = False
        return not self._cut_off

    def _begin(self, places: Sequence[TopicPartition]) -> None:
        self._forget(places)
        self._starts |= {(place.topic, place.partition): place.offset for place in places}

    def _forget(self, places: Iterable[TopicPartition]) -> None:
        for place in places:
            self._ends.pop((place.topic, place.partition), None)
            self._starts.pop((place.topic, place.partition), None)

    def _seek(self, place: TopicPartition) -> None:
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            try:
                return self._consumer.seek(place)
            except KafkaException as error:
                # A partition that has just been assigned cannot be moved before its fetcher has started.
                if error.args[0].code() != KafkaError._STATE or time.monotonic() > deadline:
                    raise SourceUnavailable(place.topic, f"cannot go to offset {place.offset}: {error}") from error
                time.sleep(0.01)

    def _position(self, place: TopicPartition) -> int:
        """The next offset to return, -1 where not known. Markers of transactions show in the end only."""
        key = place.topic, place.partition
        return max(self._member.given.get(key, -1), self._ends.get(key, -1))

    def _at_end(self, place: TopicPartition, handled: int) -> bool:
        if not self._member.all_handled(place.topic, place.partition, handled):
            return False
        try:
            _, end = bounds(self._asker, place, _ANSWER_SECONDS)
        except KafkaException as error:
            raise SourceUnavailable(place.topic, f"does not say where it ends: {error.args[0].str()}") from error
        return 0 <= end <= self._position(place)

    def _behind(self, place: TopicPartition) -> int:
        position, (_, end) = self._position(place), self._consumer.get_watermark_offsets(place, cached=True)
        return max(0, end - position) if position >= 0 else 0


def _config(settings: KafkaSettings) -> dict[str, object]:
    return client_config(settings) | {
        "group.id": settings.group,
        **({"group.instance.id": settings.instance_id} if settings.instance_id else {}),
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": int(settings.session_timeout * 1000),
        "heartbeat.interval.ms": int(settings.heartbeat * 1000),
        "isolation.level": settings.isolation,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 100,
        "fetch.queue.backoff.ms": 20,
        "queued.max.messages.kbytes": 32_768,
    }

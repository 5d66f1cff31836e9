"""The ingest's consume-transform-produce on librdkafka: what was read, and how far, become true in one transaction.

The group shares out partitions eagerly, not cooperatively: each generation then begins with `on_assign`, so the group
metadata taken there is that of the member as it owns its partitions. A transaction sent with it after the group has
gone on without us is refused, whoever has the partitions by then.

Each committed offset has as its metadata the broker time of the last record before it, which `ConfluentProgress` reads,
and the id of its topic: one that was made again is read from its beginning.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, Queue
from threading import Thread
from time import time
from typing import Any, Final
from uuid import uuid4

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from engine.adapters.kafka.committed import PresentTopics
from engine.adapters.kafka.confluent.config import LOGGER, REFUSED, client_config, opened
from engine.adapters.kafka.confluent.messages import note_beside, record_of
from engine.adapters.kafka.settings import KafkaSettings
from engine.adapters.kafka.topic_watch import TopicWatch
from engine.errors import BrokersAway, SinkUnavailable, SourceUnavailable
from engine.ports import BATCH_BYTES, REFUSES_BATCHES, Place, Record, Rekeyed
from engine.wire.records import ID_HEADER

_ANSWER_SECONDS: Final = 10.0
"""Seconds for each step of a transaction; then it is undone and its records come again."""
_OFFSETS_SECONDS: Final = 5.0
"""Seconds for the offsets of a transaction, within _ANSWER_SECONDS: a coordinator that has gone never answers."""
_TRANSACTION_MS: Final = 10_000
"""Milliseconds after which the brokers abort the open transaction of a member that has died. Until then the readers of
the internal topic get nothing that was written after it began."""
_DENIED: Final = REFUSED | {KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED}
_TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE})


class ConfluentTransfer:
    """A member of the group over the un-keyed topics, from its first `poll`."""

    def __init__(self, settings: KafkaSettings, into: str, letters: str) -> None:
        self._settings = settings
        self._into = into
        self._letters = letters
        self._next: dict[Place, int] = {}
        """Where to go on once what was polled is committed, markers of transactions included."""
        self._done: dict[Place, int] = {}
        """What is committed already. What comes from before it is passed over."""
        self._times: dict[Place, int] = {}
        self._repeated: set[Place] = set()
        """Where records have come that are committed already."""
        self._refused: set[tuple[str, int, int]] = set()
        """Records that are too large for the internal topic, until their dead letters are committed."""
        self._largest: tuple[int, tuple[str, int, int]] | None = None
        self._stuck: SinkUnavailable | None = None
        self._fence: Any = None
        self._must_rewind = False
        self._changed = False
        self._failure: SourceUnavailable | None = None
        self._watch = TopicWatch(settings)
        self._present = PresentTopics(settings)
        self._ids = self._watch.tell()
        self._transactional_id = f"{settings.group}-{settings.instance_id or uuid4()}"
        self._producer: Producer | None = None
        self._consumer = opened(Consumer, {**_reading(settings), "error_cb": self._trouble}, logger=LOGGER)
        self._consumer.subscribe(
            list(settings.topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """The next records; waits `timeout` seconds for the first."""
        records: list[Record] = []
        self._notice_made_again()
        if self._must_rewind:
            self._rewind()
        while len(records) < limit:
            message = self._consumer.poll(0 if records else timeout)
            if self._failure:
                raise self._failure
            if self._changed:  # what was read before belongs to whoever has the partitions now
                self._changed = False
                records.clear()
            if message is None or self._must_rewind:
                break
            if not self._is_record(message):
                timeout = 0
            elif (record := self._read(message)) is not None:
                records.append(record)
        return records

    def commit(self, events: Sequence[Rekeyed], letters: Sequence[tuple[str, bytes]]) -> bool:
        """Write what became of all the last poll's records in one transaction; False: the records come again."""
        offsets = self._offsets()
        if not offsets:
            return True
        try:
            self._transact(events, letters, offsets)
        except KafkaException as error:
            self._undo(error.args[0])
            return False
        self._done.update({_place(one): one.offset for one in offsets})
        self._refused = {one for one in self._refused if one[2] > self._done.get(one[:2], 0)}
        return True

    def refuses(self, record: Record) -> bool:
        """Whether an earlier `commit` has shown that the internal topic cannot take this record."""
        return bool(self._refused) and _identity(record) in self._refused

    def lag(self) -> dict[Place, int]:
        """Records not yet returned, by topic and partition, as far as the last fetches tell."""
        return {place: self._behind(place) for place in self._next}

    def close(self) -> None:
        """Leave at once; what is not committed is left to the next."""
        self._watch.close()
        self._consumer.close()
        self._producer = None

    # --- reading

    def _is_record(self, message: Message) -> bool:
        """The end of a partition counts as read, and so do the markers of transactions before it."""
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            end = record_of(message)
            self._next[end.source, end.partition] = end.next_offset - 1
        else:
            self._heard(error, message.topic() or self._settings.bootstrap)
        return False

    def _read(self, message: Message) -> Record | None:
        """None where it is committed already: a topic that has lost its end is read from its beginning."""
        record = record_of(message)
        place = record.source, record.partition
        if record.next_offset <= self._done.get(place, 0):
            self._note_repeat(place, record.next_offset - 1)
            return None
        self._next[place] = record.next_offset
        self._times[place] = max(self._times.get(place, 0), min(record.timestamp, int(time() * 1000)))
        return record

    def _note_repeat(self, place: Place, offset: int) -> None:
        if place not in self._repeated:
            self._repeated.add(place)
            before = self._done[place]
            LOGGER.warning("ingest: %s[%d] is read again from %d, and passed over up to %d", *place, offset, before)

    def _heard(self, error: KafkaError, source: str) -> None:
        if error.code() in _DENIED or error.fatal():
            self._failure = SourceUnavailable(source, error.str())

    def _trouble(self, error: KafkaError) -> None:
        self._heard(error, self._settings.bootstrap)

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._fence = consumer.consumer_group_metadata()
        starts = self._starts(places)
        self._must_rewind = starts is None
        consumer.assign(places if starts is None else starts)

    def _revoked(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._changed = True
        self._must_rewind = False
        self._forget()
        consumer.unassign()

    def _forget(self) -> None:
        for known in (self._next, self._done, self._times, self._repeated):
            known.clear()

    def _rewind(self) -> None:
        """Go on from what is committed; `_must_rewind` stays where that is to be tried again."""
        starts = self._starts(self._consumer.assignment())
        with suppress(KafkaException):
            for place in starts or ():
                self._consumer.seek(place)
            self._must_rewind = starts is None

    def _starts(self, places: list[TopicPartition]) -> list[TopicPartition] | None:
        """Where to go on in these; None where the brokers do not say. Nothing else of them counts any more."""
        self._forget()
        try:
            committed = self._consumer.committed(places, timeout=_ANSWER_SECONDS)
            for one in committed:
                if one.error is not None:
                    raise KafkaException(one.error)
                note = note_beside(one).partition(" ")[2]
                if self._present.offsets({one.topic: (one.offset, note)}):
                    self._done[_place(one)] = one.offset
        except KafkaException as error:
            self._trouble(error.args[0])
            return None
        except BrokersAway:
            return None
        begin = OFFSET_BEGINNING
        return [TopicPartition(*place, self._done.get(place, begin)) for place in map(_place, committed)]

    def _notice_made_again(self) -> None:
        """Rewind where a topic has another id than before: what is committed of it are places in the old one."""
        before, self._ids = self._ids, {**self._ids, **self._watch.tell()}
        for topic, identity in self._ids.items():
            if before.get(topic, identity) != identity:
                LOGGER.warning("ingest: the topic was made again, it is read from its beginning: %s", topic)
                self._must_rewind = True

    def _behind(self, place: Place) -> int:
        _, end = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        return max(0, end - self._next[place])

    # --- writing

    def _offsets(self) -> list[TopicPartition]:
        return [
            TopicPartition(*place, offset, metadata=f"{self._times.get(place, 0)} {self._watch.note(place[0])}")
            for place, offset in self._next.items()
            if offset > self._done.get(place, -1)
        ]

    def _transact(
        self, events: Sequence[Rekeyed], letters: Sequence[tuple[str, bytes]], offsets: list[TopicPartition]
    ) -> None:
        producer = self._producer or self._begin_producing()
        self._largest = None
        producer.begin_transaction()
        for event in events:
            self._write(producer, self._into, event.customer, event.value, event.headers, _identity(event.origin))
        for identity, letter in letters:
            self._write(producer, self._letters, identity, letter, ((ID_HEADER, identity.encode()), _JSON), None)
        producer.flush(_ANSWER_SECONDS)
        self._send_offsets(producer, offsets)
        _insisting(lambda: producer.commit_transaction(_ANSWER_SECONDS))

    def _send_offsets(self, producer: Producer, offsets: list[TopicPartition]) -> None:
        """In a thread: librdkafka ignores the timeout and may not return after a broker has gone (its issue 5456)."""
        ended: Queue[KafkaException | None] = Queue()

        def send() -> None:
            try:
                producer.send_offsets_to_transaction(offsets, self._fence, _OFFSETS_SECONDS)
                ended.put(None)
            except KafkaException as error:
                ended.put(error)

        Thread(target=send, name="ingest-offsets", daemon=True).start()
        try:
            error = ended.get(timeout=_OFFSETS_SECONDS + 1)
        except Empty:
            self._producer = None  # the next one of its name fences it
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the group's coordinator does not answer")) from None
        if error:
            raise error

    def _write(
        self,
        producer: Producer,
        topic: str,
        key: str,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
        origin: tuple[str, int, int] | None,
    ) -> None:
        def ended(error: KafkaError | None, message: Message | None) -> None:
            if error and error.code() in _TOO_LARGE:
                self._too_large(topic, len(value or b"") + sum(len(text) for _, text in headers), origin)

        while True:
            try:
                return producer.produce(topic, value, key.encode(), on_delivery=ended, headers=list(headers))
            except BufferError:
                producer.poll(0.1)
            except KafkaException as error:  # too large for any topic
                ended(error.args[0], None)
                raise

    def _too_large(self, topic: str, size: int, origin: tuple[str, int, int] | None) -> None:
        if size <= BATCH_BYTES:  # refused for others of its batch
            self._stuck = SinkUnavailable(topic, REFUSES_BATCHES)
        elif origin is None:
            self._stuck = SinkUnavailable(topic, f"does not take a dead letter of {size} bytes (max.message.bytes)")
        else:
            self._largest = max(self._largest or (size, origin), (size, origin))

    def _begin_producing(self) -> Producer:
        producer = Producer(_writing(self._settings, self._transactional_id), logger=LOGGER)
        producer.init_transactions(_ANSWER_SECONDS)
        self._producer = producer
        return producer

    def _undo(self, error: KafkaError) -> None:
        """After this, nothing of the transaction has happened, or all of it: the committed offsets know."""
        LOGGER.warning("ingest: a transaction is undone: %s", error.str())
        if error.code() in _DENIED:
            raise SinkUnavailable(self._into, error.str())
        if self._stuck:
            raise self._stuck
        if self._largest:  # a whole batch is refused for one of its records: most likely for this one
            self._refused.add(self._largest[1])
        self._must_rewind = True
        try:
            if (producer := self._producer) and not error.fatal():
                return _insisting(lambda: producer.abort_transaction(_ANSWER_SECONDS))
        except KafkaException as again:
            LOGGER.warning("ingest: and could not be aborted: %s", again.args[0].str())
        self._producer = None
        return None


_JSON: Final = ("content-type", b"application/json")
_TRIES: Final = 3


def _insisting(call: Callable[[], None]) -> None:
    """Until it is decided: whether a commit that has timed out has happened, only the same call again tells."""
    for _ in range(_TRIES):
        try:
            call()
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
            last = error
        else:
            return
    raise last


def _identity(record: Record) -> tuple[str, int, int]:
    return record.source, record.partition, record.next_offset


def _place(one: TopicPartition) -> Place:
    return one.topic, one.partition


def _reading(settings: KafkaSettings) -> dict[str, Any]:
    return client_config(settings) | {
        "group.id": settings.group,
        **({"group.instance.id": settings.instance_id} if settings.instance_id else {}),
        "partition.assignment.strategy": "roundrobin",
        "session.timeout.ms": int(settings.session_timeout * 1000),
        "heartbeat.interval.ms": int(settings.heartbeat * 1000),
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 32_768,
    }


def _writing(settings: KafkaSettings, transactional_id: str) -> dict[str, Any]:
    return client_config(settings) | {
        "transactional.id": transactional_id,
        "transaction.timeout.ms": _TRANSACTION_MS,
        "message.max.bytes": 16 * 1024 * 1024,  # the broker decides what is too large
        "batch.size": BATCH_BYTES,
        "partitioner": "murmur2_random",
        "linger.ms": 5,
    }

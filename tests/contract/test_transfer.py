"""What every Transfer promises: in memory, and by transactions of a real broker."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove

from engine.adapters.kafka.confluent.messages import record_of
from engine.adapters.kafka.confluent.progress import ConfluentProgress
from engine.adapters.kafka.confluent.transfer import ConfluentTransfer
from engine.adapters.kafka.settings import KafkaSettings
from engine.adapters.memory import MemoryTransfer
from engine.errors import SinkUnavailable
from engine.ports import Record, Rekeyed, Transfer
from tests.services import Broker
from tests.services.processes import wait_until
from tests.support.kafka_clients import PATIENCE, limit_topic, make_topics, produce

VALUES = [b"%d" % number for number in range(100)]
FAR_BACK = 1_000_000_000_000


class Kafka:
    """One test's topics: `raw` with three partitions, `events` with two, `letters`."""

    def __init__(self, broker: Broker, prefix: str) -> None:
        self.broker = broker
        self.raw, self.events, self.letters = (f"{prefix}{name}" for name in ("raw", "events", "letters"))
        self._make_raw()
        make_topics(broker.address, [self.events], 2, {"max.message.bytes": "150000"})
        make_topics(broker.address, [self.letters], 1, {})
        self.settings = KafkaSettings(broker.address, group=f"{prefix}ingest", topics=(self.raw,), session_timeout=6)
        self._open: list[ConfluentTransfer] = []

    def _make_raw(self) -> None:
        make_topics(
            self.broker.address, [self.raw], 3, {"retention.ms": "-1"}
        )  # some records are far too old to be kept

    def make_raw_again(self) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.broker.address)
        admin.delete_topics([self.raw])
        wait_until(lambda: self.raw not in admin.list_topics(), "the topic is gone")
        admin.close()
        self._make_raw()

    def transfer(self) -> ConfluentTransfer:
        self._open.append(ConfluentTransfer(self.settings, self.events, self.letters))
        return self._open[-1]

    def write(self, *values: bytes, partition: int = 1) -> None:
        produce(self.broker.address, self.raw, values, partition, b"some key", [("trace", b"x")])

    def read(self, topic: str, partitions: int) -> list[Record]:
        """All that is committed."""
        reader = Consumer(
            {"bootstrap.servers": self.broker.address, "group.id": "reader", "enable.partition.eof": True}
        )
        reader.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        found, ends = [], 0
        while ends < partitions:
            for message in reader.consume(1000, 1):
                if error := message.error():
                    ends += error.code() == KafkaError._PARTITION_EOF
                else:
                    found.append(record_of(message))
        reader.close()
        return found

    def arrived(self) -> list[bytes | None]:
        return sorted((record.value for record in self.read(self.events, 2)), key=lambda value: int(value or b""))

    def progress(self) -> ConfluentProgress:
        return ConfluentProgress(self.settings, self.events)

    def expel(self, transfer: ConfluentTransfer) -> None:
        """Let the group go on without it, as after a session that has timed out."""
        admin = KafkaAdminClient(bootstrap_servers=self.broker.address)
        described = admin.describe_groups([self.settings.group])
        members = next(iter(described.values()))["members"]
        admin.remove_group_members(
            self.settings.group, [MemberToRemove(member_id=member["member_id"]) for member in members]
        )
        admin.close()

    def close(self) -> None:
        for transfer in self._open:
            transfer.close()


@pytest.fixture
def kafka(broker: Broker, topic_prefix: str) -> Iterator[Kafka]:
    kafka = Kafka(broker, topic_prefix)
    yield kafka
    kafka.close()


@dataclass
class Case:
    """A transfer that has `VALUES` before it, and what it has committed."""

    transfer: Transfer
    events: Callable[[], int]
    letters: Callable[[], int]


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "memory":
        records = [Record("raw", 0, offset + 1, value, timestamp=FAR_BACK) for offset, value in enumerate(VALUES)]
        memory = MemoryTransfer(records, largest=150_000)
        return Case(memory, lambda: len(memory.events), lambda: len(memory.letters))
    kafka: Kafka = request.getfixturevalue("kafka")
    kafka.write(*VALUES)
    return Case(kafka.transfer(), lambda: len(kafka.read(kafka.events, 2)), lambda: len(kafka.read(kafka.letters, 1)))


def rekeyed(records: Sequence[Record]) -> list[Rekeyed]:
    return [Rekeyed(f"customer-{record.value!r}", record.value, record.headers, record) for record in records]


def poll(transfer: Transfer, wanted: int, limit: int = 1_000) -> list[Record]:
    """One poll that returns something, once it does."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if records := transfer.poll(min(limit, wanted), 0.1):
            return records
    message = "no records"
    raise TimeoutError(message)


def move(transfer: Transfer, wanted: int) -> None:
    """Let so many records become events."""
    while wanted > 0:
        records = poll(transfer, wanted)
        wanted -= len(records) * transfer.commit(rekeyed(records), [])


def test_every_record_is_returned_once_and_becomes_what_is_committed(case: Case) -> None:
    move(case.transfer, 60)
    move(case.transfer, 40)
    assert case.transfer.poll(1, 0.2) == []
    assert case.events() == 100


def test_dead_letters_are_committed_with_the_events(case: Case) -> None:
    records = poll(case.transfer, 100)
    assert case.transfer.commit(rekeyed(records[1:]), [("raw:0:0", b"{}")])
    assert (case.events(), case.letters()) == (len(records) - 1, 1)


def test_lag_is_what_has_not_been_returned(case: Case) -> None:
    records = poll(case.transfer, 10, limit=10)
    assert sum(case.transfer.lag().values()) == 100 - len(records)


@pytest.mark.parametrize("size", [160_000, 17_000_000])
def test_a_record_that_is_too_large_is_refused_when_it_comes_again_and_no_other(case: Case, size: int) -> None:
    """For the topic, and even for the client."""
    records = poll(case.transfer, 10, limit=10)
    large = Rekeyed("ada", b"x" * size, (), records[-1])
    assert not case.transfer.commit([*rekeyed(records[:-1]), large], [])
    again = poll(case.transfer, len(records), limit=len(records))
    assert [case.transfer.refuses(record) for record in records] == [record is records[-1] for record in records]
    assert again[0].value == records[0].value
    assert case.events() == 0


@pytest.mark.kafka
def test_small_records_are_not_refused_where_their_topic_takes_less_than_is_sent_together(kafka: Kafka) -> None:
    """It took enough at the start. To pass over one after the other until the rest fits would lose them."""
    kafka.write(*[b"x" * 10_000] * 30)
    transfer = kafka.transfer()
    records = poll(transfer, 30, limit=30)
    limit_topic(kafka.broker.address, kafka.events, 20_000)
    with pytest.raises(SinkUnavailable, match=r"max\.message\.bytes of less than 139,264"):
        transfer.commit(rekeyed(records), [])
    assert not any(map(transfer.refuses, records))


@pytest.mark.kafka
def test_key_and_headers_are_the_new_ones_and_the_timestamp_is_the_present(kafka: Kafka) -> None:
    kafka.write(b"7")
    move(kafka.transfer(), 1)
    (record,) = kafka.read(kafka.events, 2)
    assert (record.key, record.headers) == (b"customer-b'7'", (("trace", b"x"),))


@pytest.mark.kafka
def test_whoever_was_expelled_from_the_group_commits_nothing(kafka: Kafka) -> None:
    kafka.write(*VALUES)
    zombie = kafka.transfer()
    records = poll(zombie, 100)
    kafka.expel(zombie)
    heir = kafka.transfer()
    move(heir, 100)
    assert not zombie.commit(rekeyed(records), [("raw:1:0", b"{}")])
    assert kafka.arrived() == VALUES
    assert kafka.read(kafka.letters, 1) == []


@pytest.mark.kafka
def test_what_is_shared_out_anew_is_moved_once(kafka: Kafka) -> None:
    first, second = kafka.transfer(), kafka.transfer()
    for partition in range(3):
        kafka.write(*VALUES[partition::3], partition=partition)
    moved, deadline = 0, time.monotonic() + PATIENCE
    while moved < 100 and time.monotonic() < deadline:
        for transfer in (first, second):
            records = transfer.poll(7, 0.05)
            moved += len(records) * transfer.commit(rekeyed(records), [])
    assert kafka.arrived() == VALUES


@pytest.mark.kafka
def test_a_member_that_comes_back_goes_on_where_the_last_transaction_ended(kafka: Kafka) -> None:
    kafka.write(*VALUES)
    first = kafka.transfer()
    move(first, 50)
    poll(first, 10)
    first.close()
    move(kafka.transfer(), 50)
    assert kafka.arrived() == VALUES


@pytest.mark.kafka
@pytest.mark.parametrize("more", [20, 200])
def test_a_topic_made_again_is_moved_whole_though_the_last_member_has_said_how_far_it_was_in_the_old_one(
    kafka: Kafka, more: int
) -> None:
    kafka.write(*VALUES)
    first = kafka.transfer()
    records: list[Record] = []
    while len(records) < len(VALUES):
        records += poll(first, len(VALUES) - len(records))
    kafka.make_raw_again()
    begun = now()
    assert first.commit(rekeyed(records), [])
    first.close()
    kafka.write(*[b"%d" % number for number in range(more)])
    assert reached(kafka.progress()) <= begun
    move(kafka.transfer(), more)
    assert len(kafka.arrived()) == len(VALUES) + more


@pytest.mark.kafka
def test_the_progress_stands_still_while_the_ingest_has_not_read_what_arrived(kafka: Kafka) -> None:
    progress, transfer = kafka.progress(), kafka.transfer()
    assert abs(reached(progress) - now()) < 5_000
    kafka.write(*VALUES)
    arrived = now()
    assert reached(progress) == 0
    move(transfer, 50)
    ask_until(progress, lambda: reached(progress) > 0)
    assert reached(progress) <= arrived
    move(transfer, 50)
    ask_until(progress, lambda: reached(progress) >= arrived)
    ends = [mark.offset for partition in (0, 1) if (mark := progress.mark(partition))]
    assert sum(ends) >= len(VALUES)


def now() -> int:
    return int(time.time() * 1000)


def reached(progress: ConfluentProgress) -> int:
    progress.ask()
    mark = progress.mark(0)
    assert mark
    return mark.time


def ask_until(progress: ConfluentProgress, true: Callable[[], bool]) -> None:
    """The broker may take a moment to finish a transaction that it has promised to commit."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, progress.mark(0)


@pytest.mark.kafka
def test_an_ingest_that_reads_transactions_comes_to_their_end(kafka: Kafka) -> None:
    _write_in_a_transaction(kafka)
    transfer, progress = kafka.transfer(), kafka.progress()
    move(transfer, 1)

    def has_come_to_the_end() -> bool:
        assert transfer.poll(1, 0.05) == []
        transfer.commit([], [])
        return now() - reached(progress) < 5_000

    ask_until(progress, has_come_to_the_end)


@pytest.mark.kafka
def test_progress_is_asked_again_after_an_error_that_nobody_foresaw(kafka: Kafka) -> None:
    asked, third = list[int](), Event()

    def present() -> int:
        asked.append(now())
        if len(asked) == 1:
            raise ValueError("no clock")
        if len(asked) == 3:
            third.set()
        return asked[-1]

    with ConfluentProgress(kafka.settings, kafka.events, present) as progress:
        assert third.wait(PATIENCE)
        assert progress.mark(0)


def _write_in_a_transaction(kafka: Kafka) -> None:
    """One record with an old timestamp, and then the transaction's marker."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka.broker.address, "transactional.id": str(uuid4())})
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce(kafka.raw, b"1", timestamp=FAR_BACK, partition=0)
    producer.commit_transaction(10)

"""Un-keyed topics: `engine run` re-keys them on the way, and what comes out is what keyed ones would have given."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from engine.adapters.kafka.confluent.messages import record_of
from engine.core.zones import iso
from engine.ports import Record
from engine.wire.origin import original
from engine.wire.partitioner import murmur2_partition
from tests.services import AnyRedis, Broker
from tests.services.processes import wait_until
from tests.support.faults import Stage, moments
from tests.support.job import Entry, make_job, project
from tests.support.kafka_clients import make_topics
from tests.support.live import now
from tests.support.workers import Worker

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

SHORT = """\
version: 1
rules:
  - id: idle
    when: { inactivity: { of: site_visit, for: 4s } }
    send: text
"""
WEB = """\
version: 1
sources:
  - { topic: "%s", format: segment, keyed: false, types: { Product Added: cart, Order Completed: purchase } }
events:
  cart: {}
  purchase: {}
"""
CARTS = """\
version: 1
rules:
  - id: cart
    when: { abandoned: { after: cart, without: purchase, within: 8s } }
    send: text
"""
MOST = 120.0


class UnkeyedStage(Stage):
    """Its events topic is the internal one; `raw` is un-keyed and has `inputs` partitions."""

    def __init__(self, broker: Broker, redis: AnyRedis, folder: Path, prefix: str) -> None:
        super().__init__(broker.address, redis.url, folder, prefix)
        self.raw = f"{prefix}raw"
        self.settings |= {"events_topic": self.topics.events}
        self._bootstrap = broker.address
        self._admin = AdminClient({"bootstrap.servers": broker.address, "log_level": 0})
        self._producer = Producer({"bootstrap.servers": broker.address, "linger.ms": 5, "log_level": 0})

    def declare(self, inputs: int, **files: str) -> None:
        """Make the topic and the rules."""
        make_topics(self._bootstrap, [self.raw], inputs, {})
        given = project(self.raw) | {name.replace("_", "."): text for name, text in files.items()}
        given["events.yaml"] = given["events.yaml"].replace(
            f"topic: {self.raw}", f"{{ topic: {self.raw}, keyed: false }}"
        )
        self.use(given)

    def write(self, values: Iterable[bytes | None], inputs: int = 1) -> None:
        """To the un-keyed topic; counts what must arrive in the internal one."""
        for number, value in enumerate(values):
            self._producer.produce(self.raw, value, partition=number % inputs)
            self._producer.poll(0)
        self._producer.flush()

    def make_raw_again(self) -> None:
        """Delete the un-keyed topic and make another of its name, with one partition."""
        self._admin.delete_topics([self.raw])[self.raw].result(30)
        wait_until(lambda: self.raw not in self._admin.list_topics(timeout=10).topics, "the topic is gone")
        make_topics(self._bootstrap, [self.raw], 1, {})

    def internal(self) -> list[Record]:
        """Everything that is committed in the internal topic."""
        settings = {"bootstrap.servers": self._bootstrap, "group.id": "reader", "enable.partition.eof": True}
        reader = Consumer(settings)
        reader.assign([TopicPartition(self.topics.events, number, 0) for number in range(self.partitions)])
        found: list[Record] = []
        ended: set[int] = set()
        while len(ended) < self.partitions:
            for message in reader.consume(10_000, 1):
                if (error := message.error()) is None:
                    found.append(record_of(message))
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition() or 0)
        reader.close()
        return found

    def ingesting(self) -> list[Worker]:
        """The workers whose ingest has a partition of the topic."""
        group = f"{self.name}-ingest"
        members = self._admin.describe_consumer_groups([group])[group].result(10).members
        owners = {member.group_instance_id for member in members if member.assignment.topic_partitions}
        return [worker for worker in self.workers.values() if worker.name in owners]


@pytest.fixture
def stage(broker: Broker, redis_server: AnyRedis, tmp_path: Path, topic_prefix: str) -> Iterator[UnkeyedStage]:
    stage = UnkeyedStage(broker, redis_server, tmp_path, topic_prefix)
    yield stage
    stage.close()


def values(entries: Sequence[Entry]) -> list[bytes | None]:
    return [entry.value for entry in entries]


def visit(customer: str, at: int) -> bytes:
    return msgspec.json.encode({"type": "site_visit", "customer": customer, "time": at, "properties": {}})


def segment(event: str, at: int, **ids: str) -> bytes:
    call = {"type": event} if event in ("identify", "alias") else {"type": "track", "event": event}
    return msgspec.json.encode({**call, "messageId": f"{event}-{ids}", "timestamp": iso(at), **ids})


def test_an_unkeyed_topic_gives_what_a_keyed_one_would_though_workers_are_killed(stage: UnkeyedStage) -> None:
    job = make_job(20_000, 2_000)
    stage.declare(inputs=1)
    stage.write(values(job.entries))
    for entry in job.entries:
        stage.topics.loaded[entry.partition] += 1  # and markers of transactions, so that offsets are at least these
    worker = stage.start("a", batch=200)
    for moment in moments(random.Random(1), 4, 1, 18_000):
        stage.until_processed(moment)
        stage.kill9(worker)
        worker = stage.start("a", batch=200)
    stage.until(lambda: len(stage.outreach()) >= len(job.wanted), "all is sent", MOST)
    assert stage.finish_exactly(job.wanted).repeated <= stage.in_flight
    records = stage.internal()
    assert Counter(_place(record) for record in records) == {(0, number): 1 for number in range(len(job.entries))}
    assert all(murmur2_partition(record.key or b"", stage.partitions) == record.partition for record in records)


@pytest.mark.kills_brokers
def test_a_broker_that_is_killed_in_the_middle_loses_and_doubles_nothing(stage: UnkeyedStage, broker: Broker) -> None:
    job = make_job(20_000, 2_000)
    stage.declare(inputs=1)
    stage.write(values(job.entries))
    stage.start("a", batch=100)
    stage.until_processed(5_000)
    broker.kill9()
    broker.start()
    stage.until(lambda: len(stage.outreach()) >= len(job.wanted), "all is sent", MOST)
    stage.exactly(job.wanted)
    assert Counter(_place(record) for record in stage.internal()) == {
        (0, place): 1 for place in range(len(job.entries))
    }


def test_records_without_a_customer_are_dead_lettered_among_good_ones(stage: UnkeyedStage) -> None:
    job = make_job(2_000, 200)
    poison = [b"", b"\xff", b"[]", b"{}", b'{"type": "site_visit"}', b"x" * 600_000, None]
    stage.declare(inputs=1)
    stage.write([*values(job.entries[:1000]), *poison, *values(job.entries[1000:])])
    stage.start("a", batch=100)
    stage.until(lambda: len(stage.outreach()) >= len(job.wanted), "all is sent")
    stage.exactly(job.wanted)
    stage.until(lambda: len(stage.dead_letters()) >= len(poison), "all poison is dead-lettered")
    letters = stage.dead_letters()
    assert set(letters) == {f"{stage.raw}:0:{1000 + number}" for number in range(len(poison))}


def test_a_guest_who_becomes_known_hears_nothing_of_the_guests_cart(stage: UnkeyedStage) -> None:
    """The input's partitions are read in no common order, and the two ids' states are in different ones."""
    stage.declare(inputs=3, events_yaml=WEB % stage.raw, lifecycle_yaml=CARTS)
    begun = now()
    guests = [f"anon-{number}" for number in range(60)]
    calls = {"identify": guests[:20], "alias": guests[20:30], "Order Completed": guests[30:40]}
    stage.write([segment("Product Added", begun, anonymousId=guest) for guest in guests], inputs=3)
    known = [(type, guest) for type, those in calls.items() for guest in those]
    stage.write(
        [
            segment(type, begun + 1, anonymousId=guest, previousId=guest, userId=f"user-of-{guest}")
            for type, guest in known
        ],
        inputs=2,
    )
    stage.start("a", clock="live")
    wanted = {("cart", guest, str(begun)) for guest in guests[40:]}
    stage.until(lambda: len(stage.outreach()) >= len(wanted), "those who stayed guests hear from us", MOST)
    stage.finish_exactly(wanted)


SILENCE = 4_000
"""Milliseconds, of the rule in SHORT."""
VISIBLE = 500
"""Milliseconds that a record may take until the broker has it."""


def test_a_lagging_ingest_makes_nobody_inactive(stage: UnkeyedStage) -> None:
    """Two workers; the one that ingests stands still while customers come back. The other has read all it can."""
    stage.declare(inputs=1, lifecycle_yaml=SHORT)
    for name in ("a", "b"):
        stage.start(name, clock="live")
    stage.until_members(2)
    stage.until(lambda: len(stage.ingesting()) == 1, "one of them ingests")
    rounds = iter(range(10))
    while not (visits := _come_back_while_the_ingest_stands_still(stage, next(rounds))):
        pass  # a busy machine: they did not come back in time
    first, second, customers = visits
    wanted = {("idle", customer, str(second)) for customer in customers}
    stage.until(lambda: wanted <= stage.told(), "everybody hears from us")
    assert not stage.told() & {("idle", customer, str(first)) for customer in customers}


def _come_back_while_the_ingest_stands_still(stage: UnkeyedStage, round_: int) -> tuple[int, int, list[str]] | None:
    """When they came first and again, and who; None where that took longer than the silence for which they are told."""
    known = _customers(stage)
    customers = [f"customer-{round_}-{number}" for number in range(40)]
    first = now()
    stage.write([visit(customer, first) for customer in customers])
    stage.until(lambda: _customers(stage) == known + len(customers), "all are known")
    (standing,) = stage.ingesting()
    standing.freeze()
    second = now()
    stage.write([visit(customer, second) for customer in customers])
    in_time = now() < first + SILENCE - VISIBLE
    stage.until(lambda: now() > first + SILENCE + 2_000, "the first silence is over")
    standing.thaw()
    return (first, second, customers) if in_time else None


def test_who_came_back_while_a_transaction_was_open_is_not_told_that_we_miss_them(stage: UnkeyedStage) -> None:
    stage.declare(inputs=1, lifecycle_yaml=SHORT)
    stage.start("a", clock="live")
    stage.until_members(1)
    first = now()
    stage.write([visit("ada", first)])
    stage.until(lambda: _customers(stage) == 1, "ada is known")
    with stage.topics.open_transaction(stage.raw, 1):
        second = now()
        stage.write([visit("ada", second)])
        stage.until(lambda: now() > second + 2 * SILENCE, "the silence would be over")
        assert not stage.told(), "nobody can know yet who has come back"
    stage.until(lambda: len(stage.told()) > 0, "ada hears from us")
    assert stage.told() == {("idle", "ada", str(second))}


def test_who_stays_away_hears_from_us_though_nothing_else_arrives(stage: UnkeyedStage) -> None:
    stage.declare(inputs=3, lifecycle_yaml=SHORT)
    stage.start("a", clock="live")
    came = now()
    stage.write([visit("ada", came)])
    stage.until(lambda: len(stage.outreach()) == 1, "ada hears from us", MOST)
    (sent,) = stage.outreach()
    assert sent.time >= came + SILENCE


def _place(record: Record) -> tuple[int, int]:
    origin = original(record)
    return origin.partition, origin.next_offset - 1


def _customers(stage: Stage) -> int:
    return sum(len(stage.store.customers(number, "", 100)[0]) for number in range(stage.partitions))


@pytest.mark.parametrize("more", [20, 200])
def test_an_unkeyed_topic_that_is_made_again_under_a_worker_is_moved_whole(stage: UnkeyedStage, more: int) -> None:
    """Shorter than the old one was, and longer."""
    stage.declare(inputs=1, lifecycle_yaml=SHORT)
    stage.start("a", clock="live")
    stage.write(visit(f"old-{number}", now()) for number in range(100))
    stage.until(lambda: len(_visitors(stage, b"old")) == 100, "the old topic is moved")
    stage.make_raw_again()
    stage.write(visit(f"new-{number}", now()) for number in range(more))
    stage.until(lambda: len(_visitors(stage, b"new")) == more, "the new topic is moved", MOST)
    assert stage.said("ingest: the topic was made again") == 1


def _visitors(stage: UnkeyedStage, prefix: bytes) -> set[bytes]:
    return {key for record in stage.internal() if (key := record.key or b"").startswith(prefix)}

"""Topics that change under a worker: one made again is read from its beginning, one that grows ends it."""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from engine.ports import Meta, position_of
from engine.wire.partitioner import murmur2_partition
from tests.services.mail import mail_server
from tests.services.processes import Process, wait_until
from tests.support.command import PROGRAM, REPOSITORY
from tests.support.faults import Stage
from tests.support.job import Entry
from tests.support.live import BOUGHT, LIVE, PONG, QUIET, happened, live_project, now, silence_since
from tests.support.operators import data, engine
from tests.support.post_office import PostOffice, letter

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


def pings(number: int, round_: int) -> list[Entry]:
    return [happened("ping", f"customer-{round_}-{place}", now()) for place in range(number)]


def ponged(stage: Stage, round_: int) -> set[str]:
    return {one.json["customer"] for one in stage.outreach() if one.json["customer"].startswith(f"customer-{round_}-")}


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_an_events_topic_made_again_while_the_worker_is_down_is_read_whole(stage: Stage, client: str) -> None:
    stage.use(live_project([stage.topics.events], PONG))
    worker = stage.start("a", kafka_client=client, **LIVE)
    stage.load(pings(40, 1))
    stage.until(lambda: len(ponged(stage, 1)) == 40, "the old topic is read")
    worker.stop()
    stage.topics.make_events_again()
    stage.load(pings(120, 2))
    for command in (["run", "--check"], ["doctor"]):
        said = engine(stage, *command, clock="live").said
        assert "made again" in said, said
    stage.start("a", kafka_client=client, **LIVE)
    stage.until(lambda: len(ponged(stage, 2)) == 120, "the new topic is read from its beginning")
    assert stage.said("the topic was made again") == stage.partitions


def test_an_events_topic_made_again_under_a_worker_is_read_whole_by_it_or_the_next(stage: Stage) -> None:
    """A worker that looks while the topic is missing ends and says so; an orchestrator starts it again."""
    stage.use(live_project([stage.topics.events], PONG))
    worker = stage.start("a", **LIVE)
    stage.load(pings(40, 1))
    stage.until(lambda: len(ponged(stage, 1)) == 40, "the old topic is read")
    stage.topics.make_events_again()
    stage.topics.append(pings(120, 2))
    deadline = now() + 90_000
    while len(ponged(stage, 2)) < 120 and now() < deadline:
        if worker.died:
            worker.kill9()
            worker = stage.start("a", **LIVE)
    assert len(ponged(stage, 2)) == 120


@pytest.fixture
def grown(stage: Stage) -> Iterator[Stage]:
    """The same stage, as it is once its topics have grown: a third of the customers come to another old partition."""
    bootstrap, store = str(stage.settings["kafka_bootstrap"]), str(stage.settings["store"])
    grown = Stage(bootstrap, store, stage.folder, stage.name, partitions=stage.partitions * 3 // 2)
    yield grown
    grown.close()


def grow(stage: Stage, *topics: str) -> None:
    """Returns when the broker has done it."""
    admin = AdminClient({"bootstrap.servers": str(stage.settings["kafka_bootstrap"]), "log_level": 0})
    asked = [NewPartitions(topic, stage.partitions * 3 // 2) for topic in topics]
    for done in admin.create_partitions(asked).values():
        done.result(10)


CUSTOMERS = [f"customer-{number}" for number in range(300)]


def produce(stage: Stage, kind: str, number: int, customers: Sequence[str] = CUSTOMERS) -> int:
    """These customers do it now, for the so many-th time, where a producer writes it that knows of as many partitions
    as the stage has. Returns when that was."""
    at = now()
    found = [happened(kind, customer, at, number) for customer in customers]
    stage.load(one._replace(partition=murmur2_partition(one.key, stage.partitions)) for one in found)
    return at


def test_topics_that_grow_while_workers_are_behind_cost_nobody_a_message(stage: Stage, grown: Stage) -> None:
    """Producers know the new number at once, or late; in the seconds in which workers do not know it they count nobody
    in another's partition, and nobody is said to be quiet whose visit lies unread."""
    stage.use(live_project([stage.topics.events], BOUGHT, QUIET.format(seconds=15)))
    worker = stage.start("a", kafka_instance_id="", **LIVE)
    first = produce(stage, "site_visit", 1)
    for number in (1, 2):
        produce(stage, "purchase", number)
    stage.finish()
    worker.freeze()
    produce(stage, "purchase", 3)
    late = produce(stage, "site_visit", 2, CUSTOMERS[::3])
    grow(stage, stage.topics.events, stage.topics.outreach)
    newest = produce(grown, "site_visit", 2, CUSTOMERS[1::3])
    produce(grown, "purchase", 4)
    produce(stage, "purchase", 5, CUSTOMERS[::2])
    produce(grown, "purchase", 5, CUSTOMERS[1::2])
    worker.thaw()
    wait_until(lambda: worker.died, "the worker ends", 30)
    assert f"has {grown.partitions} partitions now, and had {stage.partitions}" in worker.said
    stage.workers.clear()
    moved = data(stage, "reshard", "--to", grown.partitions, **LIVE)
    assert (moved["conflicts"], moved["total"]) == (0, len(CUSTOMERS))
    produce(grown, "purchase", 6)
    for number, records in stage.topics.loaded.items():
        grown.topics.loaded[number] += records
    grown.start("b", **LIVE)
    grown.finish()
    wanted = {("bought", customer, level) for customer in CUSTOMERS for level in ("3", "5")}
    for since, customers in ((late, CUSTOMERS[::3]), (newest, CUSTOMERS[1::3]), (first, CUSTOMERS[2::3])):
        wanted |= silence_since(since, customers)
    grown.until(lambda: grown.told() >= wanted, "everybody hears what they must")
    assert grown.exactly(wanted).repeated == 0


COUNTS = (2, 3, 4, 5, 9, 10)
"""Purchases of a customer: at, or one before, what a rule of BOUGHT waits for."""


def purchases(chance: random.Random, customers: int) -> list[Entry]:
    """Of so many customers, COUNTS in turn, in some order."""
    found = [
        happened("purchase", f"customer-{customer}", now(), number)
        for customer in range(customers)
        for number in range(COUNTS[customer % len(COUNTS)])
    ]
    chance.shuffle(found)
    return found


def test_a_reshard_that_dies_while_it_reads_what_is_left_is_finished_by_the_next(stage: Stage, grown: Stage) -> None:
    """Each record that workers had left counts once, whichever partitions had counted theirs. Nothing but the places
    tells what has counted: repeated events are not looked for."""
    stage.use(live_project([stage.topics.events], BOUGHT) | {"policy.yaml": 'version: 1\ndedupe: "off"\n'})
    bought = purchases(random.Random(1), 3_000)
    few, half = len(bought) // 20, len(bought) // 2
    stage.load(bought[:few])
    stage.start("a", kafka_instance_id="", **LIVE)
    stage.finish()
    stage.workers.pop("a").stop()
    stage.load(bought[few:half])
    grow(stage, stage.topics.events, stage.topics.outreach)
    for place, one in enumerate(bought[half:]):
        count = stage.partitions if place % 10 == 0 else grown.partitions  # some producers do not know yet
        bought[half + place] = one._replace(partition=murmur2_partition(one.key, count))
    grown.load(bought[half:])

    old = sum(one.partition < stage.partitions for one in bought)

    def metas() -> list[Meta]:
        return [stage.store.meta(number) for number in range(stage.partitions)]

    moments: list[Callable[[], bool]] = [
        lambda: any(len(meta.offsets) > 1 for meta in metas()),  # the partitions begin to note their places
        lambda: any(meta.offsets.get(position_of(stage.topics.events, stage.partitions)) for meta in metas()),
        lambda: any(meta.moving_to for meta in metas()),
    ]
    for place, moment in enumerate(moments):
        dying = reshard(stage, grown, f"dying-{place}.log")
        dying.start()
        wait_until(partial(_is_time, moment, dying), "it is time to die")
        dying.kill9()
        assert moment(), dying.log.read_text()
        assert (stage.processed() == old) is (place == 2), "it was killed before it had read all, but for the last time"
    assert data(stage, "reshard", "--to", grown.partitions, **LIVE)["conflicts"] == 0
    for number, records in stage.topics.loaded.items():
        grown.topics.loaded[number] += records
    grown.start("b", **LIVE)
    grown.finish_exactly(
        {
            ("bought", f"customer-{customer}", str(level))
            for customer in range(3_000)
            for level in (3, 5, 10)
            if level <= COUNTS[customer % len(COUNTS)]
        }
    )


def _is_time(moment: Callable[[], bool], dying: Process) -> bool:
    return moment() or not dying.running


def reshard(stage: Stage, grown: Stage, log: str) -> Process:
    """`engine reshard` as a process of its own, which may be killed."""
    given = [f"ENGINE_{name.upper()}={value}" for name, value in (stage.settings | LIVE).items()]
    words = ["env", f"PYTHONPATH={REPOSITORY}", *given, sys.executable, "-c", PROGRAM]
    return Process([*words, "reshard", "--to", str(grown.partitions)], stage.folder / log, lambda: True)


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_a_worker_one_of_whose_topics_grows_ends_and_says_which(stage: Stage, client: str) -> None:
    """The new partitions of a second topic would be nobody's, and a customer's events in two places. Outreach may have
    more: where a customer is, there it goes."""
    second = stage.topics.make("second")
    stage.use(live_project([stage.topics.events, second], BOUGHT))
    grow(stage, stage.topics.outreach)
    worker = stage.start("a", kafka_client=client, **LIVE)
    stage.until_members(1)
    grow(stage, second)
    wait_until(lambda: worker.died, "the worker ends", 30)
    assert f"{second} has {stage.partitions * 3 // 2} partitions now" in worker.said
    stage.workers.clear()


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_outreach_of_a_topic_made_again_just_before_the_senders_end_is_sent_from_its_first_record(
    office: PostOffice, client: str
) -> None:
    """The last thing that a sender does is to say how far it has come, and that is in the old topic."""
    office.settings["kafka_client"] = client
    old = [letter(number, f"{number}@shop.example") for number in range(40)]
    new = [letter(number, f"{number}@shop.example") for number in range(40, 120)]
    with mail_server(refusing=True) as server:
        sender = office.mailing_to(server).start()
        office.post(old)
        wait_until(lambda: server.sessions > 0, "the sender has them in hand")
        office.topics.make_again(office.topics.outreach)
        server.refusing = False
        wait_until(lambda: server.has(len(old)), "the old topic's outreach is sent")
        sender.stop()
        office.post(new)
        office.start()
        office.wait_for_all((one.id for one in old + new), 60)
        office.senders[-1].stop()
    assert server.copies() == {one.to: 1 for one in old + new}

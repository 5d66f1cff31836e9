"""Topics that change under a worker: one made again is read from its beginning, one that grows ends it."""

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from engine.wire.partitioner import murmur2_partition
from tests.services.mail import mail_server
from tests.services.processes import wait_until
from tests.support.faults import Stage
from tests.support.job import Entry
from tests.support.live import BOUGHT, LIVE, PONG, happened, live_project, now
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
    """The same stage, as it is once its topics have twice as many partitions."""
    bootstrap, store = str(stage.settings["kafka_bootstrap"]), str(stage.settings["store"])
    grown = Stage(bootstrap, store, stage.folder, stage.name, partitions=2 * stage.partitions)
    yield grown
    grown.close()


def grow(stage: Stage, *topics: str) -> None:
    """Returns when the broker has done it."""
    admin = AdminClient({"bootstrap.servers": str(stage.settings["kafka_bootstrap"]), "log_level": 0})
    for done in admin.create_partitions([NewPartitions(topic, 2 * stage.partitions) for topic in topics]).values():
        done.result(10)


def bought(stage: Stage, number: int) -> list[Entry]:
    """Everybody's purchase of this number, where a producer puts it that knows how many partitions there are."""
    found = [happened("purchase", f"customer-{customer}", now(), number) for customer in range(100)]
    return [one._replace(partition=murmur2_partition(one.key, stage.partitions)) for one in found]


def test_topics_that_grow_under_a_worker_end_it_and_after_a_reshard_everybody_gets_what_they_must(
    stage: Stage, grown: Stage
) -> None:
    stage.use(live_project([stage.topics.events], BOUGHT))
    worker = stage.start("a", kafka_instance_id="", **LIVE)
    for number in (1, 2):
        stage.load(bought(stage, number))
    stage.finish()
    grow(stage, stage.topics.events, stage.topics.outreach)
    grown.topics.loaded.update(stage.topics.loaded)
    grown.load(bought(grown, 3))
    wait_until(lambda: worker.died, "the worker ends", 30)
    assert f"has {grown.partitions} partitions now, and had {stage.partitions}" in worker.said
    stage.workers.clear()
    assert data(stage, "reshard", "--to", grown.partitions, "--force")["conflicts"] == 0
    grown.start("b", **LIVE)
    grown.finish()
    verdict = grown.verdict({("bought", f"customer-{customer}", "3") for customer in range(100)})
    assert verdict.exact, verdict
    assert verdict.repeated == 0


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_a_worker_one_of_whose_topics_grows_ends_and_says_which(stage: Stage, client: str) -> None:
    """The new partitions of a second topic would be nobody's, and a customer's events in two places."""
    second = stage.topics.make("second")
    stage.use(live_project([stage.topics.events, second], BOUGHT))
    worker = stage.start("a", kafka_client=client, **LIVE)
    stage.until_members(1)
    grow(stage, second)
    wait_until(lambda: worker.died, "the worker ends", 30)
    assert f"{second} has {2 * stage.partitions} partitions now" in worker.said
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

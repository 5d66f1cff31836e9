"""The broker goes away, producers repeat themselves, and some records are no events at all."""

import random
from collections import Counter

import pytest

from tests.services import Broker
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage, moments
from tests.support.job import DAY, disturbed, make_job, mixed, project
from tests.support.kafka_clients import CLIENTS
from tests.support.poison import POISON, odd_customers, poison

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


@pytest.mark.kills_brokers
@tried_hard
def test_a_broker_restarted_or_killed_in_the_middle_changes_nothing(
    stage: Stage, broker: Broker, effort: Effort
) -> None:
    job = make_job(effort.events, 3_000)
    stage.take(job)
    worker = stage.start("a", batch=400)
    for number, moment in enumerate(moments(random.Random(effort.seed), effort.of(2, 10), 1, effort.events * 4 // 5)):
        stage.until_processed(moment)
        broker.kill9() if number % 2 else broker.stop()
        stage.still_for(effort.of(2, 15))
        broker.start()
    assert stage.finish_exactly(job.wanted).repeated == 0
    assert worker.running


READ_AHEAD_SECONDS = 20


def _kill_with_records_read_ahead(stage: Stage, broker: Broker) -> None:
    """Kill the broker of a worker that goes on with what it has read ahead: it decides outreach that nobody takes.

    One that has just started on a busy machine may have read nothing more, or still be opening partitions: then once
    more.
    """
    broker.kill9()
    try:
        stage.until_outbox_grows(READ_AHEAD_SECONDS)
    except TimeoutError:
        broker.start()
        stage.until_processed(stage.processed() + 1)
        _kill_with_records_read_ahead(stage, broker)


@pytest.mark.kills_brokers
@tried_hard
def test_a_worker_killed_between_commit_and_publication_leaves_it_to_the_next(
    stage: Stage, broker: Broker, effort: Effort
) -> None:
    job = make_job(effort.of(50_000, 300_000), 5_000)
    stage.take(job)
    worker = stage.start("a", batch=200)
    for moment in moments(random.Random(effort.seed), effort.of(1, 4), 5_000, 20_000):
        stage.until_processed(max(moment, stage.processed() + 1))  # a worker can't start without a broker
        _kill_with_records_read_ahead(stage, broker)
        worker.kill9()
        broker.start()
        stage.count_in_flight()
        worker = stage.start("a", batch=200)
    assert stage.in_flight > 0
    assert stage.finish_exactly(job.wanted).repeated <= stage.in_flight


LONG = 50
"""Seconds: longer than a session of the group (45), and than a worker's patience with anything that it waits for."""


@pytest.mark.kills_brokers
@tried_hard
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_brokers_away_for_long_are_waited_for_and_nothing_is_lost_or_repeated(
    stage: Stage, beside: Stage, broker: Broker, effort: Effort, how: str
) -> None:
    job = make_job(effort.events, 3_000)
    stages = {"confluent": stage, "kafka-python": beside}
    for client, each in stages.items():
        each.take(job)
        each.start("a", batch=200, kafka_client=client)
    for moment in moments(random.Random(effort.seed), effort.of(1, 3), 1_000, effort.events // 2):
        for each in stages.values():
            each.until_processed(moment)
        broker.kill9() if how == "killed" else broker.freeze()
        stage.still_for(LONG)
        broker.start() if how == "killed" else broker.thaw()
    for each in stages.values():
        assert each.finish_exactly(job.wanted).repeated == 0
        assert each.workers["a"].running


@pytest.mark.kills_brokers
def test_a_worker_whose_brokers_are_away_ends_when_it_is_asked_to_and_the_next_one_goes_on(
    stage: Stage, beside: Stage, broker: Broker
) -> None:
    job = make_job(30_000, 3_000)
    stages = {"confluent": stage, "kafka-python": beside}
    for client, each in stages.items():
        each.take(job)
        each.start("a", batch=200, kafka_client=client)
    for each in stages.values():
        each.until_processed(1_000)
    broker.kill9()
    for each in stages.values():
        each.until(lambda: each.said("the brokers do not answer") > 0, "it has noticed")  # noqa: B023, called here
    for each in stages.values():
        worker = each.workers["a"]
        worker.stop()  # within a minute, or it fails
        assert worker.code == 0, worker.said[-2_000:]
    broker.start()
    for client, each in stages.items():
        each.count_in_flight()
        each.start("a", batch=400, kafka_client=client)
    for each in stages.values():
        assert each.finish_exactly(job.wanted).repeated <= each.in_flight


@pytest.mark.parametrize("client", CLIENTS)
def test_a_worker_goes_on_with_the_oldest_events_where_older_ones_have_gone(stage: Stage, client: str) -> None:
    stage.settings["kafka_client"] = client
    entries = make_job(20_000, 2_000).entries
    stage.use(project(stage.topics.events))
    stage.load(entries)
    stage.topics.forget_all_but(1_000)
    worker = stage.start("a")
    stage.finish()
    worker.stop()
    stage.load(entries)
    stage.topics.forget_all_but(100)
    stage.start("a")
    stage.finish()
    assert stage.said("Offset out of range") == stage.partitions, "what was lost is told"


@tried_hard
def test_repeated_and_late_events_and_poison_in_between_leave_the_good_ones_exact(stage: Stage, effort: Effort) -> None:
    job = make_job(effort.of(30_000, 200_000), 3_000).plus(odd_customers()).with_allowed(DAY // 2)
    bad = poison(rounds=5)
    stage.use(project(stage.topics.events, job.lateness))
    stage.load(mixed(disturbed(job, effort.seed), bad, effort.seed))
    worker = stage.start("a", batch=400)
    stage.until_processed(10_000)
    stage.kill9(worker)
    stage.start("a")
    stage.finish_exactly(job.wanted)
    letters = stage.dead_letters()
    assert Counter(letter["code"] for letter in letters.values()) == Counter(code for code, _ in POISON * 5)
    assert all(letter["reason"] and letter["source"] == stage.topics.events for letter in letters.values())
    print("dead letters:", len(letters))

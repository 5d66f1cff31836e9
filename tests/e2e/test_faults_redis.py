"""Redis dies, goes back in time, or is away: the worker catches up by itself, and the outreach is what it must be."""

import os
import random
import signal
import time

import pytest

from tests.services import RedisServer
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage, moments
from tests.support.job import make_job, project

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


@tried_hard
def test_redis_killed_and_back_with_its_aof_changes_nothing(frail: Stage, redis: RedisServer, effort: Effort) -> None:
    job = make_job(effort.events, 3_000)
    frail.use(project(frail.topics.events))
    frail.load(job.entries)
    frail.start("a", batch=400)
    for moment in moments(random.Random(effort.seed), effort.of(3, 20), 1, effort.events * 9 // 10):
        frail.until_processed(moment)
        redis.kill9()
        redis.start()
    frail.finish()
    verdict = frail.verdict(job.wanted)
    assert verdict.exact, verdict
    assert verdict.repeated == 0
    print(verdict)


@tried_hard
def test_redis_that_lost_its_last_second_is_caught_up_from_kafka(
    frail: Stage, redis: RedisServer, effort: Effort
) -> None:
    job = make_job(effort.events, 3_000)
    frail.use(project(frail.topics.events))
    frail.load(job.entries)
    frail.start("a", batch=400)
    lost = 0
    every = sum(frail.topics.loaded.values())
    for moment in [
        *moments(random.Random(effort.seed), effort.of(2, 10), effort.events // 3, effort.events * 4 // 5),
        every,
    ]:
        frail.until_processed(moment)
        redis.kill9()
        lost += redis.cut_last_second_of_aof()
        redis.start()
    frail.finish()
    verdict = frail.verdict(job.wanted)
    assert verdict.exact, verdict
    assert verdict.repeated == 0
    assert lost > 0
    print(verdict, "bytes lost:", lost)


@tried_hard
def test_while_redis_is_away_the_workers_wait_and_then_go_on(frail: Stage, redis: RedisServer, effort: Effort) -> None:
    job = make_job(effort.events, 3_000)
    frail.use(project(frail.topics.events))
    workers = [frail.start(name, batch=200, kafka_session_timeout=3) for name in "ab"]
    frail.until_members(2)
    frail.load(job.entries)
    frail.until_processed(effort.events // 5)
    members = frail.members()
    redis.kill9()
    frail.still_for(effort.of(8, 60))
    redis.start()
    frail.finish()
    assert frail.members() == members
    verdict = frail.verdict(job.wanted)
    assert verdict.exact, verdict
    assert verdict.repeated == 0
    assert all(worker.running for worker in workers)
    print(verdict)


@tried_hard
def test_a_commit_whose_answer_never_came_counts_once(frail: Stage, redis: RedisServer, effort: Effort) -> None:
    job = make_job(effort.events, 3_000)
    frail.settings["store"] = f"{redis.url}?socket_timeout=1"
    frail.use(project(frail.topics.events))
    frail.load(job.entries)
    frail.start("a", batch=200)
    for moment in moments(random.Random(effort.seed), effort.of(2, 10), 1, effort.events * 4 // 5):
        frail.until_processed(moment)
        os.kill(redis.pid, signal.SIGSTOP)
        time.sleep(2)  # longer than the worker waits for an answer; nothing can be asked meanwhile
        os.kill(redis.pid, signal.SIGCONT)
    frail.finish()
    verdict = frail.verdict(job.wanted)
    assert verdict.exact, verdict
    assert verdict.repeated == 0
    print(verdict, "refused commits:", frail.said("commit refused"))


def test_while_redis_is_full_the_worker_waits_and_nothing_is_half_done(frail: Stage, redis: RedisServer) -> None:
    job = make_job(30_000, 3_000)
    frail.use(project(frail.topics.events))
    frail.load(job.entries)
    frail.start("a", batch=200)
    frail.until_processed(10_000)
    redis.ask("CONFIG SET", "maxmemory", 1)
    frail.until(lambda: frail.said("it is full") > 2, "the worker tells that Redis is full")
    redis.ask("CONFIG SET", "maxmemory", 0)
    frail.finish()
    verdict = frail.verdict(job.wanted)
    assert verdict.exact, verdict
    assert verdict.repeated == 0


def test_redis_lost_for_good_is_rebuilt_from_the_events_that_kafka_keeps(frail: Stage, redis: RedisServer) -> None:
    job = make_job(20_000, 2_000)
    frail.use(project(frail.topics.events))
    frail.load(job.entries)
    frail.start("a", batch=200)
    for moment in (10_000, sum(frail.topics.loaded.values())):
        frail.until_processed(moment)
        redis.ask("FLUSHALL")
    frail.finish()
    verdict = frail.verdict(job.wanted)
    assert verdict.exact, verdict
    assert verdict.repeated == 0
    print(verdict)

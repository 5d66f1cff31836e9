"""Redis dies, goes back in time, or is away: the worker catches up by itself, and the outreach is what it must be."""

import os
import random
import signal
from pathlib import Path
from threading import Thread

import pytest

from engine.adapters.redis import connect
from engine.operate.customers import erase_everywhere
from tests.services import RedisServer
from tests.services.processes import wait_until
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage, moments
from tests.support.job import make_job, project
from tests.support.live import LIVE, PONG, happened, live_project, now
from tests.support.operators import engine

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


@tried_hard
def test_redis_killed_and_back_with_its_aof_changes_nothing(frail: Stage, redis: RedisServer, effort: Effort) -> None:
    job = make_job(effort.events, 3_000)
    frail.take(job)
    frail.start("a", batch=400)
    for moment in moments(random.Random(effort.seed), effort.of(3, 20), 1, effort.events * 9 // 10):
        frail.until_processed(moment)
        redis.kill9()
        redis.start()
    assert frail.finish_exactly(job.wanted).repeated == 0


@tried_hard
def test_redis_that_lost_its_last_second_is_caught_up_from_kafka(
    frail: Stage, redis: RedisServer, effort: Effort
) -> None:
    job = make_job(effort.events, 3_000)
    frail.take(job)
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
    assert frail.finish_exactly(job.wanted).repeated == 0
    assert lost > 0
    print("bytes lost:", lost)


@tried_hard
def test_an_aof_that_ends_anywhere_in_a_command_is_caught_up_from_kafka(
    frail: Stage, redis: RedisServer, effort: Effort
) -> None:
    job, chance = make_job(effort.events, 3_000), random.Random(effort.seed)
    frail.take(job)
    frail.start("a", batch=400)
    lost = 0
    for moment in moments(chance, effort.of(3, 30), effort.events // 10, effort.events * 4 // 5):
        frail.until_processed(moment)
        redis.kill9()
        lost += redis.cut_aof(chance.randrange(1, 300_000))
        redis.start()
    assert frail.finish_exactly(job.wanted).repeated == 0
    print("bytes lost:", lost)


@tried_hard
def test_nothing_of_a_customer_erased_while_events_flow_is_left_in_any_key(
    frail: Stage, redis: RedisServer, effort: Effort
) -> None:
    job, chance = make_job(effort.events, 1_000), random.Random(effort.seed)
    customers = sorted({event["customer"] for event in job.events})
    erased = chance.sample(customers, effort.of(5, 50))
    frail.take(job)
    for name in ("a", "b"):
        frail.start(name, batch=200)
    held, when = 0, moments(chance, len(erased), effort.events // 4, effort.events * 3 // 4)
    for moment, customer in zip(when, erased, strict=True):
        frail.until_processed(moment)
        held += customer.encode() in redis.everything()
        erase_everywhere(frail.store, customer, now())
        assert customer.encode() not in redis.everything()
    frail.finish()
    left = redis.everything()
    assert not [customer for customer in erased if customer.encode() in left]
    assert held
    verdict = frail.verdict({firing for firing in job.wanted if firing[1] not in erased})
    assert not verdict.missing, verdict
    assert {firing[1] for firing in verdict.extra} <= set(erased), verdict
    assert verdict.extra <= job.wanted
    assert verdict.repeated == 0


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
    assert frail.exactly(job.wanted).repeated == 0
    assert all(worker.running for worker in workers)


@tried_hard
def test_a_commit_whose_answer_never_came_counts_once(frail: Stage, redis: RedisServer, effort: Effort) -> None:
    job = make_job(effort.events, 3_000)
    frail.settings["store"] = f"{redis.url}?socket_timeout=1"
    frail.take(job)
    frail.start("a", batch=200)
    for moment in moments(random.Random(effort.seed), effort.of(2, 10), 1, effort.events * 4 // 5):
        frail.until_processed(moment)
        before = frail.said("the store does not answer")
        os.kill(redis.pid, signal.SIGSTOP)
        wait_until(lambda: frail.said("the store does not answer") > before, "the worker waits no longer")  # noqa: B023, called here
        os.kill(redis.pid, signal.SIGCONT)
    assert frail.finish_exactly(job.wanted).repeated == 0
    print("refused commits:", frail.said("commit refused"))


def test_of_a_redis_that_answers_reads_and_takes_no_writes_a_worker_tells_soon(
    frail: Stage, redis: RedisServer
) -> None:
    """As while a replica takes over. The customers are in memory, so that nothing but commits has to wait."""
    frail.use(live_project([frail.topics.events], PONG))
    frail.start("a", **LIVE)
    customers = [f"customer-{number}" for number in range(50)]
    frail.load(happened("ping", customer, now()) for customer in customers)
    frail.finish()
    redis.ask("CLIENT", "PAUSE", 20_000, "WRITE")
    frail.load(happened("ping", customer, now(), 1) for customer in customers)
    frail.until(lambda: frail.processed() == 100, "the second pings are handled")
    frail.finish()
    assert frail.said("the store does not answer"), "before it answered again"
    assert len(frail.outreach()) == len(frail.told()) == 100


def test_while_redis_loads_its_data_workers_wait_and_doctor_says_so(tmp_path: Path, frail: Stage) -> None:
    slow = RedisServer(tmp_path / "slow", {"key-load-delay": 100})  # microseconds for each command of its AOF
    slow.start()
    for page in range(30):
        slow.ask("EVAL", "for i = 1, 5000 do redis.call('SET', KEYS[1] .. i, i) end", 1, f"other:{page}:")
    frail.settings["store"] = slow.url
    frail.store = connect(slow.url, frail.name)
    customers = [f"customer-{number}" for number in range(50)]
    frail.use(live_project([frail.topics.events], PONG))
    frail.start("a", **LIVE)
    frail.load(happened("ping", customer, now()) for customer in customers)
    frail.finish()
    slow.kill9()
    starting = Thread(target=slow.start)
    starting.start()
    frail.load(happened("ping", customer, now(), 1) for customer in customers)
    young = frail.start("b", **LIVE)
    told = "it is still loading its data"
    frail.until(lambda: all(told in one.said for one in frail.workers.values()), "both workers hear that it loads")
    ran = engine(frail, "doctor", clock="live")
    assert (ran.code, told in ran.said) == (1, True), ran.said
    slow.ask("CONFIG", "SET", "key-load-delay", 0)
    starting.join()
    frail.until_members(2)
    frail.finish()
    assert young.said.count("the store answers again")
    assert len(frail.outreach()) == len(frail.told()) == 100
    slow.remove()


def test_a_worker_whose_password_is_taken_away_waits_and_loses_nothing(frail: Stage, redis: RedisServer) -> None:
    password = frail.folder / "password"
    password.write_text("before\n")
    redis.ask("ACL", "SETUSER", "engine", "on", ">before", "~*", "+@all", "-@dangerous")
    frail.settings["store"] = redis.url.replace("redis://", "redis://engine@")
    frail.settings["store_password_file"] = password
    customers = [f"customer-{number}" for number in range(50)]
    frail.use(live_project([frail.topics.events], PONG))
    worker = frail.start("a", **LIVE)
    frail.load(happened("ping", customer, now()) for customer in customers)
    frail.finish()
    redis.ask("ACL", "SETUSER", "engine", ">after", "<before")
    password.write_text("after\n")
    redis.ask("CLIENT", "KILL", "USER", "engine")
    frail.load(happened("ping", customer, now(), 1) for customer in customers)
    frail.until(lambda: frail.said("it wants another user or password") > 3, "the worker is refused")
    assert frail.processed() == 50
    worker.stop()
    assert worker.code == 0
    frail.start("a", **LIVE)
    frail.finish()
    assert len(frail.outreach()) == len(frail.told()) == 100


def test_while_redis_is_full_the_worker_waits_and_nothing_is_half_done(frail: Stage, redis: RedisServer) -> None:
    job = make_job(30_000, 3_000)
    frail.take(job)
    frail.start("a", batch=200)
    frail.until_processed(10_000)
    redis.ask("CONFIG SET", "maxmemory", 1)
    frail.until(lambda: frail.said("it is full") > 2, "the worker tells that Redis is full")
    redis.ask("CONFIG SET", "maxmemory", 0)
    assert frail.finish_exactly(job.wanted).repeated == 0


def test_redis_lost_for_good_is_rebuilt_from_the_events_that_kafka_keeps(frail: Stage, redis: RedisServer) -> None:
    job = make_job(20_000, 2_000)
    frail.take(job)
    frail.start("a", batch=200)
    for moment in (10_000, sum(frail.topics.loaded.values())):
        frail.until_processed(moment)
        redis.ask("FLUSHALL")
    assert frail.finish_exactly(job.wanted).repeated == 0

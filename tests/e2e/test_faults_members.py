"""Workers that come, go, and come back from the dead: still exactly what the histories call for."""

import math
import random
import shutil
import signal

import pytest

from engine.adapters.redis.script import Script
from tests.services import Gate, RedisServer
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage, moments
from tests.support.job import Entry, make_job, project
from tests.support.live import BOUGHT, LIVE, PONG, happened, live_project, now
from tests.support.operators import data
from tests.support.workers import Worker

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

SESSION = 3
SLOWLY = {"kafka_instance_id": "", "kafka_session_timeout": SESSION, "batch": 100}
"""Three members without a fixed place; small batches, so that there is work left for what the tests do to them."""
ENDED = 0, 128 + signal.SIGTERM, -signal.SIGTERM
"""Codes of a worker that is asked to stop: in order; as any command or process, where it has just begun to start."""
COMMIT = str(Script("commit.lua").by_hash([])[1]).encode()
"""What a worker asks of Redis when it commits, and for nothing else: what it opens a partition with may be answered."""
REFUSED = b"$"
"""How the answer begins that the fence has stopped a commit: with another's seal. Where it has not, there is none. The
zombie itself may never read it: it takes part in nothing any more once it hears that it was given up."""


@tried_hard
def test_workers_that_come_and_go_while_events_flow_change_nothing(stage: Stage, effort: Effort) -> None:
    job = make_job(effort.events, 3_000)
    chance = random.Random(effort.seed)
    stage.use(project(stage.topics.events))
    for name in "abc":
        stage.start(name, **SLOWLY)
    stage.until_members(3)
    stage.load(job.entries)
    for moment in moments(chance, effort.of(6, 30), 1_000, effort.events * 9 // 10):
        stage.until_processed(moment)
        worker = stage.workers[chance.choice("abc")]
        if not worker.running:
            stage.start(worker.name, **SLOWLY)
        elif chance.random() < 0.3:
            stage.kill9(worker)
        else:
            worker.stop()
            assert worker.code in ENDED, worker.said
        if not any(worker.running for worker in stage.workers.values()):
            stage.start("a", **SLOWLY)
    assert stage.finish_exactly(job.wanted).repeated <= stage.in_flight


@tried_hard
def test_a_worker_killed_while_the_group_shares_out_anew_loses_nothing(stage: Stage, effort: Effort) -> None:
    job = make_job(effort.events, 3_000)
    stage.take(job)
    old = stage.start("a", **SLOWLY)
    for number, moment in enumerate(moments(random.Random(effort.seed), effort.of(2, 8), 1, effort.events * 4 // 5)):
        stage.until_processed(moment)
        young = stage.start(f"b{number}", **SLOWLY)
        stage.until_unsettled()
        stage.kill9(old)
        old = young
    assert stage.finish_exactly(job.wanted).repeated <= stage.in_flight


@tried_hard
def test_a_worker_back_from_the_dead_is_refused_and_changes_nothing(
    frail: Stage, redis: RedisServer, effort: Effort
) -> None:
    job = make_job(effort.events, 3_000)
    chance = random.Random(effort.seed)
    frail.use(project(frail.topics.events))
    gates = {name: Gate(redis.port, COMMIT) for name in "abc"}
    for name, gate in gates.items():  # without a cache: what a zombie wrote would be read
        frail.start(name, store=f"redis://127.0.0.1:{gate.port}/0", cache_size=0, **SLOWLY)
    zombies = effort.of(2, 10)
    part = math.ceil(len(job.entries) / zombies)
    for first in range(0, len(job.entries), part):
        frail.until_members(3)
        name = chance.choice("abc")
        make_a_zombie(frail, frail.workers[name], gates[name], job.entries[first : first + part])
    frail.finish()
    for gate in gates.values():
        gate.close()
    assert frail.exactly(job.wanted).repeated <= frail.in_flight
    late = [answer for gate in gates.values() for answer in gate.late]
    assert len(late) >= zombies
    assert all(answer.startswith(REFUSED) for answer in late), late
    print("refused commits:", len(late))


def make_a_zombie(stage: Stage, worker: Worker, gate: Gate, entries: list[Entry]) -> None:
    """It stands still just before it commits, and goes on when others have its partitions and get on with them."""
    gate.shut()
    stage.load(entries)
    stage.until(lambda: gate.holds, f"{worker.name} is about to commit")
    stage.freeze(worker)
    stage.until_members(2)
    stage.until_all_move()
    heard = len(gate.late)
    gate.open()
    stage.until(lambda: len(gate.late) > heard, "the store has answered")
    worker.thaw()


CUSTOMERS = [f"customer-{number}" for number in range(200)]


def all_buy(stage: Stage, number: int) -> None:
    """Their purchase of this number, and a ping; returns when both are handled."""
    for kind in ("purchase", "ping"):
        stage.load(happened(kind, customer, now(), number) for customer in CUSTOMERS)
    stage.finish()


def is_warned(stage: Stage) -> bool:
    """Whether doctor tells of partitions with different rules."""
    return any(one["what"] == "deciding" and one["level"] == "warn" for one in data(stage, "doctor", clock="live"))


def test_workers_of_one_group_with_different_rules_repeat_nothing_and_doctor_tells_of_them(stage: Stage) -> None:
    """As while an update is rolled out and one worker stays behind: partitions go to the other book and back."""
    for name, rules in {"old": [BOUGHT], "new": [BOUGHT, PONG]}.items():
        stage.use(live_project([stage.topics.events], *rules))
        shutil.copytree(stage.folder / "rules", stage.folder / name)
    members = {**LIVE, "kafka_instance_id": ""}
    for number, (name, folder) in enumerate({"behind": "old", "first": "new", "second": "new"}.items(), 1):
        stage.start(name, rules=stage.folder / folder, **members)
        stage.until_members(number)
        all_buy(stage, number)
        assert number > 1 or not is_warned(stage)
    stage.until(lambda: is_warned(stage), "doctor tells of two books")
    for number, name in ((4, "second"), (5, "behind")):
        stage.workers.pop(name).stop()
        stage.until_members(6 - number)
        all_buy(stage, number)
    stage.until(lambda: not is_warned(stage), "all customers have one book")
    verdict = stage.verdict({("bought", customer, level) for customer in CUSTOMERS for level in ("3", "5")})
    assert not verdict.missing, verdict
    assert {rule for rule, _, _ in verdict.extra} == {"pong"}, verdict
    assert verdict.repeated == 0

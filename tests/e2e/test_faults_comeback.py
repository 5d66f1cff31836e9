"""Live clocks, short silences, restarts and kills: exactly those who stayed away are told, whatever was read ahead.

Workers have the settings of production, and the clients are as they come. What must be said is worked out from what the
broker has, by nothing of the engine's. Every other start is one at which the records come before the store's first
answer, see tests/support/read_ahead.py: without it a worker that counts what it has read as handled passes on most
machines.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from tests.services import RedisServer
from tests.support import read_ahead
from tests.support.command import PROGRAM
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage
from tests.support.job import Firing
from tests.support.live import LIVE, QUIET, happened, live_project, now
from tests.support.workers import Worker

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

SILENCES = 6_000, 15_000
"""Milliseconds after which a customer is missed; longer in a soak, beside which a busy machine takes seconds to load
what happens."""
EARLY = 1_500, 6_000
"""Milliseconds before the end of a silence at which customers come back: what is under way to the broker then is there
in time."""
VISIBLE = 500
"""Milliseconds that a record may take from the broker's time stamp until it can be read."""


@dataclass
class Called:
    """What a look at the whole topic of events calls for. `false`: of these, nobody may hear.

    `open`: who came so close to the end of a silence that either is right.
    """

    wanted: set[Firing] = field(default_factory=set)
    false: set[Firing] = field(default_factory=set)
    open: set[Firing] = field(default_factory=set)


def called_for(stage: Stage, silence: int) -> Called:
    """Once all silences have ended."""
    visits: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for one in stage.topics.read(stage.topics.events):
        visits[one.json["customer"]].append((one.json["time"], one.time))
    called, never = Called(), (2 * now(), 2 * now())
    for customer, times in visits.items():
        for (came, _), (again, arrived) in pairwise([*sorted(times), never]):
            firing, end = ("quiet", customer, str(came)), came + silence
            if again >= end:
                called.wanted.add(firing)
            elif arrived < end - VISIBLE:
                called.false.add(firing)
            else:
                called.open.add(firing)
    return called


class Shop:
    """Its customers, who come when they are told to."""

    def __init__(self, stage: Stage, customers: int) -> None:
        self.stage = stage
        self.customers = [f"customer-{number}" for number in range(customers)]
        self.last = 0

    def visited_by(self, customers: Sequence[str]) -> None:
        """Now; returns when the broker has it."""
        self.last = now()
        self.stage.load(happened("site_visit", customer, self.last) for customer in customers)

    def all_handled(self) -> None:
        self.stage.until_processed(sum(self.stage.topics.loaded.values()))

    def wait_until(self, moment: int) -> None:
        self.stage.until(lambda: now() >= moment, "time passes")


def end(worker: Worker, number: int, redis: RedisServer) -> None:
    """By SIGTERM, by SIGKILL, or together with the store."""
    worker.stop() if number % 3 == 0 else worker.kill9()
    if number % 3 == 2:
        redis.kill9()
        redis.start()


@tried_hard
@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_over_restarts_and_kills_exactly_those_who_stayed_away_are_told(
    frail: Stage, redis: RedisServer, effort: Effort, client: str
) -> None:
    shop, chance = Shop(frail, effort.of(400, 3_000)), random.Random(effort.seed)
    silence, early = effort.of(*SILENCES), effort.of(*EARLY)
    frail.use(live_project([frail.topics.events], QUIET.format(seconds=silence // 1000)))
    settings = {**LIVE, "kafka_client": client}
    worker = frail.start("a", **settings)
    frail.until_members(1)
    for number in range(effort.of(4, 10)):
        shop.visited_by(shop.customers)
        first = shop.last
        shop.all_handled()
        end(worker, number, redis)
        shop.wait_until(first + silence - early)
        shop.visited_by([customer for customer in shop.customers if chance.random() < 0.95])
        shop.wait_until(first + silence + VISIBLE)
        program = PROGRAM if number % 2 else read_ahead.PROGRAM
        worker = frail.start_program(program, "a", settings)
        shop.all_handled()
    shop.wait_until(shop.last + silence + VISIBLE)
    called = called_for(frail, silence)
    frail.until(lambda: called.wanted <= frail.told(), "those who stayed away have heard from us")
    told = frail.told() - called.open
    false = len(told & called.false)
    print(f"{client}: {false} of {len(called.false)} falsely told, {len(told) - false} of {len(called.wanted)} rightly")
    assert told & called.false == set()
    assert told == called.wanted
    assert len(called.false) > len(shop.customers), "most came back in time, most times"

"""Live clocks, short silences, restarts and kills: exactly those who stayed away are told, whatever was read ahead.

Workers have the settings of production: a poll takes 4,000 records, and the clients are as they come. What must be said
is worked out from the times of the visits alone. Whatever is done is done at a moment that was observed.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest

from tests.services import RedisServer
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage
from tests.support.job import Firing
from tests.support.live import LIVE, QUIET, happened, live_project, now
from tests.support.workers import Worker

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

SILENCE = 6_000
BACKLOG = 6_000
"""Records that wait for a worker that starts: more than one poll takes, less than two do. So some partitions are read
to their ends while others have been looked at for due timers."""
CLEAR = 1_500
"""So far from the end of a silence, ms, every visit is: the broker has it well before, or well after."""


class Visits:
    """Who came when, and what a look at all of it calls for."""

    def __init__(self, stage: Stage, chance: random.Random, customers: int) -> None:
        self.stage = stage
        self.chance = chance
        self.customers = [f"customer-{number}" for number in range(customers)]
        self.times: dict[str, list[int]] = defaultdict(list)
        self.last = 0

    def come(self, customers: Sequence[str]) -> None:
        """These visit now; returns when the broker has it."""
        self.last = now()
        each = range(BACKLOG // len(self.customers))
        pings = [happened("ping", customer, self.last, number) for number in each for customer in customers]
        self.stage.load([*pings, *(happened("site_visit", customer, self.last) for customer in customers)])
        for customer in customers:
            self.times[customer].append(self.last)
        assert now() < self.last + CLEAR, "the broker took too long to say anything about this round"

    def some(self) -> list[str]:
        """Nine in ten."""
        return [customer for customer in self.customers if self.chance.random() < 0.9]

    def until_before_the_end(self) -> None:
        """Wait, until the silence of those who came last has nearly ended."""
        self._until(self.last + SILENCE - 2 * CLEAR)

    def until_after_the_end(self) -> None:
        self._until(max(times[-1] for times in self.times.values()) + SILENCE + CLEAR)

    def wanted(self) -> Iterator[Firing]:
        """Once all silences have ended."""
        for customer, times in self.times.items():
            for last, following in pairwise([*times, 2 * now()]):
                if following >= last + SILENCE:
                    yield "quiet", customer, str(last)

    def _until(self, moment: int) -> None:
        self.stage.until(lambda: now() >= moment, "time passes")


def end(worker: Worker, number: int, redis: RedisServer) -> None:
    """By SIGTERM, by SIGKILL, or together with the store."""
    worker.stop() if number % 2 == 0 else worker.kill9()
    if number % 4 == 1:
        redis.kill9()
        redis.start()


@tried_hard
@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_over_restarts_and_kills_exactly_those_who_stayed_away_are_told(
    frail: Stage, redis: RedisServer, effort: Effort, client: str
) -> None:
    visits = Visits(frail, random.Random(effort.seed), effort.of(300, 3_000))
    frail.use(live_project([frail.topics.events], QUIET.format(seconds=SILENCE // 1000)))
    worker = frail.start("a", kafka_client=client, **LIVE)
    frail.until_members(1)
    for number in range(effort.of(2, 10)):
        visits.come(visits.customers)
        everything = sum(frail.topics.loaded.values())
        frail.until_processed(everything if number % 2 == 0 else everything - BACKLOG // 2)
        end(worker, number, redis)
        visits.until_before_the_end()
        visits.come(visits.some())
        visits.until_after_the_end()  # of the first silence, which most have broken, or of both
        worker = frail.start("a", kafka_client=client, **LIVE)
        frail.until_processed(sum(frail.topics.loaded.values()))
    visits.until_after_the_end()
    wanted = set(visits.wanted())
    frail.until(lambda: len(frail.outreach()) >= len(wanted), "those who stayed away have heard from us")
    verdict = frail.verdict(wanted)
    assert verdict.exact, verdict
    print(client, verdict)

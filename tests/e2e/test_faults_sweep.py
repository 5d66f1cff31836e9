"""A new rule and customers who are already there: it reaches them without an event and floods nobody."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.services.processes import PATIENCE
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage, firing_of
from tests.support.job import DAY
from tests.support.live import LIVE, PONG, QUIET, happened, live_project, now, silence_since

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

SECONDS = 12
ADDED = QUIET.format(seconds=SECONDS)


@dataclass(frozen=True)
class Customers:
    """Those who were last seen long ago, and those who visited at the moment `at`."""

    idle: list[str]
    recent: list[str]
    at: int


@tried_hard
def test_a_new_rule_reaches_who_goes_idle_later_and_leaves_the_long_idle_alone(stage: Stage, effort: Effort) -> None:
    worker = stage.start_with(live_project([stage.topics.events], PONG), **LIVE)
    customers = known_customers(stage, effort.of(10_000, 100_000))
    stage.use(live_project([stage.topics.events], PONG, ADDED))
    with pinging(stage):
        stage.until(lambda: len(stage.latencies("pong")) >= 50, "events are answered")
        before = stage.latencies("pong")[-1]
        worker.reload()
        until_all_have_met_the_rule(stage, customers)
    latencies = stage.latencies("pong")
    assert latencies[-1] < max(1_000, 5 * before), (before, latencies[-10:])  # what a second is on a busy machine
    check(stage, customers)
    print("latency in ms: median", latencies[len(latencies) // 2], "longest", latencies[-1], "of", len(latencies))


@tried_hard
def test_a_worker_killed_while_customers_meet_a_new_rule_goes_on_with_the_others(stage: Stage, effort: Effort) -> None:
    worker = stage.start_with(live_project([stage.topics.events], PONG), **LIVE)
    customers = known_customers(stage, effort.of(10_000, 100_000))
    stage.use(live_project([stage.topics.events], PONG, ADDED))
    worker.reload()
    kills = 0
    while kills < effort.of(2, 10):
        stage.until(lambda: stage.is_sweeping() or stage.is_swept(), "the sweep is under way")
        if not stage.is_sweeping():
            break
        stage.kill9(worker)
        kills += 1
        worker = stage.start("a", **LIVE)
    assert kills
    until_all_have_met_the_rule(stage, customers)
    check(stage, customers)


def known_customers(stage: Stage, number: int) -> Customers:
    """So many, nine of ten of them idle, in the store."""
    idle = [f"idle-{one}" for one in range(number * 9 // 10)]
    recent = [f"recent-{one}" for one in range(number // 10)]
    stage.load(happened("site_visit", customer, now() - 50 * DAY) for customer in idle)
    stage.until_processed(len(idle))
    at = now()
    stage.load(happened("site_visit", customer, at) for customer in recent)
    stage.until_processed(number)
    return Customers(idle, recent, at)


def until_all_have_met_the_rule(stage: Stage, customers: Customers) -> None:
    stage.until(stage.is_swept, "all have met the rule", 2 * PATIENCE)
    stage.until(lambda: now() > customers.at + SECONDS * 1000, "the recent have become idle")
    stage.until(lambda: len(written_to(stage)) >= len(customers.recent), "those who went idle hear from us")


def written_to(stage: Stage) -> set[str]:
    return {one.identity for one in stage.outreach() if one.json["rule"] == "quiet"}


def check(stage: Stage, customers: Customers) -> None:
    """Each of the idle is expired once, each of the recent hears from us once."""
    assert stage.remembered(customers.idle) == {("quiet", "expired"): len(customers.idle)}
    quiet = [one for one in stage.outreach() if one.json["rule"] == "quiet"]
    assert {firing_of(one.json) for one in quiet} == silence_since(customers.at, customers.recent)
    assert len({one.identity for one in quiet}) == len(customers.recent)
    assert len(quiet) <= len(customers.recent) + stage.in_flight


@contextmanager
def pinging(stage: Stage) -> Iterator[None]:
    """An event every fiftieth of a second."""
    enough = threading.Event()
    thread = threading.Thread(target=_ping, args=(stage, enough))
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def _ping(stage: Stage, enough: threading.Event) -> None:
    number = 0
    while not enough.wait(0.02):
        number += 1
        stage.load([happened("ping", f"pinger-{number % 50}", now(), number)])

"""A journey's steps change while customers stand in it, workers are killed, and the group shares out anew."""

from collections import Counter

import pytest

from tests.services.processes import PATIENCE
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage
from tests.support.live import LIVE, happened, live_project, now

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

BEFORE = """\
  - id: ladder
    when: { event: site_visit }
    steps:
      - { id: hello, send: text }
      - wait: 2h
      - { id: nudge, send: text }
      - wait: 2h
      - { id: tips, send: text }
"""
AFTER = """\
  - id: ladder
    when: { event: site_visit }
    steps:
      - { id: welcome, was: [hello], send: text }
      - wait: 1s
      - { id: extra, send: text }
      - { id: nudge, send: text }
      - wait: 2h
      - { id: tips, send: text }
"""
WITHOUT = """\
  - id: ladder
    when: { event: site_visit }
    steps:
      - wait: 2h
      - { id: other, send: text }
"""


@tried_hard
def test_customers_in_a_journey_get_each_step_once_though_it_is_edited_and_workers_are_killed(
    stage: Stage, effort: Effort
) -> None:
    customers = in_the_first_wait(stage, effort.of(3_000, 30_000))
    edit_and_kill(stage, AFTER, effort.of(3, 10))
    stage.until(
        lambda: steps(stage)["nudge"] >= len(customers), "the shortened wait is over for everybody", 2 * PATIENCE
    )
    assert steps(stage) == {"hello": len(customers), "extra": len(customers), "nudge": len(customers)}
    assert len(stage.outreach()) <= 3 * len(customers) + stage.in_flight
    assert stage.remembered(customers) == {
        ("ladder", "entered"): len(customers),
        ("ladder", "fired"): 3 * len(customers),
    }


@tried_hard
def test_customers_whose_step_is_taken_out_leave_once_and_hear_nothing_more(stage: Stage, effort: Effort) -> None:
    customers = in_the_first_wait(stage, effort.of(3_000, 30_000))
    edit_and_kill(stage, WITHOUT, effort.of(3, 10))
    stage.until(
        lambda: stage.remembered(customers)["ladder", "exited"] >= len(customers), "all have left", 2 * PATIENCE
    )
    assert steps(stage) == {"hello": len(customers)}
    assert stage.remembered(customers) == {
        ("ladder", "entered"): len(customers),
        ("ladder", "fired"): len(customers),
        ("ladder", "exited"): len(customers),
    }


def in_the_first_wait(stage: Stage, number: int) -> list[str]:
    """So many customers who have got the first step, and wait for hours."""
    stage.start_with(live_project([stage.topics.events], BEFORE), **LIVE)
    customers = [f"c-{one}" for one in range(number)]
    stage.load(happened("site_visit", customer, now()) for customer in customers)
    stage.until(lambda: steps(stage)["hello"] >= number, "all have got the first step", 2 * PATIENCE)
    return customers


def edit_and_kill(stage: Stage, rules: str, times: int) -> None:
    """Bring the new rules, and kill the workers one after the other while customers meet them and act on them."""
    worker = stage.workers["a"]
    stage.use(live_project([stage.topics.events], rules))
    worker.reload()
    for number in range(times):
        other = stage.start("b" if number % 2 == 0 else "a", **LIVE)
        stage.until(lambda: stage.is_sweeping() or stage.is_swept(), "customers meet the new rules")
        stage.kill9(worker)
        worker = other


def steps(stage: Stage) -> Counter[str]:
    """How many different outreach ids each step has on the topic."""
    return Counter(step for _, step in {(one.identity, one.json["step"]) for one in stage.outreach()})

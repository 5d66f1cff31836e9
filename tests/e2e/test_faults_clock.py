"""On the live clock: neither lag nor a wrong clock makes anybody falsely inactive, and a backfill floods nobody."""

import pytest

from tests.support.command import at_another_time
from tests.support.faults import Stage
from tests.support.job import make_job
from tests.support.live import BOUGHT, LIVE, QUIET, happened, live_project, long_ago, now, silence_since

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

SECONDS = 6
VISIBLE = 500
"""Milliseconds that a record may take until the broker has it."""
CUSTOMERS = [f"customer-{number}" for number in range(400)]
AWAY, BACK = CUSTOMERS[::2], CUSTOMERS[1::2]


@pytest.mark.parametrize(("topics", "killed"), [(1, False), (2, True)], ids=["stopped", "two topics, killed"])
def test_who_came_back_while_the_worker_was_down_is_not_told_that_we_miss_them(
    stage: Stage, topics: int, killed: bool
) -> None:
    second = stage.topics.make("second") if topics == 2 else stage.topics.events
    stage.use(live_project(dict.fromkeys([stage.topics.events, second]), QUIET.format(seconds=SECONDS)))
    worker = stage.start("a", **LIVE)
    stage.until_members(1)
    first = now()
    stage.load(happened("site_visit", customer, first) for customer in CUSTOMERS)
    stage.until_processed(len(CUSTOMERS))
    worker.kill9() if killed else worker.stop()

    filler = [happened("ping", customer, now(), number) for number in range(20) for customer in CUSTOMERS]
    stage.load(filler, second)
    stage.still_for(SECONDS - 2 - (now() - first) / 1000)
    again = now()
    stage.load((happened("site_visit", customer, again) for customer in BACK), second)
    came_late = now() > first + SECONDS * 1000 - VISIBLE  # on a busy machine: either is right then
    stage.until(lambda: now() > again + SECONDS * 1000 - 1000, "the first silence is long over")

    stage.start("a", batch=50, **LIVE)
    wanted = silence_since(first, AWAY) | silence_since(again, BACK)
    stage.until(lambda: wanted <= stage.told(), "those who stayed away have heard from us")
    verdict = stage.verdict(wanted)
    assert verdict.extra <= (silence_since(first, BACK) if came_late else set()), verdict
    assert verdict.repeated == 0
    late = [one for one in stage.outreach() if one.time < int(one.json["occurrence"]) + SECONDS * 1000]
    assert not late, "nobody hears from us before their time"


def test_a_backfill_into_a_live_topic_floods_nobody(stage: Stage) -> None:
    job = make_job(20_000, 2_000)
    stage.use(live_project([stage.topics.events], QUIET.format(seconds=SECONDS), BOUGHT))
    stage.start("a", **LIVE)
    stage.until_members(1)
    before = now()
    stage.load(happened("site_visit", customer, before) for customer in AWAY)
    stage.load(long_ago(job, days=40))
    after = now()
    stage.load(happened("site_visit", customer, after) for customer in BACK)
    wanted = silence_since(before, AWAY) | silence_since(after, BACK)
    stage.until_processed(sum(stage.topics.loaded.values()))
    stage.until(lambda: len(stage.outreach()) >= len(wanted), "the living hear from us")
    stage.exactly(wanted)
    milestones = sum(rule == "milestone" for rule, _, _ in job.wanted)
    assert stage.outcomes()["bought", "expired"] == milestones
    assert stage.outcomes()["quiet", "fired"] == len(wanted)


@pytest.mark.parametrize("hours", [1, -1, -72])
def test_a_worker_that_starts_with_a_wrong_clock_loses_no_event_and_makes_nobody_silent(
    stage: Stage, hours: int
) -> None:
    """It shares the partitions with another at first, then has all of them, then none."""
    stage.use(live_project([stage.topics.events], QUIET.format(seconds=SECONDS), BOUGHT))
    several = {**LIVE, "kafka_instance_id": ""}
    right = stage.start("right", **several)
    stage.until_members(1)
    first = now()
    stage.load(happened("site_visit", customer, first) for customer in CUSTOMERS)
    stage.until_processed(len(CUSTOMERS))
    wrong = stage.start_program(at_another_time(hours * 3_600), "wrong", several)
    stage.until_members(2)
    right.stop()
    second = now()
    stage.load(happened("purchase", customer, second, number) for customer in CUSTOMERS for number in range(3))
    stage.load(happened("site_visit", customer, second) for customer in BACK)
    stage.finish()
    assert "the time is in doubt" in wrong.said
    stage.start("right", **several)
    stage.until_members(2)
    wrong.stop()
    in_time = second < first + SECONDS * 1000 - VISIBLE  # else, on a busy machine, either is right
    bought = {("bought", customer, "3") for customer in CUSTOMERS}
    wanted = silence_since(first, AWAY) | silence_since(second, BACK) | bought
    stage.until(lambda: wanted <= stage.told(), "those who stayed away have heard from us")
    verdict = stage.verdict(wanted)
    assert verdict.extra <= (set() if in_time else silence_since(first, BACK)), verdict
    assert verdict.repeated == 0
    assert stage.dead_letters() == {}
    assert not stage.said("a stored clock was ahead")

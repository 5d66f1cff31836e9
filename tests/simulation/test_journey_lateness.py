"""Journeys while lateness holds a step: what happens meanwhile counts for the waits after it."""

import pytest

from engine.core.journeys.conduct import MAX_AHEAD
from engine.testing import Simulator
from tests.support.journeys import START, journey, signs_up, span


def test_what_happens_while_lateness_holds_the_step_before_counts_for_the_wait_after_it() -> None:
    steps = "[{ wait: 2d }, { wait: { event: visit, within: 3d }, then: [{ send: came }], else: [{ send: missed }] }]"
    book = journey(steps.replace("{ wait: {", "{ id: look, wait: {"), policy="allowed_lateness: 6h")
    sim = Simulator(book, strict=True)
    signs_up(sim)
    sim.event("visit", "1d")  # before the wait for it
    sim.event("visit", "2d1h")
    sim.run("2d5h")
    assert sim.outreach == []
    sim.run("30d")
    assert [(one.step, one.moment - START) for one in sim.outreach] == [("came", 49 * 3_600_000)]


AHEAD = """
    - wait: 2d
    - { id: first, wait: { event: visit, within: 3d } }
    - { id: second, wait: { event: visit, within: 3d }, then: [{ send: came }], else: [{ send: missed }] }
"""


@pytest.mark.parametrize("lateness", [0, 6])
@pytest.mark.parametrize(
    ("visits", "step"), [(["2d1h"], "5d1h missed"), (["2d1h", "2d3h"], "2d3h came"), (["2d1h", "2d1h"], "2d1h came")]
)
def test_a_visit_ends_one_wait_also_while_lateness_holds_the_step_before(
    visits: list[str], step: str, lateness: int
) -> None:
    sim = Simulator(journey(AHEAD, policy=f"allowed_lateness: {lateness}h"), strict=True)
    signs_up(sim)
    for at in visits:
        sim.event("visit", at)
    sim.run("30d")
    assert [f"{span(one.moment)} {one.step}" for one in sim.outreach] == [step]


@pytest.mark.parametrize("lateness", [0, 6])
def test_two_events_of_one_instant_end_two_waits_also_while_lateness_holds_the_step_before(lateness: int) -> None:
    steps = AHEAD.replace("second, wait: { event: visit", "second, wait: { event: buy")
    sim = Simulator(journey(steps, policy=f"allowed_lateness: {lateness}h"), strict=True)
    signs_up(sim)
    sim.event("visit", "2d1h")
    sim.event("buy", "2d1h")
    sim.run("30d")
    assert [f"{span(one.moment)} {one.step}" for one in sim.outreach] == ["2d1h came"]


@pytest.mark.parametrize("lateness", [0, 6])
def test_no_wait_is_ended_by_what_comes_before_it_begins_or_by_something_else(lateness: int) -> None:
    steps = "[{ wait: 2d }, { id: a, wait: 1h }, { id: look, wait: { event: visit, within: 3d } }, { send: missed }]"
    sim = Simulator(journey(steps, policy=f"allowed_lateness: {lateness}h"), strict=True)
    signs_up(sim)
    sim.event("visit", "2d30m")
    sim.event("buy", "2d2h")
    sim.run("30d")
    assert [span(one.moment) for one in sim.outreach] == ["5d1h"]


def test_of_what_happens_while_lateness_holds_the_step_before_the_first_counts_and_few_are_remembered() -> None:
    sim = Simulator(
        journey(AHEAD.replace("wait: 2d", "wait: { event: visit, within: 2d }"), policy="allowed_lateness: 6h")
    )
    signs_up(sim)
    for minute in (30, 50, 20, 40, 10, *range(100, 120)):
        sim.event("visit", sim.moment("2d") + minute * 60_000, arrives="2d2h")
    [run] = sim.states["c-1"].rules["j"].runs
    assert {name: len(times) for name, times in run.ahead.items()} == {"first": MAX_AHEAD, "second": MAX_AHEAD}
    sim.run("30d")
    assert [f"{span(one.moment)} {one.step}" for one in sim.outreach] == ["2d20m came"]

"""What happens in one millisecond of a journey: awaited events, moves of segments, goals and exits."""

import pytest

from engine.testing import Simulator
from tests.support.journeys import loaded, outcomes

ACTIVE = "{ id: active, if: events.visit.count('2d') >= 1 }"
BUYERS = "{ id: buyers, if: events.buy.count() >= 1 }"
RICH = "{ id: rich, if: 'events.buy.sum(\"amount\") >= 100' }"


def story(segments: str, steps: str, end: str = "", policy: str = "") -> Simulator:
    book = loaded(
        f"""\
        segments: [{segments}]
        rules:
          - id: j
            when: {{ event: signup }}
            {end}
            steps: {steps}
        """,
        policy,
    )
    sim = Simulator(book, strict=True)
    sim.event("visit", "0d")
    sim.event("signup", "1d")
    sim.event("buy", "3d", amount=200)
    sim.run("20d")
    return sim


@pytest.mark.parametrize(
    "steps",
    [
        "[{ wait: { segment: active, moves: out, within: 5d }, then: [{ send: hello }] }]",
        "[{ wait: { segment: active, moves: out, within: 5d } }, { send: hello }]",
        "[{ wait: 1h }, { id: gone, wait: { segment: active, moves: out, within: 5d } }, { emit: { event: visit } }]",
    ],
)
def test_a_customer_whom_time_alone_moves_out_of_a_segment_gets_the_next_step_once(steps: str) -> None:
    sim = story(ACTIVE, steps)
    assert len([one for one in sim.outcomes if one.outcome.value in ("fired", "emitted", "completed")]) == 2


def test_what_the_night_holds_of_a_customer_who_has_just_moved_out_is_held_once() -> None:
    steps = "[{ wait: { segment: active, moves: out, within: 5d } }, { send: hello }]"
    sim = story(ACTIVE, steps, policy='quiet_hours: { from: "21:00", to: "08:00" }')
    assert outcomes(sim) == ["1d entered", "2d hello deferred", "2d8h hello fired", "2d8h hello completed"]


@pytest.mark.parametrize(
    ("segments", "wait", "end"),
    [
        (BUYERS, "{ event: buy, within: 5d }", "exit: { segment: buyers }"),
        (BUYERS, "{ event: buy, within: 5d }", "goal: { segment: buyers }"),
        (f"{BUYERS}, {RICH}", "{ segment: buyers, within: 5d }", "exit: { segment: rich }"),
        (f"{BUYERS}, {RICH}", "{ segment: buyers, within: 5d }", "goal: { segment: rich }"),
        (f"{BUYERS}, {RICH}", "{ segment: rich, within: 5d }", "goal: { segment: buyers }"),
    ],
)
def test_who_leaves_in_the_instant_that_ends_their_wait_gets_no_further_step(
    segments: str, wait: str, end: str
) -> None:
    sim = story(segments, f"[{{ send: hello }}, {{ id: look, wait: {wait} }}, {{ send: thanks }}]", end)
    ended = "exited" if end.startswith("exit") else "goal_reached"
    assert outcomes(sim) == ["1d entered", "1d hello fired", f"3d look {ended}"]

"""What a goal is credited to: the newest message of the run, for `within`, also when the run is over."""

from pathlib import Path

import pytest

from engine.core.explain import explain
from engine.core.state.codec import encode_state
from engine.model import Event, Outcome
from engine.testing import Simulator
from tests.support.backtests import by_customer, by_partition, lines_of
from tests.support.books import Plain
from tests.support.journeys import DAY, ENDS, HOUR, START, Story, journey, loaded, outcomes, span

TWO = "[{ send: hello }, { wait: 10d }, { send: nudge }]"
"""Over after ten days."""
GOAL = "goal: { event: buy, within: 7d }"


def credited(story: Story, goal: str = GOAL, steps: str = TWO, policy: str = "") -> list[str]:
    """Each goal that was reached, as "12d nudge": when it was told, and what it is credited to."""
    sim = Simulator(journey(steps, goal, policy), strict=True)
    sim.event("signup", "0d")
    story(sim)
    sim.run("200d")
    return credits_of(sim)


def credits_of(sim: Simulator) -> list[str]:
    steps = {one.id: one.step for one in sim.outreach}
    reached = [one for one in sim.outcomes if one.outcome is Outcome.GOAL_REACHED]
    return [f"{span(one.at)} {steps[one.outreach] if one.outreach else 'nothing'}" for one in reached]


@pytest.mark.parametrize(
    ("bought", "told"),
    [
        ("9d", ["9d nothing"]),  # still on the journey, and more than a week after hello
        ("6d", ["6d hello"]),
        ("10d", ["10d nudge"]),
        ("16d", ["16d nudge"]),
        (17 * DAY - 1 + START, ["16d23h59m nudge"]),
        ("17d", []),
    ],
)
def test_a_goal_is_credited_to_the_newest_message_for_the_time_that_the_rule_says(
    bought: str | int, told: list[str]
) -> None:
    assert credited(lambda sim: sim.event("buy", bought)) == told


def test_without_within_a_goal_is_credited_for_thirty_days() -> None:
    assert credited(lambda sim: sim.event("buy", 40 * DAY - 1 + START), "goal: { event: buy }") == ["39d23h59m nudge"]
    assert credited(lambda sim: sim.event("buy", "40d"), "goal: { event: buy }") == []


def test_a_run_reaches_its_goal_once_however_often_the_customer_buys() -> None:
    def story(sim: Simulator) -> None:
        for day in ("12d", "13d", "14d"):
            sim.event("buy", day)

    assert credited(story) == ["12d nudge"]


def test_the_outcome_after_the_run_says_what_came_and_after_which_message() -> None:
    sim = Simulator(journey(TWO, GOAL), strict=True)
    sim.event("signup", "0d")
    sim.event("buy", "12d")
    assert outcomes(sim, *ENDS) == ["0d entered", "10d nudge completed", "12d goal_reached"]
    (reached,) = [one for one in sim.outcomes if one.outcome is Outcome.GOAL_REACHED]
    assert reached.reason == "buy happened 2d after nudge, after the run"
    assert reached.outreach == sim.outreach[1].id


def test_a_late_goal_is_credited_by_its_own_time() -> None:
    assert credited(lambda sim: sim.event("buy", "16d", arrives="60d")) == ["60d nudge"]
    assert credited(lambda sim: sim.event("buy", "5d", arrives="12d")) == ["12d hello"]
    assert credited(lambda sim: sim.event("buy", "8d", arrives="12d")) == []


def test_one_that_comes_late_within_the_lateness_is_credited_however_the_events_come() -> None:
    def late(sim: Simulator) -> None:
        sim.event("buy", 17 * DAY + 2 * HOUR + START)  # too late, as nudge was sent two hours after its moment
        sim.event("buy", 17 * DAY + HOUR + START, arrives=17 * DAY + 3 * HOUR + START)

    assert credited(late, policy="allowed_lateness: 2h") == ["17d3h nudge"]


@pytest.mark.parametrize("second", ["over", "open", "reached"])
def test_a_late_goal_between_two_runs_is_credited_to_the_first(second: str) -> None:
    steps = "[{ send: hello }, { wait: 3h }]" if second == "open" else "[{ send: hello }]"
    sim = Simulator(journey(steps, GOAL, "allowed_lateness: 4h"), strict=True)
    sim.event("signup", "0h")
    sim.event("signup", "8h")
    if second == "reached":
        sim.event("buy", "9h")
    sim.event("buy", "7h", arrives="10h")
    sim.event("buy", "6h", arrives="10h")
    first, other = sorted(sim.outreach, key=lambda one: one.moment)
    reached = [one.outreach for one in sim.outcomes if one.outcome is Outcome.GOAL_REACHED]
    assert reached == ([other.id, first.id] if second == "reached" else [first.id])


def test_runs_that_no_late_goal_can_be_of_are_not_kept() -> None:
    for policy, kept in (("", [20]), ("allowed_lateness: 4h", [8, 20])):
        sim = Simulator(journey("[{ send: hello }]", GOAL, policy), strict=True)
        for hour in ("0h", "8h", "20h"):
            sim.event("signup", hour)
        assert [(one.began - START) // HOUR for one in sim.states["c-1"].rules["j"].ended] == kept
        (view,) = explain(sim.book, sim.states["c-1"], "c-1", sim.now)
        assert view.waits.count("still counts") == 1


def test_a_goal_after_an_exit_is_credited_too() -> None:
    def story(sim: Simulator) -> None:
        sim.event("closed", "2d")
        sim.event("buy", "3d")

    assert credited(story, f"{GOAL}\nexit: {{ event: closed }}") == ["3d hello"]


def test_a_goal_that_is_about_one_order_is_credited_to_the_run_of_that_order() -> None:
    book = journey("[{ send: hello }]", "goal: { event: buy, match: sku, within: 7d }\nmatch: sku")
    sim = Simulator(book, strict=True)
    for sku in ("tea", "oil"):
        sim.event("signup", "0d", sku=sku, plan="x")
    sim.event("buy", "1d", sku="nut")
    assert credits_of(sim) == []
    sim.event("buy", "2d", sku="oil")
    sim.event("buy", "3d", sku="tea")
    assert credits_of(sim) == ["2d hello", "3d hello"]
    assert [one.occurrence for one in sim.outcomes if one.outcome is Outcome.GOAL_REACHED] == [
        sim.outreach[1].occurrence,
        sim.outreach[0].occurrence,
    ]
    assert sim.states["c-1"].rules["j"].ended == ()


def test_a_later_run_about_another_order_leaves_the_goal_to_the_one_before() -> None:
    sim = Simulator(journey("[{ send: hello }]", "goal: { event: buy, match: sku, within: 7d }"), strict=True)
    for day, sku in (("0d", "tea"), ("1d", "oil"), ("2d", "oil")):
        sim.event("signup", day, sku=sku, plan="x")
    sim.event("buy", "3d", sku="tea")
    sim.event("buy", "4d", sku="oil")
    sim.event("buy", "5d", sku="oil")
    tea, _, oil = sorted(sim.outreach, key=lambda one: one.moment)
    reached = [one.outreach for one in sim.outcomes if one.outcome is Outcome.GOAL_REACHED]
    assert reached == [tea.id, oil.id]


def test_of_two_runs_the_one_that_wrote_last_is_credited() -> None:
    def story(sim: Simulator) -> None:
        sim.event("signup", "11d")
        sim.event("buy", "12d")
        sim.event("buy", "13d")

    assert credited(story) == ["12d hello"]  # the second run has just begun, and is over with this
    assert credited(story, steps="[{ wait: 2d }, { send: hello }]") == ["12d nothing"]


def test_a_run_that_has_sent_nothing_leaves_the_goal_to_the_one_before() -> None:
    def story(sim: Simulator) -> None:
        sim.event("signup", "5d")
        sim.event("buy", "6d")

    assert credited(story, steps="[{ wait: 2d }, { send: hello }]") == ["6d nothing", "6d hello"]


def test_a_goal_that_is_a_move_of_a_segment_is_credited_after_the_run() -> None:
    book = loaded(
        """
        segments: [{ id: buyers, if: events.buy.count() >= 1 }]
        rules:
          - id: j
            when: { event: signup }
            goal: { segment: buyers }
            steps: [{ send: hello }]
        """
    )
    sim = Simulator(book, strict=True)
    sim.event("signup", "0d")
    sim.event("buy", "3d")
    assert credits_of(sim) == ["3d hello"]


def test_what_keeps_its_name_and_what_is_renamed_is_credited_with_the_message_that_was_sent() -> None:
    sim = Simulator(journey(TWO, GOAL), strict=True)
    sim.event("signup", "0d")
    sim.run("11d")
    sim.adopt(
        loaded(
            """
            rules:
              - id: welcome
                was: [j]
                when: { event: signup }
                goal: { event: buy, within: 7d }
                steps: [{ send: hello }, { wait: 10d }, { send: tip, was: [nudge] }]
            """
        )
    )
    sim.event("buy", "12d")
    (reached,) = [one for one in sim.outcomes if one.outcome is Outcome.GOAL_REACHED]
    assert (reached.outreach, reached.rule) == (sim.outreach[1].id, "welcome")
    assert "2d after tip" in reached.reason


def test_a_message_that_could_not_be_written_is_credited_with_nothing() -> None:
    sim = Simulator(journey(TWO, GOAL), Plain("nudge"), strict=True)
    sim.event("signup", "0d")
    sim.event("buy", "12d")
    assert credits_of(sim) == []


def test_a_state_keeps_only_what_may_still_be_credited() -> None:
    sim = Simulator(journey(TWO, GOAL))
    sim.event("signup", "0d")
    sim.run("11d")
    before = len(encode_state(sim.states["c-1"]))
    assert [one.told for one in sim.states["c-1"].rules["j"].ended] == [{"hello": 0, "nudge": 10 * DAY}]
    sim.event("buy", "12d")
    assert sim.states["c-1"].rules["j"].ended == ()
    assert before - len(encode_state(sim.states["c-1"])) < 60
    sim.event("signup", "20d")
    sim.event("signup", "40d")
    sim.run("60d")
    assert len(sim.states["c-1"].rules["j"].ended) == 1
    without = Simulator(journey(TWO))
    without.event("signup", "0d")
    without.run("11d")
    assert without.states["c-1"].rules["j"].ended == ()


def test_a_run_that_is_over_long_after_its_last_message_is_not_kept() -> None:
    sim = Simulator(journey("[{ send: hello }, { wait: 10d }]", GOAL))
    sim.event("signup", "0d")
    sim.run("11d")
    assert sim.states["c-1"].rules["j"].ended == ()


def test_explain_says_until_when_a_goal_still_counts() -> None:
    sim = Simulator(journey(TWO, GOAL))
    sim.event("signup", "0d")
    sim.run("11d")
    (view,) = explain(sim.book, sim.states["c-1"], "c-1", sim.now)
    assert view.waits.splitlines() == [
        "not on the journey; it begins so: waits for a signup",
        "the run since 2026-01-01T00:00:00Z is over; buy before 2026-01-18T00:00:00Z still counts for it",
    ]


def test_a_backtest_credits_what_a_replay_credits(tmp_path: Path) -> None:
    book = journey(TWO, GOAL)
    events = [
        Event(f"e-{number}", type_, customer, START + day * DAY)
        for number, (customer, type_, day) in enumerate(
            [("c-1", "signup", 0), ("c-2", "signup", 1), ("c-1", "buy", 12), ("c-2", "buy", 17), ("c-2", "buy", 18)]
        )
    ]
    found = lines_of(by_customer(book, Plain(), events, START + 30 * DAY, tmp_path))
    assert found == by_partition(book, Plain(), events, START + 30 * DAY)
    assert sum(b"goal_reached" in line for line in found.outcomes) == 2

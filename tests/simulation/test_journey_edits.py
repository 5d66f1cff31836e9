"""Live edits: customers in the middle of a journey whose steps change. Nobody gets a message twice, or too early."""

import pytest

from engine.core.book import RuleBook
from engine.model import Event, Outcome
from engine.testing import Simulator
from tests.support.journeys import ENDS, journey, loaded, outcomes, span

BEFORE = """
    - send: hello
    - wait: 10d
    - send: nudge
    - wait: 10d
    - send: tips
"""


def edited(after: str | RuleBook, at: str, before: str = BEFORE) -> Simulator:
    """A customer who signed up at 0d and meets other steps at `at`."""
    sim = Simulator(journey(before), strict=True)
    sim.event("signup", "0d")
    sim.run(at)
    sim.adopt(after if isinstance(after, RuleBook) else journey(after))
    return sim


def got(sim: Simulator) -> list[str]:
    sim.run("200d")
    return [f"{span(one.at)} {one.step}" for one in sim.outreach]


def ends(sim: Simulator) -> list[str]:
    return outcomes(sim, *ENDS)


def test_a_shortened_wait_that_is_over_already_goes_on_now() -> None:
    assert got(edited(BEFORE.replace("10d", "2d"), "5d")) == ["0d hello", "5d nudge", "7d tips"]


def test_a_shortened_wait_that_is_not_over_ends_when_it_would_have() -> None:
    assert got(edited(BEFORE.replace("10d", "7d"), "5d")) == ["0d hello", "7d nudge", "14d tips"]


def test_of_a_lengthened_wait_the_customer_waits_the_rest() -> None:
    assert got(edited(BEFORE.replace("10d", "20d"), "5d")) == ["0d hello", "20d nudge", "40d tips"]


def test_the_next_wait_of_another_length_counts_from_when_it_begins() -> None:
    after = BEFORE.replace("wait: 10d\n    - send: tips", "wait: 1d\n    - send: tips")
    assert got(edited(after, "5d")) == ["0d hello", "10d nudge", "11d tips"]


def test_a_new_text_or_condition_changes_nothing_about_the_waits() -> None:
    assert got(edited(BEFORE.replace("send: nudge", "{ send: nudge, if: true }"), "5d")) == [
        "0d hello",
        "10d nudge",
        "20d tips",
    ]


def test_who_stands_at_a_wait_that_was_taken_out_goes_on_now() -> None:
    assert got(edited("[{ send: hello }, { send: nudge }, { wait: 10d }, { send: tips }]", "5d")) == [
        "0d hello",
        "5d nudge",
        "15d tips",
    ]


@pytest.mark.parametrize(("visits", "step"), [(True, "thanks"), (False, "nudge")])
def test_who_stands_at_the_wait_of_a_branch_that_was_taken_out_goes_on_in_that_branch(visits: bool, step: str) -> None:
    """Now, not when the wait before the branch would have been over."""
    steps = """
        - send: hello
        - id: look
          wait: { event: visit, within: 9d }
          then: [{ wait: 20d }, { send: thanks }]
          else: [{ wait: 20d }, { send: nudge }]
    """
    sim = Simulator(journey(steps), strict=True)
    sim.event("signup", "0d")
    if visits:
        sim.event("visit", "1d")
    sim.run("12d")
    sim.adopt(journey(steps.replace("{ wait: 20d }, ", "")))
    assert got(sim) == ["0d hello", f"12d {step}"]


def test_who_stands_after_a_step_that_was_taken_out_leaves_and_it_is_said_why() -> None:
    sim = edited("[{ send: nudge }, { wait: 10d }, { send: tips }]", "5d")
    assert ends(sim) == ["0d entered", "5d hello.wait exited"]
    assert sim.outcomes[-1].reason == "step hello.wait is no longer in the journey"
    assert got(sim) == ["0d hello"]


def test_who_stands_after_a_step_that_was_taken_out_goes_where_was_leads() -> None:
    after = "[{ id: pause, was: [hello.wait], wait: 10d }, { send: nudge }]"
    sim = edited(after, "5d")
    assert got(sim) == ["0d hello", "10d nudge"]


def test_who_is_led_back_to_a_step_that_was_sent_goes_on_behind_it() -> None:
    """One message with the same id would be decided twice."""
    before = "[{ send: hello }, { id: a, wait: 10d }, { send: nudge }, { id: b, wait: 10d }, { send: tips }]"
    after = "[{ send: hello }, { send: nudge, was: [a, b] }, { wait: 3d }, { send: tips }]"
    assert got(edited(after, "15d", before)) == ["0d hello", "10d nudge", "23d tips"]
    sim = edited(after, "5d", before)
    assert got(sim) == ["0d hello", "10d nudge", "13d tips"]
    assert [one.reason for one in sim.outcomes if one.step == "nudge"] == ["the wait was taken out"]


def test_a_renamed_step_is_not_sent_again_and_counts_as_sent() -> None:
    after = """
        - { send: welcome, was: [hello] }
        - wait: 10d
        - { send: nudge, if: steps.welcome.sent }
    """
    assert got(edited(after, "5d")) == ["0d hello", "10d nudge"]


def test_no_step_comes_twice_when_the_steps_are_put_in_another_order() -> None:
    after = """
        - send: hello
        - wait: 10d
        - send: tips
        - wait: 10d
        - send: nudge
        - wait: 5d
        - send: last
    """
    assert got(edited(after, "5d")) == ["0d hello", "10d tips", "20d nudge", "25d last"]
    assert got(edited(after, "15d")) == ["0d hello", "10d nudge", "15d last"], (
        "nudge.wait is the last wait, and shorter"
    )
    back = "[{ send: hello }, { wait: 10d }, { send: nudge }, { wait: 10d }, { send: hello2 }]"
    moved = "[{ send: nudge }, { wait: 10d }, { send: hello2 }, { wait: 3d }, { send: hello }]"
    assert got(edited(moved, "15d", back)) == ["0d hello", "10d nudge", "20d hello2"]


def test_a_step_that_is_put_in_ahead_of_a_customer_reaches_them() -> None:
    after = BEFORE.replace("- send: nudge", "- send: extra\n    - wait: 1d\n    - send: nudge")
    assert got(edited(after, "5d")) == ["0d hello", "10d extra", "11d nudge", "21d tips"]


@pytest.mark.parametrize("at", ["5d", "15d"])
def test_a_timed_wait_that_becomes_one_for_an_event_counts_from_when_the_customer_came(at: str) -> None:
    after = """
        - send: hello
        - { wait: { event: buy, within: 20d }, then: [{ send: thanks }], else: [{ send: nudge }] }
    """
    sim = edited(after, at)
    sim.event("buy", "18d")
    assert got(sim) == (["0d hello", "18d thanks"] if at == "5d" else ["0d hello", "10d nudge"])


def test_a_rule_that_is_away_for_some_days_goes_on_with_who_stood_there() -> None:
    other = loaded("rules: [{ id: other, when: { event: buy }, send: other }]")
    sim = edited(other, "5d")
    sim.run("8d")
    sim.adopt(journey(BEFORE))
    assert got(sim) == ["0d hello", "10d nudge", "20d tips"]


def test_what_ended_a_run_while_its_rule_was_away_counts() -> None:
    other = loaded("rules: [{ id: other, when: { event: visit }, send: other }]")
    whole = journey(BEFORE, "goal: { event: buy }")
    sim = edited(other, "5d")
    sim.event("buy", "6d")
    sim.run("8d")
    sim.adopt(whole)
    assert ends(sim) == ["0d entered", "8d hello.wait exited"]
    assert sim.outcomes[-1].reason == "buy happened while the rule was away"


def test_while_a_rule_is_away_a_goal_is_judged_by_its_type_alone_and_credited_to_nothing() -> None:
    other = loaded("rules: [{ id: other, when: { event: visit }, send: other }]")
    dear = journey(
        "[{ send: hello }, { wait: 10d }, { send: nudge }]", "goal: { event: buy, where: event.sku == 'tea' }"
    )
    for away, back, told in (("5d", "8d", "8d hello.wait exited"), ("11d", "14d", "10d nudge completed")):
        sim = Simulator(dear, strict=True)
        sim.event("signup", "0d")
        sim.run(away)
        sim.adopt(other)
        sim.event("buy", "6d" if away == "5d" else "12d", sku="oil" if away == "5d" else "tea")
        sim.run(back)
        sim.adopt(dear)
        sim.run("60d")
        assert ends(sim) == ["0d entered", told]


def test_runs_of_a_rule_that_stays_away_are_given_up_after_a_month() -> None:
    other = loaded("rules: [{ id: other, when: { event: buy }, send: other }]")
    sim = edited(other, "5d")
    sim.run("40d")
    sim.adopt(loaded("rules: [{ id: other, when: { event: buy }, send: other, why: again }]"))
    assert got(sim) == ["0d hello"]


def test_a_rule_that_is_no_journey_any_more_ends_its_runs() -> None:
    sim = edited(loaded("rules: [{ id: j, when: { event: signup }, send: hello }]"), "5d")
    sim.run("50d")
    assert ends(sim) == ["0d entered", "5d hello.wait exited"]


def renamed(rule: str, step: str) -> RuleBook:
    """One journey as rule `j` with the step `hello`, or under other names."""
    return loaded(
        f"""
        rules:
          - id: {rule}
            was: {[] if rule == "j" else ["j"]}
            when: {{ event: signup }}
            steps:
              - {{ send: {step}, was: {[] if step == "hello" else ["hello"]} }}
              - wait: {{ event: outreach_clicked, step: {step}, within: 20d }}
                then: [{{ send: a }}]
                else: [{{ send: b }}]
        """
    )


@pytest.mark.parametrize(("rule", "step"), [("k", "hello"), ("j", "hi"), ("k", "hi")])
def test_under_another_name_a_journey_goes_on_and_knows_the_clicks_in_its_older_messages(rule: str, step: str) -> None:
    sim = Simulator(renamed("j", "hello"), strict=True)
    sim.event("signup", "0d")
    sim.run("5d")
    sim.adopt(renamed(rule, step))
    sim.event("outreach_clicked", "6d", outreach=sim.outreach[0].id)
    assert got(sim) == ["0d hello", "6d a"]
    assert [one.rule for one in sim.outreach] == ["j", rule]


def test_what_an_edit_ends_is_an_outcome_that_names_the_step() -> None:
    sim = edited("[{ send: other }]", "15d")
    [left] = [one for one in sim.outcomes if one.outcome is Outcome.EXITED]
    assert (left.step, left.reason) == ("nudge.wait", "step nudge.wait is no longer in the journey")


@pytest.mark.parametrize(
    "when", ["{ inactivity: { of: visit, for: 10d } }", "{ abandoned: { after: visit, without: buy, within: 2h } }"]
)
def test_a_journey_that_begins_otherwise_now_takes_late_events_of_those_who_began_before(when: str) -> None:
    sim = edited(journey(BEFORE, when=when), "5d")
    sim.event("visit", "0d", arrives="6d", id="late")
    sim.deliver(Event("older", "visit", "c-1", sim.start - 1000, {}), sim.now)
    assert got(sim)[:2] == ["0d hello", "10d nudge"]


def test_what_was_remembered_for_a_wait_that_is_timed_now_is_forgotten() -> None:
    late = "allowed_lateness: 6h"
    before = journey("[{ wait: 2d }, { id: look, wait: { event: visit, within: 3d } }, { send: a }]", policy=late)
    after = journey("[{ wait: 2d }, { id: look, wait: 5d }, { send: a }]", policy=late)
    sim = Simulator(before, strict=True)
    sim.event("signup", "0d")
    sim.event("visit", "2d1h")
    sim.adopt(after)
    sim.run("30d")
    assert [span(one.moment) for one in sim.outreach] == ["7d"]


@pytest.mark.parametrize("end", ["exit", "goal"])
@pytest.mark.parametrize(("bought", "told"), [("2d", ["0d entered", "5d hello.wait exited"]), ("0d", ["0d entered"])])
def test_an_exit_or_a_goal_that_is_put_in_ends_the_run_of_who_has_done_that_since_it_began(
    bought: str, told: list[str], end: str
) -> None:
    sim = Simulator(journey(BEFORE), strict=True)
    sim.event("signup", "0d")
    sim.event("buy", bought)
    sim.run("5d")
    sim.adopt(journey(BEFORE, f"{end}: {{ event: buy }}"))
    assert ends(sim) == told


def test_an_exit_that_is_put_in_ends_an_event_that_waits_to_be_made() -> None:
    rule = "rules: [{ id: r, when: { event: signup }, %s emit: { event: closed, after: 5d } }]"
    sim = Simulator(loaded(rule % ""), strict=True)
    sim.event("signup", "0d")
    sim.event("buy", "2d")
    sim.adopt(loaded(rule % "exit: { event: buy },"))
    sim.run("9d")
    assert outcomes(sim) == ["0d deferred", "5d suppressed"]

"""Journeys on a virtual clock: what a customer gets, when, and what ends it."""

import pytest

from engine.core.book import RuleBook
from engine.core.decide import decide
from engine.core.explain import explain
from engine.core.state.model import State
from engine.model import Event, Identified, Outcome, WakeUp
from engine.testing import Simulator
from tests.support.books import Plain
from tests.support.journeys import ENDS, ONBOARDING, START, journey, loaded, outcomes, signs_up, told


def test_a_customer_gets_one_message_after_the_other_at_exact_times() -> None:
    assert told(journey(ONBOARDING), signs_up) == ["0d hello", "2d nudge", "7d tips"]


def test_a_step_whose_condition_does_not_hold_is_passed_over_and_the_rest_comes_when_it_would() -> None:
    def story(sim: Simulator) -> None:
        signs_up(sim)
        sim.event("visit", "1d")

    assert told(journey(ONBOARDING), story) == ["0d hello", "7d tips"]


@pytest.mark.parametrize(("ends", "outcome"), [("goal", "goal_reached"), ("exit", "exited")])
def test_a_goal_or_an_exit_in_the_middle_of_a_long_wait_ends_it_at_once(ends: str, outcome: str) -> None:
    book = journey("[{ send: hello }, { wait: 30d }, { send: tips }]", f"{ends}: {{ event: buy }}")
    sim = Simulator(book, strict=True)
    sim.event("signup", "0d")
    sim.event("buy", "3d")
    assert outcomes(sim, *ENDS) == ["0d entered", f"3d hello.wait {outcome}"]
    sim.run("90d")
    assert [one.step for one in sim.outreach] == ["hello"]
    assert sim.states["c-1"].rules["j"].runs == []


def test_a_goal_with_a_condition_is_reached_by_what_meets_it_only() -> None:
    book = journey("[{ send: hello }, { wait: 30d }, { send: tips }]", "goal: { event: buy, where: event.amount > 5 }")
    sim = Simulator(book)
    sim.event("signup", "0d")
    sim.event("buy", "1d", amount=5)
    sim.event("buy", "2d", amount=6)
    assert outcomes(sim, *ENDS) == ["0d entered", "2d hello.wait goal_reached"]


def test_the_event_that_begins_a_run_never_ends_it_and_may_end_one_and_begin_the_next() -> None:
    book = journey(
        "[{ wait: 5d }, { send: refill }]", "match: sku\nexit: { event: buy, match: sku }", when="{ event: buy }"
    )
    sim = Simulator(book, strict=True)
    sim.event("buy", "0d", sku="tea")
    sim.event("buy", "1d", sku="oil")
    sim.event("buy", "2d", sku="tea")
    sim.run("30d")
    assert outcomes(sim, *ENDS, Outcome.FIRED) == [
        "0d entered",
        "1d entered",
        "2d start.wait exited",
        "2d entered",
        "6d refill fired",
        "6d refill completed",
        "7d refill fired",
        "7d refill completed",
    ]


CLICK = """
    - send: news
    - id: look
      wait: { event: outreach_clicked, step: news, within: 7d }
      then:
        - send: reason
      else:
        - wait: 9d
        - send: question
    - wait: 30d
    - send: offer
"""


def clicks(at: str, step: str = "news") -> object:
    def story(sim: Simulator) -> None:
        signs_up(sim)
        sim.run(at)
        [made] = [one for one in sim.outreach if one.step == step]
        sim.event("outreach_clicked", at, outreach=made.id)

    return story


def test_who_clicks_in_time_goes_one_way_and_who_does_not_the_other() -> None:
    assert told(journey(CLICK), clicks("6d")) == ["0d news", "6d reason", "36d offer"]  # type: ignore[arg-type]
    assert told(journey(CLICK), clicks("7d")) == ["0d news", "16d question", "46d offer"]  # type: ignore[arg-type]
    assert told(journey(CLICK), signs_up) == ["0d news", "16d question", "46d offer"]


def test_a_click_in_another_mail_does_not_end_the_wait() -> None:
    def story(sim: Simulator) -> None:
        signs_up(sim)
        sim.event("outreach_clicked", "2d", outreach="another")

    assert told(journey(CLICK), story, "15d") == ["0d news"]


def test_a_wait_about_a_message_that_was_not_sent_is_passed_over_with_both_its_branches() -> None:
    book = journey(CLICK.replace("- send: news", "- { send: news, if: false }"))
    assert told(book, signs_up) == ["30d offer"]


def test_a_click_that_comes_late_counts_while_the_customer_still_waits() -> None:
    def story(sim: Simulator) -> None:
        signs_up(sim)
        sim.event("outreach_clicked", "3d", arrives="6d", outreach=sim.outreach[0].id)

    assert told(journey(CLICK), story, "30d") == ["0d news", "6d reason"]


def test_nobody_is_reminded_of_what_they_did_not_get() -> None:
    steps = """
        - { send: offer, if: events.buy.count() == 0 }
        - wait: 2d
        - { send: offer_ends, if: steps.offer.sent }
        - { send: other, if: not steps.offer.sent }
    """

    def bought(sim: Simulator) -> None:
        sim.event("buy", "0d")
        sim.event("signup", "1d")

    assert told(journey(steps), signs_up) == ["0d offer", "2d offer_ends"]
    assert told(journey(steps), bought) == ["3d other"]


BRANCHES = """
    - if: profile.plan == "pro"
      then:
        - send: pro
        - if: events.visit.count() == 0
          then: [{ send: tour }, stop]
      else:
        - send: free
        - { stop: true, if: events.visit.count() >= 1 }
    - wait: 1d
    - send: both
"""


@pytest.mark.parametrize(
    ("plan", "visits", "steps"),
    [
        ("pro", 1, ["pro", "both"]),
        ("pro", 0, ["pro", "tour"]),
        ("free", 0, ["free", "both"]),
        ("free", 1, ["free"]),
        (None, 0, ["free", "both"]),
    ],
)
def test_branches_and_stops_lead_each_customer_their_way(plan: str | None, visits: int, steps: list[str]) -> None:
    sim = Simulator(journey(BRANCHES), strict=True)
    for _ in range(visits):
        sim.event("visit", "0d")
    sim.event("signup", "1d", **({"plan": plan} if plan else {}))
    sim.run("30d")
    assert [one.step for one in sim.outreach] == steps
    assert [one.outcome for one in sim.outcomes][-1] == Outcome.COMPLETED


def test_steps_and_templates_see_the_event_that_began_the_run_and_the_run_keeps_only_what_they_read() -> None:
    book = journey("[{ wait: 1d }, { send: dear, if: event.amount > 5 }]", when="{ event: buy }")
    sim = Simulator(book, strict=True)
    sim.event("buy", "0d", amount=9, sku="a long name of something", order_id="o-1")
    [run] = sim.states["c-1"].rules["j"].runs
    assert run.event
    assert run.event.properties == {"amount": 9}
    sim.run("2d")
    assert [one.step for one in sim.outreach] == ["dear"]


def test_a_late_visit_that_disproves_the_silence_ends_the_run_and_unsends_nothing() -> None:
    book = journey(
        "[{ send: miss_you }, { wait: 5d }, { send: again }]", when="{ inactivity: { of: visit, for: 10d } }"
    )
    sim = Simulator(book, strict=True)
    sim.event("visit", "0d")
    sim.event("visit", "9d", arrives="12d")
    sim.run("18d")
    assert outcomes(sim, *ENDS, Outcome.FIRED) == ["10d entered", "10d miss_you fired", "12d miss_you.wait exited"]
    sim.run("30d")
    assert outcomes(sim, Outcome.ENTERED) == ["10d entered", "19d entered"], "the silence after that visit is another"


def test_a_visit_during_the_journey_disproves_nothing() -> None:
    book = journey(
        "[{ send: miss_you }, { wait: 5d }, { send: again }]", when="{ inactivity: { of: visit, for: 10d } }"
    )

    def story(sim: Simulator) -> None:
        sim.event("visit", "0d")
        sim.event("visit", "11d")

    assert told(book, story, "16d") == ["10d miss_you", "15d again"]


def test_a_cart_that_turns_out_to_be_bought_in_time_ends_the_run() -> None:
    book = journey(
        "[{ send: cart }, { wait: 1d }, { send: again }]",
        when="{ abandoned: { after: visit, without: buy, within: 2h } }",
    )

    def story(sim: Simulator) -> None:
        sim.event("visit", "0d")
        sim.event("buy", "1h", arrives="5h")

    assert told(book, story, "16d") == ["0d2h cart"]


def test_a_sign_up_that_comes_after_its_closing_begins_nothing() -> None:
    sim = Simulator(journey(ONBOARDING, "exit: { event: closed }"), strict=True)
    sim.event("closed", "2h")
    sim.event("signup", "1h", arrives="3h")
    assert outcomes(sim) == ["0d3h suppressed"]


def test_a_step_that_is_overdue_after_an_outage_has_expired_and_the_next_wait_counts_from_now() -> None:
    book = journey(ONBOARDING)
    sim = Simulator(book)
    signs_up(sim)
    state = sim.states["c-1"]
    sim.states.clear()
    sim.run("10d")
    sim.states["c-1"] = state
    sim.event("visit", "10d")
    sim.run("30d")
    assert outcomes(sim, Outcome.EXPIRED, Outcome.FIRED) == ["0d hello fired", "10d nudge expired", "15d tips fired"]


def test_explain_says_where_a_customer_stands_and_what_moves_them_on() -> None:
    sim = Simulator(journey(CLICK, "goal: { event: buy }\nexit: { event: closed }"))
    signs_up(sim)
    [view] = explain(sim.book, sim.states["c-1"], "c-1", sim.now)
    assert view.waits == (
        "on the journey since 2026-01-01T00:00:00Z: at look since 2026-01-01T00:00:00Z, waits for outreach_clicked"
        " about news until 2026-01-08T00:00:00Z; closed or buy ends it"
    )
    sim.run("8d")
    [view] = explain(sim.book, sim.states["c-1"], "c-1", sim.now)
    assert (
        "at look.else.wait since 2026-01-08T00:00:00Z, goes on at 2026-01-17T00:00:00Z (9d) with question" in view.waits
    )
    sim.event("buy", "9d")
    [view] = explain(sim.book, sim.states["c-1"], "c-1", sim.now)
    assert view.waits.startswith("not on the journey; it begins so: waits for a signup")


def test_a_step_makes_an_event_that_other_rules_hear_of_once_a_run() -> None:
    book = loaded(
        """
        rules:
          - id: lapse
            when: { event: signup }
            reentry: after 1d
            steps: [{ wait: 2d }, { emit: { event: visit } }, { wait: 2d }, { send: again, if: steps.visit.sent }]
          - id: heard
            when: { event: visit }
            send: heard
        """
    )
    sim = Simulator(book, strict=True)
    signs_up(sim)
    sim.run("9d")
    assert [f"{one.rule} {one.step}".strip() for one in sim.outreach] == ["heard", "lapse again"]
    assert outcomes(sim, Outcome.EMITTED) == ["2d visit emitted"]
    assert sim.states["c-1"].events["visit"].count == 1


SUBSCRIBER = """
    segments: [{ id: subscriber, if: profile.email_opt_in }]
    rules:
      - id: welcome
        when: { segment: subscriber, moves: in }
        reentry: once
        exit: { segment: subscriber, moves: out }
        steps:
          - send: hello
          - wait: 5d
          - send: story
      - id: ask
        when: { event: signup }
        steps:
          - wait: { segment: subscriber, moves: in, within: 3d }
            then: [{ send: thanks }]
            else: [{ send: please }]
"""


@pytest.mark.parametrize(
    ("opts", "steps"),
    [
        ([], ["3d please"]),
        ([("0d", True)], ["0d hello", "0d thanks", "5d story"]),
        ([("1d", True)], ["1d hello", "1d thanks", "6d story"]),
        ([("1d", True), ("2d", False)], ["1d hello", "1d thanks"]),
    ],
)
def test_a_customer_who_moves_in_a_segment_begins_moves_on_and_leaves(
    opts: list[tuple[str, bool]], steps: list[str]
) -> None:
    def story(sim: Simulator) -> None:
        for at, value in opts:
            if at == "0d":
                sim.event("opted", at, email_opt_in=value)
        signs_up(sim)
        for at, value in opts:
            if at != "0d":
                sim.event("opted", at, email_opt_in=value)

    assert sorted(told(loaded(SUBSCRIBER), story, strict=True)) == steps


def test_a_journey_that_makes_the_event_it_begins_with_must_wait_in_between() -> None:
    def circle(wait: str) -> RuleBook:
        return journey(f"[{{ send: hello }}, {{ wait: {wait} }}, {{ emit: {{ event: signup }} }}]")

    with pytest.raises(AssertionError, match="endless-events"):
        circle("1m")
    assert told(circle("2d"), signs_up, "5d") == ["0d hello", "2d hello", "4d hello"]


def test_a_guest_who_becomes_known_leaves_the_journeys_they_began_as_a_guest() -> None:
    book = journey(ONBOARDING)
    state = State(mark=book.mark)
    decide(book, state, Event("s-1", "signup", "guest", START), START)
    decision = decide(book, state, Identified("guest", "c-1", START + 1000), START + 1000)
    assert [(one.outcome.value, one.reason) for one in decision.outcomes] == [("exited", "became c-1")]
    assert decide(book, state, WakeUp("guest"), START + 90 * 86_400_000).outreach == []


def test_a_message_that_cannot_be_rendered_counts_as_not_sent_and_the_journey_goes_on() -> None:
    steps = "[{ send: broken }, { wait: 1d }, { send: second, if: steps.broken.sent }, { send: third }]"
    sim = Simulator(journey(steps), Plain("broken"))
    signs_up(sim)
    sim.run("9d")
    assert [
        (one.step, one.outcome.value) for one in sim.outcomes if one.outcome in (Outcome.FAILED, Outcome.FIRED)
    ] == [
        ("broken", "failed"),
        ("third", "fired"),
    ]

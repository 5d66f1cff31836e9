"""What stops or holds a step of a journey: caps, consent, quiet hours; and how the journey goes on then."""

from engine.model import Outcome
from engine.testing import Simulator
from tests.support.journeys import ONBOARDING, journey, loaded, outcomes, signs_up, told


def test_each_step_has_an_id_of_its_own_and_the_same_one_for_ever() -> None:
    def ids() -> list[str]:
        sim = Simulator(journey(ONBOARDING))
        sim.event("signup", "0d", id="s-1")
        sim.run("30d")
        return [one.id for one in sim.outreach]

    assert ids() == ids()
    assert len(set(ids())) == 3


def test_a_capped_step_is_gone_and_the_journey_goes_on() -> None:
    caps = "caps: [{ limit: 1, per: 3d }]"
    assert told(journey(ONBOARDING, policy=caps), signs_up) == ["0d hello", "7d tips"]


def test_lost_consent_suppresses_steps_and_ends_nothing() -> None:
    policy = "consent: { marketing: profile.email_opt_in }"
    sim = Simulator(journey(ONBOARDING, policy=policy), strict=True)
    sim.event("opted", "0d", email_opt_in=True)
    sim.event("signup", "0d")
    sim.event("opted", "1d", email_opt_in=False)
    sim.event("opted", "5d", email_opt_in=True)
    sim.run("30d")
    assert outcomes(sim) == [
        "0d entered",
        "0d hello fired",
        "2d nudge suppressed",
        "7d tips fired",
        "7d tips completed",
    ]


QUIET = "quiet_hours: { from: '21:00', to: '08:00' }"


def test_quiet_hours_that_hold_a_step_hold_the_journey_so_that_two_messages_never_meet() -> None:
    book = journey("[{ wait: 22h }, { send: a }, { wait: 10h }, { send: b }]", policy=QUIET)
    assert told(book, signs_up) == ["1d8h a", "1d18h b"]


def test_who_reaches_the_goal_overnight_does_not_get_what_the_night_held() -> None:
    book = journey("[{ wait: 22h }, { send: a }, { wait: 10h }, { send: b }]", "goal: { event: buy }", QUIET)

    def story(sim: Simulator) -> None:
        signs_up(sim)
        sim.event("buy", "1d1h")

    assert told(book, story) == []


def test_the_condition_of_a_held_step_is_asked_again_in_the_morning() -> None:
    book = journey(
        "[{ wait: 22h }, { send: a, if: events.visit.count() == 0 }, { wait: 1h }, { send: b }]", policy=QUIET
    )

    def story(sim: Simulator) -> None:
        signs_up(sim)
        sim.event("visit", "1d1h")

    assert told(book, story) == ["1d9h b"]


def test_a_held_step_keeps_its_first_moment_for_freshness_and_the_next_wait_counts_from_its_refusal() -> None:
    book = journey("[{ wait: 22h }, { send: { template: a, expires: 8h } }, { wait: 1h }, { send: b }]", policy=QUIET)
    sim = Simulator(book, strict=True)
    signs_up(sim)
    sim.run("9d")
    assert outcomes(sim, Outcome.DEFERRED, Outcome.EXPIRED, Outcome.FIRED) == [
        "0d22h a deferred",
        "1d8h a expired",
        "1d9h b fired",
    ]


def test_the_step_with_the_higher_priority_goes_first_where_a_cap_lets_only_one_through() -> None:
    book = loaded(
        """
        rules:
          - id: low
            when: { event: signup }
            steps: [{ wait: 1d }, { send: low }]
          - id: high
            when: { event: signup }
            steps: [{ wait: 1d }, { send: { template: high, priority: 5 } }]
        """,
        "caps: [{ limit: 1, per: 3d }]",
    )
    assert told(book, signs_up) == ["1d high"]

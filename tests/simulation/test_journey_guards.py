"""What stops or holds a step of a journey: caps, consent, quiet hours; and how the journey goes on then."""

from engine.model import Outcome
from engine.testing import Simulator
from tests.support.journeys import EVENTS, OFFER, ONBOARDING, journey, loaded, outcomes, signs_up, span, told


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


OFFER_TEST = (
    OFFER
    + """\
rules:
  - id: j
    when: { event: signup }
    steps:
      - send: hello
      - wait: 3d
      - { send: offer_a, if: experiments.offer == "a" }
      - { send: offer_b, if: experiments.offer == "b" }
      - wait: 1d
      - send: bye
"""
)


def in_offer_test(policy: str = "", customers: int = 200) -> tuple[Simulator, dict[str, list[str]]]:
    """So many customers sign up; with what each of them gets."""
    sim = Simulator(loaded(OFFER_TEST, policy), strict=True)
    for n in range(customers):
        sim.event("signup", "0d", customer=f"c-{n}")
    sim.run("30d")
    got: dict[str, list[str]] = {}
    for one in sim.outreach:
        got.setdefault(one.customer, []).append(one.step)
    return sim, got


def test_a_step_with_an_experiment_reaches_its_variant_alone_and_the_journey_goes_on_for_all() -> None:
    sim, got = in_offer_test()
    variants = {one.customer: one.exposed["offer"] for one in sim.outcomes if one.exposed}
    assert {variant: set(map(tuple, _of(got, variants, variant))) for variant in "ab"} == {
        "a": {("hello", "offer_a", "bye")},
        "b": {("hello", "offer_b", "bye")},
    }
    assert set(map(tuple, _of(got, variants, "none"))) == {("hello", "bye")}
    assert len(variants) == 200


def _of(got: dict[str, list[str]], variants: dict[str, str], variant: str) -> list[list[str]]:
    return [steps for customer, steps in got.items() if variants[customer] == variant]


def test_who_is_in_none_is_held_out_of_the_step_and_counts_as_exposed_once() -> None:
    sim, _ = in_offer_test()
    held = [one for one in sim.outcomes if one.outcome is Outcome.HELD_OUT]
    assert {(one.step, one.exposed.get("offer", "")) for one in held} == {("offer_a", "none"), ("offer_b", "")}
    assert len([one for one in sim.outcomes if one.exposed]) == 200


def test_a_customer_whom_another_guard_stops_at_the_step_is_not_exposed() -> None:
    sim, got = in_offer_test("caps: [{ limit: 1, per: 7d }]", customers=50)
    assert set(map(tuple, got.values())) == {("hello",)}
    assert not any(one.exposed for one in sim.outcomes)


def test_an_event_that_a_step_makes_says_which_steps_came_before_it() -> None:
    events = EVENTS + "  told: { properties: { hello: boolean, offer: boolean } }\n"
    rules = """\
        rules:
          - id: j
            when: { event: signup }
            steps:
              - send: hello
              - { send: offer, if: event.plan == "pro" }
              - emit: { event: told, with: { hello: steps.hello.sent, offer: steps.offer.sent } }
          - { id: seen, when: { event: told, where: event.hello and not event.offer }, send: seen }
        """
    assert told(loaded(rules, events=events), signs_up) == ["0d hello", "0d seen"]


def test_who_leaves_the_segment_in_the_millisecond_of_a_step_does_not_get_it() -> None:
    rules = """\
        segments:
          - { id: active, if: events.visit.count("7d") >= 1 }
        rules:
          - id: j
            when: { segment: active }
            exit: { segment: active, moves: out }
            steps: [{ wait: 6d }, { send: early }, { wait: 1d }, { send: late }]
        """
    sim = Simulator(loaded(rules), strict=True)
    sim.event("visit", "0d")
    sim.run("30d")
    assert outcomes(sim) == ["0d entered", "6d early fired", "7d early.wait exited"]


def test_reentry_is_asked_before_freshness_at_the_entry_of_a_journey_as_of_any_rule() -> None:
    sim = Simulator(journey("[{ send: a }]", "reentry: once"), strict=True)
    sim.event("signup", "20d")
    sim.event("signup", "1d", arrives="21d")
    assert [one.reason for one in sim.outcomes if one.outcome is Outcome.SUPPRESSED] == [
        "reentry: once, and it came true at 2026-01-21T00:00:00Z"
    ]


def test_a_step_waits_for_the_morning_however_much_else_of_the_customer_waits() -> None:
    rules = """
        rules:
          - id: later
            when: { event: buy }
            emit: { event: visit, after: 14d }
          - id: j
            when: { event: signup }
            steps: [{ send: a }]
    """
    sim = Simulator(loaded(rules, QUIET), strict=True)
    for number in range(100):
        sim.event("buy", "20h", id=f"b-{number}")
    sim.event("signup", "22h")
    sim.run("2d")
    assert [span(one.at) for one in sim.outreach] == ["1d8h"]

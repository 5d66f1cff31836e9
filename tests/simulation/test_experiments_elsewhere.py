"""Holdouts and experiments in journeys, and on rules that make events; and a worker that is killed in the middle."""

from collections import Counter
from random import Random

from engine.arithmetic.assignment import position_of, variant_of
from engine.core.book import RuleBook
from engine.model import Event, Outcome
from engine.testing import Simulator
from tests.support.books import DAY, START, event
from tests.support.drive import Customers, through_crashes
from tests.support.journeys import EVENTS, OFFER, loaded

CUSTOMERS = [f"c-{n}" for n in range(200)]
HOLDOUT = "holdout: 20%"
HELD = {customer for customer in CUSTOMERS if position_of("global", customer) < 0.2}
SHARES = {"a": 45.0, "b": 45.0, "none": 10.0}
JOURNEY = (
    OFFER
    + """\
rules:
  - id: j
    when: { event: signup }
    steps:
      - send: hello
      - emit: { event: greeted }
      - wait: 3d
      - { send: offer_a, if: experiments.offer == "a" }
      - { send: offer_b, if: experiments.offer == "b" }
      - send: { template: terms, purpose: transactional }
"""
)
EMITS = (
    OFFER
    + """\
rules:
  - id: gift
    when: { event: signup }
    if: experiments.offer == "a"
    emit: { event: greeted }
  - id: always
    when: { event: signup }
    emit: { event: noted }
  - id: hears
    when: { event: greeted }
    purpose: transactional
    send: note
"""
)
MADE = EVENTS + "  greeted: {}\n  noted: {}\n"


def signed_up(book: RuleBook) -> Simulator:
    sim = Simulator(book, strict=True)
    for customer in CUSTOMERS:
        sim.event("signup", "0d", customer=customer)
    sim.run("30d")
    return sim


def test_the_holdout_gets_no_step_of_a_journey_and_comes_to_its_end_all_the_same() -> None:
    sim = signed_up(loaded(JOURNEY, HOLDOUT, MADE))
    held = [one for one in sim.outcomes if one.customer in HELD]
    assert 20 < len(HELD) < 60
    assert {one.step for one in sim.outreach if one.customer in HELD} == {"terms"}
    assert Counter((one.step, one.outcome) for one in held if one.step == "hello") == {
        ("hello", Outcome.HELD_OUT): len(HELD)
    }
    assert Counter(one.outcome for one in held)[Outcome.COMPLETED] == len(HELD)
    assert {one.reason for one in held if one.outcome is Outcome.HELD_OUT} == {"in the holdout"}


def test_the_holdout_is_in_no_experiment_of_a_journey_and_its_events_are_made() -> None:
    sim = signed_up(loaded(JOURNEY, HOLDOUT, MADE))
    exposed = {one.customer for one in sim.outcomes if one.exposed}
    assert exposed == set(CUSTOMERS) - HELD
    assert {one.customer for one in sim.outcomes if one.outcome is Outcome.EMITTED} == set(CUSTOMERS)


def test_a_rule_that_makes_an_event_makes_it_for_its_variant_alone_and_exposes_all() -> None:
    sim = signed_up(loaded(EMITS, events=MADE))
    in_a = {customer for customer in CUSTOMERS if variant_of(SHARES, "offer", customer) == "a"}
    assert {one.customer for one in sim.outreach} == in_a
    exposed = {one.customer: one.exposed["offer"] for one in sim.outcomes if one.exposed}
    assert exposed == {customer: variant_of(SHARES, "offer", customer) for customer in CUSTOMERS}
    kept_back = Counter((exposed[one.customer], one.outcome) for one in sim.outcomes if one.rule == "gift")
    assert set(kept_back) == {
        ("a", Outcome.EMITTED),
        ("b", Outcome.SUPPRESSED),
        ("none", Outcome.HELD_OUT),
    }


def test_a_rule_that_makes_an_event_without_an_experiment_knows_no_holdout() -> None:
    sim = signed_up(loaded(EMITS, HOLDOUT, MADE))
    made = {(one.rule, one.customer) for one in sim.outcomes if one.outcome is Outcome.EMITTED}
    assert {customer for rule, customer in made if rule == "always"} == set(CUSTOMERS)
    assert {customer for rule, customer in made if rule == "gift"}.isdisjoint(HELD)
    assert not any(one.exposed for one in sim.outcomes if one.customer in HELD)


def _sign_ups() -> list[Event]:
    return [event("signup", START + n * 60_000, customer=one, id=f"s-{n}") for n, one in enumerate(CUSTOMERS)]


def test_a_worker_that_is_killed_in_the_middle_gives_each_customer_what_their_variant_and_the_holdout_say() -> None:
    book, until = loaded(JOURNEY, HOLDOUT, MADE), START + 30 * DAY
    once = Customers(book).tell(*_sign_ups()).until(until)
    fired = through_crashes(Random(5), book, _sign_ups(), until, most=19)
    assert sorted(fired) == sorted(once.fired)
    assert {customer for customer, *_ in fired} == set(CUSTOMERS)

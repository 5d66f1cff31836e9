"""Windows of the customer's calendar, `this year` and `this month`: they begin anew where the customer lives."""

from datetime import datetime
from textwrap import dedent

from engine.core.book import RuleBook
from engine.core.zones import iso, to_millis
from engine.testing import Simulator
from tests.support.journeys import loaded

BERLIN = "zone: { default: Europe/Berlin, field: profile.timezone }"
EVENTS = """\
version: 1
events:
  buy: { properties: { amount: number } }
  moved: { properties: { timezone: string }, profile: { timezone: timezone } }
  asked: {}
"""


def moment(text: str) -> int:
    return to_millis(datetime.fromisoformat(text))


START = moment("2026-11-01T00:00:00Z")


def book(condition: str, rules: str = "", policy: str = BERLIN) -> RuleBook:
    text = f"segments:\n  - {{ id: s, if: '{condition}' }}\n{dedent(rules)}"
    return loaded(text, policy, EVENTS)


def moves(sim: Simulator, until: str) -> list[tuple[str, str]]:
    sim.run(until)
    return [(iso(move.at), move.moves) for move in sim.moves]


def test_who_has_spent_enough_this_year_leaves_when_the_year_ends_where_they_live() -> None:
    sim = Simulator(book('events.buy.sum("amount", "this year") >= 100'), start=START, strict=True)
    sim.event("buy", "1d", amount=60)
    sim.event("buy", "30d", amount=60)
    assert moves(sim, "400d") == [("2026-12-01T00:00:00Z", "in"), ("2026-12-31T23:00:00Z", "out")]


def test_a_customer_who_moves_to_another_zone_has_another_end_of_the_month() -> None:
    sim = Simulator(book('events.buy.count("this month") >= 1'), start=START, strict=True)
    sim.event("buy", "10d", amount=1)
    sim.event("moved", "11d", timezone="America/New_York")
    assert moves(sim, "90d") == [("2026-11-11T00:00:00Z", "in"), ("2026-12-01T05:00:00Z", "out")]


def test_a_purchase_of_last_night_by_utc_is_of_this_month_where_the_customer_is() -> None:
    sim = Simulator(book('events.buy.count("this month") >= 1'), start=START, strict=True)
    sim.event("buy", moment("2026-11-30T23:30:00Z"), amount=1)
    assert moves(sim, "90d") == [("2026-11-30T23:30:00Z", "in"), ("2026-12-31T23:00:00Z", "out")]


def test_late_purchases_of_the_last_year_do_not_count_for_this_one() -> None:
    sim = Simulator(book('events.buy.count("this year") >= 2'), start=START, strict=True)
    sim.event("buy", moment("2027-01-02T00:00:00Z"), amount=1)
    sim.event("buy", moment("2026-12-30T00:00:00Z"), arrives=moment("2027-01-03T00:00:00Z"), amount=1)
    assert moves(sim, "90d") == []
    sim.event("buy", moment("2027-01-01T00:00:00Z"), arrives=sim.now, amount=1)
    assert [move.moves for move in sim.moves] == ["in"]


def test_the_condition_of_a_rule_counts_from_the_first_of_the_month() -> None:
    rules = """\
        rules:
          - id: third
            when: { event: asked }
            if: events.buy.count("this month") == 1 and events.buy.sum("amount", "this month") > 5
            send: note
        """
    sim = Simulator(book("profile.timezone != null", rules), start=START, strict=True)
    sim.event("buy", "29d", amount=10)
    sim.event("asked", moment("2026-11-30T22:59:59Z"))
    sim.event("asked", moment("2026-11-30T23:00:00Z"))
    assert [iso(one.at) for one in sim.outreach] == ["2026-11-30T22:59:59Z"]


def test_another_zone_in_the_policy_moves_the_end_for_customers_who_are_there() -> None:
    condition = 'events.buy.count("this month") >= 1'
    assert book(condition).mark != book(condition, policy="zone: { default: UTC, field: profile.timezone }").mark
    assert book("profile.timezone != null").mark == book("profile.timezone != null").mark

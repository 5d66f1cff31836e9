"""`today` in segments, rules and schedules: they follow the customer's midnight, also when nothing happens."""

from datetime import datetime
from pathlib import Path
from textwrap import dedent

import pytest

from engine.core.book import RuleBook
from engine.core.zones import iso, to_millis
from engine.testing import Simulator
from tests.support.command import engine
from tests.support.journeys import loaded

BERLIN = "zone: { default: Europe/Berlin, field: profile.timezone }"
EVENTS = """\
version: 1
events:
  told: { properties: { on: date }, profile: { renews: on } }
  moved: { properties: { timezone: string }, profile: { timezone: timezone } }
  asked: { properties: { on: date } }
"""


def moment(text: str) -> int:
    return to_millis(datetime.fromisoformat(text))


START = moment("2026-05-01T00:00:00Z")


def book(condition: str, rules: str = "", policy: str = BERLIN) -> RuleBook:
    return loaded(f"segments:\n  - {{ id: s, if: '{condition}' }}\n{dedent(rules)}", policy, EVENTS)


def moves(sim: Simulator, until: str) -> list[tuple[str, str]]:
    sim.run(until)
    return [(iso(move.at), move.moves) for move in sim.moves]


def test_a_customer_is_in_a_segment_on_one_day_from_midnight_to_midnight_where_they_live() -> None:
    sim = Simulator(book("profile.renews == today"), start=START, strict=True)
    sim.event("told", "1h", on="2026-06-10")
    assert moves(sim, "90d") == [("2026-06-09T22:00:00Z", "in"), ("2026-06-10T22:00:00Z", "out")]


def test_a_day_without_a_year_comes_again_each_year() -> None:
    sim = Simulator(book("profile.renews == today"), start=START, strict=True)
    sim.event("told", "1h", on="12-24")
    assert moves(sim, "800d") == [
        ("2026-12-23T23:00:00Z", "in"),
        ("2026-12-24T23:00:00Z", "out"),
        ("2027-12-23T23:00:00Z", "in"),
        ("2027-12-24T23:00:00Z", "out"),
    ]


def test_a_customer_who_moves_to_another_zone_has_another_midnight() -> None:
    sim = Simulator(book("today > profile.renews"), start=START, strict=True)
    sim.event("told", "1h", on="2026-06-10")
    sim.event("moved", "2d", timezone="America/New_York")
    assert moves(sim, "90d") == [("2026-06-11T04:00:00Z", "in")]


def test_who_moves_into_a_zone_where_the_day_has_come_is_in_at_once() -> None:
    sim = Simulator(book("today >= profile.renews"), start=START, strict=True)
    sim.event("told", "1h", on="2026-05-03")
    sim.event("moved", moment("2026-05-02T12:00:00Z"), timezone="Pacific/Kiritimati")
    sim.event("moved", moment("2026-05-02T13:00:00Z"), timezone="Europe/Berlin")
    assert moves(sim, "90d") == [
        ("2026-05-02T12:00:00Z", "in"),
        ("2026-05-02T13:00:00Z", "out"),
        ("2026-05-02T22:00:00Z", "in"),
    ]


def test_a_season_that_is_written_in_the_rules_begins_for_all_who_are_known() -> None:
    sim = Simulator(book('today >= "2026-12-01" and today < "2026-12-27"'), start=START, strict=True)
    sim.event("asked", "1h")
    sim.event("asked", "2h", customer="c-2")
    assert moves(sim, "400d") == [
        ("2026-11-30T23:00:00Z", "in"),
        ("2026-11-30T23:00:00Z", "in"),
        ("2026-12-26T23:00:00Z", "out"),
        ("2026-12-26T23:00:00Z", "out"),
    ]


def test_a_late_day_never_moves_a_customer_backwards() -> None:
    sim = Simulator(book("today >= profile.renews", policy=f"{BERLIN}\nallowed_lateness: 2h"), start=START, strict=True)
    sim.event("told", "1h", on="2026-05-03")
    sim.event("told", moment("2026-05-02T21:30:00Z"), on="2026-05-05", arrives=moment("2026-05-02T23:00:00Z"))
    assert moves(sim, "90d") == [("2026-05-04T22:00:00Z", "in")]


def test_the_condition_of_a_rule_asks_for_the_day_of_the_decision() -> None:
    rules = loaded(
        """
        rules:
          - { id: due, when: { event: asked }, if: event.on == today, send: due }
          - { id: before, when: { event: asked, where: event.on > today }, send: before }
        """,
        BERLIN,
        EVENTS,
    )
    sim = Simulator(rules, start=START, strict=True)
    sim.event("asked", moment("2026-05-09T21:59:59Z"), on="2026-05-10")
    sim.event("asked", moment("2026-05-09T22:00:00Z"), on="2026-05-10")
    assert [(iso(one.at), one.rule) for one in sim.outreach] == [
        ("2026-05-09T21:59:59Z", "before"),
        ("2026-05-09T22:00:00Z", "due"),
    ]


def test_a_schedule_comes_round_from_the_day_on() -> None:
    rules = loaded(
        """
        rules:
          - id: reminder
            when: { schedule: { every: day, at: "09:00", among: profile.renews <= today } }
            send: reminder
        """,
        BERLIN,
        EVENTS,
    )
    sim = Simulator(rules, start=START, strict=True)
    sim.event("told", "1h", on="2026-05-05")
    sim.run("6d")
    assert [iso(one.at) for one in sim.outreach] == ["2026-05-05T07:00:00Z", "2026-05-06T07:00:00Z"]


@pytest.mark.parametrize(("day", "passes"), [("2026-06-10", True), ("2026-06-11", False)])
def test_rule_tests_move_customers_at_midnight(tmp_path: Path, day: str, passes: bool) -> None:
    (tmp_path / "events.yaml").write_text(EVENTS)
    (tmp_path / "policy.yaml").write_text(f"version: 1\n{BERLIN}\n")
    (tmp_path / "rules.yaml").write_text("version: 1\nsegments: [{ id: s, if: profile.renews == today }]\n")
    (tmp_path / "rules.test.yaml").write_text(
        "version: 1\ntests:\n  - name: the day of the renewal\n    start: 2026-05-01T00:00:00Z\n    given:\n"
        f'      - 1h: {{ told: {{ on: "{day}" }} }}\n    until: 60d\n    expect:\n'
        "      - 39d22h: { segment: s, moves: in }\n      - 40d22h: { segment: s, moves: out }\n"
    )
    ran = engine("test", "--rules", ".", folder=tmp_path)
    assert (ran.code == 0) is passes, ran.said

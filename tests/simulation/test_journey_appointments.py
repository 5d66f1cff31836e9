"""Waits that end with a time of the event that began the journey, or so long before it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.core.book import RuleBook
from engine.core.explain import explain
from engine.model import Event, Outcome
from engine.testing import Simulator
from tests.support.journeys import loaded

EVENTS = """\
version: 1
events:
  booked: { properties: { number: string, appointment: time, day: date, store_zone: string } }
  cancelled: { properties: { number: string } }
  moved: { properties: { timezone: string }, profile: { timezone: timezone } }
  at_home: { properties: { home: string }, profile: { home: home } }
"""
BERLIN = "zone: { default: Europe/Berlin, field: profile.timezone }"
APPOINTMENT = "2026-03-31T15:00"
"""Two days after the clocks have changed in Berlin."""


def book(steps: str, rule: str = "", policy: str = "") -> RuleBook:
    rules = f"rules:\n  - {{ id: visit, when: {{ event: booked }}, {rule} steps: {steps} }}\n"
    return loaded(rules, f"{BERLIN}\n{policy}", EVENTS)


def moment(text: str, zone: str = "Europe/Berlin") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def local(at: int, zone: str = "Europe/Berlin") -> str:
    return f"{datetime.fromtimestamp(at / 1000, ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


def simulator(
    steps: str, rule: str = "", *, since: str = "2026-03-01T10:00", policy: str = "", **properties: object
) -> Simulator:
    """A customer who has booked at `since`."""
    sim = Simulator(book(steps, rule, policy), start=moment("2026-01-01T00:00"), strict=True)
    at = moment(since)
    sim.deliver(Event("b-1", "booked", "c-1", at, {"appointment": moment(APPOINTMENT)} | properties), at)
    return sim


def sent(sim: Simulator) -> list[tuple[str, str]]:
    sim.run(moment("2026-06-01T00:00"))
    return [(one.step, local(one.at)) for one in sim.outreach]


@pytest.mark.parametrize(
    ("wait", "until"),
    [
        ("{ until: event.appointment, before: 3d }", "2026-03-28T14:00"),  # exactly 72 hours, one of which is missing
        ("{ until: event.appointment, before: 90m }", "2026-03-31T13:30"),
        ("{ until: event.appointment }", "2026-03-31T15:00"),
        ('{ until: event.appointment, before: 3d, at: "18:30" }', "2026-03-28T18:30"),
        ('{ until: event.appointment, at: "09:00" }', "2026-03-31T09:00"),
        ("{ until: event.day, before: 3d }", "2026-03-27T00:00"),
        ('{ until: event.day, before: 1d, at: "09:00" }', "2026-03-29T09:00"),
        ("{ until: event.day }", "2026-03-30T00:00"),
        ("{ until: event.appointment, before: 32d }", "2026-03-01T10:00"),
        ("{ until: event.appointment, after: 90m }", "2026-03-31T16:30"),
        ('{ until: event.appointment, after: 2d, at: "18:00" }', "2026-04-02T18:00"),
        ('{ until: event.day, after: 2d, at: "09:00" }', "2026-04-01T09:00"),
        ("{ until: event.day, after: 1d }", "2026-03-31T00:00"),
    ],
)
def test_a_reminder_comes_so_long_before_the_appointment(wait: str, until: str) -> None:
    sim = simulator(f"[{{ wait: {wait} }}, {{ send: reminder }}]", day="2026-03-30")
    assert sent(sim) == [("reminder", until)]


def test_a_time_that_was_told_as_a_day_begins_where_the_customer_is() -> None:
    sim = simulator(
        "[{ wait: { until: event.appointment, before: 1d } }, { send: reminder }]", appointment="2026-03-30"
    )
    assert sent(sim) == [("reminder", "2026-03-29T00:00")]


STEPS = """[
    { send: thanks },
    { wait: { until: event.appointment, before: 7d } },
    { send: { template: week_before, expires: %s } },
    { wait: { until: event.appointment, before: 1d } },
    { send: day_before }]"""


@pytest.mark.parametrize(
    ("expires", "since", "comes"),
    [
        ("2d", "2026-03-20T09:00", ["thanks 20T09:00", "week_before 24T14:00", "day_before 30T15:00"]),
        ("2d", "2026-03-26T09:00", ["thanks 26T09:00", "week_before 26T09:00", "day_before 30T15:00"]),
        ("1d", "2026-03-26T09:00", ["thanks 26T09:00", "day_before 30T15:00"]),
        ("1d", "2026-03-24T14:10", ["thanks 24T14:10", "week_before 24T14:10", "day_before 30T15:00"]),
        ("1d", "2026-03-31T10:00", ["thanks 31T10:00", "day_before 31T10:00"]),
        ("1d", "2026-04-06T10:00", ["thanks 06T10:00"]),
    ],
)
def test_a_reminder_whose_moment_has_passed_comes_at_once_if_it_is_fresh(
    expires: str, since: str, comes: list[str]
) -> None:
    sim = simulator(STEPS % expires, since=since)
    assert [f"{step} {at[8:]}" for step, at in sent(sim)] == comes
    ends = [one.outcome for one in sim.outcomes if one.outcome in (Outcome.EXPIRED, Outcome.COMPLETED)]
    assert ends == [Outcome.EXPIRED] * (3 - len(comes)) + [Outcome.COMPLETED]


@pytest.mark.parametrize(
    ("since", "lateness", "comes"),
    [
        ("2026-03-25T09:00", 0, ["2026-03-25T09:00", "2026-03-26T09:00"]),
        ("2026-03-25T09:00", 6, ["2026-03-25T09:00", "2026-03-26T15:00"]),
        ("2026-03-24T16:00", 6, ["2026-03-24T16:00", "2026-03-25T22:00"]),
    ],
)
def test_the_wait_after_a_reminder_that_came_at_once_counts_from_when_it_came(
    since: str, lateness: int, comes: list[str]
) -> None:
    steps = "[{ wait: { until: event.appointment, before: 7d } }, { send: a }, { wait: 1d }, { send: b }]"
    sim = simulator(steps, since=since, policy=f"allowed_lateness: {lateness}h")
    assert [at for _, at in sent(sim)] == comes


@pytest.mark.parametrize("said", [None, "2026-13-45", "03-28", 10**15, "9999-12-31"])
def test_an_appointment_that_is_none_ends_the_run(said: object) -> None:
    sim = simulator("[{ send: thanks }, { wait: { until: event.appointment } }, { send: b }]", appointment=said)
    assert [step for step, _ in sent(sim)] == ["thanks"]
    reason = "event.appointment is missing, or no time that a wait can end with"
    assert (sim.outcomes[-1].outcome, sim.outcomes[-1].reason) == (Outcome.EXITED, reason)


def test_who_cancels_gets_no_reminder_of_that_appointment() -> None:
    steps = "[{ wait: { until: event.appointment, before: 1d } }, { send: reminder }]"
    sim = simulator(steps, "match: number, exit: { event: cancelled, match: number },", number="a")
    at = moment("2026-03-02T10:00")
    sim.deliver(Event("b-2", "booked", "c-1", at, {"appointment": moment("2026-03-10T10:00"), "number": "b"}), at)
    sim.deliver(Event("x-1", "cancelled", "c-1", at + 1, {"number": "a"}), at + 1)
    assert sent(sim) == [("reminder", "2026-03-09T10:00")]


def test_who_moves_is_reminded_at_nine_there() -> None:
    steps = '[{ wait: { until: event.appointment, before: 1d, at: "09:00" } }, { send: reminder }]'
    sim = simulator(steps)
    at = moment("2026-03-05T10:00")
    sim.deliver(Event("m-1", "moved", "c-1", at, {"timezone": "America/New_York"}), at)
    sim.run(moment("2026-06-01T00:00"))
    assert [local(one.at, "America/New_York") for one in sim.outreach] == ["2026-03-30T09:00"]


@pytest.mark.parametrize(
    ("wait", "properties", "until"),
    [
        ('{ until: event.appointment, at: "09:00", zone: Asia/Tokyo }', {}, "2026-03-31T02:00"),
        (
            '{ until: event.appointment, at: "09:00", zone: event.store_zone }',
            {"store_zone": "Asia/Tokyo"},
            "2026-03-31T02:00",
        ),
        ('{ until: event.appointment, at: "09:00", zone: event.store_zone }', {}, "2026-03-31T09:00"),
        (
            '{ until: event.appointment, at: "09:00", zone: event.store_zone }',
            {"store_zone": "Japan, Tokyo"},
            "2026-03-31T09:00",
        ),
        ("{ until: event.day, before: 1d, zone: event.store_zone }", {"store_zone": "Asia/Tokyo"}, "2026-03-28T16:00"),
        ('{ days: 2, until: "09:00", zone: Asia/Tokyo }', {}, "2026-03-03T01:00"),
        ('{ on: tuesday, until: "00:30", zone: event.store_zone }', {"store_zone": "Asia/Tokyo"}, "2026-03-02T16:30"),
        ('{ days: 1, until: "02:30", zone: America/New_York }', {"since": "2026-03-07T12:00"}, "2026-03-08T08:00"),
    ],
)
def test_a_wait_may_name_the_zone_of_a_shop(wait: str, properties: dict[str, str], until: str) -> None:
    sim = simulator(f"[{{ wait: {wait} }}, {{ send: reminder }}]", **{"day": "2026-03-30"} | properties)
    assert sent(sim) == [("reminder", until)]


@pytest.mark.parametrize(("zone", "stays"), [("Asia/Tokyo", True), ("event.store_zone", True), ("event.number", False)])
def test_who_moves_is_reminded_by_the_clock_of_the_shop_if_there_is_one(zone: str, stays: bool) -> None:
    steps = f'[{{ wait: {{ until: event.appointment, at: "09:00", zone: {zone} }} }}, {{ send: reminder }}]'
    sim = simulator(steps, store_zone="Asia/Tokyo", number="7")
    at = moment("2026-03-05T10:00")
    sim.deliver(Event("m-1", "moved", "c-1", at, {"timezone": "America/New_York"}), at)
    sim.run(moment("2026-06-01T00:00"))
    there = "Asia/Tokyo" if stays else "America/New_York"
    assert [local(one.at, there) for one in sim.outreach] == ["2026-03-31T09:00"]


@pytest.mark.parametrize("told", ["2026-02-01T10:00", "2026-03-05T10:00"])
@pytest.mark.parametrize(
    ("wait", "home", "until"),
    [
        ('{ until: event.appointment, at: "09:00", zone: profile.home }', "Asia/Tokyo", "2026-03-31T02:00"),
        ('{ until: event.appointment, at: "09:00", zone: profile.home }', "my house", "2026-03-31T09:00"),
        ('{ until: event.appointment, at: "09:00", zone: profile.home }', None, "2026-03-31T09:00"),
        ("{ until: event.day, after: 2d, zone: profile.home }", "Asia/Tokyo", "2026-03-31T17:00"),
        ('{ days: 9, until: "09:00", zone: profile.home }', "America/New_York", "2026-03-10T14:00"),
    ],
)
def test_a_wait_follows_the_zone_that_the_profile_has(wait: str, home: str | None, until: str, told: str) -> None:
    sim = Simulator(book(f"[{{ wait: {wait} }}, {{ send: reminder }}]"), start=moment("2026-01-01T00:00"), strict=True)
    booked = {"appointment": moment(APPOINTMENT), "day": "2026-03-30"}
    happened: list[tuple[str, str, dict[str, Any]]] = [
        ("2026-03-01T10:00", "booked", booked),
        (told, "at_home", {"home": home}),
    ]
    for text, type_, properties in sorted(happened, key=lambda one: one[0]):
        sim.deliver(Event(type_, type_, "c-1", moment(text), properties), moment(text))
    assert sent(sim) == [("reminder", until)]


def test_another_zone_of_a_wait_meets_customers_who_wait_already() -> None:
    steps = '[{ wait: { until: event.appointment, at: "09:00"%s } }, { send: reminder }]'
    sim = simulator(steps % "")
    sim.run(moment("2026-03-05T10:00"))
    sim.adopt(book(steps % ", zone: Asia/Tokyo"))
    assert sent(sim) == [("reminder", "2026-03-31T02:00")]
    assert "waited until event.appointment at 09:00 in Asia/Tokyo" in [one.reason for one in sim.outcomes]


def test_it_is_said_what_is_waited_for() -> None:
    sim = simulator("[{ wait: { until: event.appointment, before: 3d } }, { send: reminder }]")
    sim.run(moment("2026-03-05T10:00"))
    [rule] = explain(sim.book, sim.states["c-1"], "c-1", sim.now)
    assert "goes on at 2026-03-28T13:00:00Z (until 3d before event.appointment)" in rule.waits
    sent(sim)
    assert "waited until 3d before event.appointment" in [one.reason for one in sim.outcomes]


@pytest.mark.parametrize(
    ("before", "until"), [("1d", "2026-03-30T15:00"), ("14d", "2026-03-17T14:00"), ("30d", "2026-03-05T10:00")]
)
def test_a_reminder_that_is_set_to_another_day_meets_who_waits_already(before: str, until: str) -> None:
    steps = "[{ wait: { until: event.appointment, before: %s } }, { send: reminder }]"
    sim = simulator(steps % "3d")
    sim.run(moment("2026-03-05T10:00"))
    sim.adopt(book(steps % before))
    assert sent(sim) == [("reminder", until)]

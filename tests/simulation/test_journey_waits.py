"""Waits by the customer's calendar: days, times of day, days of the week, zones and changes of the clocks."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from engine.model import Event, Outcome
from engine.testing import Simulator
from tests.support.journeys import journey

BERLIN = "zone: { default: Europe/Berlin, field: profile.timezone }"


def moment(text: str, zone: str = "Europe/Berlin") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def local(at: int, zone: str = "Europe/Berlin") -> str:
    return f"{datetime.fromtimestamp(at / 1000, ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def waited(wait: str, since: str, zone: str = "") -> str:
    """When a wait that began at `since` ends, both on the customer's clock."""
    book = journey(f"[{{ wait: {wait} }}, {{ send: hello }}]", policy=BERLIN)
    sim = Simulator(book, start=moment("2026-01-01T00:00"), strict=True)
    if zone:
        sim.event("moved", sim.start, timezone=zone)
    at = moment(since, zone or "Europe/Berlin")
    sim.event("signup", at, days=3)
    sim.run(at + 400 * 86_400_000)
    [one] = sim.outreach
    return local(one.at, zone or "Europe/Berlin")


@pytest.mark.parametrize(
    ("wait", "since", "until"),
    [
        ('{ days: 0, until: "09:00" }', "2026-03-02T08:59", "2026-03-02 09:00"),
        ('{ days: 0, until: "09:00" }', "2026-03-02T09:00", "2026-03-02 09:00"),
        ('{ days: 0, until: "09:00" }', "2026-03-02T09:01", "2026-03-03 09:00"),
        ('{ until: "09:00" }', "2026-03-02T14:00", "2026-03-03 09:00"),
        ('{ days: 2, until: "10:00" }', "2026-03-02T23:30", "2026-03-04 10:00"),
        ('{ days: 7, until: "10:00" }', "2026-03-02T09:00", "2026-03-09 10:00"),
        ("{ days: 3 }", "2026-03-02T14:05", "2026-03-05 14:05"),
        ("{ on: tuesday }", "2026-03-02T14:05", "2026-03-03 14:05"),
        ("{ on: monday }", "2026-03-02T14:05", "2026-03-02 14:05"),
        ("{ on: [friday, tuesday] }", "2026-03-02T14:05", "2026-03-03 14:05"),
        ('{ on: [tuesday, friday], until: "10:00" }', "2026-03-03T11:00", "2026-03-06 10:00"),
        ('{ days: 1, on: [monday, tuesday], until: "10:00" }', "2026-03-06T11:00", "2026-03-09 10:00"),
        ('{ on: monday, until: "10:00" }', "2026-03-02T09:00", "2026-03-02 10:00"),
        ('{ on: monday, until: "10:00" }', "2026-03-02T11:00", "2026-03-09 10:00"),
        ('{ days: 3, on: monday, until: "10:00" }', "2026-03-02T11:00", "2026-03-09 10:00"),
        ('{ days: event.days + 1, until: "10:00" }', "2026-03-02T11:00", "2026-03-06 10:00"),
        # 29 March: 02:00 to 03:00 is missing. 25 October: 02:00 to 03:00 comes twice, and the first counts.
        ('{ days: 1, until: "02:30" }', "2026-03-28T12:00", "2026-03-29 03:00"),
        ("{ days: 1 }", "2026-03-28T02:30", "2026-03-29 03:00"),
        ("{ days: 1 }", "2026-03-28T14:00", "2026-03-29 14:00"),
        ('{ days: 1, until: "02:30" }', "2026-10-24T12:00", "2026-10-25 02:30"),
        ("24h", "2026-03-28T14:00", "2026-03-29 15:00"),
    ],
)
def test_a_wait_ends_when_the_customers_calendar_says(wait: str, since: str, until: str) -> None:
    assert waited(wait, since) == until


def test_the_calendar_is_the_customers_own() -> None:
    assert waited('{ until: "09:00" }', "2026-03-02T14:00", "Asia/Tokyo") == "2026-03-03 09:00"


def test_who_moves_to_another_zone_gets_the_message_at_nine_there() -> None:
    book = journey('[{ wait: { days: 1, until: "09:00" } }, { send: hello }]', policy=BERLIN)
    for zone in ("Asia/Tokyo", "America/New_York"):
        sim = Simulator(book, start=moment("2026-03-02T12:00"), strict=True)
        sim.event("signup", "0h")
        sim.event("moved", "1h", timezone=zone)
        sim.run("9d")
        assert [local(one.at, zone) for one in sim.outreach] == ["2026-03-03 09:00"]


def test_what_has_passed_in_the_new_zone_comes_at_once() -> None:
    book = journey('[{ wait: { days: 1, until: "09:00" } }, { send: hello }]', policy=BERLIN)
    sim = Simulator(book, start=moment("2026-03-02T12:00"), strict=True)
    sim.event("signup", "0h")
    sim.event("moved", "20h", timezone="Asia/Tokyo")
    sim.run("9d")
    assert [local(one.at) for one in sim.outreach] == ["2026-03-03 08:00"]


@pytest.mark.parametrize("days", [None, -1, 1e9])
def test_a_wait_without_a_usable_number_of_days_ends_the_run(days: float | None) -> None:
    book = journey("[{ send: a }, { wait: { days: event.days } }, { send: b }]")
    sim = Simulator(book, strict=True)
    sim.deliver(Event("s-1", "signup", "c-1", sim.start, {} if days is None else {"days": days}), sim.start)
    sim.run("90d")
    assert [one.step for one in sim.outreach] == ["a"]
    assert (sim.outcomes[-1].outcome, sim.outcomes[-1].reason) == (
        Outcome.EXITED,
        "event.days is missing, negative or too large: the wait has no length",
    )


@pytest.mark.parametrize(
    ("wait", "text"), [("{ days: 1 }", "1 day"), ('{ days: 2, until: "09:00" }', "2 days until 09:00")]
)
def test_the_reason_says_one_day_or_several(wait: str, text: str) -> None:
    sim = Simulator(journey(f"[{{ wait: {wait} }}, {{ send: hello }}]"), strict=True)
    sim.event("signup", "0h")
    sim.run("9d")
    assert f"waited {text}" in [one.reason for one in sim.outcomes]

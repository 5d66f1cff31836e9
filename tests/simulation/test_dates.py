"""Dates and ends of trials in the zones customers live in, against the oracle."""

from datetime import date, time, timedelta
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given, strategies as st

from engine.core.facts import Fact
from engine.core.policy import Policy, QuietHours
from engine.core.triggers.base import Trigger
from engine.core.triggers.date import Date
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.core.zones import Zones, instant_of, zone_or_none
from engine.model import Event
from tests.support import oracle
from tests.support.books import DAY, HOUR, START, book, event, rule
from tests.support.drive import Customers
from tests.support.examples import examples
from tests.support.oracle_days import Rule, Sent, pieces, sent

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Honolulu",
)
times = st.sampled_from([time(0), time(2, 15), time(2, 30), time(9), time(23, 45)])
offsets = st.sampled_from([-7, -1, 0, 1, 3])
nights = st.none() | st.just((time(21), time(8, 20))) | st.just((time(23, 10), time(0, 50)))
birthdays = st.sampled_from(
    ["1988-02-29", "1990-03-29", "2025-10-25", "2026-03-08", "2028-02-29", "12-31", "01-01", "02-29", None]
) | st.sampled_from(["2026-01-01T02:30", "2020-06-30T22:30", "2024-02-29T12:00"]).map(oracle.instant)
near = st.integers(-20, 120).map(lambda day: (date(2026, 1, 1) + timedelta(days=day)).isoformat())
ends = near | st.sampled_from([90, 100, 201, 202, 290]).map(lambda hour: START + hour * HOUR)
THREE_YEARS = START + 1200 * DAY
HALF = HOUR // 2


@st.composite
def people(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> list[Event]:
    """What one customer says of themselves, where they are, and when they cancel, in order.

    The hours are near each other or spread over years; one of the three is near the first date.
    """
    said: dict[str, st.SearchStrategy[Any]] = {"said": values, "zone": st.sampled_from(ZONES)}
    one = st.fixed_dictionaries({}, optional=said)
    first = draw(st.sampled_from([0, 0, 24 * 65, 24 * 356]))
    hours = st.integers(first, first + 24 * draw(st.sampled_from([3, 5, 100, 800])))
    happened = draw(st.dictionaries(hours, one, max_size=7))
    cancelled = draw(st.sets(hours, max_size=2)) if draw(st.booleans()) else set()
    start = [event("person", START, said=draw(values))] if first else []
    events = start + [event("person", START + hour * HOUR, **said) for hour, said in happened.items()]
    events += [event("subscribed", START + hour * HOUR + HALF) for hour in cancelled]
    return sorted(events, key=attrgetter("time"))


def told(trigger: Trigger, events: list[Event], night: tuple[time, time] | None) -> list[Sent]:
    """What the engine sends, and when."""
    minutes = [at.hour * 60 + at.minute for at in night or ()]
    quiet = QuietHours(minutes[0], minutes[1]) if minutes else None
    policy = Policy(zones=ZONE, quiet_hours=(quiet,) if quiet else (), fresh_for=None)
    customers = Customers(book(rule(trigger, exits=(Fact("subscribed"),)), policy=policy)).tell(*events)
    return [Sent(one.occurrence, one.at) for one in customers.until(THREE_YEARS).outreach]


def expected(events: list[Event], rule: Rule) -> list[Sent]:
    return list(sent(pieces(events, "said", "subscribed", THREE_YEARS), rule))


ZONE = Zones("UTC", "zone")
hows = st.sampled_from([{"zones": ZONE}, {"zones": Zones("UTC", "home"), "zone": "profile.zone"}])
"""The zone is the customer's, or that which the rule names."""


@examples(400)
@given(people(birthdays), times, offsets, nights, hows)
def test_a_birthday_is_kept_every_year_where_the_customer_is(
    said: list[Event], at: time, offset: int, night: tuple[time, time] | None, how: dict[str, Any]
) -> None:
    trigger = Date("date", field="said", yearly=True, at=at, offset=offset * DAY, **how)
    assert told(trigger, said, night) == expected(said, Rule("yearly", offset, at, night))


@examples(400)
@given(people(near | birthdays.filter(lambda day: len(str(day)) > 5) | st.none()), times, offsets, nights, hows)
def test_a_single_date_comes_true_once_and_at_once_when_it_is_known_too_late(
    said: list[Event], at: time, offset: int, night: tuple[time, time] | None, how: dict[str, Any]
) -> None:
    trigger = Date("date", field="said", at=at, offset=offset * DAY, **how)
    assert told(trigger, said, night) == expected(said, Rule("once", offset, at, night))


@examples(400)
@given(people(ends | st.none()), st.none() | times, st.sampled_from([0, 1, 3]), nights, hows)
def test_an_end_of_a_trial_is_announced_unless_it_moved_went_or_the_customer_subscribed(
    said: list[Event], at: time | None, days: int, night: tuple[time, time] | None, how: dict[str, Any]
) -> None:
    trigger = TrialExpiring("trial", field="said", before=days * DAY, at=at, **how)
    assert told(trigger, said, night) == expected(said, Rule("trial", days, at, night))


def birthday(*said: tuple[str, dict[str, Any]], night: tuple[time, time] | None = None) -> list[str]:
    """When a customer of whom these things are said is congratulated, in the first two years."""
    trigger = Date("date", field="said", yearly=True, at=time(9), zones=ZONE)
    events = [event("person" if what else "subscribed", oracle.instant(at), **what) for at, what in said]
    return [oracle.iso(one.at)[:16] for one in told(trigger, events, night) if one.at < START + 730 * DAY]


def test_a_birthday_that_was_corrected_overnight_is_not_celebrated_on_the_wrong_day() -> None:
    told = [("2026-01-01", {"said": "1990-05-17"}), ("2026-05-17T09:30", {"said": "1990-06-20"})]
    assert birthday(*told, night=(time(8), time(20))) == ["2026-06-20T20:00", "2027-06-20T20:00"]


@pytest.mark.parametrize(
    ("zone", "said", "at"),
    [
        ("Asia/Tokyo", {"zone": "America/New_York"}, "2026-05-17T00:00"),
        ("profile.hotel", {"zone": "America/New_York", "hotel": "Asia/Tokyo"}, "2026-05-17T00:00"),
        ("profile.hotel", {"zone": "America/New_York"}, "2026-05-17T13:00"),
        ("profile.hotel", {"zone": "America/New_York", "hotel": "Tokyo"}, "2026-05-17T13:00"),
        ("profile.hotel", {}, "2026-05-17T09:00"),
    ],
)
def test_a_trip_begins_by_the_clock_of_its_place_or_else_by_that_of_the_customer(
    zone: str, said: dict[str, Any], at: str
) -> None:
    trigger = Date("date", field="said", at=time(9), zones=ZONE, zone=zone)
    trip = event("person", START, said="2026-05-17", **said)
    assert told(trigger, [trip], None) == [Sent("2026-05-17", oracle.instant(at))]


def test_nobody_is_congratulated_on_the_day_they_are_born_or_before() -> None:
    assert birthday(("2026-01-01", {"said": "2026-05-17"})) == ["2027-05-17T09:00"]


def test_a_cancelled_birthday_is_kept_the_year_after() -> None:
    assert birthday(("2026-01-01", {"said": "1990-05-17"}), ("2026-05-01", {})) == ["2027-05-17T09:00"]


def test_whose_birthday_waits_for_the_evening_and_is_cancelled_then_keeps_the_next_year() -> None:
    told = [("2026-01-01", {"said": "1990-05-17"}), ("2026-05-17T12:00", {})]
    assert birthday(*told, ("2026-06-01", {"said": "1990-05-17"}), night=(time(8), time(20))) == ["2027-05-17T20:00"]


def test_a_birthday_that_waits_for_the_evening_is_none_for_who_turns_out_to_be_born_that_day() -> None:
    told = [("2026-01-01", {"said": "1990-05-17"}), ("2026-05-17T12:00", {"said": "2026-05-17"})]
    assert birthday(*told, night=(time(8), time(20))) == ["2027-05-17T20:00"]


def test_who_flies_east_on_their_birthday_is_congratulated_when_they_land_and_once() -> None:
    flight = {"zone": "Asia/Kathmandu"}
    told = [("2026-01-01", {"said": "1990-05-17", "zone": "America/New_York"}), ("2026-05-17T10:00", flight)]
    assert birthday(*told) == ["2026-05-17T10:00", "2027-05-17T03:15"]


def test_a_trial_that_ends_on_a_day_ends_with_that_day_where_the_customer_is() -> None:
    said = [event("person", START, said="2026-01-15", zone="America/Los_Angeles")]
    [at_nine] = told(TrialExpiring("trial", field="said", before=3 * DAY, at=time(9), zones=ZONE), said, None)
    assert at_nine == Sent("2026-01-15", oracle.instant("2026-01-12T17:00"))
    late = [
        event("person", oracle.instant(f"2026-01-16T{hour}:00"), customer=hour, **said[0].properties)
        for hour in ("07", "08")
    ]
    customers = Customers(book(rule(TrialExpiring("trial", field="said", before=3 * DAY, zones=ZONE)))).tell(*late)
    assert [one.customer for one in customers.until(THREE_YEARS).outreach] == ["07"]


@pytest.mark.parametrize(
    ("zone", "day", "at", "moment"),
    [
        ("Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30:00Z"),
        ("America/Sao_Paulo", "2018-11-04", "00:00", "2018-11-04T03:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30:00Z"),
        ("Pacific/Apia", "2011-12-30", "09:00", "2011-12-30T10:00:00Z"),
    ],
)
def test_where_clocks_change_the_next_moment_there_is_or_the_first_of_two_counts(
    zone: str, day: str, at: str, moment: str
) -> None:
    place = zone_or_none(zone)
    assert place is not None
    instant = instant_of(date.fromisoformat(day), time.fromisoformat(at), place)
    assert oracle.iso(instant) == moment
    assert instant == oracle.local_instant(date.fromisoformat(day), time.fromisoformat(at), place)

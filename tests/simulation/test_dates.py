"""Dates and ends of trials in the zones customers live in, against the oracle."""

from datetime import date, time, timedelta
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.book import CancelOn
from engine.core.triggers.date import Date
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.core.zones import Zones, instant_of, zone_or_none
from engine.model import Event
from tests.simulation import oracle
from tests.simulation.books import DAY, HOUR, START, book, event, rule
from tests.simulation.drive import Customers
from tests.simulation.effort import examples

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
times = st.sampled_from([time(0), time(2, 15), time(2, 30), time(9), time(23, 45)])
offsets = st.sampled_from([-7, -1, 0, 1, 3])
birthdays = st.sampled_from(
    ["1988-02-29", "1990-03-29", "1990-10-25", "2026-03-08", "2028-02-29", "12-31", "01-01", "2026-10-04", None]
)
THREE_YEARS = START + 1200 * DAY


@st.composite
def people(draw: st.DrawFn, dates: st.SearchStrategy[str | None]) -> list[Event]:
    """What one customer says of themselves, at different moments, in order."""
    said: dict[str, st.SearchStrategy[Any]] = {"birthday": dates, "zone": st.sampled_from(ZONES)}
    one = st.fixed_dictionaries({}, optional=said)
    hours = st.integers(0, 24 * draw(st.sampled_from([5, 100, 1150])))
    happened = draw(st.dictionaries(hours, one, max_size=7))
    events = [event("person", START + hour * HOUR, **properties) for hour, properties in happened.items()]
    return sorted(events, key=attrgetter("time"))


def dated(at: time, offset: int, yearly: bool) -> Date:
    return Date("date", field="birthday", yearly=yearly, at=at, offset=offset * DAY, zones=Zones("UTC", "zone"))


@examples(150)
@given(people(birthdays), times, offsets)
def test_a_birthday_is_kept_every_year_where_the_customer_is(said: list[Event], at: time, offset: int) -> None:
    customers = Customers(book(rule(dated(at, offset, True)))).tell(*said).until(THREE_YEARS)
    expected = set(oracle.dates(said, "birthday", at, offset, True, "zone", THREE_YEARS))
    assert sorted(one.occurrence for one in customers.outreach) == sorted(expected)


near = st.integers(-20, 120).map(lambda day: (date(2026, 1, 1) + timedelta(days=day)).isoformat())


@examples(150)
@given(people(near | st.none()), times, offsets)
def test_a_single_date_comes_true_once_and_at_once_when_it_is_known_too_late(
    said: list[Event], at: time, offset: int
) -> None:
    customers = Customers(book(rule(dated(at, offset, False)))).tell(*said).until(THREE_YEARS)
    expected = set(oracle.dates(said, "birthday", at, offset, False, "zone", THREE_YEARS))
    assert sorted(one.occurrence for one in customers.outreach) == sorted(expected)


trial_events = st.dictionaries(
    st.integers(0, 300),
    st.one_of(st.none(), st.sampled_from([90, 100, 201, 202, 290, 0]).map(lambda hour: hour and START + hour * HOUR)),
    max_size=8,
)


@examples(200)
@given(trial_events, st.lists(st.integers(0, 300), max_size=3), st.sampled_from(ZONES), st.none() | times)
def test_an_end_of_a_trial_is_announced_unless_it_moved_went_or_the_customer_subscribed(
    said: dict[int, int | None], cancels: list[int], zone: str, at: time | None
) -> None:
    events = [event("trial", START + hour * HOUR, ends=ends) for hour, ends in said.items() if ends != 0]
    events += [event("subscribed", START + hour * HOUR) for hour in set(cancels) - said.keys()]
    events.sort(key=attrgetter("time"))
    trigger = TrialExpiring("trial", before=3 * DAY, at=at, zones=Zones(zone))

    def due(ends: int) -> int:
        day = oracle.local_date(ends - 3 * DAY, zone)
        return oracle.local_instant(day, at, ZoneInfo(zone)) if at else ends - 3 * DAY

    customers = Customers(book(rule(trigger, cancel_on=CancelOn("subscribed")))).tell(*events).until(THREE_YEARS)
    expected = set(oracle.trials(events, 3 * DAY, THREE_YEARS, due, "subscribed"))
    assert sorted(one.occurrence for one in customers.outreach) == sorted(expected)


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

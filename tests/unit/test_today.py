"""`today` in expressions: the day where the customer lives, beside days with and without a year, exact at midnight."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from engine.core.catalog import Catalog, Property
from engine.core.expr import compile_expression
from engine.core.expr.closures import COMPARE
from engine.core.expr.nodes import Order
from engine.core.expression import NEVER, Expression
from engine.core.scope import Scope
from engine.core.state.model import State
from engine.core.zones import DAY, Zones, from_millis, to_millis

HOUR = 3_600_000
ZONES = Zones("UTC", "timezone")
CATALOG = Catalog(profile={"day": Property("day", "date"), "timezone": Property("timezone", "string")}, zones=ZONES)
PLACES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "America/Sao_Paulo", "Asia/Kathmandu")


def expression(text: str) -> Expression:
    compiled, problems = compile_expression(text, CATALOG, frozenset())
    assert compiled, problems
    return compiled


def instant(text: str) -> int:
    return to_millis(datetime.fromisoformat(text))


def scope(at: str, day: str | None = None, zone: str = "UTC") -> Scope:
    profile = {"timezone": zone} | ({"day": day} if day is not None else {})
    return Scope(State(profile=profile), None, instant(at))


@pytest.mark.parametrize(
    ("text", "day", "holds"),
    [
        ("profile.day == today", "2026-05-01", True),
        ("today == profile.day", "2026-05-02", False),
        ("profile.day == today", "1990-05-01", False),
        ("profile.day == today", "05-01", True),
        ("profile.day != today", "05-01", False),
        ("profile.day > today", "05-02", True),
        ("profile.day > today", "04-30", False),
        ("today <= profile.day", "2026-05-01", True),
        ("today < profile.day", "2026-05-01", False),
        ("today != profile.day", None, False),
        ("not profile.day <= today", None, True),
        ('today >= "2026-05-01" and today < "2026-06-01"', None, True),
        ('"12-01" <= today', None, False),
        ('today in ["05-01", "12-24"]', None, True),
        ('today not in ["2025-05-01", "12-24"]', None, True),
        ('today not in ["2026-05-01"]', None, False),
        ("today == today", None, True),
        ("today < today", None, False),
        ("today < profile.day", "2026-13-01", False),
        ("today < profile.day", "2026-W20-1", False),
        ("today < profile.day", "zz-zz", False),
    ],
)
def test_today_beside_a_day(text: str, day: str | None, holds: bool) -> None:
    assert bool(expression(text).test(scope("2026-05-01T12:00:00+00:00", day))) is holds


@pytest.mark.parametrize(
    ("zone", "before", "from_"),
    [
        ("UTC", "2026-04-30T23:59:59.999+00:00", "2026-05-01T00:00:00+00:00"),
        ("Europe/Berlin", "2026-04-30T21:59:59.999+00:00", "2026-04-30T22:00:00+00:00"),
        ("America/New_York", "2026-05-01T03:59:59.999+00:00", "2026-05-01T04:00:00+00:00"),
        ("nowhere", "2026-04-30T23:59:59.999+00:00", "2026-05-01T00:00:00+00:00"),
    ],
)
def test_the_day_begins_at_midnight_where_the_customer_lives(zone: str, before: str, from_: str) -> None:
    compiled = expression("today >= profile.day")
    assert not compiled.test(scope(before, "2026-05-01", zone))
    assert compiled.test(scope(from_, "2026-05-01", zone))
    assert compiled.next_change(scope(before, "2026-05-01", zone)) == instant(from_)


def test_a_day_whose_midnight_is_skipped_begins_when_the_clocks_have_jumped() -> None:
    compiled = expression("today == profile.day")
    saturday = scope("2018-11-03T12:00:00+00:00", "2018-11-04", "America/Sao_Paulo")
    assert compiled.next_change(saturday) == instant("2018-11-04T03:00:00+00:00")


@pytest.mark.parametrize("day", ["9999-12-31", "2026-02-30", "", "0000-01-01"])
def test_a_day_that_cannot_come_moves_nothing(day: str) -> None:
    found = scope("2026-05-01T12:00:00+00:00", day)
    assert expression("profile.day < today").next_change(found) == NEVER


def test_a_leap_day_comes_in_leap_years_and_is_passed_on_the_first_of_march() -> None:
    compiled = expression("today >= profile.day")
    assert compiled.next_change(scope("2026-02-28T12:00:00+00:00", "02-29")) == instant("2026-03-01T00:00:00+00:00")
    assert compiled.next_change(scope("2028-02-28T12:00:00+00:00", "02-29")) == instant("2028-02-29T00:00:00+00:00")
    assert compiled.next_change(scope("2100-02-28T12:00:00+00:00", "02-29")) == instant("2100-03-01T00:00:00+00:00")


DAYS = st.one_of(
    st.dates(min_value=from_millis(instant("2026-01-01T00:00:00+00:00")).date()).map(lambda day: day.isoformat()[5:]),
    st.integers(-800, 800)
    .map(lambda days: from_millis(instant("2027-06-15T00:00:00+00:00") + days * DAY))
    .map(lambda moment: moment.date().isoformat()),
)


@given(st.sampled_from(sorted(COMPARE)), DAYS, st.sampled_from(PLACES), st.integers(0, 700 * 24))
def test_the_truth_changes_at_no_moment_that_is_not_foretold(order: Order, day: str, zone: str, hour: int) -> None:
    compiled, start = expression(f"today {order} profile.day"), instant("2026-06-01T00:00:00+00:00") + hour * HOUR
    state, local = State(profile={"timezone": zone, "day": day}), ZoneInfo(zone)
    for now in range(start, start + 380 * DAY, 11 * HOUR):
        holds, then = compiled.until(Scope(state, None, now))
        today = from_millis(now, local).date().isoformat()[-len(day) :]
        assert holds == COMPARE[order](today, day)
        assert then > now
        if then < now + 11 * HOUR:
            assert from_millis(then, local).date() != from_millis(then - 1, local).date()
        else:
            assert compiled.test(Scope(state, None, now + 11 * HOUR - 1)) == holds


def test_what_reads_today_follows_the_customer_s_zone() -> None:
    reads = expression("today >= profile.day").needs.reads
    assert reads.fields == {"day", "timezone"}
    assert reads.calendar

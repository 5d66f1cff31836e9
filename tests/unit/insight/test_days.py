"""The local day of a purchase in SQL, against Python's own zones."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import duckdb
import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.core.zones import from_millis, iso, to_millis, zone_or_none
from engine.insight.archive import Archive
from engine.insight.figures.days import day_of, start_of

FIRST, LAST = (to_millis(datetime(year, 1, 1, tzinfo=UTC)) for year in (1960, 2027))


@pytest.mark.parametrize(
    "name",
    [
        "UTC",
        "Europe/Berlin",
        "Asia/Kathmandu",
        "Pacific/Apia",  # has no 2011-12-30
        "America/St_Johns",  # at one past midnight clocks went back to the day before
        "America/Sao_Paulo",  # days that began at one
        "Africa/Casablanca",  # clocks change for Ramadan
    ],
)
def test_a_purchase_is_of_the_day_that_its_clocks_show(name: str) -> None:
    zone = zone_or_none(name)
    assert zone is not None
    random = Random(name)
    changed = [one for one in range(FIRST, LAST, 86_400_000) if offset(one, name) != offset(one + 86_400_000, name)]
    near = [start + random.randrange(86_400_000) for start in changed for _ in range(40)]
    instants = [FIRST, LAST, *near, *(random.randrange(FIRST, LAST) for _ in range(5000))]
    with duckdb.connect() as connection:
        query = f"SELECT {day_of('at_ms', zone, FIRST, LAST)} FROM (SELECT unnest(?::BIGINT[]) AS at_ms)"
        found = [day for (day,) in connection.execute(query, [instants]).fetchall()]
    assert found == [from_millis(one, zone).date() for one in instants]


def offset(instant: int, name: str) -> timedelta | None:
    return from_millis(instant, zone_or_none(name)).utcoffset()


@pytest.mark.parametrize(
    ("name", "day", "begins"),
    [
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z"),
        ("America/Sao_Paulo", "2017-10-15", "2017-10-15T03:00:00Z"),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00Z"),
    ],
    ids=["at midnight", "at one: there was no midnight", "half past midnight: the hour left out was of two days"],
)
def test_a_day_begins_with_the_first_moment_that_clocks_show_of_it(name: str, day: str, begins: str) -> None:
    zone = zone_or_none(name)
    assert zone is not None
    assert iso(start_of(date.fromisoformat(day), zone)) == begins


def test_days_in_a_zone_that_there_is_not_are_refused(tmp_path: Path) -> None:
    with Archive.opened(tmp_path / "archive"):
        pass
    result = CliRunner().invoke(app, ["metrics", str(tmp_path / "archive"), "--zone", "Europe/Berlim"])
    assert result.exit_code == 1
    assert "--zone Europe/Berlim: expected the name of a time zone, such as Europe/Berlin" in str(result.exception)

"""What producers write for dates, times and numbers, and what an event carries then."""

from typing import Any

import msgspec
import pytest

from engine.core.catalog import Catalog, EventType, Property, Source
from engine.errors import BadRecord
from engine.model import Event
from engine.ports import Record
from engine.wire.decode import Decoder

PROPERTIES = (
    Property("birthday", "date"),
    Property("ends", "time"),
    Property("amount", "number", from_text=True),
    Property("count", "integer", from_text=True),
    Property("price", "number"),
)
CATALOG = Catalog(
    events={
        "signup": EventType("signup", {one.name: one for one in PROPERTIES}),
        "strict": EventType("strict", {"birthday": Property("birthday", "date", required=True)}),
    }
)
WALL = 1_768_000_000_000


def signup(type: str = "signup", **properties: Any) -> Event:
    body = {"id": "1", "type": type, "customer": "c-1", "time": WALL, "properties": properties}
    record = Record("events", 0, 1, msgspec.json.encode(body))
    event = Decoder(Source("events", "events"), CATALOG).decode(record, WALL)
    assert event is not None
    return event


@pytest.mark.parametrize("empty", ["", "  ", "0000-00-00", "0000-00-00 00:00:00", "00-00-0000"])
@pytest.mark.parametrize("name", ["birthday", "ends"])
def test_a_sign_up_is_kept_where_its_form_had_no_date(name: str, empty: str) -> None:
    assert signup(**{name: empty}).properties == {name: None}


def test_a_date_that_must_be_there_is_missing_where_it_is_empty() -> None:
    with pytest.raises(BadRecord, match="strict must have birthday"):
        signup("strict", birthday="")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("1990-05-17", "1990-05-17"),
        ("1990-05-17T00:00:00.000Z", "1990-05-17"),
        ("1990-05-17 23:30:00+02:00", "1990-05-17"),
        ("19900517", "1990-05-17"),
        ("05-17", "05-17"),
    ],
)
def test_a_date_is_its_day_as_it_is_written(written: str, day: str) -> None:
    assert signup(birthday=written).properties["birthday"] == day


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-01-15", "2026-01-15"),
        ("2026-01-15T00:00:00Z", 1_768_435_200_000),
        ("2026-01-15T00:00", 1_768_435_200_000),
        (1_768_435_200_000, 1_768_435_200_000),
    ],
)
def test_a_time_that_is_only_a_day_stays_one(written: Any, kept: Any) -> None:
    assert signup(ends=written).properties["ends"] == kept


@pytest.mark.parametrize(
    ("written", "number"),
    [("403.00", 403.0), ("-7", -7), (" 1e3 ", 1000.0), (".5", 0.5), (12, 12), ("", None), (None, None)],
)
def test_an_amount_may_be_text_where_that_is_declared(written: Any, number: Any) -> None:
    assert signup(amount=written).properties["amount"] == number


@pytest.mark.parametrize("written", ["1,234.50", "12 EUR", "nan", "1e999", "9" * 5000, "٣", True, [1]])
def test_what_is_no_number_is_a_dead_letter(written: Any) -> None:
    with pytest.raises(BadRecord, match="amount must be a number"):
        signup(amount=written)


@pytest.mark.parametrize(
    ("name", "written"), [("price", "403.00"), ("count", "4.5"), ("birthday", "17 May"), ("birthday", "W20")]
)
def test_other_text_is_still_refused(name: str, written: str) -> None:
    with pytest.raises(BadRecord, match=f"property {name} must be"):
        signup(**{name: written})

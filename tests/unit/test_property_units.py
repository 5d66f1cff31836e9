"""Times and dates that a record has as numbers, in the unit that events.yaml declares; the engine's own never are."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.adapters.memory import MemorySink, MemoryStore
from engine.core.catalog import Catalog, EventType, Property, Source
from engine.core.zones import iso
from engine.errors import BadRecord
from engine.ports import Record
from engine.testing import load_project
from engine.wire.decode import Decoder
from engine.wiring.replay import HistoryFiles, Sinks, replay_into
from tests.support.command import engine
from tests.support.project_files import write_project

NOW = 1_790_000_000_000
UNITS = {"s": 1_000, "ms": 1, "us": 0.001, "ns": 0.000_001}


def read(declared: Property, value: Any) -> Any:
    catalog = Catalog(events={"trial": EventType("trial", {declared.name: declared})})
    fields = {"id": "e", "type": "trial", "customer": "c", "time": NOW, "properties": {declared.name: value}}
    event = Decoder(Source("t", "t"), catalog).decode(Record("t", 0, 1, msgspec.json.encode(fields)), NOW)
    assert event
    return event.properties[declared.name]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("as_text", [False, True])
def test_a_number_is_a_time_in_its_unit_and_text_is_one_as_ever(unit: Any, as_text: bool) -> None:
    declared = Property("ends", "time", unit=unit)
    number = round(1_790_000_000_123 / UNITS[unit])
    found = read(declared, str(number) if as_text else number)
    assert found == (1_790_000_000_000 if unit == "s" else 1_790_000_000_123)
    assert read(declared, "2026-09-21T14:13:20Z") == 1_790_000_000_000
    assert read(declared, "2026-09-21") == "2026-09-21"
    assert read(declared, "") is None


@pytest.mark.parametrize(
    ("days", "day"), [(0, "1970-01-01"), (20_454, "2026-01-01"), (-1, "1969-12-31"), ("2026-01-01", "2026-01-01")]
)
def test_days_since_1970_are_a_date(days: Any, day: str) -> None:
    assert read(Property("due", "date", unit="d"), days) == day


@pytest.mark.parametrize("value", [10**9, -(10**9), 1.5, True, [1]])
def test_what_is_no_number_of_days_is_of_a_wrong_type(value: Any) -> None:
    with pytest.raises(BadRecord, match="property due must be a date"):
        read(Property("due", "date", unit="d"), value)


def test_a_number_of_days_is_no_date_where_no_unit_says_so() -> None:
    with pytest.raises(BadRecord, match="property due must be a date"):
        read(Property("due", "date"), 20_454)


def test_a_time_in_a_smaller_unit_is_said_to_be_in_another_one() -> None:
    with pytest.raises(BadRecord, match=r"is it in another unit \(unit: s, us, ns\)"):
        read(Property("ends", "time"), 1_790_000_000_000_000)


@pytest.mark.parametrize("text", ["1712010112345", "17120101123", "202601011030", "1700000000"])
def test_digits_are_never_taken_for_a_time_with_a_stray_separator(text: str) -> None:
    """Python reads the year 1712 in the epoch milliseconds 1712010112345."""
    found = None
    for kind in ("time", "date"):
        try:
            found = read(Property("ends", kind), text)
        except BadRecord:
            continue
        assert (kind, text, iso(found)[:4]) == ("time", "1712010112345", "2024")
    assert (found is not None) == (len(text) == 13)


def test_a_day_without_dashes_is_still_a_day() -> None:
    assert read(Property("ends", "time"), "20260101") == "2026-01-01"
    assert read(Property("due", "date"), "20260101") == "2026-01-01"


FILES = {
    "events.yaml": """\
version: 1
events:
  subscribed: { properties: { ends: { type: time, unit: s }, due: { type: date, unit: d }, friend: string } }
  told: { properties: { ends: { type: time, unit: s }, due: { type: date, unit: d } } }
""",
    "rules.yaml": """\
version: 1
rules:
  - id: tell
    when: { event: subscribed }
    emit: { event: told, with: { ends: event.ends, due: event.due } }
  - id: tell-a-friend
    when: { event: subscribed, where: event.friend != null }
    emit: { event: told, to: event.friend, with: { ends: event.ends, due: event.due } }
  - id: mail
    when: { event: told }
    send: ended
""",
    "ended.email.j2": """\
{% block subject %}Hi{% endblock %}
{% block text %}{{ event.ends | date }}, {{ event.due | date }}{% endblock %}
""",
}


def test_what_a_rule_makes_of_a_time_is_counted_in_its_unit_only_once(tmp_path: Path) -> None:
    write_project(tmp_path, FILES)
    project = load_project(tmp_path / "rules", tmp_path / "templates")
    properties = {"ends": 1_890_000_000, "due": 20_717}
    lines = [
        {"id": "1", "type": "subscribed", "customer": "ada", "time": NOW - 5_000, "properties": properties},
        {"id": "2", "type": "subscribed", "customer": "bob", "time": NOW, "properties": properties | {"friend": "ada"}},
    ]
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(map(msgspec.json.encode, lines)))
    sink = MemorySink()
    replay_into(MemoryStore(), project, HistoryFiles((file,), None), sinks=Sinks(sink))
    mails = [msgspec.json.decode(entry.value) for entry in sink.entries[0]]
    text = "November 22, 2029, September 21, 2026"
    assert sorted((one["customer"], one["text"]) for one in mails) == [("ada", text), ("ada", text), ("bob", text)]


def test_numbers_in_a_rule_test_are_counted_as_in_a_record(tmp_path: Path) -> None:
    test = """\
version: 1
tests:
  - name: in seconds and days
    start: 2026-01-01
    until: 1d
    given: [{ at: 1h, event: subscribed, properties: { ends: 1890000000, due: 20717 } }]
    expect: [{ at: 1h, event: told, with: { ends: "2029-11-22T00:00:00Z", due: "2026-09-21" } }, { at: 1h, rule: mail }]
"""
    write_project(tmp_path, FILES | {"rules.test.yaml": test})
    ran = engine("test", folder=tmp_path)
    assert ran.code == 0, ran.out + ran.err

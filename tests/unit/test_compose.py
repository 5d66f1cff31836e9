"""An event sent by hand is read back by its source's decoder as it was meant."""

from collections.abc import Mapping
from typing import Any

import pytest

from engine.core.catalog import Catalog, EventType, Kind, Property, Source
from engine.errors import BadRecord
from engine.model import Event
from engine.ports import Record
from engine.wire.compose import compose, parse
from engine.wire.decode import Decoder

NOW = 1_767_225_600_000
SOURCES = [
    Source("own", "events"),
    Source("flat", "events", id=("event_id",), customer=("customer_id",), time=("ts",), properties=()),
    Source("nested", "events", id=("meta", "id"), customer=("who", "id"), time=("meta", "at"), properties=("body",)),
    Source("seconds", "events", unit="s"),
    Source("micros", "events", unit="us"),
    Source("segment", "events", format="segment"),
    Source("cloud", "events", format="cloudevents"),
    Source("cloud-customer", "events", format="cloudevents", customer=("data", "buyer")),
    Source("segment-own", "events", format="segment", id=("ref",), customer=("context", "who"), time=("receivedAt",)),
    Source("cloud-own", "events", format="cloudevents", id=("ref",), time=("at",)),
]
AMOUNTS = EventType("buy", {"amount": Property("amount", "number"), "at": Property("at", "time")})
CATALOG = Catalog(events={"buy": AMOUNTS, "identify": EventType("identify"), "page": EventType("page")})


def read_back(source: Source, event: Event) -> Event | None:
    value, headers = compose(source, event)
    return Decoder(source, CATALOG).decode(Record("events", 0, 1, value, headers=headers), NOW)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@pytest.mark.parametrize("type", ["buy", "identify", "page"])
def test_every_format_reads_back_what_was_sent(source: Source, type: str) -> None:
    event = Event("e-1", type, "c-1 🙂", NOW - 3_000, {"amount": 20.5, "currency": "€"})
    found = read_back(source, event)
    assert found is not None
    expected: Mapping[str, Any] = event.properties
    if source.name == "cloud-customer":
        expected = {**expected, "buyer": "c-1 🙂"}
    assert (found.id, found.type, found.customer, found.time) == ("e-1", type, "c-1 🙂", NOW - 3_000)
    assert found.properties == expected


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "20", "20"),
        ("number", "20", 20),
        ("number", "2e1", 20.0),
        ("number", "much", "much"),
        ("integer", "3", 3),
        ("boolean", "true", True),
        ("boolean", "yes", "yes"),
        ("date", "1990-05-17", "1990-05-17"),
        ("time", "2026-01-31T09:00Z", "2026-01-31T09:00Z"),
        ("any", "[1, 2]", [1, 2]),
        ("any", "plain words", "plain words"),
        ("any", "", ""),
    ],
)
def test_a_property_is_read_as_its_kind_says(kind: Kind, text: str, value: object) -> None:
    assert parse(kind, text) == value
    assert type(parse(kind, text)) is type(value)


def test_what_does_not_fit_is_left_to_the_decoder_to_refuse() -> None:
    with pytest.raises(BadRecord, match="amount must be a number"):
        read_back(SOURCES[0], Event("e-1", "buy", "c-1", NOW, {"amount": parse("number", "much")}))

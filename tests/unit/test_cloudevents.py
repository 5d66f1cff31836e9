"""CloudEvents as their SDKs write them, and as careless producers do."""

import json
from typing import Any

import pytest

from engine.core.catalog import Catalog, EventType, Property, Source
from engine.errors import BadRecord
from engine.model import Event
from engine.ports import Record
from engine.wire.decode import Decoder
from tests.support.cloudevents_recorded import TIME, WITH_DATA, WITHOUT_DATA, WITHOUT_TIME

BROKER_TIME = 1_790_000_000_000
SOURCE = Source("shop", "shop", format="cloudevents")
ORDERS = EventType("order.paid", {"amount": Property("amount", "number")})
BODY = {"specversion": "1.0", "type": "order.paid", "source": "/shop", "id": "1", "subject": "c-1", "time": TIME}
HEADERS = {f"ce_{name}": value for name, value in BODY.items()}


def read(headers: dict[str, str], value: bytes | None, source: Source = SOURCE, timestamp: int = BROKER_TIME) -> Event:
    encoded = tuple((name, text.encode()) for name, text in headers.items())
    record = Record("shop", 0, 1, value, None, timestamp, encoded)
    event = Decoder(source, Catalog((source,), {"order.paid": ORDERS})).decode(record, BROKER_TIME)
    assert event
    return event


def structured(**more: Any) -> bytes:
    return json.dumps(BODY | more).encode()


def refused(headers: dict[str, str], value: bytes | None) -> str:
    """The code of the dead letter."""
    with pytest.raises(BadRecord) as error:
        read(headers, value)
    return error.value.code


@pytest.mark.parametrize(("headers", "value"), WITH_DATA.values(), ids=WITH_DATA)
def test_an_order_is_read_from_whatever_an_sdk_writes(headers: dict[str, str], value: bytes) -> None:
    event = read(headers, value)
    assert (event.id, event.type, event.customer, event.properties) == ("1", "order.paid", "c-1", {"amount": 5})
    assert 0 <= event.time - 1_789_984_800_000 <= 123


@pytest.mark.parametrize(("headers", "value"), WITHOUT_DATA.values(), ids=WITHOUT_DATA)
def test_an_event_without_data_is_an_event(headers: dict[str, str], value: bytes | None) -> None:
    assert read(headers, value).properties == {}


@pytest.mark.parametrize(("headers", "value"), WITHOUT_TIME.values(), ids=WITHOUT_TIME)
def test_an_event_without_a_time_happened_when_the_broker_had_it(headers: dict[str, str], value: bytes) -> None:
    assert read(headers, value).time == BROKER_TIME


def test_a_declared_time_is_not_optional_and_a_file_has_no_broker_time() -> None:
    declared = Source("shop", "shop", format="cloudevents", time=("data", "at"))
    for source, timestamp in [(declared, BROKER_TIME), (SOURCE, 0)]:
        with pytest.raises(BadRecord, match="missing-time"):
            read({}, structured(time=None), source, timestamp)


def test_the_content_type_says_structured_whatever_headers_are_left_over() -> None:
    headers = HEADERS | {"ce_id": "of the proxy", "Content-Type": "Application/CloudEvents+JSON; charset=utf-8"}
    event = read(headers, structured(data={"amount": 5}))
    assert (event.id, event.properties) == ("1", {"amount": 5})


def test_names_of_headers_may_be_written_in_any_case() -> None:
    headers = {name.upper(): value for name, value in HEADERS.items()}
    assert read(headers, b'{"amount": 5}').properties == {"amount": 5}


@pytest.mark.parametrize(
    ("headers", "value", "code"),
    [
        ({"content-type": "application/cloudevents-batch+json"}, b"[" + structured() + b"]", "cloudevents-batch"),
        ({"content-type": "application/cloudevents+avro"}, b"\x00\x01", "cloudevents-format"),
        ({}, None, "no-value"),
        ({}, b'{"type": "order.paid"}', "not-cloudevents"),
        ({}, structured(data="five"), "bad-properties"),
        ({}, structured(data=r'{"amount": 5}', datacontenttype="text/plain"), "bad-properties"),
        ({}, structured(data_base64="e30"), "not-decodable"),
        ({}, structured(data_base64="PHhtbC8+", datacontenttype="text/xml"), "not-decodable"),
        (HEADERS | {"content-type": "application/avro"}, b"\x00\x01", "not-decodable"),
        ({}, structured(source=["/shop"]), "bad-source"),
        ({}, structured(source="/" * 513), "bad-source"),
        ({}, structured(subject=None), "missing-customer"),
        ({"content-type": "application/json"} | {"ce_specversion": "1.0"}, None, "missing-type"),
    ],
)
def test_what_cannot_be_read_becomes_a_letter_that_says_why(headers: dict[str, str], value: Any, code: str) -> None:
    assert refused(headers, value) == code


def test_a_declared_id_is_the_events_id() -> None:
    source = Source("shop", "shop", format="cloudevents", id=("data", "order"))
    assert read({}, structured(data={"order": "o-7"}), source).id == "o-7"

"""What a record may say of numbers and moments before it is set aside, and with which code."""

import pytest

from engine.core.catalog import Catalog, EventType, Property, Source
from engine.errors import BadRecord
from engine.model import Event
from engine.ports import Record
from engine.wire.decode import Decoder

NOW = 1_790_000_000_000
PROPERTIES = (Property("number", "number"), Property("integer", "integer"), Property("ends", "time"))
CATALOG = Catalog(events={"signup": EventType("signup", {one.name: one for one in PROPERTIES})})
DIGITS = "9" * 400


def decoded(
    unit: str = "s", time: str = "1790000000", identity: str = '"e"', type: str = '"signup"', **properties: str
) -> Event | None:
    source = Source("shop", "shop", unit=unit)  # type: ignore[arg-type]
    inner = ",".join(f'"{name}":{value}' for name, value in properties.items())
    value = f'{{"id":{identity},"type":{type},"customer":"c","time":{time},"properties":{{{inner}}}}}'
    return Decoder(source, CATALOG).decode(Record("shop", 0, 1, value.encode()), NOW)


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("time", ["1e308", "-1e308", DIGITS, f"-{DIGITS}", "1e18", "true", '"soon"', '"10000-01-01"'])
def test_a_time_that_is_in_no_calendar_is_set_aside(unit: str, time: str) -> None:
    with pytest.raises(BadRecord) as raised:
        decoded(unit, time)
    assert raised.value.code in ("bad-time", "time-too-old", "time-in-future")
    assert len(raised.value.reason) < 200


def test_seconds_beyond_every_calendar_are_a_bad_time() -> None:
    with pytest.raises(BadRecord, match="bad-time"):
        decoded("s", "1e308")


@pytest.mark.parametrize("kind", ["number", "integer", "ends"])
@pytest.mark.parametrize("value", [DIGITS, f"-{DIGITS}", "18446744073709551616", "-9223372036854775809"])
def test_an_integer_that_no_state_can_hold_is_of_a_wrong_type(kind: str, value: str) -> None:
    with pytest.raises(BadRecord, match="wrong-type"):
        decoded(**{kind: value})


def test_a_number_that_is_too_large_is_not_said_to_be_no_number() -> None:
    for name, value in (("ends", "1" + "0" * 400), ("integer", "1" + "0" * 400)):
        with pytest.raises(BadRecord) as refused:
            decoded(**{name: value})
        assert "not a number" not in refused.value.reason


@pytest.mark.parametrize("value", ["253402300800000", "-62135596800001", "1e308", '"10000-01-01"', "[]"])
def test_a_moment_beyond_the_years_that_a_date_knows_is_of_a_wrong_type(value: str) -> None:
    with pytest.raises(BadRecord, match="wrong-type"):
        decoded(ends=value)


@pytest.mark.parametrize("value", ["253402300799999", '"9999-12-31T23:59:59Z"', '"0001-01-01T00:00:00Z"'])
def test_the_first_and_the_last_moment_of_the_calendar_are_moments(value: str) -> None:
    event = decoded(ends=value)
    assert event is not None
    assert type(event.properties["ends"]) is int


@pytest.mark.parametrize(
    ("kind", "value", "means"),
    [
        ("integer", "18446744073709551615", 2**64 - 1),
        ("integer", "-9223372036854775808", -(2**63)),
        ("number", "1e308", 1e308),
        ("number", "3", 3),
    ],
)
def test_the_largest_that_a_state_can_hold_is_taken(kind: str, value: str, means: float) -> None:
    event = decoded(**{kind: value})
    assert event is not None
    assert event.properties[kind] == means


@pytest.mark.parametrize("identity", [DIGITS, "18446744073709551616", "-9223372036854775809"])
def test_an_id_of_more_than_64_bits_has_to_be_a_string(identity: str) -> None:
    with pytest.raises(BadRecord, match="64 bits"):
        decoded(identity=identity)
    event = decoded(identity=f'"{DIGITS}"')
    assert event is not None
    assert event.id == DIGITS


def test_milliseconds_where_seconds_are_declared_are_said_to_be_another_unit() -> None:
    with pytest.raises(BadRecord) as refused:
        decoded("s", "1790000000000")
    assert "is it in another unit" in refused.value.reason


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"time": "631151999"}, "time-too-old"),
        ({"time": "1790086401"}, "time-in-future"),
        ({"identity": '""'}, "missing-id"),
        ({"identity": "[]"}, "bad-id"),
        ({"type": '""'}, "missing-type"),
        ({"type": "[]"}, "missing-type"),
    ],
)
def test_what_is_wrong_with_a_record_is_said_by_its_code(said: dict[str, str], code: str) -> None:
    with pytest.raises(BadRecord) as refused:
        decoded(**said)
    assert refused.value.code == code


def test_records_of_types_that_are_not_declared_are_counted_for_a_thousand_types() -> None:
    decoder = Decoder(Source("shop", "shop"), CATALOG)
    for number in (*range(1_002), 0):
        value = f'{{"id":"e","type":"t-{number}","customer":"c","time":{NOW}}}'
        assert decoder.decode(Record("shop", 0, 1, value.encode()), NOW) is None
    assert decoder.undeclared == {f"t-{number}": 1 for number in range(1_000)} | {"t-0": 2}


def _order(declared: dict[str, Property], body: str, **places: tuple[str, ...]) -> Event | None:
    catalog = Catalog(events={"order": EventType("order", declared)})
    source = Source("shop", "shop", **places)  # type: ignore[arg-type]
    return Decoder(source, catalog).decode(Record("shop", 0, 1, body.encode()), NOW)


_NESTED = {
    "total": Property("total", "number", required=True, from_text=True, path=("money", "amount")),
    "email": Property("email", "string", path=("customer", "email")),
    "sku": Property("sku", "any", path=("items", "1", "sku")),
}


@pytest.mark.parametrize("places", [{}, {"properties": (), "customer": ("customer", "id")}], ids=["own", "flat"])
def test_nested_properties_are_read_under_their_names(places: dict[str, tuple[str, ...]]) -> None:
    inner = '"money":{"amount":"4.50"},"customer":{"id":"c","email":"a@x.example"},"items":[{},{"sku":7}]'
    top = '"id":"e","type":"order","time":1790000000000'
    body = f"{{{top},{inner}}}" if places else f'{{{top},"customer":"c","properties":{{{inner}}}}}'
    event = _order(_NESTED, body, **places)
    assert event is not None
    assert event.customer == "c"
    assert {name: event.properties[name] for name in _NESTED} == {"total": 4.5, "email": "a@x.example", "sku": 7}


def test_a_property_that_is_not_at_its_path_is_read_under_its_name() -> None:
    head = '"id":"e","type":"order","customer":"c","time":1790000000000'
    event = _order(_NESTED, f'{{{head},"properties":{{"total":3,"items":[{{}}],"customer":"c"}}}}')
    assert event is not None
    assert event.properties == {"total": 3, "items": [{}], "customer": "c"}
    with pytest.raises(BadRecord, match=r"order must have total at 'money\.amount'"):
        _order(_NESTED, f'{{{head},"properties":{{"money":[1]}}}}')
    with pytest.raises(BadRecord, match="property email must be a string, not a number"):
        _order(_NESTED, f'{{{head},"properties":{{"total":3,"customer":{{"email":5}}}}}}')

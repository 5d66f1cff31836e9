"""Checks the properties of events against their declared types, and converts what may be written in several ways.

`decode` calls it for each property that has not exactly its type. A message says what kind of value there is, never the
value: it may be personal.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from engine.core.catalog import Catalog, EventType, Kind, Property
from engine.core.values import DAY_LENGTH, day_of, is_no_date, number_of, whole_day
from engine.errors import BadRecord
from engine.wire.instants import UNIT, instant_in, other_units
from engine.wire.parts import at

LEAST: Final = -(2**63)
MOST: Final = 2**64 - 1
"""The integers that a state can hold (MessagePack). JSON may have thousands of digits, too many for a float."""
Check = Callable[[str, Any], Any]
"""Takes a property's name and its value, and gives the value as it is kept. Raises BadRecord."""


def checks_of(declared: EventType) -> dict[str, Check]:
    """What checks or converts a value that the engine makes of a property, for those whose type says anything."""
    own = {name: replace(one, unit="ms") for name, one in declared.properties.items() if one.kind != "any"}
    return {name: _check_of(one) for name, one in own.items()}


def value_read(declared: Property, value: Any) -> Any:
    """What a record's value becomes. Raises BadRecord."""
    return _check_of(declared)(declared.name, value)


def check_property(
    type_: str, properties: dict[str, Any], name: str, required: bool, check: Check, path: tuple[str, ...]
) -> None:
    """Check or convert a property that has not exactly its type. One that is nested is put under its name.

    What the engine has written has it under its name, and so have rule tests.
    """
    nested = at(properties, path) if path else None
    value = properties.get(name) if nested is None else nested
    if value is not None:
        value = properties[name] = check(name, value)
    if required and value is None:
        where = f" at '{'.'.join(path)}'" if path else ""
        raise BadRecord("missing-property", f"{type_} must have {name}{where}")


def nested_fields(catalog: Catalog) -> frozenset[str]:
    """The fields of which declared properties are parts."""
    declared = (one for event in catalog.events.values() for one in event.properties.values())
    return frozenset(one.path[0] for one in declared if one.path)


def property_checks(declared: EventType) -> tuple[tuple[str, bool, type | None, Check, tuple[str, ...]], ...]:
    """Per property: name, required, the type that needs no check, the check for all others, and its path."""
    return tuple(
        (name, one.required, None if one.path else EXACT.get(one.kind), _check_of(one), one.path)
        for name, one in declared.properties.items()
        if one.required or one.path or one.kind != "any"
    )


def _string(name: str, value: Any) -> Any:
    return value if type(value) is str else _wrong(name, "a string", value)


def _number(name: str, value: Any) -> Any:
    return value if type(value) is float else _integer(name, value, "a number")


def _integer(name: str, value: Any, expected: str = "an integer") -> Any:
    if type(value) is not int:
        _wrong(name, expected, value)
    return value if LEAST <= value <= MOST else _wrong(name, f"{expected} of at most 64 bits", value, "a larger one")


def _boolean(name: str, value: Any) -> Any:
    return value if type(value) is bool else _wrong(name, "true or false", value)


def _moment(name: str, value: Any, unit: float = 1.0) -> Any:
    """Epoch ms, or a day: when a day without a time begins depends on the customer's zone."""
    if type(value) is str and (len(value) <= DAY_LENGTH or value.startswith("0000")):
        if is_no_date(value):
            return None
        if day := whole_day(value):
            return day
    instant = instant_in(value, unit)
    if instant is not None:
        return instant
    beyond = f"one beyond the years 1 to 9999; is it in another unit ({other_units(unit)})?"
    return _wrong(name, "a time (ISO 8601 or an epoch number)", value, beyond if type(value) in (int, float) else "")


def _day(name: str, value: Any) -> Any:
    if type(value) is str:
        with suppress(ValueError):
            return day_of(value)
        if is_no_date(value):
            return None
    return _wrong(name, "a date (YYYY-MM-DD or MM-DD)", value)


def _day_by_number(name: str, value: Any) -> Any:
    """The day of a number of days since 1970; every other value as a day is."""
    if type(value) is not int:
        return _day(name, value)
    try:
        return (date(1970, 1, 1) + timedelta(days=value)).isoformat()
    except OverflowError:
        return _wrong(name, "a date in days since 1970 (unit: d)", value, "one beyond the years 1 to 9999")


def _from_text(check: Check) -> Check:
    """A check that accepts numbers as text, and takes blank text as missing."""

    def checked(name: str, value: Any) -> Any:
        if type(value) is not str:
            return check(name, value)
        if not value.strip():
            return None
        number = number_of(value)
        return check(name, value if number is None else number)

    return checked


def _anything(name: str, value: Any) -> Any:
    return value


EXACT: Mapping[Kind, type] = {"string": str, "number": float, "boolean": bool}
CHECKS: Mapping[Kind, Check] = {
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "time": _moment,
    "date": _day,
    "any": _anything,
}


def _check_of(property_: Property) -> Check:
    if property_.unit != "ms":
        return _day_by_number if property_.unit == "d" else partial(_moment, unit=UNIT[property_.unit])
    check = CHECKS[property_.kind]
    return _from_text(check) if property_.from_text else check


def _wrong(name: str, expected: str, value: Any, found: str = "") -> None:
    raise BadRecord("wrong-type", f"property {name} must be {expected}, not {found or kind_of(value)}")


def kind_of(value: Any) -> str:
    """The kind of a value, for messages; never the value itself, which may be personal."""
    names = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "null")

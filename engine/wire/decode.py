"""Decodes records into events, by the format and paths that events.yaml declares, and checks types and limits.

Workers, the ingest and replays call it for every record. Nothing in a record may raise anything but BadRecord: one bad
record must not stop a partition.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from engine.core.catalog import Accept, Catalog, EventType, Kind, Property, Source
from engine.core.values import DAY_LENGTH, day_of, is_no_date, number_of, whole_day
from engine.core.zones import iso, to_millis
from engine.errors import BadRecord
from engine.model import Event, Identified
from engine.ports import Record
from engine.wire.formats import MAX_CUSTOMER_BYTES, MAX_ID_LENGTH, direct, is_customer_length, reader
from engine.wire.parts import FRAMED, Parts, at
from engine.wire.reading import bad_record
from engine.wire.scopes import Scopes
from engine.wire.segment import names_guests

UNIT = {"s": 1000.0, "ms": 1.0, "us": 0.001, "ns": 0.000_001}
DIGITS = {UNIT["s"]: 10, UNIT["ms"]: 13, UNIT["us"]: 16, UNIT["ns"]: 19}
"""Digits of an epoch number from 2001 to 2286. Text of so many digits is one; any other count may be a date, as people
and databases write it without dashes."""
FIRST: Final = to_millis(datetime.min.replace(tzinfo=UTC))
LAST: Final = to_millis(datetime.max.replace(tzinfo=UTC))
"""The years 1 to 9999, epoch ms: Python's datetime knows no others."""
LEAST: Final = -(2**63)
MOST: Final = 2**64 - 1
"""The integers that a state can hold (MessagePack). JSON may have thousands of digits, too many for a float."""


class Decoder:
    """Decodes the records of one source."""

    def __init__(self, source: Source, catalog: Catalog) -> None:
        self.source = source
        self.accept: Accept = catalog.accept
        self.nobody = catalog.accept.nobody
        self.max_bytes, self.earliest, self.ahead = self.accept.max_bytes, self.accept.earliest, self.accept.ahead
        self.events = catalog.events
        self.checks = {name: _checks(declared) for name, declared in catalog.events.items() if not declared.made}
        self.read: Callable[[Record], Parts] = reader(source, _nested(catalog))
        self.names_guests = names_guests(source)
        """Whether its records may identify a guest as a known customer, and the guest's partition can be reached."""
        self.scopes = Scopes(source, catalog)
        self.read_directly = direct(source, self.scopes.own)
        self.unit = UNIT[source.unit]
        self.undeclared: dict[str, int] = {}
        """Undeclared type -> how many records of it were ignored."""

    def decode(self, record: Record, wall: int) -> Event | None:
        """The event; None for an undeclared type that is ignored (accept.undeclared). `wall`: now, epoch ms.

        Raises BadRecord, and nothing else for any record; the caller writes a dead letter and reads on.
        """
        value, event = record.value, None
        if self.read_directly is not None and value is not None and len(value) <= self.max_bytes:
            try:  # not in a function of its own: most records take this way, and a call costs 0.1 us
                event = self.read_directly(value)
            except Exception:
                event = None  # `_any` reads it again, or says what is wrong
        try:
            if (
                event is None
                or event.type not in self.checks
                or not self.earliest <= event.time <= wall + self.ahead
                or (customer := event.customer) in self.nobody
                or (identity := event.id) in self.nobody
                or customer.isspace()
                or identity.isspace()
            ):
                event = self._any(record, wall)
                if event is None:
                    return None
            properties = event.properties
            for name, required, exact, check, path in self.checks[event.type]:
                if type(properties.get(name)) is not exact:
                    _check(event.type, properties, name, required, check, path)
        except Exception as error:
            raise bad_record("not-decodable", error) from error
        return event

    def _any(self, record: Record, wall: int) -> Event | None:
        if self._passes_over(record):
            return None
        parts = self._parts(record)
        type_ = self._type(parts)
        if type_ is None or self._is_stranger(parts.customer):
            return None
        time = self._time(parts.time, wall)
        properties = parts.properties if parts.properties is not None else {}
        if not isinstance(properties, dict):
            raise BadRecord("bad-properties", f"properties must be an object, not {_a(properties)}")
        identity = self._identity(parts.id, "id") if parts.id is not None else id_from_place(record)
        scope = self.scopes.of(parts.scope)
        customer = self._identity(parts.customer, "customer")
        return Event(identity, type_, customer, time, properties, scope.number, scope.shown)

    def whose(self, record: Record) -> tuple[str | None, Identified | None]:
        """The event's customer (None as in `decode`) and the guest that it identifies, if any; the rest is not checked.

        Raises BadRecord only. The worker checks whether the guest's time lies ahead.
        """
        if self._passes_over(record):
            return None, None
        try:
            parts = self._parts(record)
            identified = self._identified(parts, LAST) if self.names_guests else None
            passed_over = self._type(parts) is None or self._is_stranger(parts.customer)
            customer = None if passed_over else self._identity(parts.customer, "customer")
        except Exception as error:
            raise bad_record("not-decodable", error) from error
        return customer, identified

    def identified(self, record: Record, wall: int) -> Identified | None:
        """The guest that a record identifies as a known customer, even if it is no valid event. Never raises."""
        try:
            return self._identified(self._parts(record), wall) if self.names_guests else None
        except Exception as error:
            bad_record("not-decodable", error)  # which `decode` raises
            return None

    def _identified(self, parts: Parts, wall: int) -> Identified | None:
        if parts.guest is None:
            return None
        try:
            guest, known = (self._identity(each, "customer") for each in (parts.guest, parts.customer))
            time = self._time(parts.time, wall)
        except BadRecord:
            return None
        return Identified(guest, known, time) if guest != known else None

    def _passes_over(self, record: Record) -> bool:
        """Whether this is a tombstone that nobody shall hear of. A CloudEvent without data is none: it has headers."""
        if record.value is not None or self.accept.tombstones != "ignore":
            return False
        return self.source.format != "cloudevents" or not record.headers

    def _is_stranger(self, customer: Any) -> bool:
        """Whether this names no customer, and nobody shall hear of it."""
        if self.accept.strangers != "ignore":
            return False
        if customer is None:
            return True
        text = str(customer) if type(customer) is int else customer
        return isinstance(text, str) and (text in self.nobody or not text.strip())

    def _parts(self, record: Record) -> Parts:
        if record.value is not None and len(record.value) > self.accept.max_bytes:
            limit = f"{len(record.value)} bytes; at most {self.accept.max_bytes} are accepted (accept.max_bytes)"
            raise BadRecord("too-large", limit)
        try:
            return self.read(record)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if record.value and record.value[:1] == FRAMED:
                reason = "Avro or Protobuf of a schema registry (it begins with a zero byte); only JSON is read"
                raise BadRecord("not-decodable", reason) from error
            raise BadRecord("not-decodable", f"not valid {self.source.format}: {error}") from error
        except RecursionError as error:
            raise BadRecord("not-decodable", "nested too deeply") from error

    def _type(self, parts: Parts) -> str | None:
        type_ = self.source.event or parts.type
        if isinstance(type_, str):
            type_ = self.source.types.get(type_, type_)
        if isinstance(type_, str) and type_ in self.checks:
            return type_
        self._pass_over(type_)
        return None

    def _pass_over(self, type_: Any) -> None:
        if not isinstance(type_, str) or not type_:
            raise BadRecord("missing-type", f"no type at '{'.'.join(self.source.type)}'")
        if len(type_) > MAX_ID_LENGTH:
            raise BadRecord("bad-type", f"type has {len(type_)} characters; at most {MAX_ID_LENGTH} are accepted")
        if self.accept.undeclared == "dead_letter":
            raise BadRecord("undeclared-type", f"events.yaml declares no event type {type_!r}")
        if type_ in self.undeclared or len(self.undeclared) < 1000:
            self.undeclared[type_] = self.undeclared.get(type_, 0) + 1

    def _identity(self, value: Any, what: str) -> str:
        if value is None and self.source.format == "json":
            code = f"missing-{what}"
            raise BadRecord(code, f"no {what} at '{'.'.join(getattr(self.source, what))}'")
        identity = _identity(value, what)
        if identity not in self.nobody and not identity.isspace():
            return identity
        reason = "blank" if identity.isspace() else f"'{identity}', which stands for a missing one (accept.nobody)"
        code = f"bad-{what}"
        raise BadRecord(code, f"{what} is {reason}")

    def _time(self, value: Any, wall: int) -> int:
        if value is None:
            raise BadRecord("missing-time", f"no time at '{'.'.join(self.source.time)}'")
        time = value if type(value) is int and self.unit == 1.0 else _instant(value, self.unit)
        if time is None:
            if isinstance(value, int | float) and not isinstance(value, bool):
                other = f"is it in another unit ({_units(self.unit)})?"
                raise BadRecord("bad-time", f"time {_short(value)} lies outside the years 1 to 9999; {other}")
            raise BadRecord("bad-time", f"time is neither ISO 8601 nor an epoch number: {_short(value)}")
        if self.accept.earliest <= time <= wall + self.accept.ahead:
            return time
        if time < self.accept.earliest:
            raise BadRecord("time-too-old", f"{_shown(time)} is before accept.earliest; are these seconds (unit: s)?")
        raise BadRecord("time-in-future", f"{_shown(time)} is further ahead of now than accept.ahead")


def _identity(value: Any, what: str) -> str:
    """A customer or event id. Raises BadRecord."""
    if type(value) is str and value:
        reason, code = _too_long(value, what), f"bad-{what}"
        if reason:
            raise BadRecord(code, reason)
        return value
    if type(value) is int and LEAST <= value <= MOST:
        return str(value)
    code = f"missing-{what}" if value is None or value == "" else f"bad-{what}"
    if type(value) is int:
        reason = f"{what} is an integer of more than 64 bits; write it as a string"
    else:
        reason = f"{what} must be a string or an integer, not {_a(value) if value != '' else 'empty'}"
    raise BadRecord(code, reason)


def _too_long(value: str, what: str) -> str:
    """Why the id is too long; "" if it is not."""
    if what == "customer" and not is_customer_length(value):
        return f"customer has {len(value.encode(errors='replace'))} bytes; at most {MAX_CUSTOMER_BYTES} are accepted"
    if len(value) > MAX_ID_LENGTH:
        return f"{what} has {len(value)} characters; at most {MAX_ID_LENGTH} are accepted"
    return ""


def id_from_place(record: Record) -> str:
    """The id of an event that has none: topic, partition and offset of its record."""
    return f"{record.source}:{record.partition}:{record.next_offset - 1}"


def _units(unit: float) -> str:
    """The units other than this one, for messages."""
    return "unit: " + ", ".join(name for name, each in UNIT.items() if each != unit)


def _instant(value: Any, unit: float) -> int | None:
    if isinstance(value, str):
        if value.isdecimal() and len(value) != len("YYYYMMDD"):
            return _instant(int(value), unit) if len(value) == DIGITS[unit] else None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        instant = to_millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        return instant if FIRST <= instant <= LAST else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Compared before it is multiplied: infinity, NaN and integers that no float can hold are no moments.
    return round(value * unit) if FIRST / unit <= value <= LAST / unit else None


Check = Callable[[str, Any], Any]
"""Takes a property's name and its value, and gives the value as it is kept. Raises BadRecord."""


def checks_of(declared: EventType) -> dict[str, Check]:
    """What checks or converts a value that the engine makes of a property, for those whose type says anything."""
    own = {name: replace(one, unit="ms") for name, one in declared.properties.items() if one.kind != "any"}
    return {name: _check_of(one) for name, one in own.items()}


def value_read(declared: Property, value: Any) -> Any:
    """What a record's value becomes. Raises BadRecord."""
    return _check_of(declared)(declared.name, value)


def _check(
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


def _nested(catalog: Catalog) -> frozenset[str]:
    """The fields of which declared properties are parts."""
    declared = (one for event in catalog.events.values() for one in event.properties.values())
    return frozenset(one.path[0] for one in declared if one.path)


def _checks(declared: EventType) -> tuple[tuple[str, bool, type | None, Check, tuple[str, ...]], ...]:
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
    instant = _instant(value, unit)
    if instant is not None:
        return instant
    beyond = f"one beyond the years 1 to 9999; is it in another unit ({_units(unit)})?"
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
    raise BadRecord("wrong-type", f"property {name} must be {expected}, not {found or _a(value)}")


def _a(value: Any) -> str:
    """The kind of a value, for messages; never the value itself, which may be personal."""
    names = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "null")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _shown(time: int) -> str:
    try:
        return iso(time)
    except OverflowError:
        return f"{_short(time)} ms since 1970"

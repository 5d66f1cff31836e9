"""Decodes records into events, by the format and paths that events.yaml declares, and checks types and limits.

Workers, the ingest and replays call it for every record. Nothing in a record may raise anything but BadRecord: one bad
record must not stop a partition.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from engine.core.catalog import Accept, Catalog, Source
from engine.core.zones import iso
from engine.errors import BadRecord
from engine.model import Event, Identified
from engine.ports import Record
from engine.wire.formats import MAX_CUSTOMER_BYTES, MAX_ID_LENGTH, direct, is_customer_length, reader
from engine.wire.instants import LAST, UNIT, instant_in, other_units
from engine.wire.parts import FRAMED, Parts
from engine.wire.property_checks import LEAST, MOST, check_property, kind_of, nested_fields, property_checks
from engine.wire.reading import bad_record
from engine.wire.scopes import Scopes
from engine.wire.segment import names_guests


class Decoder:
    """Decodes the records of one source."""

    def __init__(self, source: Source, catalog: Catalog) -> None:
        self.source = source
        self.accept: Accept = catalog.accept
        self.nobody = catalog.accept.nobody
        self.max_bytes, self.earliest, self.ahead = self.accept.max_bytes, self.accept.earliest, self.accept.ahead
        self.events = catalog.events
        self.checks = {
            name: property_checks(declared) for name, declared in catalog.events.items() if not declared.made
        }
        self.read: Callable[[Record], Parts] = reader(source, nested_fields(catalog))
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
                    check_property(event.type, properties, name, required, check, path)
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
            raise BadRecord("bad-properties", f"properties must be an object, not {kind_of(properties)}")
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
        time = value if type(value) is int and self.unit == 1.0 else instant_in(value, self.unit)
        if time is None:
            if isinstance(value, int | float) and not isinstance(value, bool):
                other = f"is it in another unit ({other_units(self.unit)})?"
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
        reason = f"{what} must be a string or an integer, not {kind_of(value) if value != '' else 'empty'}"
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


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _shown(time: int) -> str:
    try:
        return iso(time)
    except OverflowError:
        return f"{_short(time)} ms since 1970"

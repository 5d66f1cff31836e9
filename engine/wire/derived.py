"""Events that rules make for other customers than their own, as entries of the outbox."""

from typing import Any, Final

import msgspec

from engine.core.zones import iso
from engine.model import DerivedEvent
from engine.ports import Entry

DERIVED: Final = "derived"
"""The destination of events that rules make for other customers than their own."""
_encode = msgspec.json.Encoder().encode


def encode_derived(derived: DerivedEvent) -> Entry:
    """Its key is the customer that it is about, so that it can be moved to their partition; the value is JSON."""
    event = derived.event
    return Entry(event.id, _encode(_fields(derived)), DERIVED, event.customer)


def _fields(derived: DerivedEvent) -> dict[str, Any]:
    """An event in our own format, with where it comes from."""
    event = derived.event
    return {
        "id": event.id,
        "type": event.type,
        "customer": event.customer,
        "time": iso(event.time),
        "properties": event.properties,
        "rule": derived.rule,
        "because_of": derived.customer,
    }

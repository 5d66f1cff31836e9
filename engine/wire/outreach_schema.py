"""Declares the fields of an outreach record. Decoding uses the declaration, and the JSON Schema is generated from it.

`python -m engine.wire.outreach_schema` writes the schema again. Within a version fields may be added, never removed.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from engine.model import PREFERENCES_LINK, UNSUBSCRIBE_LINK

OUTREACH_VERSION: Final = 1
SCHEMA_FILE: Final = Path(__file__).parent / "schemas" / "outreach.schema.json"

_INSTANT: Final[dict[str, Any]] = {"format": "date-time"}

_LINKS: Final = f"{UNSUBSCRIBE_LINK} and {PREFERENCES_LINK} in it are for the sender to put its links for."

Instant = Annotated[str, Meta(extra_json_schema=_INSTANT)]


class EventForm(Struct):
    """The event that fired the rule, or armed its timer."""

    id: str
    type: str
    time: Instant


class OutreachForm(Struct):
    """One message to one customer, decided and rendered, for the program that sends it."""

    version: Annotated[int, Meta(ge=1, description="Of this form. Pass over a record with a higher one than you know.")]
    id: Annotated[str, Meta(description="The same for the same rule, customer and occurrence, for ever.")]
    rule: Annotated[str, Meta(description="The rule's id.")]
    occurrence: Annotated[str, Meta(description="What makes this firing of the rule unique for the customer.")]
    customer: Annotated[str, Meta(description="The customer's id; also the record's key.")]
    at: Annotated[str, Meta(description="When it was decided.", extra_json_schema=_INSTANT)]
    moment: Annotated[str, Meta(description="When the rule's condition came true: due.", extra_json_schema=_INSTANT)]
    channel: Annotated[str, Meta(description="email, sms, push, webhook or another that the rules name.")]
    purpose: Annotated[str, Meta(description="marketing, transactional or another that the rules name.")]
    template: Annotated[str, Meta(description="The template's name.")]
    revision: Annotated[str, Meta(description="The rule book's content hash.")]
    reason: Annotated[str, Meta(description="Why the rule fired, for a person to read.")]
    expires_at: Annotated[
        str | None, Meta(description="Not to be sent at or after this.", extra_json_schema=_INSTANT)
    ] = None
    to: Annotated[str, Meta(description="Where the channel reaches the customer: an email address, a number.")] = ""
    subject: Annotated[str, Meta(description="One line of plain text; empty where the channel has none.")] = ""
    text: Annotated[str, Meta(description=f"The message as plain text. {_LINKS}")] = ""
    html: Annotated[str, Meta(description=f"The message as HTML; empty where the template has none. {_LINKS}")] = ""
    step: Annotated[str, Meta(description="The step of the journey that made it; absent where the rule is none.")] = ""
    event: EventForm | None = None


def schema_text() -> str:
    """The JSON Schema of an outreach record, as shipped."""
    schema = msgspec.json.schema(OutreachForm)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"trigger engine: outreach record, version {OUTREACH_VERSION}",
    }
    return json.dumps(head | schema, indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.parent.mkdir(exist_ok=True)
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")

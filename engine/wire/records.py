"""Encodes and decodes outreach and outcomes: JSON for topics and files, a compact form for customers' histories."""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import msgspec

from engine.core.effects import effect_id
from engine.core.zones import iso, to_millis
from engine.errors import BadRecord
from engine.model import KeptEvent, Outcome, OutcomeRecord, Outreach
from engine.ports import Entry
from engine.wire.history import Past
from engine.wire.outreach_schema import OUTREACH_VERSION, OutreachForm
from engine.wire.reading import reading

_encode = msgspec.json.Encoder().encode
_OUTREACH = msgspec.json.Decoder(OutreachForm)


ID_HEADER: Final = "id"
"""The header of outreach, outcomes and dead letters by which their readers tell repeats."""


def outreach_fields(outreach: Outreach) -> dict[str, Any]:
    """The outreach as it is published; instants in ISO 8601, UTC."""
    event = outreach.event
    fields = {
        "version": OUTREACH_VERSION,
        "id": outreach.id,
        "rule": outreach.rule,
        "occurrence": outreach.occurrence,
        "customer": outreach.customer,
        "at": iso(outreach.at),
        "moment": iso(outreach.moment),
        "expires_at": iso(outreach.expires_at) if outreach.expires_at else None,
        "channel": outreach.channel,
        "purpose": outreach.purpose,
        "template": outreach.template,
        "to": outreach.to,
        "subject": outreach.subject,
        "text": outreach.text,
        "html": outreach.html,
        "revision": outreach.revision,
        "reason": outreach.reason,
        "event": {"id": event.id, "type": event.type, "time": iso(event.time)} if event else None,
    }
    if outreach.step:
        fields["step"] = outreach.step
    return fields


def encode_outreach(outreach: Outreach) -> Entry:
    """Its entry in the outbox; the value is JSON."""
    return Entry(outreach.id, _encode(outreach_fields(outreach)))


def decode_outreach(data: bytes) -> Outreach:
    """Decode what `encode_outreach` wrote; the event's properties are not in it. Raises BadRecord.

    Fields that a later version has added are ignored.
    """
    with reading("not-outreach"):
        found = _OUTREACH.decode(data)
        instants = {name: _millis(getattr(found, name)) for name in ("at", "moment", "expires_at")}
        event = found.event and KeptEvent(found.event.id, found.event.type, _millis(found.event.time), {})
    if found.version > OUTREACH_VERSION:
        raise BadRecord("unknown-version", f"outreach of version {found.version}; this engine knows {OUTREACH_VERSION}")
    fields = msgspec.structs.asdict(found) | instants | {"event": event}
    del fields["version"]
    return Outreach(**fields)


def failed_outreach(data: bytes, reason: str, at: int) -> OutcomeRecord:
    """The outcome of encoded outreach that cannot be published. Raises BadRecord."""
    outreach = decode_outreach(data)
    return OutcomeRecord(
        at=at,
        customer=outreach.customer,
        rule=outreach.rule,
        occurrence=outreach.occurrence,
        outcome=Outcome.FAILED,
        reason=reason,
        revision=outreach.revision,
        step=outreach.step,
    )


def _millis(instant: str | None) -> int:
    if instant is None:
        return 0
    moment = datetime.fromisoformat(instant)
    return to_millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


MAX_QUOTED_LENGTH = 2_000
"""Characters of an occurrence or a reason in an outcome: both may quote an event, and an outcome must fit into any
topic. The id is made of the unshortened text."""


def outcome_fields(outcome: OutcomeRecord) -> dict[str, Any]:
    """The outcome as it is published. The same decision has the same id, so that readers recognize a repeat."""
    key = f"{outcome.rule}\0{outcome.customer}\0{outcome.occurrence}\0{outcome.outcome}\0{outcome.at}"
    if outcome.step:
        key += f"\0{outcome.step}"
    fields = {
        "id": blake2b(key.encode(), digest_size=16).hexdigest(),
        "at": iso(outcome.at),
        "customer": outcome.customer,
        "rule": outcome.rule,
        "occurrence": outcome.occurrence[:MAX_QUOTED_LENGTH],
        "outcome": outcome.outcome.value,
        "reason": outcome.reason[:MAX_QUOTED_LENGTH],
        "revision": outcome.revision,
        "outreach": outcome.outreach or None,
        "until": iso(outcome.until) if outcome.until else None,
    }
    if outcome.step:
        fields["step"] = outcome.step
    return fields


def encode_outcome(outcome: OutcomeRecord) -> tuple[str, bytes]:
    """(id, JSON)"""
    fields = outcome_fields(outcome)
    return fields["id"], _encode(fields)


_encode_past = msgspec.msgpack.Encoder().encode
_decode_past = msgspec.msgpack.Decoder(Past).decode
_OUTCOMES = list(Outcome)
_PLACES = {outcome: place for place, outcome in enumerate(_OUTCOMES)}


def encode_past(outcome: OutcomeRecord) -> bytes:
    """The compact form for a customer's history; `decode_past` restores the published form."""
    occurrence, revision, place = _occurrence(outcome.occurrence), _revision(outcome.revision), _PLACES[outcome.outcome]
    past = Past(outcome.at, outcome.rule, occurrence, place, outcome.reason, revision, outcome.until, outcome.step)
    return _encode_past(past)


def decode_past(customer: str, data: bytes) -> dict[str, Any]:
    """The outcome as it was published. Raises msgspec.DecodeError."""
    past = _decode_past(data)
    occurrence, outcome = str(past.occurrence), _OUTCOMES[past.outcome]
    revision = past.revision if isinstance(past.revision, str) else _REVISION % past.revision
    made = effect_id(past.rule, customer, occurrence, past.step) if outcome is Outcome.FIRED else ""
    told = OutcomeRecord(
        past.at, customer, past.rule, occurrence, outcome, past.reason, revision, made, past.until, past.step
    )
    return outcome_fields(told)


_LONGEST_NUMBER = 18
"""Digits of a number that is sure to fit into 64 bits."""
_REVISION = "%012x"
_REVISION_LENGTH = 12


def _occurrence(text: str) -> int | str:
    """The occurrence as a number, if writing that number restores the same text."""
    if not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        return text
    number = int(text)
    return number if str(number) == text else text


@lru_cache(maxsize=64)
def _revision(text: str) -> int | str:
    try:
        number = int(text, 16)
    except ValueError:
        return text
    return number if len(text) == _REVISION_LENGTH and _REVISION % number == text else text

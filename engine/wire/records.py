"""Encodes and decodes outreach and outcomes: JSON, for topics and files."""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec

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
        **({"exposed": outcome.exposed} if outcome.exposed else {}),
        **({"coupons": _coupons(outcome)} if outcome.coupons else {}),
    }
    if outcome.step:
        fields["step"] = outcome.step
    return fields


def _coupons(outcome: OutcomeRecord) -> dict[str, Any]:
    issued = outcome.coupons.items()
    return {coupon: {"code": one.code, "valid_until": iso(one.valid_until)} for coupon, one in issued}


def encode_outcome(outcome: OutcomeRecord) -> tuple[str, bytes]:
    """(id, JSON)"""
    fields = outcome_fields(outcome)
    return fields["id"], _encode(fields)


_decode_past = msgspec.msgpack.Decoder(Past).decode
_OUTCOMES = list(Outcome)
_REVISION = "%012x"


def decode_old_past(customer: str, data: bytes) -> OutcomeRecord:
    """An outcome as format 2 of the store has it in a history. Raises msgspec.DecodeError."""
    past = _decode_past(data)
    revision = past.revision if isinstance(past.revision, str) else _REVISION % past.revision
    occurrence, outcome = str(past.occurrence), _OUTCOMES[past.outcome]
    return OutcomeRecord(
        past.at, customer, past.rule, occurrence, outcome, past.reason, revision, "", past.until, past.step
    )

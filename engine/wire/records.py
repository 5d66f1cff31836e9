"""Encodes and decodes outreach and outcomes: JSON, for topics and files."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import UNSET

from engine.core.zones import iso, iso_or_none, to_millis
from engine.errors import BadRecord
from engine.model import KeptEvent, Outcome, OutcomeRecord, Outreach
from engine.ports import OUTREACH, Entry
from engine.wire.outreach_schema import OUTREACH_VERSION, OutreachForm
from engine.wire.published import PublishedCoupon, PublishedEvent, PublishedOutcome, PublishedOutreach
from engine.wire.reading import reading

_encode = msgspec.json.Encoder().encode
_OUTREACH = msgspec.json.Decoder(OutreachForm)


ID_HEADER: Final = "id"
"""The header of outreach, outcomes and dead letters by which their readers tell repeats."""


def _published(outreach: Outreach) -> PublishedOutreach:
    event = outreach.event
    return PublishedOutreach(
        OUTREACH_VERSION,
        outreach.id,
        outreach.rule,
        outreach.occurrence,
        outreach.customer,
        iso(outreach.at),
        iso(outreach.moment),
        iso_or_none(outreach.expires_at),
        outreach.channel,
        outreach.purpose,
        outreach.template,
        outreach.to,
        outreach.subject,
        outreach.text,
        outreach.html,
        outreach.revision,
        outreach.reason,
        PublishedEvent(event.id, event.type, iso(event.time)) if event is not None else None,
        outreach.step or UNSET,
    )


def outreach_fields(outreach: Outreach) -> dict[str, Any]:
    """The outreach as it is published; instants in ISO 8601, UTC."""
    fields: dict[str, Any] = msgspec.to_builtins(_published(outreach))
    return fields


def encode_outreach(outreach: Outreach) -> Entry:
    """Its entry in the outbox; the value is JSON."""
    published = _published(outreach)
    return Entry(outreach.id, _encode(published), OUTREACH, outreach.customer, published.at)


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


OUTCOME_FIELDS: Final = PublishedOutcome.__struct_fields__


def _told(outcome: OutcomeRecord) -> PublishedOutcome:
    key = f"{outcome.rule}\0{outcome.customer}\0{outcome.occurrence}\0{outcome.outcome}\0{outcome.at}"
    if outcome.step:
        key += f"\0{outcome.step}"
    return PublishedOutcome(
        blake2b(key.encode(), digest_size=16).hexdigest(),
        iso(outcome.at),
        outcome.customer,
        outcome.rule,
        outcome.occurrence[:MAX_QUOTED_LENGTH],
        outcome.outcome,
        outcome.reason[:MAX_QUOTED_LENGTH],
        outcome.revision,
        outcome.outreach or None,
        iso_or_none(outcome.until),
        outcome.exposed or UNSET,
        _coupons(outcome) if outcome.coupons else UNSET,
        outcome.step or UNSET,
    )


def _coupons(outcome: OutcomeRecord) -> dict[str, PublishedCoupon]:
    issued = outcome.coupons.items()
    return {coupon: PublishedCoupon(one.code, iso(one.valid_until)) for coupon, one in issued}


def outcome_fields(outcome: OutcomeRecord) -> dict[str, Any]:
    """The outcome as it is published. The same decision has the same id, so that readers recognize a repeat."""
    fields: dict[str, Any] = msgspec.to_builtins(_told(outcome))
    return fields


def encode_outcome(outcome: OutcomeRecord) -> tuple[str, bytes]:
    """(id, JSON)"""
    told = _told(outcome)
    return told.id, _encode(told)


def encode_published(fields: Mapping[str, Any]) -> bytes:
    """The JSON of an outcome from its fields as they were published, such as an archive keeps them, in any order."""
    return _encode(msgspec.convert(fields, PublishedOutcome))

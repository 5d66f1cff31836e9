"""Decodes the outcomes in the histories of format 2 of the store. Only the upgrade to format 3 reads them.

Since format 3 a history is one byte string: `histories`.
"""

from typing import Annotated

import msgspec

from engine.model import Outcome, OutcomeRecord


class Past(msgspec.Struct, array_like=True, gc=False):
    """An outcome in a fifth of the bytes of its JSON. `occurrence` and `revision` (hex) are stored as numbers where
    possible, `outcome` as its index in the enum.
    """

    at: int
    rule: str
    occurrence: int | str
    outcome: Annotated[int, msgspec.Meta(ge=0, lt=len(Outcome))]
    reason: str
    revision: int | str
    until: int = 0
    step: str = ""


_decode_past = msgspec.msgpack.Decoder(Past).decode
_OUTCOMES = list(Outcome)
_REVISION = "%012x"


def decode_old_past(customer: str, data: bytes) -> OutcomeRecord:
    """An outcome as format 2 of the store has it in a history. Raises UNREADABLE."""
    past = _decode_past(data)
    revision = past.revision if isinstance(past.revision, str) else _REVISION % past.revision
    occurrence, outcome = str(past.occurrence), _OUTCOMES[past.outcome]
    return OutcomeRecord(
        past.at, customer, past.rule, occurrence, outcome, past.reason, revision, "", past.until, past.step
    )

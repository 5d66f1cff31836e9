"""Publishes events that count once, such as the answer to a survey: the first one counts, and later ones are dropped.

Workers drop a repeated event id for a day or so (`dedupe`). The store remembers an event as a sender remembers a
delivery, for ENGINE_SEND_CLAIMS_DAYS.
"""

from dataclasses import dataclass
from typing import Final

from engine.adapters.web.patience import soon
from engine.adapters.web.publish import Publish
from engine.model import Outcome
from engine.ports import ClaimStore, DeliveryResult
from engine.wire.answers import ReferralClaim, SurveyAnswer

_PURPOSE: Final = "once"


@dataclass(frozen=True, slots=True)
class Firsts:
    """Asks the store whether an event is known, publishes it if not, and records it.

    While the store does not answer, every event is published. Workers still drop a repeat within `dedupe`.
    """

    claims: ClaimStore
    publish: Publish

    async def tell(self, told: SurveyAnswer | ReferralClaim) -> bool:
        """Whether an event with this id was not known; then it is durable now. Raises SinkUnavailable."""
        known = await soon(self.claims.results, [told.id])
        if known is not None and known[0] is not None:
            return False
        await self.publish([told])
        await soon(self.claims.record, [DeliveryResult(told.id, _PURPOSE, Outcome.SENT, told.at, "")])
        return True

"""Remembers which surveys were answered, so that the first answer counts however late the second comes.

Workers drop a repeated event id for a day or so (`dedupe`); a link that answers works for weeks. The store remembers
an answer as a sender remembers a delivery, for as long as the link works.
"""

import asyncio
from typing import Final

from engine.errors import StoreUnavailable
from engine.model import Outcome
from engine.ports import ClaimStore, DeliveryResult
from engine.wire.answers import SurveyAnswer, answer_id
from engine.wire.link_tokens import SurveyToken

_PATIENCE: Final = 1.0
"""Seconds that a customer waits for the store. Without it the event's id still makes a prompt repeat harmless."""
_PURPOSE: Final = "survey"


class Answered:
    """Asks and tells the store. While it does not answer, nothing is remembered, and no customer is sent away."""

    def __init__(self, claims: ClaimStore) -> None:
        self._claims = claims

    async def has(self, about: SurveyToken) -> bool:
        """Whether an answer to this survey in this outreach is known."""
        asked = asyncio.to_thread(self._claims.results, [answer_id(about)])
        try:
            return (await asyncio.wait_for(asked, _PATIENCE))[0] is not None
        except (TimeoutError, StoreUnavailable):
            return False

    async def note(self, answer: SurveyAnswer) -> None:
        """Remember an answer that is durable."""
        result = DeliveryResult(answer_id(answer.about), _PURPOSE, Outcome.SENT, answer.at, "")
        try:
            await asyncio.wait_for(asyncio.to_thread(self._claims.record, [result]), _PATIENCE)
        except (TimeoutError, StoreUnavailable):
            return

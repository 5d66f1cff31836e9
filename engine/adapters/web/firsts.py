"""Remembers what counts once, such as the answer to a survey, so that the first counts however late the second comes.

Workers drop a repeated event id for a day or so (`dedupe`). The store remembers an event as a sender remembers a
delivery, for ENGINE_SEND_CLAIMS_DAYS.
"""

import asyncio
from typing import Final

from engine.errors import StoreUnavailable
from engine.model import Outcome
from engine.ports import ClaimStore, DeliveryResult

_PATIENCE: Final = 1.0
"""Seconds that somebody waits for the store. Without it the event's id still makes a prompt repeat harmless."""
_PURPOSE: Final = "once"


class Firsts:
    """Asks and tells the store. While it does not answer, nothing is remembered, and nobody is sent away."""

    def __init__(self, claims: ClaimStore) -> None:
        self._claims = claims

    async def has(self, identity: str) -> bool:
        """Whether an event with this id is known."""
        asked = asyncio.to_thread(self._claims.results, [identity])
        try:
            return (await asyncio.wait_for(asked, _PATIENCE))[0] is not None
        except (TimeoutError, StoreUnavailable):
            return False

    async def note(self, identity: str, at: int) -> None:
        """Remember an event that is durable. `at`: epoch ms."""
        result = DeliveryResult(identity, _PURPOSE, Outcome.SENT, at, "")
        try:
            await asyncio.wait_for(asyncio.to_thread(self._claims.record, [result]), _PATIENCE)
        except (TimeoutError, StoreUnavailable):
            return

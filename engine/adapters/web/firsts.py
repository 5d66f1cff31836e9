"""Remembers what counts once, such as the answer to a survey, so that the first counts however late the second comes.

Workers drop a repeated event id for a day or so (`dedupe`). The store remembers an event as a sender remembers a
delivery, for ENGINE_SEND_CLAIMS_DAYS.
"""

from typing import Final

from engine.adapters.web.patience import soon
from engine.model import Outcome
from engine.ports import ClaimStore, DeliveryResult

_PURPOSE: Final = "once"


class Firsts:
    """Asks and tells the store. While it does not answer, nothing is remembered, and nobody is sent away.

    The event's id makes a repeat within `dedupe` harmless then, too.
    """

    def __init__(self, claims: ClaimStore) -> None:
        self._claims = claims

    async def has(self, identity: str) -> bool:
        """Whether an event with this id is known."""
        found = await soon(self._claims.results, [identity])
        return found is not None and found[0] is not None

    async def note(self, identity: str, at: int) -> None:
        """Remember an event that is durable. `at`: epoch ms."""
        await soon(self._claims.record, [DeliveryResult(identity, _PURPOSE, Outcome.SENT, at, "")])

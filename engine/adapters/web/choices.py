"""Remembers when a customer last subscribed again, which tells a new unsubscribe from a repeated one.

An event's id counts once. A mail program or a provider may report one unsubscribe several times, hours apart. A
customer who has ticked the box again in between and unsubscribes once more, from the same mail, must be heard.
"""

from collections.abc import Mapping
from typing import Final

from engine.adapters.web.patience import soon
from engine.ports import SuppressionList
from engine.wire.link_tokens import LinkToken

_KEPT: Final = 10_000


class Choices:
    """Combines the suppression list with choices saved here that the list may not have yet."""

    def __init__(self, suppressions: SuppressionList) -> None:
        self._suppressions = suppressions
        self._saved: dict[tuple[str, str], int] = {}

    def saved(self, about: LinkToken, wants: Mapping[str, bool], at: int) -> None:
        """Note a customer's choice. `at`: epoch ms."""
        for purpose in (name for name, wanted in wants.items() if wanted):
            self._saved.pop((about.address, purpose), None)
            self._saved[about.address, purpose] = at
        while len(self._saved) > _KEPT:
            del self._saved[next(iter(self._saved))]

    async def taken_back(self, about: LinkToken, at: int) -> str:
        """For the id of an unsubscribe at that moment: the choice that it takes back, "" for none.

        While the store does not answer it is `at`: told twice is then two events, which is better than none.
        """
        heard = await soon(self._suppressions.allowed, about.address, about.purpose)
        if heard is None:
            return str(at)
        return str(max(heard, self._saved.get((about.address, about.purpose), 0)) or "")

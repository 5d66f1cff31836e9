"""Finds out whether a provider refuses one recipient or everybody. `Delivery` asks before it believes a refusal.

With a broken setting (a wrong login, a relay that does not know us, a blocked address) a provider refuses one customer
after another in the same words. Each refusal alone looks final; taken at their word, they would end or suppress all
outreach. So a refusal waits for a verdict: either the provider accepts another message, or it refuses `many` in a row.
"""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Final

_VARYING: Final = re.compile(r"\S*[@\d]\S*")
"""Words with a digit or an @ (addresses, queue ids, times, codes), which differ between refusals of one kind."""
_MAX_WORDINGS: Final = 100
"""Different wordings remembered between two successes; a provider that never repeats itself would fill the memory."""


@dataclass(eq=False)
class Row:
    """Recipients refused in the same words since the provider last accepted a message."""

    recipients: set[str] = field(default_factory=set)
    verdict: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the verdict is known."""
    everybody: bool = False


@dataclass
class Refusals:
    """The refusals of one channel. `many` recipients in a row mean everybody; `patience`: seconds until a verdict.

    10 in a row: fewer happen by chance in an old list of customers. 15 s: ten hand-overs at a slow rate.
    """

    many: int = 10
    patience: float = 15.0
    _rows: dict[str, Row] = field(default_factory=dict, init=False)

    def took_one(self) -> None:
        """Report that the provider accepted a message: earlier refusals concerned their recipients only."""
        for row in self._rows.values():
            row.verdict.set()
        self._rows = {}

    def add(self, to: str, words: str) -> Row:
        """Add a refusal of recipient `to` in these words."""
        if words not in self._rows and len(self._rows) >= _MAX_WORDINGS:
            self._rows.pop(next(iter(self._rows))).verdict.set()
        row = self._rows.setdefault(words, Row())
        if not row.everybody:
            row.recipients.add(to)
            row.everybody = len(row.recipients) >= self.many
        if row.everybody:
            row.verdict.set()
        return row

    async def refuses_everybody(self, row: Row) -> bool:
        """Wait for the verdict. The caller must hold no lock or slot of the channel meanwhile."""
        try:
            await asyncio.wait_for(row.verdict.wait(), self.patience)
        except TimeoutError:
            return False
        return row.everybody


def same_words(text: str, to: str) -> str:
    """The refusal's text without what varies and without personal data, to compare refusals by."""
    local, _, domain = to.casefold().rpartition("@")
    words = _VARYING.sub(" ", text.casefold())
    for part in (domain, local if len(local) > 2 else ""):
        words = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", " ", words) if part else words
    return " ".join(words.split())[:200]

"""Whether a provider refuses one recipient or everybody.

A broken setting (a login, a relay that does not know us, a blocked address) refuses customer after customer in the same
words. Each refusal alone looks final; believed one by one they would end, or suppress, everybody. So a refusal waits
for a verdict: the provider takes somebody else's, or it goes on refusing.
"""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Final

_VARYING: Final = re.compile(r"\S*[@\d]\S*")
"""Addresses, queue ids, times: what differs between two refusals for the same reason. Codes go with them."""
_MOST_WORDS: Final = 100
"""Kinds of words remembered between two successes; a provider that never repeats itself must not fill the memory."""


@dataclass(eq=False)
class Row:
    """Recipients refused in the same words since the provider last took something."""

    recipients: set[str] = field(default_factory=set)
    verdict: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once nobody has to wait any longer."""
    everybody: bool = False


@dataclass
class Refusals:
    """Of one channel. `many` recipients in a row mean everybody; `patience`: seconds that a refusal waits to be known.

    Ten: fewer happen by chance in a list of customers long gone. Fifteen seconds: ten hand-overs at a slow rate.
    """

    many: int = 10
    patience: float = 15.0
    _rows: dict[str, Row] = field(default_factory=dict, init=False)

    def took_one(self) -> None:
        """The provider has taken something: what it refused before, it refused for those recipients' sake."""
        for row in self._rows.values():
            row.verdict.set()
        self._rows = {}

    def add(self, to: str, words: str) -> Row:
        """One more refusal."""
        if words not in self._rows and len(self._rows) >= _MOST_WORDS:
            self._rows.pop(next(iter(self._rows))).verdict.set()
        row = self._rows.setdefault(words, Row())
        if not row.everybody:
            row.recipients.add(to)
            row.everybody = len(row.recipients) >= self.many
        if row.everybody:
            row.verdict.set()
        return row

    async def refuses_everybody(self, row: Row) -> bool:
        """The verdict, once it is known. Nobody may be waiting for the caller meanwhile."""
        try:
            await asyncio.wait_for(row.verdict.wait(), self.patience)
        except TimeoutError:
            return False
        return row.everybody


def same_words(text: str, to: str) -> str:
    """What two refusals for the same reason have in common, without anything of the recipient."""
    local, _, domain = to.casefold().rpartition("@")
    words = _VARYING.sub(" ", text.casefold())
    for part in (domain, local if len(local) > 2 else ""):
        words = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", " ", words) if part else words
    return " ".join(words.split())[:200]

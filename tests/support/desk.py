"""A sender's desk over stores in memory, with a channel that fails as its script says."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.adapters.memory import MemoryClaims, MemorySuppressions
from engine.adapters.memory.sending import ClaimBook
from engine.errors import BrokersAway
from engine.model import Outreach
from engine.ports import Record, SenderHooks
from engine.sender.delivery import Delivery, Limits, Parcel, SenderContext
from engine.sender.links import LinksOf, no_links
from engine.sender.reporter import Reporter
from engine.wire.records import encode_outreach

PATIENCE = 60.0
"""Seconds after which whoever still waits has been forgotten."""


@dataclass
class Scripted:
    """A Channel that raises what its script says, in order, and then takes everything; each takes so many `seconds`."""

    script: list[Exception]
    taken: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    asked: int = 0
    seconds: float = 0.0

    async def deliver(self, outreach: Outreach) -> None:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        if self.script:
            raise self.script.pop(0)
        self.taken.append(outreach.id)
        self.texts.append(outreach.text)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Written:
    """A RecordWriter that keeps each identity once."""

    values: dict[str, Any] = field(default_factory=dict)

    def write(self, key: str, identity: str, value: bytes) -> None:
        self.values[identity] = msgspec.json.decode(value)

    def flush(self) -> None:
        """It is all here."""


@dataclass
class Heard(SenderHooks):
    """What was told, by kind."""

    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def unlinked(self, channel: str) -> None:
        self.calls["unlinked"] += 1

    def topic_made_again(self, topic: str) -> None:
        self.calls["made again"] += 1

    def breaker(self, channel: str, is_open: bool, reason: str = "") -> None:
        self.calls[f"open {is_open}"] += 1

    def store_away(self, error: Any, attempt: int) -> None:
        self.calls["away"] += 1

    def store_back(self, seconds: float) -> None:
        self.calls["back"] += 1


class Desk:
    """A sender's desk for one channel. Another one with the same `book` is another sender."""

    def __init__(self, *script: Exception, book: ClaimBook | None = None, claims: Any = None, **limits: Any) -> None:
        self.channel = Scripted(list(script))
        self.book = book or ClaimBook()
        self.claims = claims or MemoryClaims(self.book)
        self.suppressions = MemorySuppressions()
        self.outcomes, self.letters, self.feedback, self.hooks = Written(), Written(), Written(), Heard()
        self.limits = Limits(**{"first_retry": 0.001, "longest_retry": 0.002} | limits)
        self.now = 1_750_000_002_000
        self.links: LinksOf = no_links
        self.parcels: list[Parcel] = []
        self.patient = False
        """Where the brokers have no room for a report it tries again, as the sender's loop does."""
        self.tries = 0
        """How often each has been tried before."""

    def send(self, *letters: Outreach) -> list[str]:
        """What became of them, in the order it was told."""
        asyncio.run(asyncio.wait_for(self._send(letters), PATIENCE))
        return [told["outcome"] for told in self.outcomes.values.values()]

    @property
    def context(self) -> SenderContext:
        reporter = Reporter(self.outcomes, self.letters, self.feedback)
        stores = self.claims, self.suppressions
        return SenderContext(
            {"email": self.channel}, *stores, reporter, lambda: self.now, self.limits, self.hooks, self.links
        )

    async def _send(self, letters: Sequence[Outreach]) -> None:
        with ThreadPoolExecutor(2) as executor:
            delivery = Delivery(self.context, executor)
            values = [encode_outreach(each).value for each in letters]
            records = [Record("t", 0, at, value) for at, value in enumerate(values, 1)]
            found = zip(letters, records, strict=True)
            self.parcels = [Parcel(each, record, tries=self.tries) for each, record in found]
            await asyncio.gather(*(self._deliver(delivery, parcel) for parcel in self.parcels))

    async def _deliver(self, delivery: Delivery, parcel: Parcel) -> None:
        while True:
            try:
                return await delivery.deliver(parcel)
            except BrokersAway:
                if not self.patient:
                    raise

"""Limits how fast a sender hands over: per channel and per recipient domain (ENGINE_SEND_RATES, …_DOMAIN_RATES).

`Delivery` reserves a place and waits the returned seconds. The limits hold per sender, not for all senders together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

from engine.wire.addresses import canonical_address

_MAX_BUCKETS = 10_000
"""Buckets remembered. Beyond it full buckets, which limit nothing, are dropped: recipients choose the domains, and
would fill the memory."""


@dataclass
class Bucket:
    """A token bucket: `rate` tokens a second, with a burst of one second's worth. Seconds are monotonic."""

    rate: float
    tokens: float = field(init=False)
    at: float = field(default=0.0, init=False)
    _given_back: list[float] = field(default_factory=list, init=False)
    """Moments of future tokens that nobody waits for any more, as a heap."""

    def __post_init__(self) -> None:
        self.tokens = self.burst

    @property
    def burst(self) -> float:
        return max(1.0, self.rate)

    def reserve(self, now: float) -> float:
        """Take a token, perhaps a future one. Returns the seconds to wait for it."""
        while self._given_back:
            if (at := heappop(self._given_back)) > now:
                return at - now
        self._fill(now)
        self.tokens -= 1
        return max(0.0, -self.tokens / self.rate)

    def give_back(self, at: float) -> None:
        """Give up a token of that moment: the next to reserve one gets it."""
        heappush(self._given_back, at)

    def is_full(self, now: float) -> bool:
        self._fill(now)
        return self.tokens >= self.burst

    def _fill(self, now: float) -> None:
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.at) * self.rate)
        self.at = now


def domain_of(address: str) -> str:
    """The domain as mail goes to it, whatever its spelling."""
    return canonical_address(address).rpartition("@")[2]


@dataclass
class Rates:
    """`channels` and `domains` map a name to hand-overs a second; "*" is for those not named. Not named: no limit.

    Domains are as `domain_of` has them.
    """

    channels: Mapping[str, float] = field(default_factory=dict)
    domains: Mapping[str, float] = field(default_factory=dict)
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict, init=False)

    def limits(self, channel: str, to: str) -> bool:
        """Whether a hand-over may have to wait."""
        return bool(self.domains and "@" in to) or not self.channels.keys().isdisjoint((channel, "*"))

    def reserve(self, channel: str, to: str, now: float) -> float:
        """Reserve a hand-over; returns the seconds to wait before it."""
        wait = self._reserve("channel", channel, self.channels, now)
        if self.domains and "@" in to:
            wait = max(wait, self._reserve("domain", domain_of(to), self.domains, now))
        return wait

    def give_back(self, channel: str, to: str, at: float) -> None:
        """Give up the hand-over reserved for that moment. Without it a sender whose partitions go and come back waits
        for what it has given up."""
        for place in (("channel", channel), ("domain", domain_of(to))):
            if bucket := self._buckets.get(place):
                bucket.give_back(at)

    def _reserve(self, kind: str, name: str, rates: Mapping[str, float], now: float) -> float:
        rate = rates.get(name, rates.get("*"))
        if rate is None:
            return 0.0
        bucket = self._buckets.get((kind, name))
        if bucket is None:
            self._forget(now)
            bucket = self._buckets[kind, name] = Bucket(rate)
        return bucket.reserve(now)

    def _forget(self, now: float) -> None:
        if len(self._buckets) >= _MAX_BUCKETS:
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_full(now)}

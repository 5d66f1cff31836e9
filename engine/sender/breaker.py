"""A circuit breaker: while a provider is down nothing is tried, but for one attempt now and then."""

from dataclasses import dataclass, field


@dataclass
class Breaker:
    """Opens after `patience` failures in a row. Seconds are monotonic."""

    patience: int = 5
    first: float = 1.0
    longest: float = 60.0
    failures: int = field(default=0, init=False)
    is_open: bool = field(default=False, init=False)
    _wait: float = field(default=0.0, init=False)
    _until: float = field(default=0.0, init=False)
    _trying: bool = field(default=False, init=False)

    def wait(self, now: float) -> float:
        """Seconds before it is worth asking again; 0: go ahead, and tell how it went."""
        if not self.is_open:
            return 0.0
        if self._trying:
            return self.first
        if now < self._until:
            return self._until - now
        self._trying = True
        return 0.0

    def succeeded(self) -> bool:
        """The provider answers. Returns whether that is news."""
        was_open = self.is_open
        self.failures, self.is_open, self._trying = 0, False, False
        return was_open

    def failed(self, now: float) -> bool:
        """The provider does not work. Returns whether that opens the breaker."""
        self.failures += 1
        opens = not self.is_open
        if self.failures < self.patience or not (opens or self._trying):  # the latter had begun before it opened
            return False
        self._trying = False
        self._wait = self.first if opens else min(self.longest, 2 * self._wait)
        self.is_open, self._until = True, now + self._wait
        return opens

    def trip(self, now: float) -> bool:
        """It does not work, and no patience is needed to know it. Returns whether that opens the breaker."""
        self.failures = max(self.failures, self.patience - 1)
        return self.failed(now)

    def gave_up(self) -> None:
        """What was let through has not asked after all."""
        self._trying = False

"""A circuit breaker per channel: while a provider is down, only one attempt is made now and then.

`Delivery` asks it before each hand-over and reports the result. It does no IO and never sleeps.
"""

from dataclasses import dataclass, field


@dataclass
class Breaker:
    """Opens after `patience` failures in a row; then lets one attempt through after `first` seconds, doubled after each
    failed attempt up to `longest`. Seconds are monotonic."""

    patience: int = 5
    first: float = 1.0
    longest: float = 60.0
    failures: int = field(default=0, init=False)
    is_open: bool = field(default=False, init=False)
    _wait: float = field(default=0.0, init=False)
    _until: float = field(default=0.0, init=False)
    _trying: bool = field(default=False, init=False)

    def open_for(self, now: float) -> float:
        """Seconds to wait before asking again; 0: an attempt may be made."""
        if not self.is_open:
            return 0.0
        return self.first if self._trying else max(0.0, self._until - now)

    def wait(self, now: float) -> float:
        """As `open_for`; 0: make an attempt and report how it went."""
        wait = self.open_for(now)
        self._trying = self._trying or (self.is_open and not wait)
        return wait

    def succeeded(self) -> bool:
        """Report that the provider answered. Returns whether the breaker was open."""
        was_open = self.is_open
        self.failures, self.is_open, self._trying = 0, False, False
        return was_open

    def failed(self, now: float) -> bool:
        """Report that the provider failed. Returns whether this opens the breaker."""
        self.failures += 1
        opens = not self.is_open
        if self.failures < self.patience or not (opens or self._trying):  # else: an attempt from before it opened
            return False
        self._trying = False
        self._wait = self.first if opens else min(self.longest, 2 * self._wait)
        self.is_open, self._until = True, now + self._wait
        return opens

    def trip(self, now: float) -> bool:
        """Report a failure that needs no patience. Returns whether this opens the breaker."""
        self.failures = max(self.failures, self.patience - 1)
        return self.failed(now)

    def gave_up(self) -> None:
        """Report that the attempt let through was not made after all."""
        self._trying = False

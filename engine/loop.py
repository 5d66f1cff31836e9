"""What the loops of worker, sender, feedback consumer and ingest have in common: they are watched, stopped, and wait
for a store or for brokers that are away.

A loop inherits `Loop` and has an `Outage` for each of what it may wait for. Nothing here knows what a loop does.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from engine.errors import BrokersAway, EngineError

FIRST_RETRY_DELAY = 0.1
"""Seconds before the second try: a store that only fails over is back by then or soon after."""
MAX_RETRY_DELAY = 5.0
"""Seconds between tries in the end. Longer, and work would begin again noticeably later than it could."""

NO_ANSWER = BrokersAway("the brokers", "do not answer")
"""What a loop that has nothing to hand over tells when its source has not had an answer from them."""


@dataclass
class Loop(ABC):
    """One loop as others see it, /healthz and /readyz among them."""

    stopping: bool = field(default=False, init=False)
    joined: bool = field(default=False, init=False)
    """Whether its group counts it in."""
    stepped: float = field(default_factory=monotonic, init=False)
    """When the loop last turned, by the monotonic clock."""

    @abstractmethod
    def run(self) -> None:
        """Work until `stop`. Raises an error when going on makes no sense."""

    def stop(self) -> None:
        """Finish what is under way, then end. Safe to call from a signal handler and from another thread."""
        self.stopping = True

    def turned(self) -> None:
        """To be called in every turn, and while it waits."""
        self.stepped = monotonic()


class Outage:
    """The outage, if there is one, of something that a loop needs. `away` is called for every try that failed, with its
    number; `back` once, with the seconds until it answered again."""

    def __init__(self, away: Callable[[EngineError, int], None], back: Callable[[float], None]) -> None:
        self._away = away
        self._back = back
        self._attempt = 0
        self._since = 0.0
        self._ended = -MAX_RETRY_DELAY
        self._delays = 0
        """Tries that have failed without work being possible for MAX_RETRY_DELAY in between."""

    @property
    def ongoing(self) -> bool:
        """Whether the last try failed."""
        return self._attempt > 0

    def failed(self, error: EngineError) -> float:
        """A try has failed; returns the seconds to wait before the next.

        A store that is full, or a replica, answers and then refuses to write: soon after an outage the next goes on
        with its delays, so that the work is not done again and again.
        """
        if not self._attempt:
            self._since = monotonic()
            if self._since - self._ended >= MAX_RETRY_DELAY:
                self._delays = 0
        self._attempt += 1
        self._delays += 1
        self._away(error, self._attempt)
        return min(MAX_RETRY_DELAY, FIRST_RETRY_DELAY * 2.0 ** min(self._delays - 1, 10))

    def over(self) -> None:
        """A try has succeeded."""
        if self._attempt:
            self._attempt = 0
            self._ended = monotonic()
            self._back(self._ended - self._since)

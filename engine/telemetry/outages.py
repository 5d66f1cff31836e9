"""What workers and senders log when the store or the brokers are away, and when they are back."""

from typing import Any

from engine.errors import EngineError


class OutageLog:
    """Hooks of `Outage`. The end is as loud as the beginning: a log of warnings alone must not leave it open."""

    _log: Any

    def store_away(self, error: EngineError, attempt: int) -> None:
        self._log.warning("the store does not answer", reason=str(error), attempt=attempt)

    def store_back(self, seconds: float) -> None:
        self._log.warning("the store answers again", after_seconds=round(seconds, 1))

    def brokers_away(self, error: EngineError, attempt: int) -> None:
        self._log.warning("the brokers do not answer", reason=str(error), attempt=attempt)

    def brokers_back(self, seconds: float) -> None:
        self._log.warning("the brokers answer again", after_seconds=round(seconds, 1))

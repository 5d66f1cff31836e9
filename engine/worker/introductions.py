"""Which guests the workers have been told of.

SDKs name the guest in every call of a known customer: telling them all would double the internal topic.
"""

from engine.model import Identified

AGAIN = 10_000
"""A guest who is named again this many ms later is told again: another member of the ingest may have read meanwhile
that the guest did something. Nobody signs out, fills a cart and signs in again in less."""
MOST_TOLD = 100_000
"""Guests remembered: about 20 MB. Beyond it all are forgotten, and told once more."""


class Introductions:
    """What one member of the ingest has told."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, int]] = {}

    def is_news(self, identified: Identified, at: int) -> bool:
        """Whether to tell it, at this broker time; then it counts as told."""
        guest = identified.customer
        known, last = self._told.get(guest, ("", 0))
        if known == identified.known and last <= at < last + AGAIN:
            return False
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told[guest] = identified.known, at
        return True

    def heard_of(self, customer: str) -> None:
        """A guest who does something again is somebody new."""
        self._told.pop(customer, None)

    def forget(self) -> None:
        """What was told has not been written."""
        self._told.clear()

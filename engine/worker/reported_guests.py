"""Remembers which guests the ingest has already reported to the workers as known customers.

SDKs name the guest in every call of a known customer: reporting each one would double the internal topic. Only the
ingest uses this; forgetting an entry is harmless, since workers ignore a repeated report.
"""

from engine.model import Identified

REPORT_AGAIN_AFTER = 10_000
"""Milliseconds after which a guest who is named again is reported again, as another member of the ingest may meanwhile
have read an event of the guest. People do not sign out, fill a cart and sign in again within 10 s."""
MAX_REMEMBERED = 100_000
"""Guests remembered, about 20 MB. When full, all are forgotten and reported once more; unbounded, a busy site would
fill the memory."""


class ReportedGuests:
    """The guests that one member of the ingest has reported."""

    def __init__(self) -> None:
        self._reported: dict[str, tuple[str, int]] = {}

    def must_report(self, identified: Identified, at: int) -> bool:
        """Whether to report this guest, at broker time `at` (ms). If so, the guest counts as reported from now on."""
        guest = identified.customer
        known, last = self._reported.get(guest, ("", 0))
        if known == identified.known and last <= at < last + REPORT_AGAIN_AFTER:
            return False
        if len(self._reported) >= MAX_REMEMBERED:
            self._reported.clear()
        self._reported[guest] = identified.known, at
        return True

    def acts_again(self, customer: str) -> None:
        """A guest who acts again starts anew: the next naming must be reported."""
        self._reported.pop(customer, None)

    def forget(self) -> None:
        """Forget everything: the transaction with the last reports was undone."""
        self._reported.clear()

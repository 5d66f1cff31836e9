"""Finds out what has become of a commit whose answer is lost, by what the store has as its seal."""

from collections.abc import Callable
from time import monotonic

from engine.errors import StoreUnavailable

ATTEMPTS = 5
"""Of one commit, before the caller has to open the partition again. Each ends with a lost answer."""
LONGEST = 5.0
"""Seconds after which none is begun any more. The caller stands still meanwhile, and nobody hears of the outage: with a
store that answers reads and no writes, attempts that wait ten seconds each would take a minute."""


class AnswerLost(Exception):
    """The connection broke, or nothing came in time: the script may have run, may run yet, or never."""


def commit_surely(
    store: str,
    expected: bytes,
    seal: Callable[[], bytes],
    attempt: Callable[[bytes], bytes | None],
    look: Callable[[], bytes],
) -> tuple[bytes, bool]:
    """Commit, once. Returns (the seal that the store has then, whether it is the commit's). `store`: for messages.

    `seal` returns new bytes for each attempt. `attempt` runs the script with them and returns None where it has
    written, else the seal it has found; it raises AnswerLost. `look` returns the present seal. An attempt that is
    under way still can come in time or not: it has written, or the one after it has, never both.
    Raises StoreUnavailable.
    """
    sent: list[bytes] = []
    begun = monotonic()
    while not sent or (len(sent) < ATTEMPTS and monotonic() - begun < LONGEST):
        sent.append(seal())
        try:
            found = attempt(sent[-1])
        except AnswerLost:
            found = look()
            if found == expected:
                continue
        if found is None:
            return sent[-1], True
        return found, found in sent
    waited = f"tries: {len(sent)}, in {monotonic() - begun:.0f} s"
    raise StoreUnavailable(store, f"it does not answer a commit; it may be overloaded, or paused ({waited})")

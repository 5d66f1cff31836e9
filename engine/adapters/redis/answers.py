"""Finds out what has become of a commit whose answer is lost, by what the store has as its seal."""

from collections.abc import Callable

from engine.errors import StoreUnavailable

ATTEMPTS = 5
"""Of one commit, before the caller has to open the partition again. Each ends with a lost answer, after seconds."""


class AnswerLost(Exception):
    """The connection broke, or nothing came in time: the script may have run, may run yet, or never."""


def commit_surely(
    expected: bytes, seal: Callable[[], bytes], attempt: Callable[[bytes], bytes | None], look: Callable[[], bytes]
) -> tuple[bytes, bool]:
    """Commit, once. Returns (the seal that the store has then, whether it is the commit's).

    `seal` returns new bytes for each attempt. `attempt` runs the script with them and returns None where it has
    written, else the seal it has found; it raises AnswerLost. `look` returns the present seal. An attempt that is
    under way still can come in time or not: it has written, or the one after it has, never both.
    Raises StoreUnavailable.
    """
    sent: list[bytes] = []
    for _ in range(ATTEMPTS):
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
    raise StoreUnavailable("the store", "it did not answer in time, again and again")

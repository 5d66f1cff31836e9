"""What a sender needs: channels, the claims on outreach, and the suppression list."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from engine.model import Outcome, Outreach


class Channel(Protocol):
    """Hands outreach to whoever delivers it. Several at a time."""

    async def deliver(self, outreach: Outreach) -> None:
        """Returns when the other side has taken it. Raises TemporaryFailure and PermanentFailure.

        The other side can tell a repeat: it carries the outreach id.
        """

    async def close(self) -> None:
        """Give up connections."""


class ClaimState(Enum):
    """What a claim found."""

    CLAIMED = "claimed"
    IN_DOUBT = "in_doubt"
    """It is ours, but somebody has begun to hand it over before, and nobody knows how that ended."""
    DONE = "done"


class Claim(NamedTuple):
    """The answer to a claim. `outcome`, `at` (epoch ms) and `reason` say how a done one ended."""

    state: ClaimState
    outcome: Outcome | None = None
    at: int = 0
    reason: str = ""


class Ending(NamedTuple):
    """How an outreach ended, and when (epoch ms). `reason` has no personal data."""

    id: str
    purpose: str
    outcome: Outcome
    at: int
    reason: str


class Doubt(NamedTuple):
    """An outreach of which it was or is not known whether it was handed over. `at`: when that was found, epoch ms."""

    id: str
    purpose: str
    at: int


class ClaimStore(Protocol):
    """Who hands which outreach over, so that nobody else does: claim, begin, then record or release.

    Methods take many at once, may be repeated when their answer was lost, and raise StoreUnavailable.
    What is kept of an outreach is dropped after some time.
    """

    def claim(self, wanted: Sequence[tuple[str, str]], at: int) -> list[Claim]:
        """By (id, purpose). On the disk when this returns, where the server can say so. `at`: now, epoch ms."""

    def begin(self, ids: Sequence[str]) -> list[bool]:
        """The hand-over begins: from here on only `record` and `release` leave no doubt. False: claimed by another."""

    def release(self, ids: Sequence[str]) -> None:
        """It has certainly not been handed over; anybody may claim it."""

    def record(self, endings: Sequence[Ending]) -> None:
        """How they ended. What was sent stays sent, whatever another says later."""

    def endings(self, ids: Sequence[str]) -> list[Claim | None]:
        """How they ended, for whoever only wants to know; None for what has not, or is not known any more."""

    def in_doubt(self, limit: int = 1_000) -> list[Doubt]:
        """The newest first."""

    def close(self) -> None:
        """Give up connections."""


class AtTheDoor(NamedTuple):
    """What a suppression list must know of an outreach. `at`: when it was decided, epoch ms.

    `former`: the first digest as it was made before, "" for none; it counts but for what the first says since.
    """

    purpose: str
    at: int
    digests: Sequence[str]
    former: str = ""


class Suppression(NamedTuple):
    """Nothing of this purpose goes there any more, nothing at all for "*", for this reason; without one it may again.

    With `before` (epoch ms) only what was decided earlier must not go. `at`: when it was said, epoch ms; 0: not known.
    `firm`: an operator's word, which nothing undoes that was said before it. Such a one without a reason may have the
    purpose "": whatever there is.
    """

    digest: str
    purpose: str
    reason: str = ""
    before: int = 0
    at: int = 0
    firm: bool = False


class SuppressionList(Protocol):
    """Who must not be written to, by digests, which do not tell whose they are. Methods raise StoreUnavailable."""

    def reasons(self, asked: Sequence[AtTheDoor]) -> list[str]:
        """Why each must not go there; "" where it may."""

    def allowed(self, digest: str, purpose: str) -> int:
        """When somebody last said that it may go there again, epoch ms; 0: never, or not known."""

    def listed(self, digests: Sequence[str] | None = None) -> Iterator[Suppression]:
        """All there are, or those of these digests, in no order."""

    def change(self, changes: Sequence[Suppression]) -> None:
        """In this order. On the disk when this returns, where the server can say so. May be repeated."""

    def suppress(self, digest: str, reason: str, purpose: str = "*", before: int = 0) -> None:
        """From now on, nothing of this purpose; of any for "*". With `before` (epoch ms) what was decided earlier."""

    def allow(self, digest: str, purpose: str = "*") -> None:
        """Undo the suppression of this purpose; one of "*" is undone by "*" only."""

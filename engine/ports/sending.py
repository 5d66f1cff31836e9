"""The protocols a sender works with: channels, claims on outreach, and the suppression list.

The adapters for mail, webhooks, Redis and memory implement them.
"""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final, NamedTuple, Protocol

from engine.model import Outcome, Outreach


class Channel(Protocol):
    """Hands outreach to a provider, several at a time."""

    async def deliver(self, outreach: Outreach) -> None:
        """Returns when the provider has accepted the outreach. Raises TemporaryFailure and PermanentFailure.

        The request carries the outreach id, so that the provider can recognize a repeat.
        """

    async def close(self) -> None:
        """Give up connections."""


class ClaimState(Enum):
    """The state of an outreach that was claimed."""

    CLAIMED = "claimed"
    IN_DOUBT = "in_doubt"
    """Claimed, but an earlier sender began to hand it over and its result is unknown."""
    DONE = "done"


class Claim(NamedTuple):
    """The answer to a claim. `outcome`, `at` (epoch ms) and `reason` are the result of one that is DONE."""

    state: ClaimState
    outcome: Outcome | None = None
    at: int = 0
    reason: str = ""


class DeliveryResult(NamedTuple):
    """The result of a delivery and its time (epoch ms). `reason` has no personal data."""

    id: str
    purpose: str
    outcome: Outcome
    at: int
    reason: str


class InDoubt(NamedTuple):
    """An outreach that may or may not have been handed over. `at`: when that was noticed, epoch ms."""

    id: str
    purpose: str
    at: int


class ClaimStore(Protocol):
    """Makes sure that one sender hands over an outreach: claim, begin, then record or release.

    Methods take many at once, may be repeated when their answer was lost, and raise StoreUnavailable. Entries expire
    after ENGINE_SEND_CLAIMS_DAYS.
    """

    def claim(self, wanted: Sequence[tuple[str, str]], at: int) -> list[Claim]:
        """Claim outreach by (id, purpose). `at`: now, epoch ms. Durable on return, if the server can confirm that."""

    def begin(self, ids: Sequence[str]) -> list[bool]:
        """Note that the hand-over begins: unless `record` or `release` follows, the outreach is in doubt.

        False for an id that another sender has claimed.
        """

    def release(self, ids: Sequence[str]) -> None:
        """Give up claims on outreach that was certainly not handed over."""

    def record(self, results: Sequence[DeliveryResult]) -> None:
        """Record results. A recorded `sent` is never replaced."""

    def results(self, ids: Sequence[str]) -> list[Claim | None]:
        """The recorded results, for display; None where there is none, or not any more."""

    def in_doubt(self, limit: int = 1_000) -> list[InDoubt]:
        """Outreach in doubt, newest first."""

    def close(self) -> None:
        """Give up connections."""


class SuppressionQuery(NamedTuple):
    """What the suppression list is asked about an outreach. `at`: when it was decided, epoch ms.

    `digests`: of the address and of the customer. `former`: the address's digest as older versions made it, "" if it is
    the same. An entry under it counts unless a later entry under the first digest says otherwise.
    """

    purpose: str
    at: int
    digests: Sequence[str]
    former: str = ""


class Suppression(NamedTuple):
    """An entry of the list: outreach of this purpose ("*": of any) must not go to the digest.

    Without a `reason` it may go again; an entry of "*" is undone by "*" only.

    With `before` (epoch ms) only outreach decided earlier is stopped. `at`: when it was said, epoch ms; 0: unknown.
    `firm`: said by an operator; entries said earlier do not undo it. A firm entry without a reason may have the purpose
    "", which undoes all entries.
    """

    digest: str
    purpose: str
    reason: str = ""
    before: int = 0
    at: int = 0
    firm: bool = False


CLOCKS_DIFFER: Final = 60_000
"""By how much (ms) an entry may be older than the word that undid it, and still count: pages and providers have clocks
of their own, and in doubt nobody is written to."""


class SuppressionList(Protocol):
    """The addresses and customers that must not be written to, as digests. Methods raise StoreUnavailable."""

    def reasons(self, asked: Sequence[SuppressionQuery]) -> list[str]:
        """Why each outreach must not be sent; "" if it may."""

    def allowed(self, digest: str, purpose: str) -> int:
        """When outreach of the purpose was last allowed again, epoch ms; 0: never, or unknown."""

    def listed(self, digests: Sequence[str] | None = None) -> Iterator[Suppression]:
        """All entries, or those of these digests, in no order."""

    def change(self, changes: Sequence[Suppression]) -> None:
        """Apply the changes in order; may be repeated. Durable on return, if the server can confirm that.

        Of two words about one digest and purpose the one said later holds, whenever it is heard.
        """

    def suppress(self, digest: str, reason: str, purpose: str = "*", before: int = 0) -> None:
        """Stop outreach of this purpose ("*": of any). With `before` (epoch ms) only outreach decided earlier."""

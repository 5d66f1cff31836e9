"""Which rule book decides which customer of a partition while a change of the rules is rolled out.

`PartitionOwner` makes `RolloutRules` from the roll-out in the partition's meta, and from nothing else. So the next
owner of the partition chooses the same book for the same customer.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from engine.core.marks import mark_of
from engine.ports import Meta, Rollout
from engine.worker.context import Rules

WHOLE: Final = 10_000
"""A share of everybody."""
PASSES: Final = 24
"""Steps of a spread: customers go over in so many sweeps. Each reads every customer of the partition once."""


@dataclass(frozen=True, slots=True)
class RolloutRules:
    """A roll-out with its two books. `old` is for those who do not have the new one."""

    rollout: Rollout
    old: Rules
    new: Rules

    @property
    def is_canary(self) -> bool:
        return self.rollout.phase == "canary"

    @property
    def main(self) -> Rules:
        """The book of those who are in no share: what the partition counts as its own."""
        return self.new if self.rollout.phase == "finished" else self.old

    def passed(self, clock: int) -> int:
        """How many steps of the spread have begun, up to PASSES."""
        return _passed(self.rollout, clock)

    def has_new(self, customer: str, passed: int) -> bool:
        """Whether the customer has the new book. It is always the same ones, and a larger share has them all."""
        return _has_new(self.rollout, customer, passed)

    def mark(self, clock: int) -> int:
        """What a partition's mark is when all of its customers have met the book that is theirs at this moment."""
        if self.rollout.phase == "back":
            return self.old.book.mark
        passed = self.passed(clock)
        if self.rollout.phase == "finished" and passed == PASSES:
            return self.new.book.mark
        return mark_of(f"{self.old.book.mark} {self.new.book.mark} {self.rollout.phase} {self.rollout.share} {passed}")


def is_spreading(meta: Meta) -> bool:
    """Whether customers of the partition go over one after another, and some have still to."""
    return meta.rollout is not None and _passed(meta.rollout, meta.clock) < PASSES


def goes_on(meta: Meta) -> bool:
    """Whether a roll-out of the partition is tried, or has ended and some customers have still to meet that: they have
    shadows yet, or go over one after another."""
    rollout = meta.rollout
    if rollout is None:
        return False
    return rollout.phase == "canary" or not meta.mark or is_spreading(meta)


def revision_for(meta: Meta, customer: str) -> str:
    """The revision of the book that decides a customer of the partition now; "" before its first commit."""
    rollout = meta.rollout
    if rollout is None or meta.revision not in (rollout.base, rollout.revision):
        return meta.revision
    return rollout.revision if has_new(rollout, customer, meta.clock) else rollout.base


def has_new(rollout: Rollout, customer: str, clock: int) -> bool:
    """Whether the customer has the new book in this phase, when the partition's clock is there."""
    return _has_new(rollout, customer, _passed(rollout, clock))


def _passed(rollout: Rollout, clock: int) -> int:
    spread = rollout.spread
    return min(PASSES, 1 + max(0, clock - rollout.began) * PASSES // spread) if spread else PASSES


def _has_new(rollout: Rollout, customer: str, passed: int) -> bool:
    if rollout.phase == "back":
        return False
    place, turn = _places(rollout, customer)
    if rollout.phase == "finished":
        return place < rollout.share or turn < passed
    return place < rollout.reached or (place < rollout.share and turn < passed)


def _places(rollout: Rollout, customer: str) -> tuple[int, int]:
    """Where the customer is among WHOLE, and in which of PASSES they go over; the two have nothing to do with each
    other, nor with the customer's place in another roll-out or an experiment."""
    said = f"roll-out {rollout.base} {rollout.revision} {customer}"
    digest = blake2b(said.encode(errors="replace"), digest_size=16).digest()
    return int.from_bytes(digest[:8]) % WHOLE, int.from_bytes(digest[8:]) % PASSES

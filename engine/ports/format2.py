"""What format 2 of the store has, for the upgrade to format 3."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from engine.ports.store import Meta


class OldCustomer(NamedTuple):
    """What format 2 has of one customer. `state` is None for who only has a history; `history` is newest first."""

    customer: str
    state: bytes | None
    wake: int
    history: Sequence[bytes]


@runtime_checkable
class HasFormat2(Protocol):
    """A store that may have partitions in format 2."""

    def old_meta(self, partition: int) -> Meta | None:
        """What the partition remembers in format 2; None where it is in format 3, or nothing is stored."""

    def old_count(self, partition: int) -> int:
        """How many customers with a state have not been dropped."""

    def old_customers(self, partition: int, limit: int) -> list[OldCustomer]:
        """Some of the customers that have not been dropped, about `limit`; none: all have."""

    def drop_old(self, partition: int, customers: Sequence[str]) -> None:
        """Drop what format 2 has of these customers."""

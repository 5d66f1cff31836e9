"""What both clients' sources do the same way: tell the owner what it owns, and remember which partitions rest."""

from collections.abc import Callable, Iterable

from engine.errors import SourceUnavailable
from engine.ports import Ownership, Record


class Member:
    """One member's partitions. The clients call from within their callbacks, where an exception would get lost."""

    def __init__(self, ownership: Ownership) -> None:
        self.owned: set[int] = set()
        self.paused: set[int] = set()
        self.batch: list[Record] = []
        """What the running poll has so far."""
        self._ownership = ownership
        self._failure: Exception | None = None

    def assigned(self, partitions: Iterable[int]) -> dict[int, dict[str, int]]:
        """The offsets to start from, by partition; one whose owner failed is not in it."""
        starts = {}
        for partition in sorted(partitions):
            self._keeping_failure(lambda p: starts.update({p: self._ownership.assigned(p)}), partition)
        self.owned.update(starts)
        return starts

    def revoked(self, partitions: Iterable[int]) -> None:
        self._gone(self._ownership.revoked, partitions)

    def lost(self, partitions: Iterable[int]) -> None:
        self._gone(self._ownership.lost, partitions)

    def take_batch(self) -> list[Record]:
        """The records of this poll. Raises what the owner raised in the meantime."""
        batch, self.batch = self.batch, []
        self.raise_failure()
        return batch

    def raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure:
            raise failure

    def failed(self, source: str, reason: str) -> None:
        """Let the next `raise_failure` raise SourceUnavailable."""
        self._failure = self._failure or SourceUnavailable(source, reason)

    def _gone(self, tell: Callable[[int], None], partitions: Iterable[int]) -> None:
        for partition in sorted(self.owned.intersection(partitions)):
            self._keeping_failure(tell, partition)
        self.owned.difference_update(partitions)
        self.paused.difference_update(partitions)
        self.batch = [record for record in self.batch if record.partition in self.owned]

    def _keeping_failure(self, tell: Callable[[int], None], partition: int) -> None:
        try:
            tell(partition)
        except Exception as error:
            self._failure = self._failure or error

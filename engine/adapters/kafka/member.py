"""The part that both clients' sources share: calls the owner back and tracks the records it was given."""

from collections.abc import Callable, Collection, Iterable

from engine.errors import SourceUnavailable
from engine.ports import Ownership, Record


class Member:
    """One member's partitions. The clients call it in their callbacks, where an exception would get lost."""

    def __init__(self, ownership: Ownership) -> None:
        self.owned: set[int] = set()
        self.paused: set[int] = set()
        self.batch: list[Record] = []
        """The records of the running poll so far."""
        self.given: dict[tuple[str, int], int] = {}
        """The offset after the last record given to the owner, the running poll's included, by topic and partition."""
        self._ownership = ownership
        self._failure: Exception | None = None

    def assigned(self, partitions: Iterable[int]) -> dict[int, dict[str, int]]:
        """The offsets to start from, by partition; one whose owner failed is not in it."""
        starts = {}
        for partition in sorted(partitions):
            self._keeping_failure(lambda p: starts.update({p: self._ownership.assigned(p)}), partition)
        self.owned.update(starts)
        self.forget(starts)
        return starts

    def add(self, records: Iterable[Record]) -> None:
        """They belong to the running poll."""
        for record in records:
            self.batch.append(record)
            self.given[record.source, record.partition] = record.next_offset

    def all_handled(self, topic: str, partition: int, handled: int) -> bool:
        """Whether an owner that has handled all before this offset has nothing left of what it was given.

        By equality: of a topic that was made again the offsets begin anew.
        """
        return self.given.get((topic, partition), handled) == handled

    def forget(self, partitions: Collection[int]) -> None:
        """What was given of these: reading goes on elsewhere, or not here."""
        self.given = {place: offset for place, offset in self.given.items() if place[1] not in partitions}

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
        partitions = set(partitions)
        for partition in sorted(self.owned.intersection(partitions)):
            self._keeping_failure(tell, partition)
        self.owned.difference_update(partitions)
        self.paused.difference_update(partitions)
        self.forget(partitions)
        self.batch = [record for record in self.batch if record.partition in self.owned]

    def _keeping_failure(self, tell: Callable[[int], None], partition: int) -> None:
        try:
            tell(partition)
        except Exception as error:
            self._failure = self._failure or error

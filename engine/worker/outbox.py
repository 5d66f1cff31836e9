"""What a partition's commits have decided and its sinks do not surely have yet: which commit waits for which entries.

The relay puts into it and takes out of it; the partition trims with its next commit what is `done`.
"""

from collections import Counter
from collections.abc import Sequence

from engine.ports import Entry


class Outbox:
    """Entries by destination and id. What several commits have decided waits for the newest of them."""

    def __init__(self) -> None:
        self.done: list[int] = []
        """Commits, by their seq, all of whose entries are durable: they leave the store with the next commit."""
        self._under_way: dict[tuple[str, str], int] = {}
        """(destination, id) -> seq of the commit that decided it."""
        self._left: Counter[int] = Counter()
        """seq -> how many of its entries are not durable yet."""

    def __len__(self) -> int:
        return len(self._under_way)

    def put(self, seq: int, entries: Sequence[Entry]) -> list[Entry]:
        """Wait for what a commit has decided. Returns those that no earlier commit has under way."""
        if not entries:
            self.done.append(seq)
            return []
        fresh = []
        self._left[seq] += len(entries)
        for entry in entries:
            name = entry.destination, entry.id
            if name in self._under_way:
                self.is_durable(*name)  # as far as the earlier commit is concerned: this one has it too
            else:
                fresh.append(entry)
            self._under_way[name] = seq
        return fresh

    def is_durable(self, destination: str, identity: str) -> None:
        """Note that the destination has the entry, or will never have it: nothing waits for it any more."""
        seq = self._under_way.pop((destination, identity), None)
        if seq is None:
            return
        self._left[seq] -= 1
        if not self._left[seq]:
            del self._left[seq]
            self.done.append(seq)

"""Computes the offset that may be committed while a partition's records end in any order.

The sender's loop has one per partition. Committing anything later would lose a record that is still being sent.
"""

from collections import OrderedDict


class CommittableOffset:
    """All records before `offset` are done. One thread calls the methods; any other may read `offset` meanwhile."""

    def __init__(self) -> None:
        self._open: OrderedDict[int, None] = OrderedDict()
        """A plain dict walks over all that has gone from its beginning, to find its first key."""
        self._next = 0
        self.offset = 0
        """Where the next owner must read on; 0: no record was read yet. Kept, as it is read from another thread: a
        look at what is open would now and then meet a change, and end the sender."""

    def begin(self, next_offset: int) -> None:
        """Note that a record was read. Call it in the order of offsets."""
        self._open[next_offset - 1] = None
        self._next = next_offset
        self._note()

    def done(self, next_offset: int) -> None:
        """Note that a record is done."""
        self._open.pop(next_offset - 1, None)
        self._note()

    def _note(self) -> None:
        self.offset = next(iter(self._open), self._next)

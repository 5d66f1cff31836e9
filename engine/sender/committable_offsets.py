"""Computes the offset that may be committed while a partition's records end in any order.

The sender's loop has one per partition. Committing anything later would lose a record that is still being sent.
"""


class CommittableOffset:
    """All records before `offset` are done."""

    def __init__(self, start: int = 0) -> None:
        self._open: dict[int, None] = {}
        self._next = start

    @property
    def offset(self) -> int:
        """Where the next owner must read on; 0: no record was read yet."""
        return next(iter(self._open), self._next)

    def begin(self, next_offset: int) -> None:
        """Note that a record was read. Call it in the order of offsets."""
        self._open[next_offset - 1] = None
        self._next = next_offset

    def done(self, next_offset: int) -> None:
        """Note that a record is done."""
        self._open.pop(next_offset - 1, None)

"""How far a partition has been dealt with, when its records end in any order."""


class Prefix:
    """All records before `offset` are done."""

    def __init__(self, start: int = 0) -> None:
        self._open: dict[int, None] = {}
        self._next = start

    @property
    def offset(self) -> int:
        """Where reading would have to go on; 0: nothing was read yet, and nothing is known."""
        return next(iter(self._open), self._next)

    def begin(self, next_offset: int) -> None:
        """A record has been read; in order."""
        self._open[next_offset - 1] = None
        self._next = next_offset

    def done(self, next_offset: int) -> None:
        """Nothing is left to do for it."""
        self._open.pop(next_offset - 1, None)

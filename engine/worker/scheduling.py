"""Work on several partitions side by side, in one thread: while one waits for the store, another computes."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any

Work = Iterator[Future[Any]]
"""It yields what it waits for, so that others can go on; whoever takes it up again waits."""


class Turns:
    """At most one piece of work a partition is under way. `go_on(partition, work)` takes it up until it waits again.

    It returns None where the work has ended, well or not. What it raises beyond that comes out of every method.
    """

    def __init__(self, go_on: Callable[[int, Work], Future[Any] | None]) -> None:
        self._go_on = go_on
        self._under_way: dict[int, tuple[Work, Future[Any]]] = {}
        """In the order they were begun."""

    def __iter__(self) -> Iterator[int]:
        """The partitions with work under way."""
        return iter(list(self._under_way))

    def __bool__(self) -> bool:
        return bool(self._under_way)

    def begin(self, partition: int, work: Work) -> None:
        """Begin, and go on with whatever else has its answer; what is under way for the partition must be finished."""
        self._take_up(partition, work)
        for other, (_, future) in list(self._under_way.items()):
            if not future.done():
                break
            self._take_up(other, self._under_way.pop(other)[0])

    def finish(self, partition: int) -> None:
        """Work on until nothing is under way for the partition."""
        while found := self._under_way.pop(partition, None):
            self._take_up(partition, found[0])

    def finish_all(self) -> None:
        """Work on until nothing is under way."""
        while self._under_way:
            partition = next(iter(self._under_way))
            self._take_up(partition, self._under_way.pop(partition)[0])

    def abandon(self, *partitions: int) -> None:
        """Let them be once the store has answered: nothing that was asked may come after what follows."""
        left = [self._under_way.pop(number) for number in partitions if number in self._under_way]
        wait(future for _, future in left)

    def _take_up(self, partition: int, work: Work) -> None:
        future = self._go_on(partition, work)
        if future is not None:
            self._under_way[partition] = work, future

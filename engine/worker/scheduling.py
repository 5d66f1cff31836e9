"""Interleaves the tasks of several partitions in one thread: while one waits for the store, another computes.

The worker's loop uses it. A task is a generator, as in asyncio, but resumed explicitly, so that the order of commits
within a partition stays fixed and replays need no event loop.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any

Task = Iterator[Future[Any]]
"""A generator that yields the Future of a store call; resume it when that is done. Resumed earlier, it blocks."""


class PartitionTasks:
    """The running tasks, at most one per partition.

    `run(partition, work)` runs a task until it waits again: it returns the Future, or None when the task has ended or
    failed. An exception that `run` raises comes out of the method that resumed the task.
    """

    def __init__(self, run: Callable[[int, Task], Future[Any] | None]) -> None:
        self._run = run
        self._under_way: dict[int, tuple[Task, Future[Any]]] = {}
        """Partition -> its task and the Future it waits for, in the order in which they were begun."""

    def __iter__(self) -> Iterator[int]:
        """The partitions with a running task."""
        return iter(list(self._under_way))

    def __bool__(self) -> bool:
        return bool(self._under_way)

    def begin(self, partition: int, work: Task) -> None:
        """Begin a task, then resume others whose Future is done. The partition must not have a running task."""
        self._resume(partition, work)
        for other, (_, future) in list(self._under_way.items()):
            if not future.done():
                break
            self._resume(other, self._under_way.pop(other)[0])

    def finish(self, partition: int) -> None:
        """Run the partition's task to its end, if it has one."""
        while found := self._under_way.pop(partition, None):
            self._resume(partition, found[0])

    def finish_all(self, but: int = 0) -> None:
        """Run all tasks to their end, but for so many of those begun last."""
        while len(self._under_way) > but:
            partition = next(iter(self._under_way))
            self._resume(partition, self._under_way.pop(partition)[0])

    def abandon(self, *partitions: int) -> None:
        """Drop the tasks, after the store has answered: a late commit must not follow what comes next."""
        left = [self._under_way.pop(number) for number in partitions if number in self._under_way]
        wait(future for _, future in left)

    def _resume(self, partition: int, work: Task) -> None:
        future = self._run(partition, work)
        if future is not None:
            self._under_way[partition] = work, future

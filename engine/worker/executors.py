"""How a partition calls the store: it submits the call to an executor and yields the Future while it waits.

A live worker passes a thread pool and lets another partition compute meanwhile. Replays and tests, which have nothing
else to do, use `InlineExecutor`.
"""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

from engine.worker.result import Result

P = ParamSpec("P")
T = TypeVar("T")

Step = Result | Future[Any]
"""What a generator of commits yields: the Future of a store call that it waits for, or the result of one commit."""


class InlineExecutor(Executor):
    """Runs calls in the calling thread, before `submit` returns; for replays and tests."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Returns a future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def results(steps: Iterator[Step]) -> Iterator[Result]:
    """The results of the commits alone. Only for steps of an `InlineExecutor`, whose futures are done."""
    return (step for step in steps if isinstance(step, Result))


def returned(steps: Generator[Future[Any], None, T]) -> T:
    """What the steps return at their end. Only for steps of an `InlineExecutor`, too."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: T = end.value
            return value

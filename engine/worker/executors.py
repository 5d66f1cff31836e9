"""Asking the store aside: while one partition waits for an answer another one computes."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

from engine.worker.result import Result

P = ParamSpec("P")
T = TypeVar("T")

Step = Result | Future[Any]
"""What a commit has done, or an answer of the store that is under way and may be waited for."""


class AtOnce(Executor):
    """Does what it is given before it returns: for runs that have nothing else to do meanwhile."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """A future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def results(steps: Iterator[Step]) -> Iterator[Result]:
    """Only what was done; waits where the work does."""
    return (step for step in steps if isinstance(step, Result))

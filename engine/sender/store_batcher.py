"""Many tasks ask a store one thing each; the store is asked once for all of them, on another thread."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from time import monotonic
from typing import Generic, TypeVar

from engine.errors import StoreUnavailable
from engine.ports import SenderHooks

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 1_000
LONGEST_WAIT = 5.0
"""Seconds between tries to reach a store that is away."""


class Gathered(Generic[T, R]):
    """While one call is under way, those who ask wait for the next. A store that is away is tried until it answers."""

    def __init__(self, ask: Callable[[Sequence[T]], Sequence[R]], executor: Executor, hooks: SenderHooks) -> None:
        self._ask = ask
        self._executor = executor
        self._hooks = hooks
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._runner: asyncio.Task[None] | None = None

    async def __call__(self, item: T) -> R:
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        batch: Sequence[tuple[T, asyncio.Future[R]]] = ()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                answers = await self._answers([item for item, _ in batch])
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        except Exception as error:
            for _, future in [*batch, *self._waiting]:
                if not future.done():
                    future.set_exception(error)
            self._waiting = []
        finally:
            self._runner = None

    async def _answers(self, items: Sequence[T]) -> Sequence[R]:
        loop, since, attempt, wait = asyncio.get_running_loop(), monotonic(), 0, 0.1
        while True:
            try:
                answers = await loop.run_in_executor(self._executor, self._ask, items)
            except StoreUnavailable as error:
                attempt += 1
                self._hooks.store_away(error, attempt)
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                if attempt:
                    self._hooks.store_back(monotonic() - since)
                return answers

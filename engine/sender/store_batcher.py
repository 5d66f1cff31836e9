"""Batches the store calls of many concurrent deliveries into one call on another thread.

`Delivery` has one batcher per kind of call. Without it each outreach would cost several round trips of its own.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

from engine.errors import StoreUnavailable
from engine.loop import Outage
from engine.ports import SenderHooks

T = TypeVar("T")
R = TypeVar("R")

MAX_BATCH_SIZE = 1_000
"""Items of one call; larger calls would block the store for others."""


class StoreBatcher(Generic[T, R]):
    """While one call runs, further items wait for the next. An unavailable store is retried until it answers.

    An item that nobody waits for any more is not asked. Its partition has gone to another sender: a claim that comes
    late, after an outage of the store, would take the outreach from it while it is being handed over.
    """

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
                batch, self._waiting = self._waiting[:MAX_BATCH_SIZE], self._waiting[MAX_BATCH_SIZE:]
                await self._answer(batch)
        except Exception as error:
            for _, future in [*batch, *self._waiting]:
                if not future.done():
                    future.set_exception(error)
            self._waiting = []
        finally:
            self._runner = None

    async def _answer(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        loop, outage = asyncio.get_running_loop(), Outage(self._hooks.store_away, self._hooks.store_back)
        while batch := [(item, future) for item, future in batch if not future.done()]:
            try:
                answers = await loop.run_in_executor(self._executor, self._ask, [item for item, _ in batch])
            except StoreUnavailable as error:
                await asyncio.sleep(outage.failed(error))
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
            break
        outage.over()

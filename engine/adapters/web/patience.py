"""Asks the store while a request is answered, on threads of its own.

A store that hangs blocks the asking thread for as long as its client waits, a minute or so. The threads that write to
Kafka and verify reports must not be blocked by it.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from engine.errors import StoreUnavailable

_PATIENCE: Final = 1.0
"""Seconds that a request waits for the store. A mail program that unsubscribes gives up after a few."""
_THREADS: Final = ThreadPoolExecutor(8, "store")

P = ParamSpec("P")
T = TypeVar("T")


async def asked(ask: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """What the store says. Raises StoreUnavailable, also if it does not answer soon."""
    question = asyncio.get_running_loop().run_in_executor(_THREADS, partial(ask, *args, **named))
    try:
        return await asyncio.wait_for(question, _PATIENCE)
    except TimeoutError as error:
        raise StoreUnavailable("the store", f"no answer within {_PATIENCE:g} s") from error


async def soon(ask: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
    """What the store says; None if it does not answer soon, for a request that can also be answered without it."""
    try:
        return await asked(ask, *args, **named)
    except StoreUnavailable:
        return None

"""Asks the store for a request that can also be answered without it."""

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from engine.errors import StoreUnavailable

_PATIENCE: Final = 1.0
"""Seconds that a request waits for the store. A mail program that unsubscribes gives up after a few."""

P = ParamSpec("P")
T = TypeVar("T")


async def soon(ask: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
    """What the store says; None if it does not answer soon."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(ask, *args, **named), _PATIENCE)
    except (TimeoutError, StoreUnavailable):
        return None

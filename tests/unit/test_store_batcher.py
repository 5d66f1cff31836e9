"""Many deliveries ask the store together."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import StoreUnavailable
from engine.ports import SenderHooks
from engine.sender.store_batcher import StoreBatcher


def test_what_nobody_waits_for_any_more_is_not_asked_once_the_store_is_back() -> None:
    """The partition has gone to another sender meanwhile: a late claim would take its outreach from it."""
    tried: list[list[str]] = []
    away = asyncio.Event()

    def ask(items: Sequence[str]) -> Sequence[str]:
        tried.append([*items])
        if len(tried) == 1:
            loop.call_soon_threadsafe(away.set)
            raise StoreUnavailable("redis", "away")
        return [f"{item}!" for item in items]

    async def run() -> str:
        batcher = StoreBatcher(ask, executor, SenderHooks())
        gone, stays = (asyncio.ensure_future(batcher(item)) for item in ("gone", "stays"))
        await away.wait()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await stays

    with ThreadPoolExecutor(1) as executor, asyncio.Runner() as runner:
        loop = runner.get_loop()
        assert runner.run(run()) == "stays!"
    assert tried == [["gone", "stays"], ["stays"]]

"""Publishes feedback of the web pages to its topic; a request is answered only when its feedback is durable."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from engine.errors import SinkUnavailable
from engine.ports import RecordWriter
from engine.telemetry.web import WebWatch
from engine.wire.answers import ReferralClaim, SurveyAnswer
from engine.wire.feedback import Feedback

Publishable = Feedback | SurveyAnswer | ReferralClaim
Publish = Callable[[Sequence[Publishable]], Awaitable[None]]
"""Returns when all are durable. Raises SinkUnavailable; they may become so later, which a repeat does not double."""

_LONGEST_WAIT: Final = 10.0
"""Seconds, less than browsers, providers and proxies wait (30 and more): they get an answer that says to try again."""
_MAX_WAITING: Final = 10_000
"""Records, some MB: while brokers are away, what comes would fill the memory."""

_encode = msgspec.json.Encoder().encode


class Publisher:
    """Writes one group at a time and flushes once; feedback that comes meanwhile is the next group.

    A RecordWriter does not say which record it could not write, so with one of a group all of it has failed.
    """

    def __init__(
        self,
        writer: RecordWriter,
        watch: WebWatch,
        *,
        longest_wait: float = _LONGEST_WAIT,
        max_waiting: int = _MAX_WAITING,
    ) -> None:
        self._writer = writer
        self._watch = watch
        self._longest_wait = longest_wait
        self._max_waiting = max_waiting
        self._gathered: list[Publishable] = []
        self._turn: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    async def publish(self, feedback: Sequence[Publishable]) -> None:
        """See `Publish`."""
        if len(self._gathered) + len(feedback) > self._max_waiting:
            raise SinkUnavailable("feedback", "too much is waiting to be written")
        turn = self._turn
        if not self._gathered or not turn:
            turn = self._turn = asyncio.create_task(self._take_turn())
        self._gathered += feedback
        await asyncio.wait([turn], timeout=self._longest_wait)
        if not turn.done():
            raise SinkUnavailable("feedback", f"not written within {self._longest_wait:g} s; it is still tried")
        turn.result()
        self._watch.published([each.kind for each in feedback])

    async def _take_turn(self) -> None:
        async with self._writing:
            group, self._gathered = self._gathered, []
            await asyncio.to_thread(self._write, group)

    def _write(self, group: Sequence[Publishable]) -> None:
        self._writer.flush()  # while an earlier group hangs, nothing piles up behind it
        for each in group:
            event = each.event()
            self._writer.write(each.customer, event["id"], _encode(event))
        self._writer.flush()

"""Runs uvicorn for `engine web`: without access logs, which would have tokens, and with a graceful stop."""

import signal
import socket
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import Any, Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

_LEAVING: Final = 15
"""Seconds for running requests after a stop signal: longer than any answer takes."""
_MOST_AT_ONCE: Final = 500
HEAD_PATIENCE: Final = 10.0
"""Seconds for a request's first line and headers. uvicorn waits for ever: with a byte a minute, _MOST_AT_ONCE
connections would keep everybody else out."""


class Impatient(H11Protocol):
    """Closes a connection on which the head of the next request does not come in time."""

    def __init__(self, *args: Any, patience: float = HEAD_PATIENCE, **named: Any) -> None:
        super().__init__(*args, **named)
        self._patience = patience
        self._wait = self.loop.call_later(patience, self._end)

    def on_response_complete(self) -> None:
        self._wait.cancel()
        self._wait = self.loop.call_later(self._patience, self._end)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait.cancel()
        super().connection_lost(exc)

    def _end(self) -> None:
        if self.conn.their_state is h11.IDLE:
            self.transport.close()


class _Uvicorn(uvicorn.Server):
    told: Callable[[int], None]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.told(sig)


class Server:
    """`stepped`: when its loop last turned, by `monotonic`. `told` is called on the signal to stop."""

    def __init__(self, app: ASGIApp, told: Callable[[int], None] = lambda number: None) -> None:
        self.stepped = monotonic()
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=Impatient,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_MOST_AT_ONCE,
                timeout_graceful_shutdown=_LEAVING,
                callback_notify=self._turn,
                timeout_notify=1,
            )
        )
        self._server.told = told

    @property
    def listens(self) -> bool:
        """Whether it accepts requests."""
        return self._server.started

    @property
    def stopping(self) -> bool:
        """Whether it accepts no further requests."""
        return self._server.should_exit

    def run(self, listening: socket.socket) -> None:
        """Serve until SIGTERM or SIGINT; uvicorn then raises the signal again for earlier handlers."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        self._server.run([listening])

    async def _turn(self) -> None:
        self.stepped = monotonic()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._server.should_exit = True

"""Runs uvicorn for `engine web`: without access logs, which would have tokens, and with a graceful stop."""

import signal
import socket
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

_LEAVING: Final = 15
"""Seconds for running requests after a stop signal: longer than any answer takes."""
_MOST_AT_ONCE: Final = 500


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
                http="h11",
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

"""What listens: uvicorn, told to say nothing of who asks for what, and to answer who has asked before it stops."""

import signal
import socket
from time import monotonic
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

_LEAVING: Final = 15
"""Seconds for what is being asked when we are told to stop: longer than any answer takes."""
_MOST_AT_ONCE: Final = 500


class Server:
    """`stepped`: when its loop last turned, by `monotonic`."""

    def __init__(self, app: ASGIApp) -> None:
        self.stepped = monotonic()
        self._server = uvicorn.Server(
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

    @property
    def listens(self) -> bool:
        """Whether it answers."""
        return self._server.started

    @property
    def stopping(self) -> bool:
        """Whether it answers nobody new."""
        return self._server.should_exit

    def run(self, listening: socket.socket) -> None:
        """Until SIGTERM or SIGINT, which uvicorn obeys and then repeats to those who were to obey them before."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        self._server.run([listening])

    async def _turn(self) -> None:
        self.stepped = monotonic()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._server.should_exit = True

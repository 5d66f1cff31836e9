"""The web application: its routes, the headers of every answer, and the answers to errors. `engine web` serves it."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from time import monotonic
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.adapters.web.customers import CustomerPages
from engine.adapters.web.view import View
from engine.errors import BadToken, EngineError, SinkUnavailable, StoreUnavailable
from engine.telemetry.web import PAGES, WebWatch

_SLASHES: Final = re.compile("/+")
_ADDED: Final = re.compile(r"[^\w./-]")
"""Where what a program has added to a link begins: no path of ours has such a character."""
_RETRY_AFTER: Final = {"Retry-After": "30"}

Handler = Callable[[Request, Exception], Awaitable[Response]]


def web_app(customers: CustomerPages, watch: WebWatch, further: Sequence[BaseRoute] = ()) -> ASGIApp:
    """The application. Customers' pages are below `path`; so are `further` routes, of surveys and of providers."""
    handlers = _handlers(customers.view, watch, customers.path)
    routes = [Mount(customers.path, routes=[*customers.routes(), *further])]
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Guarded(app, watch, customers.view.headers, customers.path)


class Guarded:
    """Middleware around everything, so that errors have the headers, too."""

    def __init__(self, app: ASGIApp, watch: WebWatch, headers: Mapping[str, str], path: str) -> None:
        self._app = app
        self._watch = watch
        self._headers = headers
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        scope["path"] = self._as_made(scope["path"])
        status, begun = int(HTTPStatus.INTERNAL_SERVER_ERROR), monotonic()

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        finally:
            self._watch.answered(_page_of(scope, self._path), status, monotonic() - begun)

    def _as_made(self, path: str) -> str:
        """The path of a link without what mail and tracking programs add: slashes, `&utm_source=…`, a full stop."""
        path = _SLASHES.sub("/", path)
        added = _ADDED.search(path, len(self._path))
        return path[: added.start() if added else None].rstrip("/.") or "/"


def _handlers(view: View, watch: WebWatch, path: str) -> dict[type[Exception], Handler]:
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, BadToken)
        watch.refused(_page_of(request.scope, path), error.reason)
        expired = error.reason == "expired-token"
        return _trouble(view, HTTPStatus.GONE if expired else HTTPStatus.FORBIDDEN)

    async def unavailable(request: Request, error: Exception) -> Response:
        assert isinstance(error, EngineError)
        watch.failed(_page_of(request.scope, path), error)
        return _trouble(view, HTTPStatus.SERVICE_UNAVAILABLE, _RETRY_AFTER)

    async def unwanted(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _trouble(view, error.status_code, error.headers)

    async def broken(request: Request, error: Exception) -> Response:
        return _trouble(view, HTTPStatus.INTERNAL_SERVER_ERROR)

    return {
        BadToken: refused,
        SinkUnavailable: unavailable,
        StoreUnavailable: unavailable,
        HTTPException: unwanted,
        Exception: broken,
    }


def _trouble(view: View, status: int, headers: Mapping[str, str] | None = None) -> Response:
    answer = view.show("trouble", status)
    answer.headers.update(headers or {})
    return answer


def _page_of(scope: Scope, path: str) -> str:
    """The page's name for metrics; the rest of the path may have a token."""
    word = scope["path"].removeprefix(path).split("/")[1:2]
    return word[0] if word and word[0] in PAGES else "other"

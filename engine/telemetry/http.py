"""A small HTTP server for /metrics and health pages, which are computed for each request. Not for the internet."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple


class Page(NamedTuple):
    """The answer to a request."""

    status: HTTPStatus
    content_type: str
    body: bytes


@contextmanager
def serving(port: int, pages: Mapping[str, Callable[[], Page]]) -> Iterator[int]:
    """Serve the pages, by path, on all addresses; yields the port (a free one for 0). Raises OSError."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            make = pages.get(self.path.partition("?")[0])
            self._answer(make() if make else Page(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n"))

        def _answer(self, page: Page) -> None:
            self.send_response(page.status)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)

        def log_message(self, *_: object) -> None:
            """Log nothing: probes ask every few seconds."""

    with ThreadingHTTPServer(("", port), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="http", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()

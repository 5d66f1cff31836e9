"""An HTTP server that keeps what is asked of it and answers as it is told."""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Posted:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class HookServer:
    """`status` and `headers` are of every answer; with `silent` it hangs up instead, having read the request."""

    port: int = 0
    tls: bool = False
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    received: list[Posted] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://localhost:{self.port}/outreach"


@contextmanager
def hook_server(context: ssl.SSLContext | None = None) -> Iterator[HookServer]:
    """A running one on 127.0.0.1; with TLS where there is a context."""
    hooks = HookServer(tls=context is not None)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            names = {name.lower(): value for name, value in self.headers.items()}
            hooks.received.append(Posted(self.path, names, body))
            if hooks.silent:
                self.close_connection = True
                return
            self.send_response(hooks.status)
            for name, value in {"Content-Length": "0", **hooks.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """A test looks at what came."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        hooks.port = server.server_port
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield hooks
        finally:
            server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of some tests."""
